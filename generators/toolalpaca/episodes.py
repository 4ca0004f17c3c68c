"""ROLLOUT: a task becomes a conversation of user, assistant and simulated executor.

Tang et al. 2023 (ToolAlpaca), section 3.3, with today's native tool calls instead of ReAct text.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from callwright.errors import GenerationError, InterruptedCallError
from callwright.generators.planning.wording import frames
from callwright.generators.toolalpaca.prompts import digests, prompt
from callwright.llm.base import Completion, Model, Request, Sampling
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
from callwright.schemas.task import Provenance, Task, Trajectory
from callwright.schemas.tool import Toolkit
from callwright.toolbox.base import Session, Toolbox
from callwright.values.mentions import MONTHS, WEEKDAYS
from callwright.values.spoken import humanise

MAX_REPLIES = 2
"""How often the user answers questions before the conversation has to go on."""
MAX_ALIKE = 3
"""The same call with the same result so many times is a loop."""

_USER_REPLY = {
    "type": "object",
    "properties": {"asked": {"type": "boolean"}, "reply": {"type": "string"}},
    "required": ["asked", "reply"],
    "additionalProperties": False,
}


class Episodes:
    """Plays one conversation to its end."""

    def __init__(
        self, model: Model, toolbox: Toolbox, toolkits: Sequence[Toolkit], sampling: Sampling, max_steps: int
    ) -> None:
        self._model = model
        self._toolbox = toolbox
        self._nouns = {kit.name: kit.phrases.noun if kit.phrases else kit.title for kit in toolkits}
        self._sampling = sampling
        self._max_steps = max_steps

    async def trajectory(self, task: Task, item: str) -> Trajectory:
        for sitting in itertools.count():
            try:
                return await self._played(task, item, sitting)
            except InterruptedCallError:
                continue  # what became of a call is not known: the conversation begins anew
        raise AssertionError("unreachable")

    async def _played(self, task: Task, item: str, sitting: int) -> Trajectory:
        session = self._toolbox.open(
            task.tools,
            toolkit=task.toolkit,
            seed=task.seed,
            clock=task.clock,
            item=f"{item}#{sitting}" if sitting else item,
        )
        episode = _Episode(self._model, self._sampling, task, item, self._system(task))
        try:
            stopped = await episode.play(session, self._max_steps)
        finally:
            state = await session.end()
        return Trajectory(
            task=task,
            messages=tuple(episode.messages),
            provenance=Provenance(teacher=self._model.id, prompts=digests(), calls=tuple(episode.keys)),
            stopped=stopped,
            state=state,
        )

    def _system(self, task: Task) -> str:
        worded = frames()["systems"]
        chosen: str = worded[int(digest([task.seed, "system"])[:6], 16) % len(worded)]
        return chosen.format(noun=self._nouns[task.toolkit], today=in_full(task.clock))


class _Episode:
    """The state of one conversation."""

    def __init__(self, model: Model, sampling: Sampling, task: Task, item: str, system: str) -> None:
        self._model = model
        self._sampling = sampling
        self._task = task
        self._item = item
        self._replies = 0
        self.messages: list[Message] = [SystemMessage(content=system), UserMessage(content=task.instruction)]
        self.keys: list[str] = []

    async def play(self, session: Session, max_steps: int) -> Any:
        """Turn by turn until an answer, the step limit, a loop, or a turn that was cut off."""
        steps = 0
        while True:
            completion = self._noted(await ask_turn(self._model, self._assistant_request()))
            calls = _with_ids(completion.tool_calls, self._task, len(self.messages))
            self.messages.append(AssistantMessage(content=completion.text.strip(), tool_calls=calls))
            if completion.finish_reason == "length":
                return "length"
            if not calls:
                if not self._may_reply() or not await self._reply():
                    return "answered"
                continue
            for call in calls:
                observation = await session.call(call)
                self.messages.append(
                    ToolMessage(tool_call_id=call.id, name=call.name, observation=observation)
                )
            steps += 1
            if self._loops():
                return "loop"
            if steps >= max_steps + 1:
                return "step_limit"

    def _may_reply(self) -> bool:
        """Whether the assistant's words may be a question to somebody who still has something to say."""
        last = next((one for one in reversed(self.messages) if isinstance(one, ToolMessage)), None)
        if self._model.reads_variables:
            stuck = last is None or not last.observation.succeeded
            able = stuck and bool(self._task.hidden) and self._replies == 0
        else:
            # Who hides nothing has said all that there is to say before a call; what a call found is new to them.
            able = (bool(self._task.hidden) or last is not None) and self._replies < MAX_REPLIES
        return able and "?" in self.messages[-1].content

    async def _reply(self) -> bool:
        """The user's answer to what was asked; False when nothing was, and the conversation is over."""
        reply = self._noted(await ask(self._model, self._user_request())).parsed
        if not reply["asked"]:
            return False
        if not reply["reply"].strip():
            raise GenerationError("silent_user", "the simulated user was asked and answered nothing")
        self.messages.append(UserMessage(content=reply["reply"].strip()))
        self._replies += 1
        return True

    def _loops(self) -> bool:
        """Whether a call has been made MAX_ALIKE times with the same arguments and the same result."""
        results = {one.tool_call_id: one.content for one in self.messages if isinstance(one, ToolMessage)}
        made = Counter(
            (call.name, call.arguments, results[call.id])
            for one in self.messages
            if isinstance(one, AssistantMessage)
            for call in one.tool_calls
        )
        return max(made.values()) >= MAX_ALIKE

    def _noted(self, completion: Completion) -> Completion:
        """The completion, its entry in the ledger noted as one that the row was made from."""
        if completion.key:
            self.keys.append(completion.key)
        return completion

    def _assistant_request(self) -> Request:
        wire = [to_wire(message) for message in self.messages]
        # The guidance shapes how the teacher works; the exported row keeps the short system message.
        wire[0]["content"] += "\n\n" + prompt("assistant").template.strip()
        return Request(
            purpose="toolalpaca.assistant",
            messages=tuple(wire),
            tools=tuple(tool.wire() for tool in self._task.tools),
            variables=self._variables(),
            sampling=self._sampling,
            sample=self._task.attempt,
            item=self._item,
            urgency=len(self.messages),
        )

    def _user_request(self) -> Request:
        # The roles are swapped: to the model that plays the user, the assistant is the other person.
        talk = "\n".join(
            f"{'You' if message.role == 'user' else 'Assistant'}: {message.content}"
            for message in self.messages
            if message.role in ("user", "assistant") and message.content
        )
        return Request(
            purpose="toolalpaca.user",
            messages=(
                {"role": "system", "content": prompt("user").substitute(details=_known(self._task))},
                {"role": "user", "content": talk},
            ),
            reply_schema=_USER_REPLY,
            variables=self._variables(),
            sampling=self._sampling,
            sample=self._task.attempt,
            item=self._item,
            urgency=len(self.messages),
        )

    def _variables(self) -> dict[str, Any]:
        """The plan and where the conversation stands, for the offline teacher alone."""
        if not self._task.plan:
            return {}
        return {
            "plan": self._task.plan,
            "seed": self._task.seed,
            "clock": self._task.clock.isoformat(),
            "withheld": self._task.withheld.name if self._task.withheld else None,
            "answered": self._replies > 0,
            "observations": [
                {"name": m.name, "status": m.observation.status, "body": _body(m)}
                for m in self.messages
                if isinstance(m, ToolMessage)
            ],
        }


def _known(task: Task) -> str:
    """What the user knows beyond the opening message, in words."""
    if "details" in task.hidden:
        return str(task.hidden["details"]) or "nothing more"
    return "; ".join(f"{humanise(name)}: {value}" for name, value in task.hidden.items()) or "nothing more"


def _body(message: ToolMessage) -> Any:
    """What came back: a JSON value, or a text as it is."""
    return json.loads(message.content) if "json" in message.observation.media_type else message.content


def _with_ids(calls: Sequence[ToolCall], task: Task, turn: int) -> tuple[ToolCall, ...]:
    """The calls under ids of nine letters and digits: every chat template accepts such an id."""
    named = (digest([task.seed, turn, index])[:9] for index in range(len(calls)))
    return tuple(
        call.model_copy(update={"id": identity}) for call, identity in zip(calls, named, strict=True)
    )


def in_full(day: dt.date) -> str:
    """A date as "Tuesday, March 10, 2026"."""
    return f"{WEEKDAYS[day.weekday()]}, {MONTHS[day.month - 1]} {day.day}, {day.year}"
