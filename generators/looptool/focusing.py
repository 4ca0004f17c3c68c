"""What a variant of a failure is to ask for: the failed row's tools and kind of decision, seen from one focus.

Zhang et al. 2025 (LoopTool), section 3: a variant differs from its seed in complexity, persona, way of interaction or
data, over the same set of tools. Code `no_scenario`: these tools do not allow it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from callwright.errors import GenerationError
from callwright.generators.looptool.decisions import Decision
from callwright.generators.planning.scenario import Plan, Scenario, argument_names, lookup_of
from callwright.generators.planning.walks import may_run_beside
from callwright.schemas.base import Record
from callwright.schemas.message import AssistantMessage
from callwright.schemas.phrases import REGISTERS
from callwright.schemas.probe import Failure, Prediction
from callwright.schemas.task import Kind, Trajectory
from callwright.schemas.tool import Toolkit

_CALLING: tuple[Kind, ...] = ("single", "multi_step", "parallel")
_TURNS = 60
"""Rounds through all registers from which a wording is drawn."""

Listed = Callable[[Toolkit, Kind], Iterable[Scenario]]
"""The scenarios of a kind that a toolkit's phrase sheet can word."""


class Failed(Record):
    """A decision at which a student failed, and what is known of it."""

    row: Trajectory
    step: int
    """Index of the assistant's turn in the conversation."""
    failure: Failure
    prediction: Prediction
    """What the student said or did."""
    analysis: str = ""
    """What is wrong with that, in a sentence or two."""
    approach: str = ""
    """What would be right, in a sentence or two."""
    round: int = 1

    @property
    def at(self) -> Decision:
        return Decision(self.row, self.step)


@dataclass(frozen=True)
class Aim:
    """What one try is to come to."""

    kind: Kind
    tool: str
    """The tool that the request turns on."""
    way: str
    """How it differs: `more`, `voice`, `form`, `asked`, `whole`, `alone` or `values`."""
    scenario: Scenario | None = None
    """None where a language model has to think of one."""
    turn: int = 0


