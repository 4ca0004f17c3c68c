"""ROLLOUT: a task becomes a conversation of user, assistant and simulated executor.

Tang et al. 2023 (ToolAlpaca), section 3.3, with today's native tool calls instead of ReAct text.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from callwright.errors import GenerationError
from callwright.generators.conversing import Conversation, in_session, observations, system_message
from callwright.generators.toolalpaca.agreement import SAMPLES, SUSPECT, agreed
from callwright.generators.toolalpaca.prompts import digests, prompt
from callwright.llm.base import Completion, Model, Request, Sampling
from callwright.schemas.base import digest
from callwright.schemas.message import AssistantMessage, Message, ToolMessage, UserMessage
from callwright.schemas.task import StopReason, Task, Trajectory
from callwright.schemas.tool import Toolkit
from callwright.toolbox.base import Session, Toolbox
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
        self,
        model: Model,
        toolbox: Toolbox,
        toolkits: Sequence[Toolkit],
        sampling: Sampling,
        max_steps: int,
        agreement: Sampling | None = None,
    ) -> None:
        """`agreement`: how the assistant is sampled when its samples have to agree; None takes the first."""
        self._model = model
        self._toolbox = toolbox
        self._nouns = {kit.name: kit.phrases.noun if kit.phrases else kit.title for kit in toolkits}
        self._sampling = sampling
        self._max_steps = max_steps
        # Rules would say the same each time.
        self._agreement = None if model.reads_variables else agreement

    async def trajectory(self, task: Task, item: str) -> Trajectory:
        system = system_message(task.seed, self._nouns[task.toolkit], task.clock)

        async def play(session: Session) -> tuple[Conversation, StopReason]:
            episode = self._episode(task, item, system)
            return episode.talk, await episode.play(session, self._max_steps)

        (talk, stopped), state = await in_session(self._toolbox, task, item, play)
        return talk.trajectory(task, digests(), stopped, state)

    async def finish(self, task: Task, messages: Sequence[Message], item: str) -> Trajectory:
        """Play a conversation to its end that begins with given messages, the system's first.

        Calls that have results are made again, for the state that they leave; those of a last turn of the assistant's
        are made for the first time.

        Raises:
            GenerationError: `replay_differs`: a call is not answered as it was; `no_plan`: the teacher is rules, and
                words only what was planned; or as for `trajectory`.
            ModelError: The endpoint failed.
        """
        if self._model.reads_variables and not task.plan:
            raise GenerationError("no_plan", "rules can go on only with a conversation that was planned")

        async def play(session: Session) -> tuple[Conversation, StopReason]:
            episode = self._episode(task, item, messages[0].content)
            return episode.talk, await episode.resume(session, messages, self._max_steps)

        (talk, stopped), state = await in_session(self._toolbox, task, item, play)
        return talk.trajectory(task, digests(), stopped, state)

    def _episode(self, task: Task, item: str, system: str) -> _Episode:
        return _Episode(self._model, self._sampling, self._agreement, task, item, system)


class _Episode:
    """The state of one conversation."""

    def __init__(
        self,
        model: Model,
        sampling: Sampling,
        agreement: Sampling | None,
        task: Task,
        item: str,
        system: str,
    ) -> None:
        self.talk = Conversation(model, task.seed, system, task.instruction)
        self._model = model
        self._sampling = sampling
        self._agreement = agreement
        self._task = task
        self._item = item
        self._replies = 0

    async def play(self, session: Session, max_steps: int) -> StopReason:
        """Turn by turn until an answer, the step limit, a loop, or a turn that was cut off."""
        while True:
            completion = await (self._agreed(self._agreement) if self._agreement else self._asked())
            if completion.finish_reason == "length":
                return "length"
            stopped = await self._follow(session, max_steps)
            if stopped:
                return stopped

    async def _asked(self) -> Completion:
        """The assistant's next turn."""
        completion = await self.talk.ask(self._assistant_request())
        self.talk.answer(completion)
        return completion

    async def _agreed(self, sampling: Sampling) -> Completion:
        """The assistant's next turn, on which its samples agree; else it is not to be learned."""
        request = self._assistant_request().model_copy(update={"sampling": sampling})
        first = self._task.attempt * SAMPLES
        rng = random.Random(digest([self._task.seed, "agreement", len(self.talk.messages)]))
        tools = {tool.name: tool for tool in self._task.tools}
        samples: list[Completion] = []
        for number in range(SAMPLES):
            samples.append(await self.talk.ask(request.model_copy(update={"sample": first + number})))
            found = agreed(tools, [one.tool_calls for one in samples], rng) if number else None
            if found:
                break
        assert found is not None
        if found.suspect:
            self.talk.note(SUSPECT, {"samples": [_sampled(one) for one in samples]})
        self.talk.answer(samples[found.sample], train=not found.suspect)
        return samples[found.sample]

    async def resume(self, session: Session, messages: Sequence[Message], max_steps: int) -> StopReason:
        """As `play`, after messages that there are."""
        await self.talk.replay(session, messages)
        self._replies = sum(isinstance(message, UserMessage) for message in messages) - 1
        stopped = None
        if isinstance(messages[-1], AssistantMessage):
            stopped = await self._follow(session, max_steps)
        return stopped or await self.play(session, max_steps)

    async def _follow(self, session: Session, max_steps: int) -> StopReason | None:
        """What follows the assistant's turn: results, or the user's reply; why the conversation ends where it does."""
        turn = self.talk.messages[-1]
        assert isinstance(turn, AssistantMessage)
        if not turn.tool_calls:
            return None if self._may_reply() and await self._reply() else "answered"
        await self.talk.observe(session, turn.tool_calls)
        if self._loops():
            return "loop"
        steps = sum(isinstance(one, AssistantMessage) and bool(one.tool_calls) for one in self.talk.messages)
        return "step_limit" if steps >= max_steps + 1 else None

    def _may_reply(self) -> bool:
        """Whether the assistant's words may be a question to somebody who still has something to say."""
        messages = self.talk.messages
        last = next((one for one in reversed(messages) if isinstance(one, ToolMessage)), None)
        if self._model.reads_variables:
            stuck = last is None or not last.observation.succeeded
            able = stuck and bool(self._task.hidden) and self._replies == 0
        else:
            # Who hides nothing has said all that there is to say before a call; what a call found is new to them.
            able = (bool(self._task.hidden) or last is not None) and self._replies < MAX_REPLIES
        return able and "?" in messages[-1].content

    async def _reply(self) -> bool:
        """The user's answer to what was asked; False when nothing was, and the conversation is over."""
        reply = (await self.talk.ask(self._user_request())).parsed
        if not reply["asked"]:
            return False
        if not reply["reply"].strip():
            raise GenerationError("silent_user", "the simulated user was asked and answered nothing")
        self.talk.reply(reply["reply"].strip())
        self._replies += 1
        return True

    def _loops(self) -> bool:
        """Whether a call has been made MAX_ALIKE times with the same arguments and the same result."""
        messages = self.talk.messages
        results = {one.tool_call_id: one.content for one in messages if isinstance(one, ToolMessage)}
        made = Counter(
            (call.name, call.arguments, results[call.id])
            for one in messages
            if isinstance(one, AssistantMessage)
            for call in one.tool_calls
        )
        return max(made.values()) >= MAX_ALIKE

    def _assistant_request(self) -> Request:
        wire = self.talk.wire
        # The guidance shapes how the teacher works; the exported row keeps the short system message.
        wire[0]["content"] += "\n\n" + prompt("assistant").template
        return Request(
            purpose="toolalpaca.assistant",
            messages=tuple(wire),
            tools=tuple(tool.wire() for tool in self._task.tools),
            variables=self._variables(),
            sampling=self._sampling,
            sample=self._task.attempt,
            item=self._item,
            urgency=len(self.talk.messages),
        )

    def _user_request(self) -> Request:
        # The roles are swapped: to the model that plays the user, the assistant is the other person.
        talk = "\n".join(
            f"{'You' if message.role == 'user' else 'Assistant'}: {message.content}"
            for message in self.talk.messages
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
            urgency=len(self.talk.messages),
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
            "observations": observations(self.talk.messages),
        }


def _sampled(completion: Completion) -> dict[str, Any]:
    """A sample as a note keeps it."""
    calls = [{"name": call.name, "arguments": call.arguments} for call in completion.tool_calls]
    return {"text": completion.text.strip(), "calls": calls}


def _known(task: Task) -> str:
    """What the user knows beyond the opening message, in words."""
    if "details" in task.hidden:
        return str(task.hidden["details"]) or "nothing more"
    return "; ".join(f"{humanise(name)}: {value}" for name, value in task.hidden.items()) or "nothing more"
