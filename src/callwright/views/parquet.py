"""Parquet files in the Hub's layout, written row group by row group, the same bytes every time."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_PER_GROUP = 1_000
BYTES_PER_GROUP = 64 * 2**20
MAX_FILE_BYTES = 500 * 10**6
"""A file that has grown beyond this is closed and the next one begun; what `datasets` does too."""


class SplitWriter:
    """The files of one split of one config: `train-00000-of-00002.parquet` and on.

    Rows arrive with JSON as plain text; `schema` may say that such a column is JSON to Arrow.
    """

    def __init__(self, folder: Path, split: str, schema: pa.Schema, max_bytes: int = MAX_FILE_BYTES) -> None:
        self._folder = folder
        self._split = split
        self._schema = schema
        self._plain = pa.schema([(field.name, _plain_type(field.type)) for field in schema])
        self._max_bytes = max_bytes
        self._parts: list[Path] = []
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0
        self._table = self._plain.empty_table()
        """What came as a table and is not yet a whole row group."""
        self._sink: IO[bytes] | None = None
        self._writer: pq.ParquetWriter | None = None
        self.count = 0

    def __enter__(self) -> SplitWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
            self._write(self._table)
        self._end_file()
        if kind is None:
            for number, part in enumerate(self._parts):
                name = f"{self._split}-{number:05d}-of-{len(self._parts):05d}.parquet"
                part.rename(self._folder / name)

    def add(self, row: dict[str, Any], size: int) -> None:
        """Append a row of about `size` bytes."""
        self._rows.append(row)
        self._bytes += size
        self.count += 1
        if len(self._rows) >= ROWS_PER_GROUP or self._bytes >= BYTES_PER_GROUP:
            self._flush()

    def add_table(self, table: pa.Table) -> None:
        """Append rows, JSON as plain text, in the order of the schema's columns; not to be mixed with `add`."""
        self.count += table.num_rows
        waiting = pa.concat_tables([self._table, table.cast(self._plain)])
        whole = len(waiting) - len(waiting) % ROWS_PER_GROUP
        for start in range(0, whole, ROWS_PER_GROUP):
            self._write(waiting.slice(start, ROWS_PER_GROUP))
        self._table = waiting.slice(whole)

    def _flush(self) -> None:
        self._write(pa.Table.from_pylist(self._rows, schema=self._plain))
        self._rows, self._bytes = [], 0

    def _write(self, table: pa.Table) -> None:
        """One row group, or several where its texts are long."""
        if not len(table):
            return
        if table.nbytes > BYTES_PER_GROUP and len(table) > 1:
            half = len(table) // 2
            self._write(table.slice(0, half))
            self._write(table.slice(half))
            return
        sink, writer = self._file()
        # Arrow's JSON type cannot be built directly, only cast from text. In one piece, so that the bytes of a file do
        # not depend on how its rows came.
        writer.write_table(table.combine_chunks().cast(self._schema), row_group_size=len(table))
        if sink.tell() >= self._max_bytes:
            self._end_file()

    def _file(self) -> tuple[IO[bytes], pq.ParquetWriter]:
        if self._sink is None or self._writer is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            part = self._folder / f"{self._split}.{len(self._parts)}.part"
            self._parts.append(part)
            self._sink = part.open("wb")
            self._writer = pq.ParquetWriter(
                self._sink,
                self._schema,
                compression="zstd",
                # Chunks follow content: the Hub stores again only what changed between versions.
                use_content_defined_chunking=True,
                write_page_index=True,
            )
        return self._sink, self._writer

    def _end_file(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._sink is not None:
            self._sink.close()
        self._writer = self._sink = None


def _plain_type(type_: pa.DataType) -> pa.DataType:
    if isinstance(type_, pa.ListType):
        return pa.list_(_plain_type(type_.value_type))
    return type_.storage_type if isinstance(type_, pa.BaseExtensionType) else type_
