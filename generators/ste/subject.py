"""What a chain of trials is about: one tool, and all that stays the same in every trial of it.

One seed and one clock for a whole chain: what was learnt in one trial is true in the next, and every row can be
replayed. The offered tools never change either, so that prompts share their beginning.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from functools import cached_property

from callwright.errors import GenerationError
from callwright.generators.conversing import system_message
from callwright.generators.planning.offering import finders
from callwright.generators.planning.plan import Planner
from callwright.generators.planning.scenario import Plan, Scenario
from callwright.generators.planning.walks import OFFERED, scenarios
from callwright.schemas.base import digest
from callwright.schemas.task import Kind
from callwright.schemas.tool import Tool, Toolkit
from callwright.values.resources import share_resource

_FIRST_DAY, _DAYS = dt.date(2025, 1, 6), 900
"""Where the chains' todays lie."""

_EACH = 4
"""Plans of one kind that are drawn before another kind has its turn."""

_KINDS: tuple[Kind, ...] = ("single", "multi_step", "parallel")


class Subject:
    """The tool that a chain explores."""

    def __init__(self, toolkit: Toolkit, tool: Tool, toolkits: Sequence[Toolkit], seed: int) -> None:
        self.toolkit = toolkit
        self.tool = tool
        self.noun = toolkit.phrases.noun if toolkit.phrases else toolkit.title
        self.name = f"{toolkit.name}.{tool.name}"
        self.seed = int(digest([seed, "ste", toolkit.name, tool.name])[:15], 16)
        self.clock = _FIRST_DAY + dt.timedelta(days=self.rng("clock").randrange(_DAYS))
        self.offered = self._offered(toolkits)

    def rng(self, purpose: str) -> random.Random:
        """A source of chance for one purpose."""
        return random.Random(digest([self.seed, purpose]))

    def seed_of(self, trial: int) -> int:
        """A 60-bit seed of one trial's own, for wordings and the ids of calls; never for what is executed."""
        return int(digest([self.seed, "trial", trial])[:15], 16)

    def system(self, trial: int) -> str:
        """The system message of one trial's row."""
        return system_message(self.seed_of(trial), self.noun, self.clock)

    def _offered(self, toolkits: Sequence[Toolkit]) -> tuple[Tool, ...]:
        """The tool, those that find the ids it takes, and distractors that act on something else, in a fixed order."""
        rng = self.rng("offer")
        needed = [self.tool, *(self.toolkit.tool(name) for name in finders(self.toolkit, self.tool))]
        kits = [self.toolkit, *(kit for kit in toolkits if kit is not self.toolkit)]
        fillers: list[Tool] = []
        for kit in kits:
            apart = [tool for tool in kit.tools if not any(share_resource(tool, one) for one in needed)]
            fillers += rng.sample(apart, len(apart))
        named = {tool.name: tool for tool in reversed([*needed, *fillers])}
        wanted = max(rng.randint(*OFFERED), min(len(needed) + 1, OFFERED[1]))
        chosen = list(named.values())[::-1][:wanted]
        rng.shuffle(chosen)
        return tuple(chosen)

    # Plans, for the offline teacher alone

    @cached_property
    def scenarios(self) -> tuple[tuple[Scenario, ...], ...]:
        """What the offline teacher can ask of the tool with the offered ones: for each kind, in an order drawn once."""
        offered = {tool.name for tool in self.offered}
        found = []
        for kind in _KINDS:
            listed = [
                scenario
                for scenario in scenarios(self.toolkit, kind).get(self.tool.name, ())
                if {goal.tool for goal in scenario.goals} <= offered
            ]
            self.rng(f"scenarios {kind}").shuffle(listed)
            found.append(tuple(listed))
        return tuple(listed for listed in found if listed)

    def plan(self, trial: int, draw: int) -> Plan:
        """The plan of one trial, executed in the chain's own world.

        Kinds take turns. Another draw is another plan, and after a few another kind: some may need what is not offered.

        Raises:
            GenerationError: This scenario comes to nothing this time.
        """
        listed = self.scenarios[(trial + draw // _EACH) % len(self.scenarios)]
        turn, place = divmod(trial // len(self.scenarios) + draw, len(listed))
        planner = Planner(self.toolkit, self.seed, self.clock, self.rng(f"plan {trial} {draw}"))
        plan = planner.plan(listed[place], turn + draw)
        missing = {call.name for call in plan.calls} - {tool.name for tool in self.offered}
        if missing:
            raise GenerationError("plan_failed", f"{', '.join(sorted(missing))} would be needed, too")
        return plan
