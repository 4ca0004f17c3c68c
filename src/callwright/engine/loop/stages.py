"""A stage of a loop is a file: made once, written whole, read when it is there. A loop goes on where it was cut."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from callwright.engine.build import Runner
from callwright.errors import StoreError
from callwright.schemas.base import Record

R = TypeVar("R", bound=Record)


class Stage(Record):
    """One stage, as a runner knows it."""

    name: str


class Stages:
    """Does the stages of one round, each as one job of a runner."""

    def __init__(self, folder: Path, runner: Runner, tell: Callable[[str], None]) -> None:
        self.folder = folder
        self.runner = runner
        self.tell = tell
        with written(folder):
            folder.mkdir(parents=True, exist_ok=True)

    async def file(self, name: str, told: str, work: Callable[[Path], Awaitable[None]]) -> Path:
        """The stage's file or folder; `work` writes it to the path that it is given."""
        path = self.folder / name
        if path.exists():
            return path
        self.tell(told)

        async def job(_: object) -> Path:
            begun = time.monotonic()
            temporary = path.with_name(f"{path.name}.part")
            with written(path):
                await work(temporary)
                # Before the file, so that whoever sees the file knows how long it took.
                self._note(name, time.monotonic() - begun)
                temporary.replace(path)
            return path

        await self.runner.run([Stage(name=f"{self.folder.name}/{name}")], job, 1)  # type: ignore[list-item]
        return path

    async def records(
        self, name: str, told: str, record: type[R], work: Callable[[], Awaitable[Iterable[R]]]
    ) -> list[R]:
        """The stage's records, one a line."""

        async def write(path: Path) -> None:
            made = await work()
            _force(path, "".join(one.model_dump_json() + "\n" for one in made))

        path = await self.file(f"{name}.jsonl", told, write)
        return read_records(path, record)

    async def record(self, name: str, told: str, record: type[R], work: Callable[[], Awaitable[R]]) -> R:
        """The one record of a stage that has no more."""

        async def alone() -> list[R]:
            return [await work()]

        found = await self.records(name, told, record, alone)
        if len(found) != 1:
            raise damaged(self.folder / f"{name}.jsonl")
        return found[0]

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Notes how long something took that is no file of its own."""
        begun = time.monotonic()
        yield
        self._note(name, time.monotonic() - begun)

    @property
    def seconds(self) -> dict[str, float]:
        """Stage -> seconds of the sitting that finished it."""
        try:
            return dict(json.loads((self.folder / _TIMES).read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):
            # No row depends on it.
            return {}

    def _note(self, name: str, seconds: float) -> None:
        replace(self.folder / _TIMES, json.dumps(self.seconds | {name: round(seconds, 1)}))


_TIMES = "seconds.json"


def read_records(path: Path, record: type[R]) -> list[R]:
    """
    Raises:
        StoreError: A line was damaged since it was written.
    """
    try:
        lines: Sequence[str] = path.read_text(encoding="utf-8").splitlines()
        return [record.model_validate_json(line) for line in lines]
    except ValueError as error:
        raise damaged(path) from error


def damaged(path: Path) -> StoreError:
    """The error of a stage's file that cannot be read."""
    return StoreError(
        f"{path}: damaged since it was written; delete this file and run again, it is made anew"
    )


def replace(path: Path, text: str) -> None:
    """Write a small file whole or not at all.

    Raises:
        StoreError: It cannot be written.
    """
    temporary = path.with_name(f"{path.name}.part")
    with written(path):
        _force(temporary, text)
        temporary.replace(path)


def _force(path: Path, text: str) -> None:
    """Onto the disk, for a file that a power failure has emptied would be read as one without records."""
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Whoever writes a path in here is refused in one line.

    Raises:
        StoreError: It cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); make room or choose another folder with --data, and run "
            "again"
        ) from error
