"""What a run has been answered so far, one JSON line a call, so that no question is paid for twice."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from callwright.errors import RunBusyError, StoreError
from callwright.values.secrets import redact

logger = logging.getLogger(__name__)


class Journal:
    """An append-only file of ledger entries with an index by key.

    One process holds a journal at a time; within it, one thread. An entry is handed to the operating
    system before `append` returns, so it survives the death of the process at any moment. It is forced
    to the disk (fsync) on close and by the first append after `fsync_every_s` seconds: at a power failure
    the appends of at most that many seconds can be lost. Only keys and positions are kept in memory.
    """

    def __init__(self, path: Path | str, *, fsync_every_s: float = 5.0) -> None:
        """Opens or creates the file; a last line that was torn by a crash is dropped.

        Raises:
            RunBusyError: Another process, or another `Journal` of this one, holds it.
            StoreError: The file cannot be opened.
        """
        self.path = Path(path)
        self._fsync_every_s = fsync_every_s
        self._fsynced_at = time.monotonic()
        self._index: dict[str, tuple[int, int]] = {}
        self._fd = -1
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _take_lock(self.path)
            try:
                self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
                self._end = self._read_index()
            except OSError:
                os.close(self._lock)
                raise
        except OSError as error:
            raise StoreError(f"{self.path}: the journal cannot be opened: {error}") from error

    def append(self, entry: dict[str, Any]) -> None:
        """Writes one entry, without what looks like a secret.

        The first answer to a question stands: a key that is there is not written again.

        Raises:
            StoreError: The line could not be written whole, such as on a full disk; the file is as before.
        """
        key = entry["key"]
        if key in self._index:
            return
        # ASCII, because a lone surrogate in a tool's document has no UTF-8 form.
        line = redact(json.dumps(entry, separators=(",", ":"), allow_nan=False)).encode() + b"\n"
        self._write(line)
        self._index[key] = (self._end, len(line))
        self._end += len(line)
        if time.monotonic() - self._fsynced_at >= self._fsync_every_s:
            self._fsync()

    def get(self, key: str) -> dict[str, Any] | None:
        """The entry of a key, or None."""
        place = self._index.get(key)
        if place is None:
            return None
        offset, length = place
        entry: dict[str, Any] = json.loads(os.pread(self._fd, length, offset))
        return entry

    def __contains__(self, key: object) -> bool:
        return key in self._index

    def __len__(self) -> int:
        return len(self._index)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Every entry in the order of writing, read from the file one at a time."""
        return self.after(0)

    def after(self, count: int) -> Iterator[dict[str, Any]]:
        """The entries beyond the first `count`, in the order of writing."""
        for offset, length in islice(list(self._index.values()), count, None):
            yield json.loads(os.pread(self._fd, length, offset))

    def close(self) -> None:
        """Forces everything to the disk and lets go of the lock."""
        if self._fd < 0:
            return
        try:
            self._fsync()
        finally:
            os.close(self._fd)
            self._fd = -1
            os.ftruncate(self._lock, 0)
            os.close(self._lock)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_index(self) -> int:
        """Fills the index; returns where the last complete line ends."""
        end = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    os.ftruncate(self._fd, end)
                    break
                key = _key(line)
                if key is None:
                    logger.warning("%s: the line at byte %d is damaged and is passed over", self.path, end)
                else:
                    self._index.setdefault(key, (end, len(line)))
                end += len(line)
        return end

    def _write(self, line: bytes) -> None:
        reason = "only a part of the line could be written"
        try:
            if os.write(self._fd, line) == len(line):
                return
        except OSError as error:
            reason = os.strerror(error.errno or 0)
        os.ftruncate(self._fd, self._end)
        raise StoreError(
            f"{self.path}: an answer could not be written ({reason}); make room on the disk and run again, "
            "all answers before this one are kept"
        )

    def _fsync(self) -> None:
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise StoreError(f"{self.path}: the disk did not take the journal: {error}") from error
        self._fsynced_at = time.monotonic()


def _key(line: bytes) -> str | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    key = entry.get("key") if isinstance(entry, dict) else None
    return key if isinstance(key, str) else None


def _take_lock(path: Path) -> int:
    """A locked sibling file with our process id in it; the operating system unlocks it when we die."""
    lock = path.with_name(f"{path.name}.lock")
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(handle, 32, 0).decode(errors="replace").strip()
        os.close(handle)
        holder = f"process {pid}" if pid else "another process"
        raise RunBusyError(f"{path}: {holder} holds this journal ({lock}); wait for it to end") from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle
