"""Source rows of rewriting methods: a version's conversations, read back from the store, block by block."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from callwright.engine.workshop import Workshop
from callwright.errors import StoreError
from callwright.schemas.task import Task, Trajectory
from callwright.schemas.tool import Tool
from callwright.schemas.version import Version
from callwright.store import Store

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


def with_sources(workshop: Workshop, data: Path) -> Workshop:
    """The workshop that knows which versions its rewriting methods start from.

    Raises:
        StoreError: There is no such version.
    """
    methods = workshop.recipe.methods.rewriting
    if not methods or workshop.sources:
        return workshop
    with Store.open(data, write=False, wait_s=WAIT_S) as store:
        found = {name: store.version(method.from_) for name, method in methods.items()}
    return replace(workshop, sources=found)


def source_rows(workshop: Workshop, data: Path, folder: Path) -> dict[str, SourceRows]:
    """Rewriting method -> the rows that it starts from; their copies lie in the run's folder.

    Raises:
        StoreError: The store cannot be read, or the copy cannot be written.
    """
    if not workshop.sources:
        return {}
    with Store.open(data, write=False, wait_s=WAIT_S) as store:
        return {name: _copied(store, version, folder) for name, version in workshop.sources.items()}


def source_copies(workshop: Workshop, folder: Path) -> list[Path]:
    """The copies that `source_rows` makes."""
    return [_place(version, folder) for version in workshop.sources.values()]


def _place(version: Version, folder: Path) -> Path:
    return folder / f"from-{version.id[:12]}.jsonl"


def _copied(store: Store, version: Version, folder: Path) -> SourceRows:
    path = _place(version, folder)
    used: set[str] = set()
    temporary = path.with_suffix(".part")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            for _, trajectory, task in store.rows(version):
                used |= {*task["tools"], *([task["withheld"]] if task["withheld"] else [])}
                file.write(json.dumps([trajectory, task]) + "\n")
        temporary.replace(path)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); free some space and run again"
        ) from error
    return SourceRows(path, store.tools(used))
