"""Fill the quotas: the lowest-numbered accepted attempts of each cell, duplicates left out, a surplus set aside."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from callwright.engine.gates.candidate import Candidate
from callwright.engine.gates.gate import Gate, Refused
from callwright.engine.results import Result
from callwright.engine.shards import SHARD_SIZE, Shard
from callwright.schemas.recipe import ANY, Recipe
from callwright.schemas.task import KINDS, Kind
from callwright.schemas.version import Drop
from callwright.splits import ToolKey

MOST_ATTEMPTS = 10
"""Attempts for each wanted row, at the most, before a cell is given up."""


@dataclass
class Cell:
    """One method's share of one kind: how many rows are wanted, and what its attempts have brought so far."""

    method: str
    kind: Kind | Literal["any"]
    quota: int
    surplus: float = 1.0
    """Attempts to start with for each wanted row; above 1 where a teacher is known to fail at times."""
    explored: bool = False
    """Whether its attempts come from chains, which are gone through once: it makes none of its own."""
    most_empty: float = 1.0
    """Share of its rows in which no call has an argument, at the most."""
    at_most: bool = False
    """Whether fewer rows will do: a source of rows has so many and no more."""
    parts: Callable[[int], dict[str, int]] | None = None
    """So many rows of each sort among so many rows in all, where the method minds."""
    gate: Gate = field(default_factory=Gate)
    """What rows pass; shared by the cells of a run, so that they are compared across methods."""
    attempts: int = 0
    chosen: list[str] = field(default_factory=list)
    """Ids of the accepted rows, in the order of their attempts, at most `quota`."""
    drops: list[Drop] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _empty: int = 0
    _by_tool: Counter[ToolKey] = field(default_factory=Counter)
    """Tool -> chosen rows that call it."""

    @property
    def missing(self) -> int:
        return self.quota - len(self.chosen)

    @property
    def short(self) -> bool:
        """Whether the version cannot be made without more rows."""
        return bool(self.missing) and not (self.at_most and self.chosen)

    @property
    def hopeless(self) -> bool:
        """Whether more attempts would be a waste: none of many succeeded, or there is nothing to attempt."""
        if any(drop.code == "no_scenario" for drop in self.drops[:1]):
            return True
        return self.attempts >= self._most

    @property
    def _most(self) -> int:
        """Attempts at the most; fewer while none has succeeded, for each of them costs a model's answers."""
        most = MOST_ATTEMPTS * self.quota + 20
        return most if self.chosen else min(most, max(60, 3 * self.quota))

    def next_shards(self) -> list[Shard]:
        """The attempts of the next round; a function of the results so far, never of their timing."""
        if self.explored or not self.missing or self.hopeless:
            return []
        assert self.kind != ANY
        if self.attempts:
            rate = max(len(self.chosen) / self.attempts, 0.05)
            wanted = math.ceil(self.missing / rate) + 1
        else:
            wanted = math.ceil(self.missing * self.surplus)
        last = min(self.attempts + wanted, self._most)
        return [
            Shard(method=self.method, kind=self.kind, first=first, count=min(SHARD_SIZE, last - first))
            for first in range(self.attempts, last, SHARD_SIZE)
        ]

    def take(self, results: Iterable[Result]) -> None:
        """Take results in, which must come in the order of their attempts."""
        good: list[Candidate] = []
        for candidate in map(self.gate.candidates.of, results):
            self.attempts += 1
            result = candidate.result
            if not result.accepted:
                self.drops.append(result.dropped(result.gate, result.code, result.message))
            elif result.signature in self._seen:
                told = "an earlier row says and calls the same"
                self.drops.append(result.dropped("duplicates", "same_conversation", told))
            else:
                self._seen.add(result.signature)
                good.append(candidate)
        self._choose(self.gate.passed(good, self._refuse))

    def _refuse(self, refused: Refused) -> None:
        candidate, gate, code, message = refused
        self.drops.append(candidate.result.dropped(gate, code, message))

    def _choose(self, good: Sequence[Candidate]) -> None:
        left = self._whole_parts(good) if self.parts else None
        for candidate in good:
            result = candidate.result
            crowded = self._crowded(candidate)
            if not self.missing or (left is not None and not left[result.part]):
                self.drops.append(result.dropped("selection", "over_quota"))
            elif candidate.empty_arguments and self._empty >= int(self.most_empty * self.quota + 1e-9):
                told = "enough rows call without any argument"
                self.drops.append(result.dropped("selection", "empty_arguments", told))
            elif crowded:
                told = f"enough rows call {crowded}"
                self.drops.append(result.dropped("selection", "most_per_tool", told))
            elif not self.gate.assignment.fits(candidate.root, candidate.shows):
                told = "it shows a held-out tool, and its root is in another split"
                self.drops.append(result.dropped("splits", "held_out_tool", told))
            else:
                self._empty += candidate.empty_arguments
                self._by_tool.update(candidate.called)
                self.chosen.append(result.trajectory_id)
                self.gate.choose(candidate)
                if left is not None:
                    left[result.part] -= 1

    def _crowded(self, candidate: Candidate) -> str:
        """A tool of which there are enough rows; empty if there is none."""
        most = max(1, int(self.gate.most_per_tool * self.quota + 1e-9))
        return next((name for kit, name in sorted(candidate.called) if self._by_tool[kit, name] >= most), "")

    def _whole_parts(self, good: Sequence[Candidate]) -> Counter[str]:
        """Rows to take of each part: the most that keep all parts in proportion."""
        assert self.parts is not None
        there = Counter(one.result.part for one in good)
        for count in range(min(self.quota, there.total()), 0, -1):
            wanted = self.parts(count)
            if all(there[part] >= number for part, number in wanted.items()):
                return Counter(wanted)
        return Counter()

    def shortfall(self) -> str:
        """What is missing and why, in words."""
        against = [drop for drop in self.drops if drop.code != "over_quota"]
        reasons = Counter(f"{drop.gate} {drop.code}" for drop in against).most_common(3)
        top = ", ".join(f"{reason} ({count})" for reason, count in reasons) or "none"
        first = next((drop.message for drop in against if f"{drop.gate} {drop.code}" == reasons[0][0]), "")
        more = (
            "; more episodes or more tools make more, and mix: any takes every kind" if self.explored else ""
        )
        return (
            f"{f'{self.method} ' if self.explored else ''}{self.kind}: {self.missing} of {self.quota} rows missing "
            f"after {self.attempts} attempts; drops: {top}{f', the first: {first}' if first else ''}{more}"
        )


