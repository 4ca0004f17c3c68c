"""Several workers at one run: each has a journal of its own, reads those of the others, and claims what it works on.

The workers are processes on machines that see the same folder. All of them go through the same rounds, for a round
follows from the results of those before it; what one has made, the others read. Nobody is in charge: who dies lets go
of its claims, and its answers stay in its journal for whoever takes over.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from callwright.errors import RunBusyError, StoreBusyError
from callwright.llm.journal import Journal, Tail, is_held
from callwright.store.lock import StoreLock

LOOK_S = 0.5
"""Seconds between two looks whether others have finished what they had claimed."""
_CLAIMS = "claims"
_FIRST = "journal.jsonl"


def worker_file(name: str, worker: int) -> str:
    """The name of a worker's own file in a run's folder: `journal.jsonl` of the first one, then `journal-2.jsonl`."""
    stem, dot, ending = name.partition(".")
    return f"{stem}{f'-{worker}' if worker > 1 else ''}{dot}{ending}"


def journals(folder: Path, name: str = _FIRST) -> list[Path]:
    """The journals of all workers that a run has had, the first one first."""
    stem, _, ending = name.partition(".")
    found = {}
    for path in folder.glob(f"{stem}*.{ending}"):
        place = re.fullmatch(rf"{stem}(?:-(\d+))?\.{ending}", path.name)
        if place:
            found[int(place[1] or 1)] = path
    return [found[place] for place in sorted(found)]


class SharedJournal:
    """This worker's journal, and behind it those of the others, as far as they have been read.

    Entries are added to this worker's own.
    """

    def __init__(self, folder: Path, name: str, worker: int) -> None:
        """
        Raises:
            RunBusyError: Another process is this worker.
            StoreError: The file cannot be opened.
        """
        self._folder = folder
        self._name = name
        self._own = Journal(folder / worker_file(name, worker))
        self._others: dict[Path, Tail] = {}
        self.catch_up()

    def catch_up(self) -> None:
        """Take in what the others have written since."""
        for path in journals(self._folder, self._name):
            if path != self._own.path and path not in self._others:
                self._others[path] = Tail(path)
        for other in self._others.values():
            other.catch_up()

    def append(self, entry: dict[str, Any]) -> None:
        """Writes one entry; one that is there, here or with others, is not written again.

        Raises:
            StoreError: The line could not be written whole, such as on a full disk; the file is as before.
        """
        if entry["key"] not in self:
            self._own.append(entry)

    def get(self, key: str) -> dict[str, Any] | None:
        """The entry of a key, or None."""
        entry = self._own.get(key)
        if entry is not None:
            return entry
        for other in self._others.values():
            entry = other.get(key)
            if entry is not None:
                return entry
        return None

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Every entry once, those of this worker first."""
        yield from self._own
        seen: set[str] = set()
        for other in self._others.values():
            for entry in other:
                if entry["key"] not in self._own and entry["key"] not in seen:
                    seen.add(entry["key"])
                    yield entry

    def close(self) -> None:
        """Forces everything to the disk and lets go of this worker's place."""
        self._own.close()
        for other in self._others.values():
            other.close()


def take_place(folder: Path, *, join: bool) -> tuple[int, SharedJournal]:
    """A worker's number in a run, and its journal: the first place, or with `join` the first that is free.

    Raises:
        RunBusyError: Without `join`: another process is at the run.
        StoreError: The journal cannot be opened.
    """
    for worker in count(1):
        try:
            return worker, SharedJournal(folder, _FIRST, worker)
        except RunBusyError:
            if not join:
                raise
    raise AssertionError  # for the type checker: `count` does not end


def anybody_at(folder: Path) -> bool:
    """Whether a process is at the run now."""
    return any(is_held(path) for path in journals(folder))


@contextmanager
def claimed(folder: Path, name: str) -> Iterator[bool]:
    """Whether this worker may do what has this name; it is its own until the end of the `with`."""
    (folder / _CLAIMS).mkdir(exist_ok=True)
    lock = StoreLock(folder / _CLAIMS / f"{name}.lock", 0.0, purpose="claim")
    try:
        lock.__enter__()
    except StoreBusyError:
        yield False
        return
    try:
        yield True
    finally:
        lock.__exit__(None, None, None)


def free(folder: Path, name: str) -> bool:
    """Whether nobody has claimed it now."""
    with claimed(folder, name) as mine:
        return mine


async def until_done(
    folder: Path, made: dict[str, Path], do: Callable[[Sequence[str]], Awaitable[object]]
) -> None:
    """Go on until every file is there, whoever makes it.

    Args:
        folder: The run's.
        made: Name of a piece of work -> the file that it makes.
        do: Does those of the named pieces that nobody else has claimed.
    """
    left = list(made)
    while left:
        await do(left)
        while True:
            left = [name for name in left if not made[name].exists()]
            if not left:
                return
            loose = [name for name in left if free(folder, name)]
            if loose:
                break
            await asyncio.sleep(LOOK_S)


def claims_folder(folder: Path) -> Path:
    """Where claims lie; of no use once a run is over."""
    return folder / _CLAIMS
