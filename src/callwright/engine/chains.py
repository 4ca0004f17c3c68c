"""A chain is attempts that depend on each other: gone through in order, written once, skipped when it is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from callwright.engine.results import Result, read_results, write_results
from callwright.engine.rulings import Rulings
from callwright.engine.shards import Shard
from callwright.generators.base import Explored, Explorer
from callwright.generators.conversing import together
from callwright.schemas.base import Record
from callwright.schemas.task import Trajectory

_AT_ONCE = 4
"""Rows of a chain that are judged at once."""


class Chain(Record):
    """One chain of a method that explores."""

    method: str
    chain: str
    """Its name with the explorer: `toolkit.tool`."""
    place: int

    @property
    def name(self) -> str:
        return f"{self.method}-chain-{self.place:04d}-{self.chain}"


Job = Shard | Chain
"""What a runner runs."""


class Chains:
    """Goes through chains with a run's explorers and judges."""

    def __init__(
        self, explorers: Mapping[str, Explorer], rulings: Rulings, ended: Counter[tuple[str, str]]
    ) -> None:
        """`ended` counts attempts by gate and code, empty ones for accepted rows; whoever looks clears it."""
        self._explorers = dict(explorers)
        self._rulings = rulings
        self._ended = ended

    def add(self, explorers: Mapping[str, Explorer]) -> None:
        """Take in further methods."""
        self._explorers |= explorers

    def all(self, methods: Collection[str] | None = None) -> list[Chain]:
        """The chains of some methods, or of all, in the order of their numbers."""
        return [
            Chain(method=method, chain=name, place=place)
            for method, explorer in self._explorers.items()
            if methods is None or method in methods
            for place, name in enumerate(explorer.chains())
        ]

    async def run(self, chain: Chain, folder: Path) -> Path:
        """The chain's file, made unless it is there already.

        Raises:
            ModelError: The endpoint failed for good; what was answered so far is in the journal.
            BudgetError: A budget of the recipe is used up; the same holds.
        """
        path = folder / f"{chain.name}.jsonl"
        if path.exists():
            self._ended.update((result.gate, result.code) for result in read_results(path))
            return path
        explorer = self._explorers[chain.method]
        results, rows = await self.settle(chain.method, await explorer.explore(chain.chain))
        more, _ = await self.settle(chain.method, await explorer.multiply(chain.chain, rows))
        write_results(path, results + more)
        return path

    async def settle(
        self, method: str, explored: Sequence[Explored]
    ) -> tuple[list[Result], list[Trajectory]]:
        """The results of a chain's attempts, and the conversations that were accepted."""
        results: list[Result] = []
        accepted: list[Trajectory] = []
        # Executing calls again is another process's work: the next row is judged meanwhile.
        ruled = iter(
            await together((self._rulings.rule(one) for one in explored if one.trajectory), _AT_ONCE)
        )
        for one in explored:
            if one.trajectory is None:
                # What was imagined, had it come to anything, is served by one call as a rule.
                result = Result(
                    method=method,
                    kind="single",
                    attempt=one.attempt,
                    accepted=False,
                    gate=one.gate,
                    code=one.code,
                    message=one.message,
                )
            else:
                result, row = next(ruled)
                accepted += [row] if result.accepted else []
            results.append(result)
            self._ended[result.gate, result.code] += 1
        return results, accepted
