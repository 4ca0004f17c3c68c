"""What all conversations with tools have in common: messages, ids of calls, observations, and the ledger's keys."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from callwright.errors import GenerationError, InterruptedCallError
from callwright.generators.planning.wording import frames
from callwright.llm.base import Completion, Model, Request
from callwright.llm.replies import ask
from callwright.llm.turns import ask_turn
from callwright.schemas.base import digest
from callwright.schemas.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
    to_wire,
)
from callwright.schemas.task import Note, Provenance, StopReason, Task, Trajectory
from callwright.toolbox.base import Session, Toolbox
from callwright.values.mentions import MONTHS, WEEKDAYS

T = TypeVar("T")


class Conversation:
    """The messages of one conversation under way; the first two are the system's and the user's."""

    def __init__(self, model: Model, seed: int, system: str, request: str, keys: Sequence[str] = ()) -> None:
        """Ids of calls follow from `seed`; `keys` are those of what was answered before it began."""
        self.messages: list[Message] = [SystemMessage(content=system), UserMessage(content=request)]
        self._model = model
        self._seed = seed
        self._keys = list(keys)
        self._notes: list[Note] = []

    async def ask(self, request: Request) -> Completion:
        """An answer of the model; its key in the ledger is kept.

        What does not fit the reply schema is asked for once more; without one, a turn that nobody can act on.

        Raises:
            ModelError: The endpoint failed for good.
            ReplyError: The answer does not have the shape that was asked for.
        """
        completion = await (ask if request.reply_schema else ask_turn)(self._model, request)
        if completion.key:
            self._keys.append(completion.key)
        return completion

    def answer(self, completion: Completion, *, train: bool = True) -> tuple[ToolCall, ...]:
        """Take in an assistant's turn; its calls, under ids of nine letters and digits: every chat template
        accepts such an id. `train`: whether a trainer should learn the turn.
        """
        message = AssistantMessage(content=completion.text.strip(), tool_calls=completion.tool_calls)
        return self._turn(message if train else message.model_copy(update={"train": False, "weight": 0.0}))

    def note(self, label: str, body: dict[str, Any]) -> None:
        """Write something down about the message that comes next."""
        self._notes.append(Note(step=len(self.messages), label=label, body=body))

    async def replay(self, session: Session, messages: Sequence[Message]) -> None:
        """Begin with messages that there are, in place of the first two. Their calls are made again, so that what they
        changed is changed; those of a turn that stands last get new ids, and are not made yet.

        Raises:
            GenerationError: `replay_differs`: a call is not answered as it was.
        """
        self.messages = []
        made: dict[str, ToolCall] = {}
        for place, message in enumerate(messages):
            if isinstance(message, AssistantMessage):
                if place == len(messages) - 1:
                    self._turn(message)
                    return
                made |= {call.id: call for call in message.tool_calls}
            if isinstance(message, ToolMessage):
                again = await session.call(made[message.tool_call_id])
                if again != message.observation:
                    told = f"{message.name} answers otherwise when it is called again"
                    raise GenerationError("replay_differs", told)
            self.messages.append(message)

    def _turn(self, message: AssistantMessage) -> tuple[ToolCall, ...]:
        turn = len(self.messages)
        calls = tuple(
            call.model_copy(update={"id": digest([self._seed, turn, index])[:9]})
            for index, call in enumerate(message.tool_calls)
        )
        self.messages.append(message.model_copy(update={"tool_calls": calls}))
        return calls

    async def observe(self, session: Session, calls: Sequence[ToolCall]) -> None:
        """Make the calls, and take in what comes back."""
        for call in calls:
            observation = await session.call(call)
            self.messages.append(ToolMessage(tool_call_id=call.id, name=call.name, observation=observation))

    def reply(self, text: str) -> None:
        """Take in a further turn of the user's."""
        self.messages.append(UserMessage(content=text))

    @property
    def wire(self) -> list[dict[str, Any]]:
        """The messages in OpenAI's chat format."""
        return [to_wire(message) for message in self.messages]

    def trajectory(
        self, task: Task, prompts: Mapping[str, str], stopped: StopReason, state: str | None
    ) -> Trajectory:
        """The finished conversation."""
        made_by = Provenance(teacher=self._model.id, prompts=dict(prompts), calls=tuple(self._keys))
        return Trajectory(
            task=task,
            messages=tuple(self.messages),
            provenance=made_by,
            notes=tuple(self._notes),
            stopped=stopped,
            state=state,
        )


def observations(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """What calls were answered, for the offline teacher: name, status and body of each."""
    return [
        {"name": one.name, "status": one.observation.status, "body": _body(one)}
        for one in messages
        if isinstance(one, ToolMessage)
    ]


async def together(jobs: Iterable[Awaitable[T]], at_once: int | None = None) -> list[T]:
    """The results of jobs that run at once, `at_once` of them at the most, in their order; the first error calls off
    the others.
    """
    gate = asyncio.Semaphore(at_once) if at_once else contextlib.nullcontext()

    async def one(job: Awaitable[T]) -> T:
        async with gate:
            return await job

    tasks = [asyncio.ensure_future(one(job)) for job in jobs]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def in_session(
    toolbox: Toolbox, task: Task, item: str, play: Callable[[Session], Awaitable[T]]
) -> tuple[T, str | None]:
    """Play a task's conversation in a session of its own; what it came to, and the state that it left.

    Where it is not known what became of an earlier sitting's call, the conversation begins anew under another name.
    """
    for sitting in itertools.count():
        name = f"{item}#{sitting}" if sitting else item
        session = toolbox.open(task.tools, toolkit=task.toolkit, seed=task.seed, clock=task.clock, item=name)
        try:
            played = await play(session)
        except InterruptedCallError:
            await session.end()
            continue
        except BaseException:
            await session.end()
            raise
        return played, await session.end()
    raise AssertionError("unreachable")


def system_message(seed: int, noun: str, clock: dt.date) -> str:
    """The short system message that a row keeps: who the assistant works for, and what day it is."""
    worded = frames()["systems"]
    chosen: str = worded[int(digest([seed, "system"])[:6], 16) % len(worded)]
    return chosen.format(noun=noun, today=in_full(clock))


def in_full(day: dt.date) -> str:
    """A date as "Tuesday, March 10, 2026"."""
    return f"{WEEKDAYS[day.weekday()]}, {MONTHS[day.month - 1]} {day.day}, {day.year}"


def _body(message: ToolMessage) -> Any:
    """What came back: a JSON value, or a text as it is."""
    return json.loads(message.content) if "json" in message.observation.media_type else message.content
