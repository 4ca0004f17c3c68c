"""Rows by the first digits of an id, whatever order they come in: gathered on the disk, a part of all in memory.

A version lists its rows by id. Where they lie so, too, a page of it is read without a look at all that was ever stored,
and whether a row is there already is found out without an index, which DuckDB would hold in memory whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Self

import pyarrow as pa
import pyarrow.compute as pc

_IN_MEMORY = 32 * 2**20
"""Bytes that are gathered before they are put in order, and beyond which the disk is used."""
_ROWS = 5_000
"""Rows that are given back at once, and somewhat more."""


class Clustered:
    """Tables go in by `add`, and come back by iteration, in the order of the first two digits of a column.

    What has the same digits comes back in the order in which it came.

    Args:
        folder: Where there is room for all of them; nothing is left in it, even by a process that is killed.
        by: The column, a digest: so each part is about as large.
    """

    def __init__(self, folder: Path, by: str) -> None:
        self._folder = folder
        self._by = by
        self._waiting: list[pa.Table] = []
        self._size = 0
        """Bytes that wait."""
        self._file: IO[bytes] | None = None
        self._parts: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        """First digits -> where their rows are."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, table: pa.Table) -> None:
        """Take some rows in."""
        if len(table):
            self._waiting.append(table)
            self._size += table.nbytes
        if self._size > _IN_MEMORY:
            self._put_down()

    def __iter__(self) -> Iterator[pa.Table]:
        if self._file is not None:
            self._put_down()
        parts = (
            self._ordered() if self._file is None else ((one, self._read(one)) for one in sorted(self._parts))
        )
        waiting: list[pa.Table] = []
        for _, part in parts:
            waiting.append(part)
            if sum(map(len, waiting)) >= _ROWS or _bytes(waiting) > _IN_MEMORY:
                yield from _pieces(waiting)
                waiting = []
        yield from _pieces(waiting)

    def _ordered(self) -> Iterator[tuple[str, pa.Table]]:
        """What waits, by its first digits."""
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting)
        self._waiting, self._size = [], 0
        digits = pc.utf8_slice_codeunits(table[self._by], 0, 2)
        order = pc.sort_indices(digits)  # stable
        ordered = table.take(order)
        runs = pc.run_end_encode(digits.take(order).combine_chunks())
        start = 0
        for name, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            yield name, ordered.slice(start, end - start)
            start = end

    def _put_down(self) -> None:
        if self._file is None:
            self._file = TemporaryFile(dir=str(self._folder))  # noqa: SIM115 - closed by __exit__
        for digits, table in self._ordered():
            start = self._file.tell()
            with pa.ipc.new_stream(self._file, table.schema) as stream:
                stream.write_table(table)
            self._parts[digits].append((start, self._file.tell() - start))

    def _read(self, digits: str) -> pa.Table:
        assert self._file
        read = []
        for at, size in self._parts[digits]:
            self._file.seek(at)
            read.append(pa.ipc.open_stream(self._file.read(size)).read_all())
        return pa.concat_tables(read)


def _bytes(tables: Sequence[pa.Table]) -> int:
    return sum(table.nbytes for table in tables)


def _pieces(tables: Sequence[pa.Table]) -> Iterator[pa.Table]:
    """All rows, about as many bytes at once as may be gathered."""
    if tables:
        size = sum(map(len, tables)) // (_bytes(tables) // _IN_MEMORY + 1) + 1
        whole = pa.concat_tables(tables)
        yield from (whole.slice(start, size) for start in range(0, len(whole), size))


def first_of(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Of rows with the same keys the first."""
    numbered = table.select(keys).append_column("at", pa.array(range(len(table)), pa.int64()))
    places = numbered.group_by(keys, use_threads=False).aggregate([("at", "min")])["at_min"]
    return table if len(places) == len(table) else table.take(places.sort())
