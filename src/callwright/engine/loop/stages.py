"""A stage of a loop is a file: made once, written whole, read when it is there. A loop goes on where it was cut."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

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
        folder.mkdir(parents=True, exist_ok=True)

    async def file(self, name: str, told: str, work: Callable[[Path], Awaitable[None]]) -> Path:
        """The stage's file or folder; `work` writes it to the path that it is given."""
        path = self.folder / name
        if path.exists():
            return path
        self.tell(told)

        async def job(_: object) -> Path:
            begun = time.monotonic()
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f"{path.name}.part")
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
            text = "".join(one.model_dump_json() + "\n" for one in made)
            _write(path, text)

        path = await self.file(f"{name}.jsonl", told, write)
        return read_records(path, record)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Notes how long something took that is no file of its own."""
        begun = time.monotonic()
        yield
        self._note(name, time.monotonic() - begun)

    @property
    def seconds(self) -> dict[str, float]:
        """Stage -> seconds of the sitting that finished it."""
        path = self.folder / _TIMES
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def _note(self, name: str, seconds: float) -> None:
        times = self.seconds | {name: round(seconds, 1)}
        temporary = self.folder / f"{_TIMES}.part"
        _write(temporary, json.dumps(times))
        temporary.replace(self.folder / _TIMES)


_TIMES = "seconds.json"


def read_records(path: Path, record: type[R]) -> list[R]:
    """
    Raises:
        StoreError: A line was damaged since it was written.
    """
    try:
        lines: Sequence[str] = path.read_text(encoding="utf-8").splitlines()
        return [record.model_validate_json(line) for line in lines]
    except (ValidationError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path}: damaged since it was written; delete this file and run again, it is made anew"
        ) from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); free some space and run again"
        ) from error
