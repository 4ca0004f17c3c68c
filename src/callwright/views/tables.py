"""Views that are parquet: the configs `typed` and `portable` hold the same rows.

`typed` keeps each message and each tool as a JSON value of its own, so that no tool's arguments merge with another's
(datasets >= 4.7). `portable` keeps each such list as one JSON text, which any Parquet reader understands.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from datasets import Features, Json, List, Value

from callwright.schemas.version import SPLITS
from callwright.views.parquet import MAX_FILE_BYTES, SplitWriter, Together

TYPED, PORTABLE = "typed", "portable"


class Tables(Together):
    """The files of one export, written row group by row group; an empty list is null, in both configs.

    Args:
        folder: Where they go.
        lists: Columns that are lists of JSON values, in their order.
        labels: Columns of text after them; `id` stands before all.
        numbers: Columns of whole numbers, last.
        max_bytes: A file that has grown beyond this is closed and the next one begun.
    """

    files = "{split}-*.parquet"
    """Pattern of the files of a split, below the folder of its config."""

    def __init__(
        self,
        folder: Path,
        lists: Sequence[str],
        labels: Sequence[str],
        numbers: Sequence[str] = (),
        max_bytes: int = MAX_FILE_BYTES,
    ) -> None:
        super().__init__()
        self.folder = folder
        self.dropped: Counter[str] = Counter()
        """Reason -> how often the view had no place for something."""
        self.left_out: Counter[str] = Counter()
        """Config -> rows that it cannot hold exactly."""
        self.columns = ("id", *lists, *labels, *numbers)
        """Those of tables that `add_table` takes."""
        self._lists = list(lists)
        self._beside = self._stack.enter_context(ThreadPoolExecutor(1))
        self._writers = {
            (config, split): self._stack.enter_context(SplitWriter(folder / config, split, schema, max_bytes))
            for config, schema in _schemas(lists, labels, numbers).items()
            for split in map(str, SPLITS)
        }

    @property
    def rows(self) -> dict[str, dict[str, int]]:
        """Config -> split -> rows; what is empty is left out, for a split without a file cannot be loaded."""
        counts: dict[str, dict[str, int]] = {}
        for (config, split), writer in self._writers.items():
            if writer.count:
                counts.setdefault(config, {})[split] = writer.count
        return counts

    def add(
        self, split: str, lists: Mapping[str, Sequence[str]], labels: Mapping[str, str | int | None]
    ) -> None:
        """Append one row: the JSON texts of each list, and what stands in the other columns."""
        size = sum(len(text) for texts in lists.values() for text in texts)
        if all(reads_back(text) for texts in lists.values() for text in texts):
            # No tools are null, never an empty list: some chat templates announce an empty list of tools.
            typed = {name: list(texts) or None for name, texts in lists.items()}
            self._writers[TYPED, split].add({**labels, **typed}, size)
        else:
            self.left_out[TYPED] += 1
        portable = {name: f"[{', '.join(texts)}]" if texts else None for name, texts in lists.items()}
        self._writers[PORTABLE, split].add({**labels, **portable}, size)

    def add_table(self, split: str, table: pa.Table, exact: pa.BooleanArray) -> None:
        """Append many rows to one split.

        Args:
            split: Which.
            table: The columns of both configs, lists of JSON texts as such, null where they are empty.
            exact: Whether `datasets` reads back all that is in a row, see `reads_back`.
        """
        self.left_out += Counter({TYPED: pc.sum(pc.invert(exact)).as_py() or 0})
        # Arrow needs no lock of Python's, so that both configs are packed at once.
        typed = self._beside.submit(self._writers[TYPED, split].add_table, only(table, exact))
        self._writers[PORTABLE, split].add_table(self._as_text(table))
        typed.result()

    def _as_text(self, table: pa.Table) -> pa.Table:
        """Each list as one JSON text."""
        for name in self._lists:
            joined = pc.binary_join(table[name], ", ")
            whole = pc.binary_join_element_wise("[", joined, "]", "")
            table = table.set_column(table.schema.get_field_index(name), name, whole)
        return table


def only(table: pa.Table, rows: pa.BooleanArray | pa.ChunkedArray) -> pa.Table:
    """Some rows of a table; it is copied only where some are left out."""
    return table if pc.all(rows, min_count=0).as_py() else table.filter(rows)


def _schemas(lists: Sequence[str], labels: Sequence[str], numbers: Sequence[str]) -> dict[str, pa.Schema]:
    typed = {name: List(Json()) for name in lists} | {name: Value("string") for name in labels}
    typed |= {name: Value("int64") for name in numbers}
    # Plain columns without the metadata of `datasets`: older readers stop at a type they do not know.
    portable = [(name, pa.string()) for name in ("id", *lists, *labels)]
    return {
        TYPED: Features({"id": Value("string")} | typed).arrow_schema,
        PORTABLE: pa.schema([*portable, *((name, pa.int64()) for name in numbers)]),
    }


@lru_cache(maxsize=4096)
def reads_back(text: str) -> bool:
    """Whether `datasets` decodes the JSON to the very same value.

    Its decoder refuses integers of more than 64 bits and may miss the last digit of a float.
    """
    try:
        value = Json().decode_example(text)
    except ValueError:
        return False
    return json.dumps(value, ensure_ascii=False) == text
