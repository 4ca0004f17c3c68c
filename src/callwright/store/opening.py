"""Open the store of a data folder, and bring one that an earlier callwright wrote up to date."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from callwright.errors import OldStoreError, StoreBusyError, StoreError
from callwright.store.lock import StoreLock
from callwright.store.migrations import check, migrate

FILE_NAME = "callwright.duckdb"
LOCK_NAME = "callwright.lock"

Config = Mapping[str, Any]
"""DuckDB's settings by name."""

_CONFIG: Config = {
    # DuckDB 1.4 and every later one can read it; without this, 2.0 writes files that 1.x cannot.
    "storage_compatibility_version": "v1.4.0",
    # No downloads, ever.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_MEMORY = {True: "1GB", False: "2GB"}
"""What DuckDB may hold of a store that is written, or read: a page that is read has to fit in. What is more goes to the
disk. Left alone, it takes four fifths of the machine."""
_THREADS = min(4, os.cpu_count() or 1)
"""Each of DuckDB's threads wants memory of its own."""


@contextmanager
def opened(
    folder: Path, *, write: bool, wait_s: float, config: Config | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a store of this schema; made when it is opened for writing and not there yet.

    Args:
        folder: The data folder.
        write: Whether to write to it; then nobody else has it open.
        wait_s: Seconds to wait for those who have.
        config: Settings of DuckDB in place of our limits on memory and threads.

    Raises:
        StoreBusyError: Somebody else still holds it after `wait_s` seconds.
        OldStoreError: An earlier callwright wrote it, and the folder cannot be written.
        StoreError: There is none, it is not ours, or a newer callwright wrote it.
    """
    where = str(folder / FILE_NAME)

    def connected() -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return _connected(folder, write=write, wait_s=wait_s, config=config)

    with ExitStack() as stack:
        connection = stack.enter_context(connected())
        if write:
            migrate(connection, where)
        elif _is_old(connection, where):
            stack.close()
            _bring_up_to_date(folder, wait_s)
            connection = stack.enter_context(connected())
            check(connection, where)
        yield connection


def look(folder: Path, wait_s: float) -> None:
    """Open a store for reading and close it again, without bringing it up to date.

    Raises:
        As `opened`, and OldStoreError wherever an earlier callwright wrote it.
    """
    with _connected(folder, write=False, wait_s=wait_s) as connection:
        check(connection, str(folder / FILE_NAME))


def _is_old(connection: duckdb.DuckDBPyConnection, where: str) -> bool:
    try:
        check(connection, where)
    except OldStoreError:
        return True
    return False


def _bring_up_to_date(folder: Path, wait_s: float) -> None:
    try:
        with opened(folder, write=True, wait_s=wait_s):
            pass
    except StoreBusyError:
        raise
    except StoreError as error:
        raise OldStoreError(
            f"{error}; an earlier callwright wrote this store: it has to be brought up to date where it can be written"
        ) from None


@contextmanager
def _connected(
    folder: Path, *, write: bool, wait_s: float, config: Config | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    path = folder / FILE_NAME
    if write:
        _make_folder(folder)
    elif not path.exists():
        raise StoreError(f"{folder}: no store here yet; `callwright build` makes one")
    if config is None:
        config = {"memory_limit": _MEMORY[write], "threads": _THREADS}
    with (
        StoreLock(folder / LOCK_NAME, wait_s, shared=not write),
        closing(_connect(path, {**_CONFIG, **config}, write)) as connection,
    ):
        yield connection


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: the data folder cannot be made ({error.strerror})") from None


def _connect(path: Path, config: dict[str, Any], write: bool) -> duckdb.DuckDBPyConnection:
    try:
        connection = duckdb.connect(str(path), read_only=not write, config=config)
        if not config.get("lock_configuration"):
            # DuckDB draws a bar on stdout after two seconds where it takes a process for an interactive one.
            connection.execute("SET enable_progress_bar = false")
        return connection
    except duckdb.IOException as error:
        if "set lock" in str(error):  # "block" stands in what is said of damaged files
            raise StoreBusyError(
                f"{path}: another program has the file open; close it there ({first_line(error)})"
            ) from None
        raise StoreError(f"{path}: cannot be opened ({first_line(error)})") from None
    except duckdb.Error as error:
        raise StoreError(f"{path}: cannot be opened ({first_line(error)})") from None


def first_line(error: Exception) -> str:
    """What DuckDB says of an error, without the statement."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
