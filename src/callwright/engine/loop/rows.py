"""The rows that a loop works with: results on disk, found by the ids of their conversations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from callwright.engine.loop.stages import damaged
from callwright.engine.results import Result
from callwright.schemas.task import Kind, Task, Trajectory
from callwright.schemas.tool import Tool

BLOCK = 64
"""Rows that are worked on at once."""


class RowBook:
    """Accepted results of several files. Of each row only its place is kept in memory."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        """`tools`: those of all rows by their ids."""
        self._tools = tools
        self._places: dict[str, tuple[Path, int]] = {}
        self._labels: dict[str, tuple[str, Kind]] = {}

    def add(self, path: Path) -> list[str]:
        """Take in a file of results; the ids of its rows, in their order.

        Raises:
            StoreError: It was damaged since it was written.
        """
        found = []
        start = 0
        with path.open("rb") as file:
            for line in file:
                try:
                    result = Result.model_validate_json(line)
                except ValueError as error:
                    raise damaged(path) from error
                if result.accepted:
                    row = result.trajectory_id
                    self._places.setdefault(row, (path, start))
                    self._labels.setdefault(row, (result.root, result.row_kind or result.kind))
                    found.append(row)
                start += len(line)
        return found

    def __contains__(self, row: str) -> bool:
        return row in self._places

    def labels(self, row: str) -> tuple[str, Kind]:
        """A row's root task and kind."""
        return self._labels[row]

    def result(self, row: str) -> Result:
        path, start = self._places[row]
        with path.open("rb") as file:
            file.seek(start)
            return Result.model_validate_json(file.readline())

    def row(self, row: str) -> Trajectory:
        return self.of(self.result(row))

    def of(self, result: Result) -> Trajectory:
        return Trajectory.from_record(result.trajectory, Task.from_record(result.task, self._tools))

    def blocks(self, rows: Sequence[str]) -> Iterator[list[Trajectory]]:
        """The conversations of some rows, a block at a time."""
        left = iter(rows)
        while block := list(islice(left, BLOCK)):
            yield [self.row(row) for row in block]