@dataclass
class Target:
    """A failed decision, and what is asked for around it."""

    failed: Failed
    toolkit: Toolkit
    listed: Listed | None
    """None where requests are not planned."""
    _found: dict[Kind, list[Scenario]] = field(default_factory=dict)

    @property
    def _row(self) -> Trajectory:
        return self.failed.row

    @property
    def kind(self) -> Kind:
        """The kind of a variant that keeps the kind of decision that failed."""
        row = self._row
        if self.failed.failure == "over_calling":
            return "no_call"
        if self.failed.failure == "missed_question" and row.kind not in ("clarification", "multi_step"):
            return "clarification"
        return row.kind

    def aim(self, focus: str, rng: random.Random) -> Aim:
        """What a try with this focus is to ask for.

        Raises:
            GenerationError: `no_scenario`: nothing that these tools allow.
        """
        if self.kind == "no_call" and self._row.task.withheld is None:
            raise GenerationError("no_scenario", "it is not known which tool is withheld")
        ways = [one for one in _WAYS[focus](self) if one[1]]
        if not ways:
            raise GenerationError("no_scenario", f"the offered tools allow no variant in {focus}")
        way, aims = rng.choice(ways)
        # Kinds take turns by chance, so that the kind with the most scenarios does not crowd the others.
        kind = rng.choice(sorted({one.kind for one in aims}))
        aim = rng.choice([one for one in aims if one.kind == kind])
        return Aim(aim.kind, aim.tool, way, aim.scenario, self._turn(way, rng))

    def _turn(self, way: str, rng: random.Random) -> int:
        """Another wording in the register of the failed request; another register where the voice or form changes."""
        plan = self.plan
        rest = rng.randrange(1, _TURNS) * len(REGISTERS)
        other = rng.randrange(1, len(REGISTERS)) if way in ("voice", "form") else 0
        return (plan.turn if plan else 0) + rest + other

    @cached_property
    def plan(self) -> Plan | None:
        """The failed row's plan; None where it came without."""
        given = self._row.task.plan
        return Plan.model_validate(given) if given else None

    @property
    def called(self) -> tuple[str, ...]:
        """The tools that the label turns on: those that it calls, that it asks for, or that would have served."""
        row, label = self._row, self.failed.at.label
        if row.task.withheld is not None:
            return (row.task.withheld.name,)
        after = (one for one in row.messages[self.failed.step :] if isinstance(one, AssistantMessage))
        calls = label.tool_calls or tuple(call for turn in after for call in turn.tool_calls)
        return tuple(dict.fromkeys(call.name for call in calls or row.task.intended))

    @property
    def focus(self) -> tuple[str, ...]:
        """The tool that the whole request is about; none where nothing tells, or it is of another toolkit."""
        row = self._row
        last = self.called[-1:] if row.task.withheld else tuple(call.name for call in row.tool_calls[-1:])
        return tuple(tool.name for tool in self.toolkit.tools if tool.name in last)

    # What there is

    def scenarios(self, *kinds: Kind) -> list[tuple[Kind, Scenario]]:
        """Scenarios that take nothing but offered tools, and all that the label turns on."""
        assert self.listed is not None
        for kind in kinds:
            if kind not in self._found:
                self._found[kind] = [one for one in self.listed(self.toolkit, kind) if self._fits(kind, one)]
        return [(kind, one) for kind in kinds for one in self._found[kind]]

    def _fits(self, kind: Kind, scenario: Scenario) -> bool:
        names = tools_of(self.toolkit, scenario)
        if kind == "no_call":
            return {goal.tool for goal in scenario.goals} == set(self.called)
        return names <= {tool.name for tool in self._row.task.tools}

    def own(self) -> list[Scenario]:
        """The scenario of the failed row; where no plan tells, those that come to its calls."""
        plan = self.plan
        if plan:
            return [plan.scenario]
        kinds = {self._row.kind, self.kind}
        return [one for _, one in self.scenarios(*sorted(kinds)) if self._made(one)]

    def _made(self, scenario: Scenario) -> bool:
        """Whether the row's calls are those of a scenario."""
        row = self._row
        if row.kind == "no_call":
            return True  # the withheld tool's, whichever arguments were meant
        left = [(call.name, frozenset(json.loads(call.arguments))) for call in row.tool_calls]
        for goal in scenario.goals:
            wanted = (goal.tool, frozenset(argument_names(goal.combination)))
            if wanted not in left:
                return False
            left.remove(wanted)
        refused = {scenario.tool} if scenario.refused else set()
        return {name for name, _ in left} == lookups_of(self.toolkit, scenario) | refused

    def about(self, scenarios: Iterable[tuple[Kind, Scenario]]) -> list[Aim]:
        return [Aim(kind, one.tool, "", one) for kind, one in scenarios]

    def free(self, *kinds: Kind) -> list[Aim]:
        """Requests of these kinds that a language model thinks of by itself."""
        return [Aim(kind, name, "") for kind in kinds for name in self.focus]

    def same(self) -> list[Aim]:
        """The failed row's own scenario, and where it failed to ask, one in which it is right to."""
        if self.listed is None:
            return self.free(self.kind)
        own = [(self.kind, one) for one in self.own()]
        if self.failed.failure == "missed_question":
            own = [(kind, one) for kind, one in own if one.missing or one.refused]
        return self.about(own)

    def larger(self) -> list[Aim]:
        """More calls, or a call with more arguments, of all that the label turns on."""
        if self.listed is None:
            return self._freely_larger()
        own = self.own()
        if not own:
            return []
        least = min(_size(self.toolkit, one) for one in own)
        keep = self.failed.failure == "missed_question" or self.kind == "no_call"
        kinds: Collection[Kind] = [self.kind] if keep else sorted({*_CALLING, self.kind})
        found = [
            (kind, one)
            for kind, one in self.scenarios(*kinds)
            if set(self.called) <= tools_of(self.toolkit, one) and _size(self.toolkit, one) > least
        ]
        if self.failed.failure == "missed_question":
            found = [(kind, one) for kind, one in found if one.missing or one.refused]
        return self.about(found)

    def _freely_larger(self) -> list[Aim]:
        tools = [self.toolkit.tool(name) for name in self.focus]
        if self.kind == "single" and all(map(may_run_beside, tools)):
            return self.free("parallel")
        # Of a tool that takes no more than it needs, no more can be asked.
        return self.free(self.kind) if any(len(one.properties) > len(one.required) for one in tools) else []

    def whole(self) -> list[Aim]:
        """The same with nothing left out: served without a question."""
        if self.listed is None:
            return self.free("single")
        goals = {one.goals for one in self.own()}
        return self.about(
            (kind, one) for kind, one in self.scenarios(*_CALLING) if one.goals in goals and not one.refused
        )

    def asked(self) -> list[Aim]:
        """The same with something required left out: to be asked for."""
        if self.listed is None:
            return self.free("clarification")
        goals = {one.goals for one in self.own()}
        return self.about((kind, one) for kind, one in self.scenarios("clarification") if one.goals in goals)

    def alone(self) -> list[Aim]:
        """One of the wishes by itself."""
        if self.listed is None:
            return self.free("single")
        wishes = {goal.tool for one in self.own() for goal in one.goals}
        return self.about(
            (kind, one)
            for kind, one in self.scenarios("single", "multi_step")
            if one.tool in wishes and len(one.goals) == 1 and not one.refused
        )

    def interactions(self) -> list[tuple[str, list[Aim]]]:
        if self.failed.failure == "missed_question":
            return [("whole", self.whole())]
        if self.failed.failure == "missing_call":
            return [("alone", self.alone())]
        ways = [("form", self.same())]
        if self.kind == "clarification":
            ways.append(("whole", self.whole()))
        elif self.kind != "no_call" and self.failed.failure != "wrong_abstention":
            # Whoever says something where a call is due learns nothing from rows in which it is not.
            ways.append(("asked", self.asked()))
        return ways


_WAYS: Mapping[str, Callable[[Target], Sequence[tuple[str, list[Aim]]]]] = {
    "complexity": lambda target: [("more", target.larger())],
    "persona": lambda target: [("voice", target.same())],
    "interaction": Target.interactions,
    "data": lambda target: [("values", target.same())],
}
"""Focus -> the ways in which a variant can differ from its seed, and what would do."""


def lookups_of(toolkit: Toolkit, scenario: Scenario) -> set[str]:
    """The tools whose answers hold the ids that a scenario's goals take."""
    assert toolkit.phrases is not None
    found = set()
    for goal in scenario.goals:
        if not goal.follows:  # the goal before it gives the id
            names = argument_names(goal.combination)
            lookups = (lookup_of(toolkit.phrases, toolkit.tool(goal.tool), name) for name in names)
            found |= {one.tool for one in lookups if one}
    return found


def tools_of(toolkit: Toolkit, scenario: Scenario) -> set[str]:
    """The tools that serving a scenario calls."""
    return {goal.tool for goal in scenario.goals} | lookups_of(toolkit, scenario)


def _size(toolkit: Toolkit, scenario: Scenario) -> tuple[int, int]:
    """Calls and arguments; more calls count before more arguments."""
    calls = len(scenario.goals) + len(lookups_of(toolkit, scenario)) + scenario.refused
    return calls, sum(len(goal.combination) for goal in scenario.goals)
