"""One tool's chain of trials: imagine a request, try it, observe, reflect.

Wang et al. 2024 (STE), section 3.1. A long-term memory of all requests lives as long as the chain, a short-term memory
of whole trials as long as an episode. Everything is asked of a model that remembers its answers, so a chain that was
cut off is gone through again, with the same memories, for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from callwright.errors import GenerationError, ReplyError
from callwright.generators.conversing import Conversation, in_full, in_session, observations
from callwright.generators.planning.scenario import Plan
from callwright.generators.ste.memory import LongTermMemory, ShortTermMemory
from callwright.generators.ste.prompts import digests, prompt
from callwright.generators.ste.subject import Subject
from callwright.llm.base import Model, Request, Sampling
from callwright.llm.replies import ask
from callwright.schemas.message import AssistantMessage
from callwright.schemas.recipe import Ste
from callwright.schemas.task import StopReason, Task, Trajectory
from callwright.schemas.verdict import Verdict
from callwright.toolbox.base import Session, Toolbox

_DRAWS = 12
"""How often a plan is drawn anew, when it comes to nothing or its request was made before."""

_IMAGINED = {
    "type": "object",
    "properties": {"request": {"type": "string", "minLength": 3}},
    "required": ["request"],
    "additionalProperties": False,
}
_REFLECTED = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "solved": {"type": "boolean"}},
    "required": ["reason", "solved"],
    "additionalProperties": False,
}
_UNSEEN = '{"note": "The result of this call is not shown."}'
_NOT_MADE = '{"error": "This call was not made: the trial had no more calls."}'


@dataclass
class Trial:
    """What was asked for, what came of it, and the first reason against it."""

    number: int
    item: str
    """Whose questions these are, for the ledger."""
    request: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    """What the offline teacher words the trial from; empty for a language model."""
    plan: Plan | None = None
    trajectory: Trajectory | None = None
    solved: bool | None = None
    """What reflection said; None where nobody said."""
    verdicts: list[Verdict] = field(default_factory=list)
    gate: str = ""
    code: str = ""
    message: str = ""

    def refuse(self, gate: str, code: str, message: str) -> None:
        """The first reason against a trial stays."""
        if not self.code:
            self.gate, self.code, self.message = gate, code, message

    def fail(self, error: GenerationError | ReplyError) -> None:
        self.refuse("generation", error.code, str(error).removeprefix(f"{error.code}: "))


class Trials:
    """Goes through one chain, trial by trial."""

    def __init__(
        self, model: Model, toolbox: Toolbox, subject: Subject, settings: Ste, sampling: Sampling
    ) -> None:
        self._model = model
        self._toolbox = toolbox
        self._subject = subject
        self._settings = settings
        self._sampling = sampling
        self._long = LongTermMemory()
        self._short = ShortTermMemory()

    async def run(self, episodes: int) -> list[Trial]:
        """The trials of so many episodes, good and bad.

        Raises:
            ModelError: The endpoint failed for good.
        """
        trials = []
        for number in range(episodes * self._settings.trials):
            if number % self._settings.trials == 0 or not self._settings.short_term_memory:
                self._short = ShortTermMemory()
            trial = Trial(number, f"ste/{self._subject.name}/{number}")
            await self._go_through(trial)
            trials.append(trial)
        return trials

    async def _go_through(self, trial: Trial) -> None:
        """One trial; whatever a teacher does wrong is a reason against it, and the chain goes on."""
        began = len(self._short.messages)
        try:
            keys = await self._imagine(trial)
        except (GenerationError, ReplyError) as error:
            # An episode in which nothing can be imagined any more, as when it grew too long, begins anew.
            self._short = ShortTermMemory()
            trial.fail(error)
            return
        try:
            await self._carry_out(trial, keys)
        except (GenerationError, ReplyError) as error:
            self._short.cut(began)
            trial.fail(error)
        if self._settings.long_term_memory:
            self._long.add(trial.request, bool(trial.solved) if self._settings.reflection else None)

    # Imagine

    async def _imagine(self, trial: Trial) -> list[str]:
        """Settle the trial's request; the ledger's key of the answer that gave it."""
        tool = self._subject.tool
        text = prompt("imagine_next" if self._short.messages else "imagine_first")
        told = {
            "tool": tool.name,
            "description": tool.description or tool.summary,
            "parameters": json.dumps(tool.parameters, ensure_ascii=False),
        }
        tried = prompt("explored").substitute(tool=tool.name, tried=self._long.lines)
        asked = text.substitute(told, explored=f"\n{tried}\n" if self._long.tried else "")
        for draw in range(_DRAWS):
            if self._model.reads_variables and not self._planned(trial, draw):
                continue
            reply = await ask(self._model, self._request(trial, "imagine", asked, _IMAGINED, trial.variables))
            trial.request = reply.parsed["request"].strip()
            if not (self._model.reads_variables and self._long.knows(trial.request)):
                break
        if not trial.request:
            raise GenerationError("plan_failed", f"{tool.name}: no plan of a request came to anything")
        # What was tried before is told where a request is imagined, and nowhere else.
        self._short.add("user", text.substitute(told, explored=""))
        self._short.add("assistant", json.dumps({"request": trial.request}, ensure_ascii=False))
        return [reply.key] if reply.key else []

    def _planned(self, trial: Trial, draw: int) -> bool:
        """Whether a plan was drawn for the offline teacher; a world may say no, or have nothing more to ask for."""
        try:
            trial.plan = self._subject.plan(trial.number, draw)
        except GenerationError:
            return False
        trial.variables = {
            "plan": trial.plan.model_dump(mode="json"),
            "seed": self._subject.seed_of(trial.number),
            "clock": self._subject.clock.isoformat(),
        }
        return True

    # Try and observe

    async def _carry_out(self, trial: Trial, keys: Sequence[str]) -> None:
        """The conversation of one trial, and whether it served the request."""
        known = any(message["role"] == "tool" for message in self._short.messages)
        guidance = prompt("act_next" if known else "act_first")
        self._short.add("user", guidance.substitute(request=trial.request, calls=self._settings.max_calls))
        task = self._task(trial)

        async def play(session: Session) -> tuple[Conversation, StopReason]:
            number = trial.number
            seed, system = self._subject.seed_of(number), self._subject.system(number)
            talk = Conversation(self._model, seed, system, trial.request, keys)
            return talk, await self._act(trial, talk, session)

        (talk, stopped), state = await in_session(self._toolbox, task, trial.item, play)
        self._short.messages += self._shown(talk)
        row = trial.trajectory = talk.trajectory(task, digests(), stopped, state)
        _look_at(trial, row, self._settings.max_calls)
        if self._settings.reflection:
            await self._reflect(trial, talk)
        # The kind is the one that it came to, and the answer to the reflection is among what it was made from.
        task = task.model_copy(update={"kind": row.kind})
        trial.trajectory = talk.trajectory(task, digests(), stopped, state)

    async def _act(self, trial: Trial, talk: Conversation, session: Session) -> StopReason:
        """Call by call until an answer, or until the trial has no more calls."""
        made = 0
        while True:
            variables = trial.variables | {"observations": observations(talk.messages)}
            completion = await talk.ask(self._request(trial, "act", None, None, variables, self._shown(talk)))
            calls = talk.answer(completion)
            if completion.finish_reason == "length":
                return "length"
            if not calls:
                return "answered"
            made += len(calls)
            if made > self._settings.max_calls:
                return "step_limit"
            await talk.observe(session, calls)

    def _shown(self, talk: Conversation) -> list[dict[str, Any]]:
        """A trial's turns as the model sees them; calls that were not made say so, for every call has a result."""
        shown = talk.wire[2:]
        for message in shown:
            if message["role"] == "tool" and not self._settings.execution_feedback:
                message["content"] = _UNSEEN
        last = talk.messages[-1]
        for call in last.tool_calls if isinstance(last, AssistantMessage) else ():
            shown.append({"role": "tool", "tool_call_id": call.id, "name": call.name, "content": _NOT_MADE})
        return shown

    def _task(self, trial: Trial) -> Task:
        plan, subject = trial.plan, self._subject
        return Task(
            method="ste",
            kind="single",
            attempt=trial.number,
            seed=subject.seed,
            toolkit=subject.toolkit.name,
            instruction=trial.request,
            tools=subject.offered,
            intended=plan.calls if plan else (),
            goal=plan.state if plan else None,
            plan=plan.model_dump(mode="json") if plan else {},
            clock=subject.clock,
        )

    # Reflect

    async def _reflect(self, trial: Trial, talk: Conversation) -> None:
        asked = prompt("reflect").template
        variables = trial.variables | {
            "observations": observations(talk.messages),
            "answer": talk.messages[-1].content,
        }
        said = (await talk.ask(self._request(trial, "reflect", asked, _REFLECTED, variables))).parsed
        trial.solved = bool(said["solved"])
        self._short.add("user", asked)
        self._short.add("assistant", json.dumps(said, ensure_ascii=False))
        if not trial.solved:
            trial.refuse("reflection", "unsolved", said["reason"])
        trial.verdicts.append(self._verdict(trial.solved, said["reason"]))

    def _verdict(self, solved: bool, reason: str) -> Verdict:
        """What the explorer said of its own trial. Rules can refute and never confirm."""
        rules = self._model.reads_variables
        return Verdict(
            trajectory="",
            judge="ste.reflection",
            rung="L4",
            outcome="fail" if not solved else "undecided" if rules else "pass",
            code="unsolved" if not solved else "no_judge_model" if rules else "",
            message=reason,
            evidence=({"by": "rules" if rules else self._model.id, "solved": solved},),
        )

    def _request(
        self,
        trial: Trial,
        purpose: str,
        asked: str | None,
        schema: dict[str, Any] | None,
        variables: dict[str, Any],
        shown: Sequence[dict[str, Any]] = (),
    ) -> Request:
        """One question: the same system message and tools first, then the episode, then what is asked."""
        subject = self._subject
        system = prompt("explorer").substitute(
            noun=subject.noun, today=in_full(subject.clock), tool=subject.tool.name
        )
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": system},
            *self._short.messages,
            *shown,
        ]
        if asked is not None:
            messages.append({"role": "user", "content": asked})
        return Request(
            purpose=f"ste.{purpose}",
            messages=tuple(messages),
            tools=tuple(tool.wire() for tool in subject.offered),
            tool_choice="auto" if schema is None else "none",
            reply_schema=schema,
            variables=variables,
            sampling=self._sampling,
            sample=trial.number,
            item=trial.item,
            urgency=len(messages),
        )


def _look_at(trial: Trial, row: Trajectory, max_calls: int) -> None:
    """What can be seen of a trial without asking anybody."""
    calls, answer = [(call.name, call.arguments) for call in row.tool_calls], row.messages[-1].content
    if row.stopped == "length":
        trial.refuse("generation", "cut_off", "an answer was cut off at max_tokens")
    elif row.stopped == "step_limit":
        code = "repeated_call" if len(set(calls)) < len(calls) else "too_many_calls"
        trial.refuse("generation", code, f"there was no answer after {max_calls} calls")
    elif not answer:
        trial.refuse("generation", "silent_answer", "the assistant neither called nor said anything")
    elif not calls:
        trial.refuse("generation", "no_call", f"nothing was called, and the answer is: {answer[:120]}")
