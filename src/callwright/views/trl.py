"""The view `trl`: a folder that `load_dataset` and TRL's trainers read as it is, and the Hub shows.

Two configs hold the same rows. `typed` keeps each message and each tool as a JSON value of its own, so
that no tool's arguments merge with another's (datasets >= 4.7). `portable` keeps `messages` and `tools`
as one JSON text each, which any Parquet reader understands.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import DatasetDict, Features, Json, List, Value, load_dataset

from callwright.schemas.base import Record
from callwright.schemas.version import SPLITS, Version
from callwright.store import Store
from callwright.views.card import CARD_NAME, card
from callwright.views.chat import Chat, Tally, chats
from callwright.views.folder import Manifest, fresh_folder, is_whole, place, read_manifest, seal
from callwright.views.parquet import MAX_FILE_BYTES, SplitWriter
from callwright.views.rows import ViewError

NAME = "trl"
WRONG = "mistakes"
"""Rows that hold mistakes which must not be learned: the view `spans` has them."""
_LABELS = ("kind", "method", "toolkit", "teacher", "evidence")

TYPED = Features(
    {"id": Value("string"), "messages": List(Json()), "tools": List(Json())}
    | {label: Value("string") for label in _LABELS}
)
# Plain text columns without the metadata of `datasets`: older readers stop at a type they do not know.
PORTABLE = pa.schema([(name, pa.string()) for name in ("id", "messages", "tools", *_LABELS)])
SCHEMAS: dict[str, pa.Schema] = {"typed": TYPED.arrow_schema, "portable": PORTABLE}


class Options(Record):
    """This view has none."""


def export(
    store: Store,
    version: Version,
    folder: Path,
    options: Options | None = None,
    *,
    overwrite: bool = False,
    max_file_bytes: int = MAX_FILE_BYTES,
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        ViewError: A row must not be exported, the version is empty, or something else is in the place.
    """
    target = folder.expanduser().resolve()
    with fresh_folder(target) as working:
        rows, tally = _write_rows(chats(store, version), working, max_file_bytes)
        if not any(rows.values()):
            raise ViewError(f"{version.name}: has no rows, there is nothing to export")
        (working / CARD_NAME).write_text(card(version, tally, rows), encoding="utf-8")
        manifest = Manifest(
            version=version.name,
            id=version.id,
            view=NAME,
            rows=rows,
            left_out=dict(tally.left_out),
            untrained_turns=tally.masked,
        )
        sealed = seal(working, manifest)
        place(working, target, sealed, overwrite=overwrite)
    return sealed


def load(folder: Path | str, config: str = "typed") -> DatasetDict:
    """An exported folder as a `DatasetDict`, without any network.

    Raises:
        ViewError: The folder holds no such export.
    """
    manifest = read_manifest(Path(folder).expanduser())
    if manifest is None or manifest.view != NAME:
        raise ViewError(f"{folder}: holds no export of the view {NAME}; `callwright export` makes one")
    if config not in manifest.rows:
        raise ViewError(f"{folder}: has no config {config!r}; there are: {', '.join(manifest.rows)}")
    loaded = load_dataset(str(Path(folder).expanduser().resolve()), config)
    assert isinstance(loaded, DatasetDict)
    return loaded


def load_version(data: Path, name: str, config: str = "typed") -> DatasetDict:
    """A version by its name (`museum@3`), exported below the data folder the first time."""
    with Store.open(data, write=False) as store:
        version = store.version(name)
        folder = data / "views" / version.dataset / str(version.number) / NAME
        manifest = read_manifest(folder)
        if manifest is None or manifest.id != version.id or not is_whole(folder, manifest):
            export(store, version, folder, overwrite=True)
    return load(folder, config)


def _write_rows(
    rows: Iterator[Chat], folder: Path, max_bytes: int
) -> tuple[dict[str, dict[str, int]], Tally]:
    """Write every row to its split of both configs; returns config -> split -> rows, and the tally."""
    tally = Tally()
    with ExitStack() as stack:
        writers = {
            (config, split): stack.enter_context(SplitWriter(folder / config, split, schema, max_bytes))
            for config, schema in SCHEMAS.items()
            for split in map(str, SPLITS)
        }
        for row in rows:
            if row.wrong:
                # TRL learns every word of the assistant's, mistakes among them.
                tally.left_out[WRONG] += 1
                continue
            tally.add(row)
            _write_row(row, writers, tally)
    return _counts(writers), tally


def _write_row(row: Chat, writers: Mapping[tuple[str, str], SplitWriter], tally: Tally) -> None:
    labels = {"id": row.id} | {label: getattr(row, label) for label in _LABELS}
    size = sum(map(len, row.messages)) + sum(map(len, row.tools))
    if _typed_can_hold(row):
        # No tools are null, never an empty list: some chat templates announce an empty list of tools.
        typed = {"messages": list(row.messages), "tools": list(row.tools) or None}
        writers["typed", row.split].add(labels | typed, size)
    else:
        tally.left_out["typed"] += 1
    portable = {"messages": _list_text(row.messages), "tools": _list_text(row.tools) if row.tools else None}
    writers["portable", row.split].add(labels | portable, size)


def _list_text(texts: tuple[str, ...]) -> str:
    return f"[{', '.join(texts)}]"


def _typed_can_hold(row: Chat) -> bool:
    return all(map(_reads_back, row.messages)) and all(map(_tool_reads_back, row.tools))


def _reads_back(text: str) -> bool:
    """Whether `datasets` decodes the JSON to the very same value.

    Its decoder refuses integers of more than 64 bits and may miss the last digit of a float.
    """
    try:
        value = Json().decode_example(text)
    except ValueError:
        return False
    return json.dumps(value, ensure_ascii=False) == text


_tool_reads_back = lru_cache(maxsize=4096)(_reads_back)


def _counts(writers: Mapping[tuple[str, str], Any]) -> dict[str, dict[str, int]]:
    """Config -> split -> rows; what is empty is left out, for a split without a file cannot be loaded."""
    counts: dict[str, dict[str, int]] = {}
    for (config, split), writer in writers.items():
        if writer.count:
            counts.setdefault(config, {})[split] = writer.count
    return counts
