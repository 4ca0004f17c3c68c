"""REWRITE: a planned request is widened by what other rows of its toolkit wish for: "and one more thing ...".

A single call has nothing to run beside it. Here the wishes of two or three verified rows are planned together in the
first row's world, with values that exist there, and executed one call at a time. What can be made at once is then
found as in any other conversation.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence

from callwright.generators.conversing import Conversation, in_session, observations, system_message
from callwright.generators.dag.prompts import digests, prompt
from callwright.generators.planning.briefing import VOICES, brief
from callwright.generators.planning.drawing import drawn
from callwright.generators.planning.scenario import Plan, Scenario
from callwright.generators.planning.walks import may_run_beside
from callwright.llm.base import Completion, Model, Request, Sampling
from callwright.llm.replies import ask
from callwright.schemas.base import digest
from callwright.schemas.message import ToolCall
from callwright.schemas.task import IntendedCall, Task, Trajectory
from callwright.schemas.tool import Tool, Toolkit
from callwright.toolbox.base import Session, Toolbox
from callwright.values.resources import share_resource

_SIZES = (2, 2, 3)
"""How many rows are joined, in turn."""
_MOST_OFFERED = 10
_SAFE = 0.0
_REPLY = {
    "type": "object",
    "properties": {"request": {"type": "string", "minLength": 3}},
    "required": ["request"],
    "additionalProperties": False,
}


class Joiner:
    """Makes one conversation of the wishes of several, one call after the other."""

    def __init__(
        self, model: Model, toolbox: Toolbox, toolkits: Sequence[Toolkit], sampling: Sampling, method: str
    ) -> None:
        self._model = model
        self._toolbox = toolbox
        self._toolkits = {kit.name: kit for kit in toolkits}
        self._sampling = sampling
        self._method = method

    def groups(self, rows: Sequence[Trajectory]) -> Iterator[tuple[int, ...]]:
        """Positions of rows that can be joined, each row in one group: one toolkit, and no tool twice."""
        waiting: dict[str, list[list[int]]] = {}
        begun = 0
        size: dict[int, int] = {}
        for position, row in enumerate(rows):
            scenario = self._scenario(row)
            if scenario is None:
                continue
            wanted = {goal.tool for goal in scenario.goals}
            groups = waiting.setdefault(scenario.toolkit, [])
            group = next((one for one in groups if not wanted & self._tools(rows, one)), None)
            if group is None:
                groups.append([position])
                size[position] = _SIZES[begun % len(_SIZES)]
                begun += 1
                continue
            group.append(position)
            if len(group) == size[group[0]]:
                groups.remove(group)
                yield tuple(group)
        for groups in waiting.values():
            yield from (tuple(group) for group in groups if len(group) > 1)

    async def join(self, rows: Sequence[Trajectory], attempt: int, item: str) -> Trajectory:
        """The serial conversation in which all that the rows wish for is asked for at once.

        Raises:
            GenerationError: The wishes cannot be served in one world, or cannot be worded.
            ModelError: The endpoint failed for good.
        """
        plan = self._plan(rows)
        task, keys = await self._task(rows, plan, attempt, item)
        kit = self._toolkits[task.toolkit]
        noun = kit.phrases.noun if kit.phrases else kit.title
        talk = Conversation(
            self._model, task.seed, system_message(task.seed, noun, task.clock), task.instruction, keys
        )

        async def play(session: Session) -> None:
            for index, call in enumerate(plan.calls):
                turn = Completion(tool_calls=(_made(call, index),), finish_reason="tool_calls")
                await talk.observe(session, talk.answer(turn))
            talk.answer(await talk.ask(self._answer(task, plan, talk, item)))

        _, state = await in_session(self._toolbox, task, item, play)
        return talk.trajectory(task, digests(), "answered", state)

    def _scenario(self, row: Trajectory) -> Scenario | None:
        """What a row wishes for; None where that is not planned, or cannot stand beside something else."""
        kit = self._toolkits.get(row.task.toolkit)
        if (
            not row.task.plan
            or row.kind not in ("single", "multi_step")
            or kit is None
            or kit.phrases is None
        ):
            return None
        scenario = Plan.model_validate(row.task.plan).scenario
        called = [tool for tool in kit.tools if tool.name in {call.name for call in row.tool_calls}]
        if scenario.missing or scenario.refused or not all(map(may_run_beside, called)):
            return None
        return scenario

    def _tools(self, rows: Sequence[Trajectory], group: Sequence[int]) -> set[str]:
        plans = [Plan.model_validate(rows[position].task.plan) for position in group]
        return {goal.tool for plan in plans for goal in plan.scenario.goals}

    def _plan(self, rows: Sequence[Trajectory]) -> Plan:
        first = rows[0].task
        plans = [Plan.model_validate(row.task.plan) for row in rows]
        goals = tuple(goal for plan in plans for goal in plan.scenario.goals)
        scenario = Scenario(toolkit=first.toolkit, goals=goals)
        return drawn(
            self._toolkits[first.toolkit],
            scenario,
            seed=first.seed,
            clock=first.clock,
            turn=sum(plan.turn for plan in plans),
            rng=lambda draw: random.Random(digest([[row.task.seed for row in rows], draw])),
        )

    async def _task(
        self, rows: Sequence[Trajectory], plan: Plan, attempt: int, item: str
    ) -> tuple[Task, list[str]]:
        first = rows[0].task
        completion = await ask(self._model, self._request(first, plan, attempt, item))
        task = Task(
            method=self._method,
            kind="parallel",
            attempt=attempt,
            seed=first.seed,
            toolkit=first.toolkit,
            instruction=completion.parsed["request"].strip(),
            tools=self._offered(rows, {call.name for call in plan.calls}),
            intended=plan.calls,
            goal=plan.state,
            plan=plan.model_dump(mode="json") if self._model.reads_variables else {},
            clock=first.clock,
            parent=first.root,
        )
        return task, [completion.key] if completion.key else []

    def _offered(self, rows: Sequence[Trajectory], called: set[str]) -> tuple[Tool, ...]:
        """What is called, and what was offered beside it; nothing of another toolkit that could stand in for it."""
        kit = self._toolkits[rows[0].task.toolkit]
        needed = [kit.tool(name) for name in sorted(called)]
        beside = {tool.name: tool for row in rows for tool in row.task.tools if tool.name not in called}
        own = {tool.name for tool in kit.tools}
        fillers = [
            tool
            for name, tool in beside.items()
            if name in own or not any(share_resource(tool, one) for one in needed)
        ]
        chosen = needed + fillers[: max(_MOST_OFFERED - len(needed), 1)]
        random.Random(digest([rows[0].task.seed, "offer"])).shuffle(chosen)
        return tuple(chosen)

    def _request(self, first: Task, plan: Plan, attempt: int, item: str) -> Request:
        rng = random.Random(digest([first.seed, "voice"]))
        wish = f"The voice: {rng.choice(VOICES)}. Today is {first.clock.isoformat()}.\n"
        wish += brief(plan, self._toolkits[first.toolkit], first.clock, rng)
        return Request(
            purpose="dag.request",
            messages=(
                {"role": "system", "content": prompt("request").template},
                {"role": "user", "content": wish},
            ),
            reply_schema=_REPLY,
            variables=self._variables(first, plan, ()),
            sampling=self._sampling,
            sample=attempt,
            item=item,
        )

    def _answer(self, task: Task, plan: Plan, talk: Conversation, item: str) -> Request:
        wire = talk.wire
        wire[0]["content"] += "\n\n" + prompt("answer").template
        return Request(
            purpose="dag.answer",
            messages=tuple(wire),
            tools=tuple(tool.wire() for tool in task.tools),
            tool_choice="none",
            variables=self._variables(task, plan, observations(talk.messages)),
            sampling=self._sampling.model_copy(update={"temperature": _SAFE}),
            sample=task.attempt,
            item=item,
            urgency=len(wire),
        )

    def _variables(self, task: Task, plan: Plan, seen: Sequence[Mapping[str, object]]) -> dict[str, object]:
        """What the offline teacher words a plan from; nothing for a language model."""
        if not self._model.reads_variables:
            return {}
        return {
            "plan": plan.model_dump(mode="json"),
            "seed": task.seed,
            "clock": task.clock.isoformat(),
            "withheld": None,
            "answered": True,
            "observations": list(seen),
        }


def _made(call: IntendedCall, index: int) -> ToolCall:
    arguments = json.dumps(call.arguments, ensure_ascii=False, allow_nan=False)
    return ToolCall(id=f"call_{index}", name=call.name, arguments=arguments)
