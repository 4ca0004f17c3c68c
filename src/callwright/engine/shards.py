"""A shard is a run of attempts of one method and kind: carried out together, written once, skipped when it is there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from callwright.engine.results import Result, read_results, write_results
from callwright.engine.rulings import Rulings
from callwright.errors import CallwrightError, GenerationError, ReplyError
from callwright.generators.base import Explored, Slot
from callwright.schemas.base import Record
from callwright.schemas.task import Kind

SHARD_SIZE = 128
"""Attempts in a shard: a scheduler's task costs about 10 ms, so one per row would drown it."""


class Shard(Record):
    """Attempts `first` to `first + count - 1` of one cell."""

    method: str
    kind: Kind
    first: int
    count: int

    @property
    def name(self) -> str:
        return f"{self.method}-{self.kind}-{self.first:07d}-{self.count}"

    def slots(self, seed: int) -> Iterator[Slot]:
        for attempt in range(self.first, self.first + self.count):
            yield Slot(method=self.method, kind=self.kind, attempt=attempt, seed=seed)


class Attempts:
    """Carries attempts out with a run's operators and judges."""

    def __init__(self, operators: Mapping[str, Any], rulings: Rulings, seed: int, under_way: int) -> None:
        self._operators = operators
        self._rulings = rulings
        self._seed = seed
        self._gate = asyncio.Semaphore(under_way)
        self.ended: Counter[tuple[str, str]] = Counter()
        """Attempts since the last look by gate and code, empty ones for accepted rows; whoever looks clears it."""

    async def run(self, shard: Shard, folder: Path) -> Path:
        """The shard's file, made unless it is there already.

        Raises:
            ModelError: The endpoint failed for good; what was answered so far is in the journal.
            BudgetError: A budget of the recipe is used up; the same holds.
        """
        path = folder / f"{shard.name}.jsonl"
        if path.exists():
            self.ended.update((result.gate, result.code) for result in read_results(path))
            return path
        results: list[Result | None] = [None] * shard.count
        try:
            async with asyncio.TaskGroup() as group:
                for index, slot in enumerate(shard.slots(self._seed)):
                    await self._gate.acquire()
                    group.create_task(self._keep(slot, results, index))
        except ExceptionGroup as errors:
            raise _first(errors) from None
        write_results(path, [result for result in results if result])
        return path

    async def _keep(self, slot: Slot, results: list[Result | None], index: int) -> None:
        try:
            result = results[index] = await self.attempt(slot)
            self.ended[result.gate, result.code] += 1
        finally:
            self._gate.release()

    async def attempt(self, slot: Slot) -> Result:
        """Make one row or the reason why there is none."""
        operators = self._operators[slot.method]
        identity = {"method": slot.method, "kind": slot.kind, "attempt": slot.attempt}
        try:
            task = await operators.source.task(slot)
            trajectory = await operators.rollout.trajectory(task, slot.name)
        except (GenerationError, ReplyError) as error:
            message = str(error).removeprefix(f"{error.code}: ")
            return Result(**identity, accepted=False, gate="generation", code=error.code, message=message)
        made = Explored(attempt=slot.attempt, trajectory=trajectory)
        return (await self._rulings.rule(made))[0]


def _first(errors: BaseExceptionGroup[Any]) -> BaseException:
    """The one error worth telling: ours before bugs' followers, the first otherwise."""
    found: list[BaseException] = []
    pending: list[BaseException] = [errors]
    while pending:
        error = pending.pop(0)
        if isinstance(error, BaseExceptionGroup):
            pending += error.exceptions
        else:
            found.append(error)
    bugs = [error for error in found if not isinstance(error, CallwrightError)]
    return (bugs or found)[0]