def cells(recipe: Recipe, surplus: float, gate: Gate | None = None) -> list[Cell]:
    """A cell for each method and kind of the mix; those that chains fill have one for every kind that a trial can
    come to, so that each trial is a row or a counted drop.
    """
    gate = gate or Gate()
    filled: list[Cell] = []
    shares = recipe.shares()
    for (method, kind), quota in shares.items():
        ste = recipe.methods.ste if method == "ste" else None
        most_empty = ste.max_empty_arguments if ste else 1.0
        rewriting = recipe.methods.rewriting.get(method)
        filled.append(
            Cell(
                method,
                kind,
                quota,
                surplus,
                method in recipe.methods.explored,
                most_empty,
                at_most=rewriting is not None and kind == ANY,
                parts=partial(rewriting.parts, kind) if rewriting else None,
                gate=gate,
            )
        )
    for method in recipe.methods.explored:
        if (method, ANY) not in shares:
            unasked = [kind for kind in KINDS if (method, kind) not in shares]
            filled += [Cell(method, kind, 0, surplus, True, gate=gate) for kind in unasked]
    return filled


def take_chains(filled: Sequence[Cell], results: Iterable[Result]) -> None:
    """Hand the results of chains to the cells of what they came to, the lowest numbers first."""
    ordered = sorted(results, key=lambda result: result.attempt)
    for cell in filled:
        if cell.explored:
            cell.take(one for one in ordered if one.method == cell.method and cell.kind in (one.kind, ANY))


def help_out(recipe: Recipe, filled: Sequence[Cell], methods: Collection[str]) -> None:
    """What the chains of these methods fell short of becomes the task of another method that makes the kind and has
    room for it.
    """
    for short in filled:
        for other in filled:
            if short.method not in methods or not short.missing or other.explored or other.kind != short.kind:
                continue
            cap = getattr(recipe.methods, other.method).rows or recipe.size
            room = cap - sum(one.quota for one in filled if one.method == other.method)
            moved = max(0, min(short.missing, room))
            short.quota -= moved
            other.quota += moved
