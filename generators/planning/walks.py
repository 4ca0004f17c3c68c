"""Scenarios: walks and small DAGs on the tool graph that a toolkit's phrase sheet can word.

A chain looks up, acts, and acts on what came of it; a fan is calls that do not depend on each other; a join acts on
two things that were looked up. A plan (`plan.py`) is a scenario with values.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from callwright.errors import GenerationError
from callwright.generators.planning.plan import Planner
from callwright.generators.planning.scenario import (
    Goal,
    Scenario,
    argument_names,
    combinations,
    is_opaque,
    lookup_of,
    query_of,
    varying,
)
from callwright.schemas.phrases import PhraseSheet
from callwright.schemas.task import Kind
from callwright.schemas.tool import Tool, Toolkit, WorldBinding
from callwright.toolbox.offline import only_reads
from callwright.toolbox.rehearsal import can_rehearse
from callwright.values.resources import share_resource

OFFERED = (3, 8)
"""Tools offered in a row, at least and at most, unless a recipe says otherwise."""


def scenarios(toolkit: Toolkit, kind: Kind) -> dict[str, list[Scenario]]:
    """Tool -> every scenario of a kind that the toolkit's phrase sheet can word."""
    if toolkit.phrases is None:
        return {}
    walks = _Walks(toolkit, toolkit.phrases)
    found = {tool.name: list(walks.of(tool, kind)) for tool in walks.worded}
    return {name: listed for name, listed in found.items() if listed}


def first_scenario(toolkit: Toolkit, kind: Kind, tool: Tool) -> Scenario | None:
    """The simplest scenario of a kind for one tool; None where there is none."""
    assert toolkit.phrases is not None
    return next(_Walks(toolkit, toolkit.phrases).of(tool, kind), None)


def possible(
    toolkits: Sequence[Toolkit], kind: Kind, least: int = OFFERED[0]
) -> dict[tuple[str, str], list[Scenario]]:
    """(Toolkit, tool) -> its scenarios, those left out for which fewer than `least` other tools can be offered."""
    found = {}
    for toolkit in toolkits:
        for name, listed in scenarios(toolkit, kind).items():
            if kind != "no_call" or len(distractors(toolkits, toolkit.tool(name))) >= least:
                found[toolkit.name, name] = listed
    return found


def distractors(toolkits: Sequence[Toolkit], withheld: Tool) -> list[Tool]:
    """Tools that could stand in for nothing: none of them acts on what the withheld one acts on."""
    return [tool for toolkit in toolkits for tool in toolkit.tools if not share_resource(tool, withheld)]


@dataclass(frozen=True)
class _Needs:
    """What a goal's ids come from."""

    opaque: int
    """Ids that nothing gives."""
    lookups: int
    searches: int
    """Separate calls that the lookups take: a list without a query serves all that stand in it."""

    @property
    def simple(self) -> bool:
        return not self.opaque and self.lookups <= 1


