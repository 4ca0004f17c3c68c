"""ROLLOUT: a task becomes a conversation of user, assistant and simulated executor.

Tang et al. 2023 (ToolAlpaca), section 3.3, with today's native tool calls instead of ReAct text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from callwright.errors import GenerationError
from callwright.generators.conversing import Conversation, in_session, observations, system_message
from callwright.generators.toolalpaca.prompts import digests, prompt
from callwright.llm.base import Model, Request, Sampling
from callwright.schemas.message import ToolMessage
from callwright.schemas.task import StopReason, Task, Trajectory
from callwright.schemas.tool import Toolkit
from callwright.toolbox.base import Session, Toolbox

MAX_REPLIES = 2
"""How often the user answers questions before the conversation has to go on."""


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
        system = system_message(task.seed, self._nouns[task.toolkit], task.clock)

        async def play(session: Session) -> tuple[Conversation, StopReason]:
            episode = _Episode(self._model, self._sampling, task, item, system)
            return episode.talk, await episode.play(session, self._max_steps)

        (talk, stopped), state = await in_session(self._toolbox, task, item, play)
        return talk.trajectory(task, digests(), stopped, state)


class _Episode:
    """The state of one conversation."""

    def __init__(self, model: Model, sampling: Sampling, task: Task, item: str, system: str) -> None:
        self.talk = Conversation(model, task.seed, system, task.instruction)
        self._model = model
        self._sampling = sampling
        self._task = task
        self._item = item
        self._replies = 0

    async def play(self, session: Session, max_steps: int) -> StopReason:
        """Turn by turn until an answer, the step limit, or a turn that was cut off."""
        steps = 0
        while True:
            completion = await self.talk.ask(self._assistant_request())
            calls = self.talk.answer(completion)
            if completion.finish_reason == "length":
                return "length"
            if not calls:
                if not self._may_reply():
                    return "answered"
                await self._reply()
                continue
            await self.talk.observe(session, calls)
            steps += 1
            if steps >= max_steps + 1:
                return "step_limit"

    def _may_reply(self) -> bool:
        """Whether the assistant's words are a question to somebody who still has something to say."""
        messages = self.talk.messages
        last = next((one for one in reversed(messages) if isinstance(one, ToolMessage)), None)
        stuck = last is None or not last.observation.succeeded
        asked = stuck and bool(self._task.hidden) and self._replies < MAX_REPLIES
        rules_done = self._model.reads_variables and self._replies > 0
        return asked and not rules_done and "?" in messages[-1].content

    async def _reply(self) -> None:
        completion = await self.talk.ask(self._user_request())
        if not completion.text.strip():
            raise GenerationError("silent_user", "the simulated user answered nothing")
        self.talk.reply(completion.text.strip())
        self._replies += 1

    def _assistant_request(self) -> Request:
        wire = self.talk.wire
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
            urgency=len(self.talk.messages),
        )

    def _user_request(self) -> Request:
        details = self._task.hidden.get("details") or json.dumps(self._task.hidden, ensure_ascii=False)
        # The roles are swapped: to the model that plays the user, the assistant is the other person.
        talk = "\n".join(
            f"{'You' if m.role == 'user' else 'Assistant'}: {m.content}" for m in self.talk.messages[1:]
        )
        return Request(
            purpose="toolalpaca.user",
            messages=(
                {"role": "system", "content": prompt("user").substitute(details=details)},
                {"role": "user", "content": talk},
            ),
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
