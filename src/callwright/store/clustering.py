"""Rows by the first digits of their ids, whatever order they come in: gathered on the disk, a part of all in memory.

A version lists its rows by id. Where they lie so, too, a page of it is read without a look at all that was ever stored.
Within a part the order does not matter, and DuckDB, which passes over what it has, does not keep it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

_IN_MEMORY = 64 * 2**20
"""Bytes beyond which the disk is used."""
_ROWS = 5_000
"""Rows that are given back at once, and somewhat more."""


class Clustered:
    """Tables go in by `add`, and come back by iteration, in the order of the first two digits of `id`.

    Args:
        folder: Where there is room for all of them; nothing is left in it, even by a process that is killed.
    """

    def __init__(self, folder: Path) -> None:
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(folder))  # noqa: SIM115 - closed by __exit__
        self._parts: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        """First digits -> where their rows are. Ids are digests, so each part is about as large."""
        self._schema: pa.Schema | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, table: pa.Table) -> None:
        """Take some rows in."""
        if not table.num_rows:
            return
        self._schema = table.schema
        ordered = table.sort_by("id").combine_chunks()
        runs = pc.run_end_encode(pc.utf8_slice_codeunits(ordered["id"].combine_chunks(), 0, 2))
        start = 0
        for digits, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            for batch in ordered.slice(start, end - start).to_batches():
                text = batch.serialize()
                self._parts[digits].append((self._file.tell(), text.size))
                self._file.write(text)
            start = end

    def __iter__(self) -> Iterator[pa.Table]:
        waiting: list[pa.RecordBatch] = []
        for digits in sorted(self._parts):
            waiting += map(self._read, self._parts[digits])
            if sum(batch.num_rows for batch in waiting) >= _ROWS:
                yield pa.Table.from_batches(waiting)
                waiting = []
        if waiting:
            yield pa.Table.from_batches(waiting)

    def _read(self, place: tuple[int, int]) -> pa.RecordBatch:
        at, size = place
        self._file.seek(at)
        return pa.ipc.read_record_batch(pa.py_buffer(self._file.read(size)), self._schema)