class _Walks:
    """The scenarios of one toolkit."""

    def __init__(self, toolkit: Toolkit, sheet: PhraseSheet) -> None:
        self._toolkit = toolkit
        self._sheet = sheet
        self.worded = [tool for tool in toolkit.tools if tool.name in sheet.tools]

    def of(self, tool: Tool, kind: Kind) -> Iterator[Scenario]:
        phrases = self._sheet.tools[tool.name]
        for position, combination in enumerate(combinations(tool, phrases)):
            goal = Goal(tool=tool.name, combination=combination)
            needs = self._needs(tool, combination)
            if kind == "multi_step":
                yield from self._chains(tool, goal, needs)
            elif kind == "parallel":
                yield from self._fans(tool, goal, needs, position)
            elif needs.simple:
                yield from self._plain(tool, goal, needs, kind)

    def _scenario(self, *goals: Goal, missing: str | None = None, refused: bool = False) -> Scenario:
        return Scenario(toolkit=self._toolkit.name, goals=goals, missing=missing, refused=refused)

    def _plain(self, tool: Tool, goal: Goal, needs: _Needs, kind: Kind) -> Iterator[Scenario]:
        if kind == "no_call" or (kind == "single" and not needs.lookups):
            yield self._scenario(goal)
        if kind == "clarification" and (can_rehearse(tool) or not needs.lookups):
            for name in self._askable(tool, goal.combination):
                if name in tool.required:
                    yield self._scenario(goal, missing=name)

    def _chains(self, tool: Tool, goal: Goal, needs: _Needs) -> Iterator[Scenario]:
        if not can_rehearse(tool):
            return
        if not needs.opaque and needs.searches == 1:
            yield self._scenario(goal)
        if needs.opaque + needs.lookups == 1:
            yield from self._following(goal)
        if needs.simple and isinstance(tool.binding, WorldBinding) and self._refusable(goal):
            yield self._scenario(goal, refused=True)

    def _following(self, goal: Goal) -> Iterator[Scenario]:
        for name in self._sheet.tools[goal.tool].follows:
            first = self._toolkit.tool(name)
            for combination in combinations(first, self._sheet.tools[name]):
                if self._needs(first, combination).simple and not self._blurred(first, combination, goal):
                    before = Goal(tool=name, combination=combination)
                    yield self._scenario(before, goal.model_copy(update={"follows": True}))

    def _blurred(self, first: Tool, combination: Sequence[str], goal: Goal) -> bool:
        """Whether the two goals share an argument in a way that leaves open what is meant.

        "Book it in comfort class, then switch it to first" undoes itself, and "the weather in Celsius, and then the
        forecast" does not say whether the forecast is wanted in Celsius, too. The thing that both are about is shared.
        """
        tool = self._toolkit.tool(goal.tool)
        said = {*argument_names(combination), *(set(argument_names(goal.combination)) - set(tool.required))}
        common = said & set(first.properties) & set(tool.properties)
        return any(not is_opaque(first, name, self._sheet) for name in common)

    def _fans(self, tool: Tool, goal: Goal, needs: _Needs, position: int) -> Iterator[Scenario]:
        if not may_run_beside(tool):
            return
        if not needs.opaque and needs.searches > 1:
            yield self._scenario(goal)
        if not needs.simple:
            return
        if varying(tool, goal.combination, self._sheet):
            again = goal.model_copy(update={"again": True})
            yield self._scenario(goal, again)
            if not needs.lookups:
                yield self._scenario(goal, again, again)
        # Each combination beside one of another tool, taking turns through the toolkit.
        others = [one for one in self.worded if one is not tool and may_run_beside(one)]
        for step in range(len(others)):
            other = others[(position + step) % len(others)]
            combination = combinations(other, self._sheet.tools[other.name])[0]
            if self._needs(other, combination).simple:
                yield self._scenario(Goal(tool=other.name, combination=combination), goal)
                break

    def _needs(self, tool: Tool, combination: Sequence[str]) -> _Needs:
        names = argument_names(combination)
        lookups = [one for one in (lookup_of(self._sheet, tool, name) for name in names) if one]
        opaque = [
            name
            for name in names
            if is_opaque(tool, name, self._sheet) and not lookup_of(self._sheet, tool, name)
        ]
        tools = [self._toolkit.tool(lookup.tool) for lookup in lookups]
        whole = {one.name for one in tools if query_of(one) is None}
        searches = len(whole) + sum(query_of(one) is not None for one in tools)
        return _Needs(opaque=len(opaque), lookups=len(lookups), searches=searches)

    def _askable(self, tool: Tool, combination: Sequence[str]) -> list[str]:
        questions = self._sheet.tools[tool.name].questions
        return [part for part in combination if "=" not in part and part in questions]

    def _refusable(self, goal: Goal) -> bool:
        """Whether a world of some seed says no to some value of it."""
        key = (self._toolkit.id, goal)
        if key not in _REFUSABLE:
            _REFUSABLE[key] = any(self._says_no(goal, seed) for seed in range(3))
        return _REFUSABLE[key]

    def _says_no(self, goal: Goal, seed: int) -> bool:
        planner = Planner(self._toolkit, seed, dt.date(2026, 3, 10), random.Random(seed))
        try:
            planner.plan(self._scenario(goal, refused=True), 0)
        except GenerationError:
            return False
        return True


_REFUSABLE: dict[tuple[str, Goal], bool] = {}
"""(Toolkit, goal) -> what trying came to; a toolkit's id names its tools and wordings."""


def may_run_beside(tool: Tool) -> bool:
    """Whether it can be tried out that two calls do not depend on each other, or nothing but reading happens."""
    return only_reads(tool) or isinstance(tool.binding, WorldBinding)
