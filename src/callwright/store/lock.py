"""One writer or many readers at a time, by a lock file beside the store.

DuckDB locks its own file too, but that lock is lost, silently, when the owning process opens and closes
the file for any other reason (a checksum, a backup): so the store is guarded by a file of its own.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from callwright.errors import StoreBusyError, StoreError

_POLL_S = 0.05


class StoreLock:
    """Held while inside `with`; the system lets go of it when the process dies, however it dies.

    Who may read the folder but not write to it can hold a shared lock, if the file is there; nobody else's name is
    then put into it.
    """

    def __init__(self, path: Path, wait_s: float, *, shared: bool = False, purpose: str = "") -> None:
        self._path = path
        self._wait_s = wait_s
        self._shared = shared
        self._purpose = purpose or ("reading" if shared else "writing")
        self._file = -1

    def __enter__(self) -> StoreLock:
        self._named = True
        try:
            self._file = self._opened()
        except OSError as error:
            raise StoreError(
                f"{self._path}: the lock file cannot be opened ({error.strerror}); choose another folder with --data"
            ) from None
        try:
            self._acquire()
        except BaseException:
            os.close(self._file)
            raise
        if self._named:
            self._write(f"{os.getpid()} {self._purpose}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The file stays: removing it would let a third process lock a new file of the same name.
        if not self._shared:
            self._write("")
        os.close(self._file)

    def _opened(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError:
            if not self._shared or not self._path.exists():
                raise
            self._named = False
            return os.open(self._path, os.O_RDONLY)

    def _acquire(self) -> None:
        how = fcntl.LOCK_SH if self._shared else fcntl.LOCK_EX
        deadline = time.monotonic() + self._wait_s
        while True:
            try:
                fcntl.flock(self._file, how | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise StoreBusyError(self._busy()) from None
                time.sleep(_POLL_S)

    def _busy(self) -> str:
        text = os.pread(self._file, 200, 0).decode("utf-8", "replace").strip()
        pid, _, purpose = text.partition(" ")
        holder = f"process {pid} ({purpose})" if pid else "another process"
        if pid == str(os.getpid()):
            holder = f"this very process ({purpose})"
        return (
            f"{self._path.parent}: the store is in use by {holder}; waited {self._wait_s:g} s. "
            "Let it finish or stop it, or choose another folder with --data"
        )

    def _write(self, text: str) -> None:
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, text.encode(), 0)
