"""SOURCE: a slot becomes a task: a toolkit, offered tools, and what a person asks for.

Tang et al. 2023 (ToolAlpaca), section 3.2: a user agent writes instructions from a toolkit's documentation. We ask
for one instruction at a time, with a tool to turn on, a voice and a form drawn from the slot, so that an attempt
depends on nothing but its own number.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from typing import Any

from callwright.errors import GenerationError
from callwright.generators.base import Slot
from callwright.generators.planning.briefing import FORMS, VOICES, brief, free_brief, told
from callwright.generators.planning.drawing import REQUEST_REPLY, drawn, hidden, plans, some_day, variables
from callwright.generators.planning.offering import finders
from callwright.generators.planning.scenario import Goal, Plan, Scenario, is_opaque
from callwright.generators.planning.walks import OFFERED, distractors, possible
from callwright.generators.toolalpaca.prompts import prompt
from callwright.llm.base import Model, Request, Sampling
from callwright.llm.replies import ask
from callwright.schemas.task import Kind, Task
from callwright.schemas.tool import Tool, Toolkit
from callwright.values.mentions import WEEKDAYS
from callwright.values.resources import share_resource


class Instructions:
    """Writes the opening request of one conversation."""

    method = "toolalpaca"

    def __init__(
        self,
        model: Model,
        toolkits: Sequence[Toolkit],
        sampling: Sampling,
        offered: tuple[int, int] = OFFERED,
    ) -> None:
        """`offered`: tools of one row, at least and at most; a row whose calls need more has those."""
        self._model = model
        self._toolkits = {toolkit.name: toolkit for toolkit in toolkits}
        self._sampling = sampling
        self._least, self._most = offered
        self._turns: dict[Kind, list[tuple[str, list[Scenario]]]] = {}

    async def task(self, slot: Slot) -> Task:
        scenario, turn = self._scenario(slot)
        rng = slot.rng("task")
        clock = some_day(rng)
        toolkit = self._toolkits[scenario.toolkit]
        plan = self._plan(slot, toolkit, scenario, turn, clock)
        called = {call.name for call in plan.calls} if plan else _needed(toolkit, scenario.tool, slot.kind)
        offered, withheld = self._offer(toolkit, scenario, called, slot)
        reply = await self._ask(slot, toolkit, scenario, clock, plan)
        return Task(
            method=self.method,
            kind=slot.kind,
            attempt=slot.attempt,
            seed=slot.number,
            toolkit=toolkit.name,
            instruction=reply["request"].strip(),
            hidden=hidden(slot.kind, plan, reply["details"]),
            tools=offered,
            withheld=withheld,
            intended=plan.calls if plan else (),
            goal=plan.state if plan else None,
            plan=plan.model_dump(mode="json") if plan and self._model.reads_variables else {},
            clock=clock,
        )

    def _scenario(self, slot: Slot) -> tuple[Scenario, int]:
        """Tools take turns, then the scenarios of a tool; and how often this scenario had its turn before."""
        if slot.kind not in self._turns:
            self._turns[slot.kind] = self._order(slot)
        tools = self._turns[slot.kind]
        if not tools:
            raise GenerationError("no_scenario", f"no tool of this recipe allows the kind {slot.kind}")
        name, listed = tools[slot.attempt % len(tools)]
        rounds = slot.attempt // len(tools)
        return listed[rounds % len(listed)], rounds // len(listed)

    def _order(self, slot: Slot) -> list[tuple[str, list[Scenario]]]:
        found = []
        for (toolkit, name), listed in self._possible(slot.kind).items():
            random.Random(f"{slot.seed} {toolkit} {name} {slot.kind}").shuffle(listed)
            found.append((name, listed))
        random.Random(f"{slot.seed} {slot.kind}").shuffle(found)
        return found

    def _possible(self, kind: Kind) -> dict[tuple[str, str], list[Scenario]]:
        kits = list(self._toolkits.values())
        planned = {
            key: listed
            for key, listed in possible(kits, kind, self._least).items()
            if plans(self._model, self._toolkits[key[0]])
        }
        others = [kit for kit in kits if not plans(self._model, kit)]
        every = {(kit.name, tool.name): tool for kit in others for tool in kit.tools}
        suited = {key: tool for key, tool in every.items() if self._suits(kind, tool)}
        # Names do not always tell: where no tool seems to suit, the model may try them all.
        chosen = suited if suited or kind == "no_call" else every
        return planned | {key: [Scenario(toolkit=key[0], goals=(Goal(tool=key[1]),))] for key in chosen}

    def _suits(self, kind: Kind, tool: Tool) -> bool:
        """Whether a language model can be asked for a request of this kind that turns on this tool."""
        if kind == "no_call":
            return len(distractors(list(self._toolkits.values()), tool)) >= self._least
        needs_id = any(is_opaque(tool, name) for name in tool.required)
        # An id that nobody knows is what makes a second call necessary, and a single one impossible.
        return needs_id if kind == "multi_step" else not needs_id if kind == "single" else True

    def _plan(
        self, slot: Slot, toolkit: Toolkit, scenario: Scenario, turn: int, clock: dt.date
    ) -> Plan | None:
        """What is wanted and which calls serve it; None where a language model has to plan for itself."""
        if not plans(self._model, toolkit):
            return None
        return drawn(
            toolkit,
            scenario,
            seed=slot.number,
            clock=clock,
            turn=turn,
            rng=lambda draw: slot.rng(f"plan {draw}"),
            execute=slot.kind != "no_call",
        )

    def _offer(
        self, toolkit: Toolkit, scenario: Scenario, called: set[str], slot: Slot
    ) -> tuple[tuple[Tool, ...], Tool | None]:
        """The offered tools in their order, and the one that is withheld.

        Distractors come from the same toolkit first. Those of other toolkits must not act on the same kind of
        thing, or the row would not say which of two tools is the right one.
        """
        rng = slot.rng("offer")
        focus = toolkit.tool(scenario.tool)
        needed = [tool for tool in toolkit.tools if tool.name in called]
        others = [tool for kit in self._toolkits.values() if kit is not toolkit for tool in kit.tools]
        withheld = focus if slot.kind == "no_call" else None
        if withheld:
            needed = []
            own = [tool for tool in toolkit.tools if not share_resource(tool, withheld)]
        else:
            own = [tool for tool in toolkit.tools if tool.name not in called]
        foreign = [tool for tool in others if not any(share_resource(tool, one) for one in (*needed, focus))]
        fillers = rng.sample(own, len(own)) + rng.sample(
            foreign, min(len(foreign), max(2, self._least - len(own)))
        )
        # One more than the calls need, where there is room for it.
        wanted = max(rng.randint(self._least, self._most), min(len(needed) + 1, self._most), len(needed))
        if foreign and rng.random() < 0.25:
            fillers.insert(0, fillers.pop())
        chosen = _distinct(needed + fillers)[:wanted]
        if len(chosen) < self._least and (withheld or len(chosen) < len(toolkit.tools)):
            raise GenerationError(
                "too_few_tools", f"only {len(chosen)} tools can be offered with {scenario.tool}"
            )
        rng.shuffle(chosen)
        return tuple(chosen), withheld

    async def _ask(
        self, slot: Slot, toolkit: Toolkit, scenario: Scenario, clock: dt.date, plan: Plan | None
    ) -> dict[str, Any]:
        rng = slot.rng("voice")
        documentation = "\n".join(f"- {told(tool)}" for tool in toolkit.tools)
        system = prompt("instruction").substitute(toolkit=toolkit.title, tools=documentation)
        focus = toolkit.tool(scenario.tool)
        wish = [
            f"The voice: {rng.choice(VOICES)}. The form: {rng.choice(FORMS)}. "
            f"Today is {WEEKDAYS[clock.weekday()]}, {clock.isoformat()}."
        ]
        if plan:
            wish.append(brief(plan, toolkit, clock, rng))
        else:
            wish.append(free_brief(slot.kind, focus, rng))
        request = Request(
            purpose="toolalpaca.instruction",
            messages=({"role": "system", "content": system}, {"role": "user", "content": "\n".join(wish)}),
            reply_schema=REQUEST_REPLY,
            variables=variables(plan, slot.number, clock) if self._model.reads_variables else {},
            sampling=self._sampling,
            sample=slot.attempt,
            item=slot.name,
        )
        reply: dict[str, Any] = (await ask(self._model, request)).parsed
        return reply


def _needed(toolkit: Toolkit, name: str, kind: Kind) -> set[str]:
    """The tools that a request needs which no plan names: its own, and those that find the ids it takes."""
    return {name, *finders(toolkit, toolkit.tool(name))} if kind == "multi_step" else {name}


def _distinct(tools: Sequence[Tool]) -> list[Tool]:
    """The tools with the first of each name."""
    return list({tool.name: tool for tool in reversed(tools)}.values())[::-1]
