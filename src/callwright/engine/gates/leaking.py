"""The leak gate: the rows to train on, held against the recipe's leak files before anything is committed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import chain
from pathlib import Path

from callwright.engine.gates.candidate import arguments_in, calls_in, said_in
from callwright.engine.results import Result
from callwright.engine.workshop import Workshop
from callwright.errors import LeakError
from callwright.leaks import Call, Item, Leak, Protected, ToolDoc, read_items
from callwright.schemas.task import Trajectory
from callwright.schemas.tool import Tool
from callwright.values.words import words_of

_TOLD = 3
_PROMPT = "the prompt "
_SENTENCES = re.compile(r"(?<=[.!?:])\s+|\n\s*[-*] |\n{2,}|[\"“”]")
_FEWEST_WORDS = 5
"""Words that a sentence of a prompt has at the least, to be compared with what users say."""
REPORT = "leaks.jsonl"
Rows = Callable[[], Iterable[Result]]
"""The rows to train on; each call reads them anew."""


def check_leak_files(workshop: Workshop) -> None:
    """Read the recipe's leak files through: a fault in one is told before any row is paid for.

    Raises:
        UsageError: A file cannot be read, or nothing in it is asked, called or offered.
    """
    for _, path in workshop.leak_files:
        for _ in read_items(path):
            pass


def refuse_leaks(
    workshop: Workshop, rows: Rows, folder: Path, roots_of: Callable[[Sequence[str]], set[str]]
) -> None:
    """Let a version be made only where no row repeats what is protected, nor a prompt that rows are written with.

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
    told = "; ".join(f"{_named(one.row)} and {one.item}: {one.code} ({one.message})" for one in found[:_TOLD])
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


def leaked_calls(workshop: Workshop) -> Callable[[Trajectory], str]:
    """Tells which item of the recipe's leak files a conversation repeats in calls or tools, and how; empty when none.

    Raises:
        UsageError: A leak file cannot be read.
    """
    known = [
        Protected([replace(item, texts=()) for item in read_items(path)], tools=file.tools)
        for file, path in workshop.leak_files
    ]

    def told(row: Trajectory) -> str:
        calls = tuple(Call(one.name, arguments_in(one)) for one in row.tool_calls)
        mine = Item(row.id, calls=calls, tools=tuple(map(_document, row.task.tools)))
        found = (leak for one in known for leak in one.leaks([mine]))
        return next((f"{leak.message} of the protected {leak.item}" for leak in found), "")

    return told


def _named(row: str) -> str:
    return row if row.startswith(_PROMPT) else f"row {row[:12]}"


@cache
def _prompts() -> tuple[Item, ...]:
    """The prompts that rows are written with, and their sentences: an example in one would be in many rows."""
    rooms = [
        room
        for name in ("generators", "toolbox")
        for room in Path(str(files(f"callwright.{name}"))).rglob("*.md")
    ]
    found = []
    for path in sorted(rooms):
        text = path.read_text(encoding="utf-8")
        said = [one.strip() for one in _SENTENCES.split(text)]
        sentences = [" ".join(one.split()) for one in said if len(words_of(one)) >= _FEWEST_WORDS]
        found.append(Item(f"{_PROMPT}{path.parent.parent.name}/{path.stem}", (text, *sentences)))
    return tuple(found)


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
        yield from protected.leaks(chain(_prompts(), _items(rows(), tools)))
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
