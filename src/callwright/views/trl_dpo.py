"""The view `trl-dpo`: a better and a worse turn after the same prompt, as TRL's preference trainers read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from callwright.schemas.base import Record
from callwright.schemas.message import Message
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views.chat import plain
from callwright.views.contract import chat_faults, table_faults
from callwright.views.folder import Manifest
from callwright.views.lines import export_files
from callwright.views.preferences import Pair, Preferences
from callwright.views.rows import Row, ViewError, checked, checked_json
from callwright.views.tables import Tables
from callwright.views.turns import REASONS

ABOUT = """
Preference pairs: `prompt`, `chosen` and `rejected` are chat messages, `tools` the offered tools, as TRL's `DPOTrainer`
reads them. The config `typed` needs datasets >= 4.7; `portable` has the same rows with each list as JSON text. Nothing
was made up to be wrong. `source` says where the worse side is from, `why` what is wrong with it, `turn` which message
of the row `id` the pair is about:

- `mistake`: words that the assistant of the row takes back; `chosen` is its turn without them.
- `student`: what a loop's student answered in that place, and execution ruled wrong beside the row's own turn.
- `attempt`: what another attempt at the same task did in that place, which L2 or L3 refuted.

The better side is a turn of a row whose `evidence` is at least the one that the options name.
"""
LISTS = ("prompt", "chosen", "rejected", "tools")
LABELS = ("source", "why", "kind", "method", "toolkit", "teacher", "evidence")


class Options(Record):
    evidence: Literal["L1", "L2", "L3"] = "L2"
    """The rung that the row of the better side must have passed. L2: its calls were executed a second time."""


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        ViewError: A row must not be exported, there is no pair, or something else is in the place.
    """

    def write(tables: Tables) -> None:
        preferences = Preferences(store, version, options.evidence, tables.dropped)

        def rows(row: Row) -> list[tuple[Pair, dict[str, Sequence[str]]]]:
            return [(pair, _lists(pair)) for pair in preferences.of(row)]

        for found in checked(store, version, rows):
            for pair, lists in found:
                labels = {name: getattr(pair.row, name) for name in ("id", *LABELS[2:])}
                labels |= {"source": pair.source, "why": pair.why, "turn": pair.step}
                tables.add(pair.row.split, lists, labels)
        if not tables.rows and not any(tables.dropped.values()):
            raise ViewError(
                f"{version.name}: there is no preference pair in it: no mistake that is taken back, no wrong answer "
                "of a loop's student, no refuted attempt at the task of a row; nothing was written"
            )

    make = partial(Tables, lists=LISTS, labels=LABELS, numbers=("turn",))
    return export_files(
        version, folder, "trl-dpo", options, ABOUT, make, write, reasons=REASONS, overwrite=overwrite
    )


def _lists(pair: Pair) -> dict[str, Sequence[str]]:
    return {
        "prompt": _texts(pair.prompt),
        "chosen": _texts([pair.chosen]),
        "rejected": _texts([pair.rejected]),
        "tools": pair.row.tool_texts,
    }


def _texts(messages: Sequence[Message]) -> list[str]:
    return [checked_json(plain(one)) for one in messages]


def validate(folder: Path) -> list[str]:
    """What breaks the contract of an export of this view, file and row by row."""
    return table_faults(folder, _faults)


def _faults(row: dict[str, Any]) -> Iterator[str]:
    prompt, tools = row["prompt"] or [], row["tools"]
    if row["chosen"] == row["rejected"]:
        yield "chosen and rejected are the same"
    if row["evidence"] not in ("L1", "L2", "L3", "L4"):
        yield f"the better side has no evidence ({row['evidence']})"
    for name in ("chosen", "rejected"):
        turn = row[name] or []
        if [one.get("role") for one in turn] != ["assistant"]:
            yield f"{name} is not one turn of the assistant's"
        elif not turn[0].get("content") and not turn[0].get("tool_calls"):
            yield f"{name} says and calls nothing"
        # A model may well call what is not offered: that is what is wrong with it.
        offered = tools if name == "chosen" else None
        yield from (
            f"{name}: {fault}"
            for fault in chat_faults([*prompt, *turn], offered, whole=False)
            if offered is not None or "is not offered" not in fault
        )
