"""A shard is a run of attempts of one method and kind: carried out together, written once, skipped when it is there."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonlines
from pydantic import ValidationError

from callwright.errors import CallwrightError, GenerationError, JudgeError, ReplyError, StoreError
from callwright.generators.base import Slot
from callwright.judges.base import Judge
from callwright.judges.normaliser import Mend, normalise
from callwright.schemas.base import Record, digest
from callwright.schemas.task import Kind, Trajectory
from callwright.schemas.verdict import RUNGS, Rung, Verdict
from callwright.values.mentions import fold

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


class Result(Record):
    """What came of one attempt: one line of a shard's file."""

    method: str
    kind: Kind
    attempt: int
    accepted: bool
    gate: str = ""
    code: str = ""
    message: str = ""
    signature: str = ""
    """Digest of what was said and called; equal ones are duplicates."""
    root: str = ""
    task_id: str = ""
    task: dict[str, Any] = {}
    trajectory_id: str = ""
    trajectory: dict[str, Any] = {}
    row_kind: Kind | None = None
    """The kind that was read off the messages."""
    verdicts: tuple[Verdict, ...] = ()
    mends: tuple[Mend, ...] = ()
    """What was trimmed or taken out of the loss before the verdicts."""


class Attempts:
    """Carries attempts out with a run's operators and judges."""

    def __init__(
        self,
        operators: Mapping[str, Any],
        judges: tuple[Judge, ...],
        accept: Rung,
        seed: int,
        under_way: int,
        max_calls: int,
    ) -> None:
        self._operators = operators
        self._judges = judges
        self._rungs = RUNGS[: RUNGS.index(accept) + 1]
        self._max_calls = max_calls
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
            trajectory, mends = normalise(
                await operators.rollout.trajectory(task, slot.name), self._max_calls
            )
        except (GenerationError, ReplyError) as error:
            message = str(error).removeprefix(f"{error.code}: ")
            return Result(**identity, accepted=False, gate="generation", code=error.code, message=message)
        verdicts = await self._judge(trajectory)
        gate, code, message = self._ruling(trajectory, verdicts)
        return Result(
            **identity,
            accepted=not code,
            gate=gate,
            code=code,
            message=message,
            signature=signature(trajectory),
            root=task.root,
            task_id=task.id,
            task=task.record(),
            trajectory_id=trajectory.id,
            trajectory=trajectory.record(),
            row_kind=trajectory.kind,
            verdicts=tuple(verdicts),
            mends=mends,
        )

    async def _judge(self, trajectory: Trajectory) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for judge in self._judges:
            try:
                verdicts += await judge.judge(trajectory)
            except JudgeError as error:
                verdicts.append(
                    Verdict(
                        trajectory=trajectory.id,
                        judge=judge.name,
                        rung=judge.rung,
                        outcome="undecided",
                        code="unjudged",
                        message=str(error),
                    )
                )
        return verdicts

    def _ruling(self, trajectory: Trajectory, verdicts: list[Verdict]) -> tuple[str, str, str]:
        """Gate, code and message of the first reason against a row; empty when it is accepted."""
        # What execution contradicts is wrong, whichever rung the recipe asks for.
        against = [
            verdict
            for verdict in verdicts
            if (verdict.outcome != "pass" and verdict.rung in self._rungs)
            or (verdict.outcome == "fail" and verdict.rung in ("L2", "L3"))
        ]
        if against:
            worst = min(against, key=lambda verdict: RUNGS.index(verdict.rung))
            return worst.rung, worst.code, worst.message
        if trajectory.kind != trajectory.task.kind:
            return "selection", "other_kind", f"meant to be {trajectory.task.kind}, became {trajectory.kind}"
        return "", "", ""


def signature(trajectory: Trajectory) -> str:
    """Digest of what the user said and what was called, wording folded, ids left aside."""
    said = [fold(message.content) for message in trajectory.messages if message.role == "user"]
    return digest([said, [[call.name, call.arguments] for call in trajectory.tool_calls]])


def write_results(path: Path, results: list[Result]) -> None:
    """Write a shard's file whole or not at all, and force it to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            writer = jsonlines.Writer(file)
            writer.write_all(result.model_dump(mode="json") for result in results)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); free some space and run again"
        ) from error


def read_results(path: Path) -> Iterator[Result]:
    """The results of a shard's file, one at a time.

    Raises:
        StoreError: A line was damaged since it was written.
    """
    with jsonlines.open(path) as reader:
        try:
            for line in reader:
                yield Result.model_validate(line)
        except (jsonlines.InvalidLineError, ValidationError) as error:
            raise StoreError(
                f"{path}: damaged since it was written; delete this file and run again, it is made anew from the "
                "journal"
            ) from error


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
