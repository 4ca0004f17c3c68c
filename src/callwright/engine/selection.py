"""Fill the quotas: the lowest-numbered accepted attempts of each cell, duplicates left out, a surplus set aside."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from callwright.engine.shards import SHARD_SIZE, Result, Shard
from callwright.schemas.recipe import Recipe
from callwright.schemas.task import Kind
from callwright.schemas.version import Drop

MOST_ATTEMPTS = 10
"""Attempts for each wanted row, at the most, before a cell is given up."""


@dataclass
class Cell:
    """One method's share of one kind: how many rows are wanted, and what its attempts have brought so far."""

    method: str
    kind: Kind
    quota: int
    surplus: float
    """Attempts to start with for each wanted row; above 1 where a teacher is known to fail at times."""
    attempts: int = 0
    chosen: list[str] = field(default_factory=list)
    """Ids of the accepted rows, in the order of their attempts, at most `quota`."""
    drops: list[Drop] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    @property
    def missing(self) -> int:
        return self.quota - len(self.chosen)

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
        if not self.missing or self.hopeless:
            return []
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
        for result in results:
            self.attempts += 1
            if not result.accepted:
                self._drop(result, result.gate, result.code, result.message)
            elif result.signature in self._seen:
                self._drop(
                    result, "duplicates", "same_conversation", "an earlier row says and calls the same"
                )
            elif not self.missing:
                self._drop(result, "selection", "over_quota", "")
            else:
                self._seen.add(result.signature)
                self.chosen.append(result.trajectory_id)

    def _drop(self, result: Result, gate: str, code: str, message: str) -> None:
        self.drops.append(
            Drop(
                method=self.method,
                kind=self.kind,
                attempt=result.attempt,
                gate=gate,
                code=code,
                message=message,
                trajectory=result.trajectory_id or None,
            )
        )

    def shortfall(self) -> str:
        """What is missing and why, in words."""
        against = [drop for drop in self.drops if drop.code != "over_quota"]
        reasons = Counter(f"{drop.gate} {drop.code}" for drop in against).most_common(3)
        top = ", ".join(f"{reason} ({count})" for reason, count in reasons) or "none"
        first = next((drop.message for drop in against if f"{drop.gate} {drop.code}" == reasons[0][0]), "")
        return (
            f"{self.kind}: {self.missing} of {self.quota} rows missing after {self.attempts} attempts; drops: {top}"
            + (f", the first: {first}" if first else "")
        )


def cells(recipe: Recipe, surplus: float) -> list[Cell]:
    """A cell for each kind of the mix; with one source method, it makes them all."""
    method = recipe.methods.names[0]
    return [Cell(method, kind, quota, surplus) for kind, quota in recipe.quotas().items()]
