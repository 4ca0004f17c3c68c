"""The view `ste-rehearsal`: the rows of `ste-sft` in rounds, for learning tools batch after batch (Wang et al. 2024,
arXiv 2403.04746).

Round r holds its own batch in full, a tenth of each earlier tool's rows, and a general set that the user gives. Test
rows lie with the round whose batch they test.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from callwright.documents import DocumentError, read_text
from callwright.errors import UsageError
from callwright.schemas.base import Record
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views import ste_sft
from callwright.views.folder import Manifest
from callwright.views.lines import Lines, export_lines
from callwright.views.rehearsal import ToolName, deal, rounds_of
from callwright.views.rows import Row, RowError, ViewError, checked, checked_json
from callwright.views.turns import REASONS, NoPlaceError, example_of

ABOUT = """
The turns of `ste-sft`, in rounds: train on `round_1`, go on from there with `round_2`, and so on. A round's train split
is its own batch of tools in full, a share of every earlier tool's rows, and the general set. Its test split is its
own batch alone, so that testing round r on all test splits up to r shows what was forgotten. `batches.json` lists the
tools.
"""
BATCHES = "batches.json"


class Options(Record):
    batches: int = Field(default=4, ge=1)
    """Batches that the tools are dealt into; one round for each."""
    share: float = Field(default=0.1, ge=0.0, le=1.0)
    """Share of each earlier tool's rows that a round rehearses; at least one row of a tool."""
    seed: int = 0
    general: str | None = None
    """JSON lines for every round, with `prompt` and `completion`, or `messages` that end with the assistant's."""
    documents: bool = False
    special_tokens: bool = True

    @property
    def turns(self) -> ste_sft.Options:
        return ste_sft.Options(documents=self.documents, special_tokens=self.special_tokens)


@dataclass(frozen=True)
class _Turns:
    row: Row
    tool: ToolName
    texts: list[str]


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        UsageError: The general set cannot be read or is empty, or there are fewer tools than batches.
        ViewError: A row must not be exported, no row fits, or something else is in the place.
    """
    general = list(general_turns(Path(options.general))) if options.general else []
    if options.general and not general:
        raise UsageError(f"{options.general}: is empty; leave out general=, or name a file with lines")

    def write(lines: Lines) -> None:
        # Twice over the rows rather than once with all of them in memory.
        rows: dict[ToolName, list[str]] = {}
        tools: set[ToolName] = set()
        for one in _found(store, version, options, lines.dropped):
            tools.add(one.tool)
            if one.row.split == "train":
                rows.setdefault(one.tool, []).append(one.row.id)
        dealt = _dealt(tools, options)
        own = {tool: number for number, batch in enumerate(dealt, 1) for tool in batch}
        rounds = rounds_of(rows, dealt, options.share, options.seed)
        names: set[str] = set()
        for one in _found(store, version, options, Counter()):
            names.update(ste_sft.token(tool.name) for tool in one.row.tools)
            seen = rounds[one.row.id] if one.row.split == "train" else [own[one.tool]]
            for number in seen:
                for text in one.texts:
                    lines.add(one.row.split, text, f"round_{number}")
        for number in range(1, len(dealt) + 1):
            for text in general:
                lines.add("train", text, f"round_{number}")
        ste_sft.write_tokens(lines.folder, names, options.turns)
        listed = [[f"{toolkit}/{tool}" for toolkit, tool in batch] for batch in dealt]
        (lines.folder / BATCHES).write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")

    return export_lines(
        version, folder, "ste-rehearsal", options, ABOUT, write, reasons=REASONS, overwrite=overwrite
    )


def _found(store: Store, version: Version, options: Options, dropped: Counter[str]) -> Iterator[_Turns]:
    def turns(row: Row) -> _Turns | None:
        try:
            names = {call.name for call in example_of(row).calls}
            if len(names) > 1:
                raise NoPlaceError("several_tools")
        except NoPlaceError as reason:
            dropped[str(reason)] += 1
            return None
        texts = ste_sft.turn_texts(row, options.turns, dropped)
        return _Turns(row, (row.toolkit, names.pop()), texts) if texts else None

    return (one for one in checked(store, version, turns) if one)


def _dealt(tools: set[ToolName], options: Options) -> list[list[ToolName]]:
    if not tools:
        return []
    try:
        return deal(tools, options.batches, options.seed)
    except ValueError as error:
        raise UsageError(f"batches={options.batches}: {error}; give fewer, such as --set batches=2") from None


def general_turns(path: Path) -> Iterator[str]:
    """The lines of a general set, in the columns of the view.

    Raises:
        UsageError: The file cannot be read, or a line is no prompt with its completion; it names the line.
        ViewError: A line holds what looks like a secret.
    """
    try:
        text = read_text(path)
    except DocumentError as error:
        raise UsageError(str(error)) from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"{path}:{number}"
            try:
                yield checked_json(_general(json.loads(line), f"general:{number}"))
            except (ValueError, RecursionError, TypeError, KeyError):
                raise UsageError(
                    f"{where}: is no prompt with its completion; each is a list of messages with role and content"
                ) from None
            except RowError as error:
                raise ViewError(f"{where}: {error}; take it out") from None


def _general(body: Any, id_: str) -> dict[str, Any]:
    if "messages" in body:
        body = {"prompt": body["messages"][:-1], "completion": body["messages"][-1:]}
    turns = {name: [_message(one) for one in body[name]] for name in ("prompt", "completion")}
    if not turns["prompt"] or [one["role"] for one in turns["completion"]] != ["assistant"]:
        raise ValueError(id_)
    labels = dict.fromkeys(("kind", "method", "toolkit", "tool"), "")
    return {"id": id_, "turn": "general"} | labels | turns


def _message(one: Any) -> dict[str, str]:
    role, content = one["role"], one["content"]
    if role not in ("system", "user", "assistant") or not isinstance(content, str) or not content:
        raise ValueError("message")
    return {"role": role, "content": content}
