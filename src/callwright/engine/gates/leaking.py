"""The leak gate: the rows to train on, held against the recipe's leak files before anything is committed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from callwright.engine.gates.candidate import arguments_in, calls_in, said_in
from callwright.engine.results import Result
from callwright.engine.workshop import Workshop
from callwright.errors import LeakError
from callwright.leaks import Call, Item, Leak, Protected, ToolDoc, read_items
from callwright.schemas.tool import Tool

_TOLD = 3
REPORT = "leaks.jsonl"
Rows = Callable[[], Iterable[Result]]
"""The rows to train on; each call reads them anew."""


def refuse_leaks(
    workshop: Workshop, rows: Rows, folder: Path, roots_of: Callable[[Sequence[str]], set[str]]
) -> None:
    """Let a version be made only where no row repeats what is protected.

    Args:
        workshop: The recipe with its tools read.
        rows: The rows to train on.
        folder: Where the list of leaks is written.
        roots_of: Root tasks of rows and tasks that the store knows, by their ids.

    Raises:
        LeakError: Some rows do; the first are named with what they repeat, and all stand in `leaks.jsonl`.
        UsageError: A leak file cannot be read, or a sentence model is asked for and not installed.
    """
    found = list(_leaks(workshop, rows, roots_of))
    if not found:
        (folder / REPORT).unlink(missing_ok=True)
        return
    path = folder / REPORT
    path.write_text("".join(json.dumps(vars(one)) + "\n" for one in found), encoding="utf-8")
    told = "; ".join(
        f"row {one.row[:12]} and {one.item}: {one.code} ({one.message})" for one in found[:_TOLD]
    )
    more = f"; {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    raise LeakError(
        f"no version was made: {len(found)} leaks: {told}{more}; all are listed in {path}. Take such tools out, change "
        "the seed or size, or remove the file from leaks"
    )


def leak_texts(workshop: Workshop) -> dict[str, str]:
    """What users say in the recipe's leak files, by what to call each.

    Raises:
        UsageError: A leak file cannot be read.
    """
    items = (item for _, path in workshop.leak_files for item in read_items(path))
    return {item.name: item.said for item in items if item.said.strip()}


def _leaks(workshop: Workshop, rows: Rows, roots_of: Callable[[Sequence[str]], set[str]]) -> Iterator[Leak]:
    recipe, tools = workshop.recipe, workshop.tools
    for file, path in workshop.leak_files:
        items = list(read_items(path))
        protected = Protected(
            items,
            (item.said for item in _items(rows(), tools)),
            tools=file.tools,
            encoder=file.encoder,
            roots=roots_of(sorted({one for item in items for one in item.ids})),
        )
        yield from protected.leaks(_items(rows(), tools))
    if recipe.canary:
        for result in rows():
            if recipe.canary in json.dumps(result.trajectory, ensure_ascii=False):
                yield Leak(
                    "canary", result.trajectory_id, "the recipe's canary", "its text stands in the row"
                )


def _items(rows: Iterable[Result], tools: Mapping[str, Tool]) -> Iterator[Item]:
    for result in rows:
        source = result.trajectory.get("provenance", {}).get("source")
        offered = [tools[one] for one in result.task.get("tools", ()) if one in tools]
        yield Item(
            result.trajectory_id,
            tuple(said_in(result.trajectory)),
            tuple(Call(one.name, arguments_in(one)) for one in calls_in(result.trajectory)),
            tuple(map(_document, offered)),
            frozenset(one for one in (result.trajectory_id, result.task_id, result.root, source) if one),
        )


def _document(tool: Tool) -> ToolDoc:
    return ToolDoc(tool.name, frozenset(tool.parameters.get("properties", {})), tool.description)
