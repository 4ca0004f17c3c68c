"""Source rows of rewriting methods: a version's conversations, or those of other methods of the run, block by block."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from callwright.engine.results import Result
from callwright.engine.workshop import Workshop
from callwright.errors import StoreError
from callwright.schemas.task import Task, Trajectory
from callwright.schemas.tool import Tool
from callwright.schemas.version import Version
from callwright.store import Store

Row = tuple[dict[str, Any], dict[str, Any]]
"""A conversation and its task, as the store keeps them."""

BLOCK = 64
"""Rows in a block, which is one chain of a method."""

WAIT_S = 60.0
"""Seconds to wait for somebody else's commit to end."""


class SourceRows:
    """The rows of one version in its order. They are copied to a file, so that the store stays free."""

    def __init__(self, path: Path, tools: Mapping[str, Tool]) -> None:
        self._path = path
        self._tools = tools
        self._starts: list[int] = []
        with path.open("rb") as file:
            for number, line in enumerate(iter(file.readline, b"")):
                if number % BLOCK == 0:
                    self._starts.append(file.tell() - len(line))

    def __len__(self) -> int:
        return len(self._starts)

    def block(self, number: int) -> list[Trajectory]:
        with self._path.open("rb") as file:
            file.seek(self._starts[number])
            return [self._row(line) for line in islice(file, BLOCK)]

    def _row(self, line: bytes) -> Trajectory:
        trajectory, task = json.loads(line)
        return Trajectory.from_record(trajectory, Task.from_record(task, self._tools))


def with_origins(workshop: Workshop, data: Path) -> Workshop:
    """The workshop that knows which versions its rewriting methods start from.

    Raises:
        StoreError: There is no such version.
    """
    versions = workshop.recipe.methods.from_versions
    if not versions or workshop.origins:
        return workshop
    with Store.open(data, write=False, wait_s=WAIT_S) as store:
        found = {name: store.version(version) for name, version in versions.items()}
    return replace(workshop, origins=found)


def source_rows(workshop: Workshop, data: Path, folder: Path) -> dict[str, SourceRows]:
    """Rewriting method -> the rows that it starts from; their copies lie in the run's folder.

    Raises:
        StoreError: The store cannot be read, or the copy cannot be written.
    """
    if not workshop.origins:
        return {}
    with Store.open(data, write=False, wait_s=WAIT_S) as store:
        return {name: _copied(store, version, folder) for name, version in workshop.origins.items()}


def chosen_rows(
    results: Iterable[Result], chosen: Collection[str], tools: Mapping[str, Tool], folder: Path, method: str
) -> SourceRows:
    """The chosen ones among a run's results, in their order, for a method of the same recipe to start from.

    Raises:
        StoreError: The copy cannot be written.
    """
    left = set(chosen)
    path = folder / f"from-{method}.jsonl"

    def rows() -> Iterator[Row]:
        for result in results:
            if result.accepted and result.trajectory_id in left:
                left.discard(result.trajectory_id)
                yield result.trajectory, result.task

    _write(path, rows())
    return SourceRows(path, tools)


def source_copies(folder: Path) -> list[Path]:
    """The copies that lie in a run's folder."""
    return sorted(folder.glob("from-*.jsonl"))


def _copied(store: Store, version: Version, folder: Path) -> SourceRows:
    path = folder / f"from-{version.id[:12]}.jsonl"
    used: set[str] = set()

    def rows() -> Iterator[Row]:
        for _, trajectory, task in store.rows(version):
            used.update(task["tools"], [task["withheld"]] if task["withheld"] else [])
            yield trajectory, task

    _write(path, rows())
    return SourceRows(path, store.tools(used))


def _write(path: Path, rows: Iterable[Row]) -> None:
    try:
        # Workers that share a run write the same file, maybe at the same moment.
        with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix="from-", delete=False) as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        Path(file.name).replace(path)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); free some space and run again"
        ) from error
