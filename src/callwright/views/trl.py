"""The view `trl`: a folder that `load_dataset` and TRL's trainers read as it is, and the Hub shows.

A conversation is one row of `messages`, one row of `prompt` and `completion`, or one such row for each turn that is to
be learned. Never two of these in one export: TRL takes whichever columns it meets first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from datasets import DatasetDict, load_dataset

from callwright.schemas.base import Record
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views.card import CARD_NAME, card
from callwright.views.chat import Chat, Tally, chats
from callwright.views.contract import chat_faults, table_faults
from callwright.views.croissant import CROISSANT_NAME, croissant
from callwright.views.folder import Manifest, described, fresh_folder, is_whole, place, read_manifest, seal
from callwright.views.parallel import Parallel
from callwright.views.parquet import MAX_FILE_BYTES
from callwright.views.rows import ViewError
from callwright.views.stored import copy_chats
from callwright.views.tables import TYPED, Tables

NAME = "trl"
WRONG = "mistakes"
"""Rows that hold something which must not be learned: the view `spans` has them, and the format `turns`."""
LABELS = ("kind", "method", "toolkit", "teacher", "evidence")

Format = Literal["messages", "prompt-completion", "turns"]
LISTS: dict[Format, tuple[str, ...]] = {
    "messages": ("messages", "tools"),
    "prompt-completion": ("prompt", "completion", "tools"),
    "turns": ("prompt", "completion", "tools"),
}
"""Format -> its columns of messages and tools."""


class Options(Record):
    format: Format = "messages"
    """Whole conversations; the same with what stands before the first learned turn as the prompt; or one row for each
    learned turn, with all that stands before it as the prompt."""
    parallel: Parallel = "as-is"
    """Turns with several calls: as they are, one turn for each call, or rows with such a turn left out."""


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
    options = options or Options()
    target = folder.expanduser().resolve()
    with fresh_folder(target) as working:
        rows, tally = _write_rows(store, version, working, options, max_file_bytes)
        if not any(rows.values()):
            raise ViewError(f"{version.name}: has no rows, there is nothing to export{_told(tally)}")
        description = described(version, options.model_dump(mode="json", exclude_defaults=True))
        lists = LISTS[options.format]
        page = card(version, tally, rows, lists, description, history=store.history(version))
        (working / CARD_NAME).write_text(page, encoding="utf-8")
        if options.format == "messages":
            (working / CROISSANT_NAME).write_text(croissant(version, working, rows), encoding="utf-8")
        manifest = Manifest(
            version=version.name,
            id=version.id,
            view=NAME,
            rows=rows,
            left_out=dict(tally.left_out),
            dropped={code: count for code, count in sorted(tally.dropped.items()) if count},
            options=options.model_dump(mode="json"),
        )
        sealed = seal(working, manifest)
        place(working, target, sealed, overwrite=overwrite)
    return sealed


def load(folder: Path | str, config: str = TYPED) -> DatasetDict:
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


def load_version(data: Path, name: str, config: str = TYPED) -> DatasetDict:
    """A version by its name (`museum@3`), exported below the data folder the first time."""
    with Store.open(data, write=False) as store:
        version = store.version(name)
        folder = data / "views" / version.dataset / str(version.number) / NAME
        manifest = read_manifest(folder)
        if manifest is None or manifest.id != version.id or not is_whole(folder, manifest):
            export(store, version, folder, overwrite=True)
    return load(folder, config)


def validate(folder: Path) -> list[str]:
    """What breaks the contract of an export of this view: chats as TRL's trainers and templates read them."""
    return table_faults(folder, _faults)


def _faults(row: dict[str, Any]) -> Iterator[str]:
    if "messages" in row:
        yield from chat_faults(row["messages"], row["tools"])
        return
    prompt, completion = row["prompt"] or [], row["completion"] or []
    if not prompt or not completion:
        yield "the prompt or the completion is empty"
    elif completion[0].get("role") != "assistant":
        yield "the completion does not begin with the assistant"
    else:
        # A learned turn with calls ends its row; what came back is in the next one's prompt.
        yield from chat_faults([*prompt, *completion], row["tools"], whole=row.get("turn") is None)


def _write_rows(
    store: Store, version: Version, folder: Path, options: Options, max_bytes: int
) -> tuple[dict[str, dict[str, int]], Tally]:
    """Write every row to its split of both configs; returns config -> split -> rows, and the tally."""
    tally = Tally()
    numbers = ("turn",) if options.format == "turns" else ()
    with Tables(folder, LISTS[options.format], LABELS, numbers, max_bytes) as tables:
        if options == Options() and store.has_chats(version):
            copy_chats(store, version, tables, tally, WRONG)
        else:
            _write_chats(store, version, options, tables, tally)
    tally.left_out.update(tables.left_out)
    return tables.rows, tally


def _write_chats(store: Store, version: Version, options: Options, tables: Tables, tally: Tally) -> None:
    """Row by row: what each format makes of a chat, and rows that the store holds no text of."""
    for row in chats(store, version, options.parallel, tally.dropped):
        if _learns_too_much(row, options.format):
            tally.left_out[WRONG] += 1
            continue
        examples = list(_examples(row, options.format, tally.dropped))
        if examples:
            tally.add(row)
        labels = {"id": row.id} | {label: getattr(row, label) for label in LABELS}
        for lists, more in examples:
            tables.add(row.split, {**lists, "tools": row.tools}, labels | more)


def _examples(
    row: Chat, format_: Format, dropped: Counter[str]
) -> Iterator[tuple[dict[str, tuple[str, ...]], dict[str, int]]]:
    """What a trainer is given of a conversation: its columns of messages, and the turn where there is one for each."""
    if format_ == "messages":
        yield {"messages": row.messages}, {}
        return
    if not row.learned:
        dropped["nothing_learned"] += 1
        return
    if format_ == "prompt-completion":
        first = row.learned[0]
        yield {"prompt": row.messages[:first], "completion": row.messages[first:]}, {}
        return
    dropped["turn_not_learned"] += len(row.turns) - len(row.learned)
    for turn in row.learned:
        yield {"prompt": row.messages[:turn], "completion": row.messages[turn : turn + 1]}, {"turn": turn}


def _learns_too_much(row: Chat, format_: Format) -> bool:
    """Whether a trainer would learn what it must not: TRL learns every word of the assistant's that is no prompt."""
    if format_ == "messages":
        return row.learned != row.turns
    if format_ == "turns" or not row.learned:
        return False
    return row.wrong or row.learned != tuple(turn for turn in row.turns if turn >= row.learned[0])


def _told(tally: Tally) -> str:
    told = ", ".join(f"{reason} {count}" for reason, count in sorted(tally.dropped.items()) if count)
    return f" ({told})" if told else ""
