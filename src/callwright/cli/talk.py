"""Print: data on stdout, talk on stderr, live on a terminal and plain lines elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from callwright.engine.progress import Progress
from callwright.errors import printable

PLAIN_EVERY_S = 5.0
"""Seconds between two lines of progress where there is no terminal."""


def say(text: str) -> None:
    """Talk: for people, not for pipes."""
    print(printable(text, "\n\t"), file=sys.stderr)


def show_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def show_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table in aligned columns, two spaces apart."""
    lines = [[printable(str(cell)) for cell in line] for line in (header, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@contextmanager
def progress_shown() -> Iterator[Callable[[Progress], None]]:
    """A listener for a run's progress: a live line on a terminal, a line every few seconds elsewhere."""
    if sys.stderr.isatty():
        with _live() as listener:
            yield listener
    else:
        yield _Plain()


class _Plain:
    def __init__(self) -> None:
        self._last_s = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self._last_s >= PLAIN_EVERY_S or progress.state != "running":
            self._last_s = time.monotonic()
            say(one_line(progress))


def one_line(progress: Progress) -> str:
    dropped = sum(progress.drops.values())
    return (
        f"{progress.dataset}: {progress.state}, {progress.accepted} accepted of {progress.wanted} wanted, "
        f"{progress.attempts} attempts, {dropped} dropped, {progress.requests} requests, "
        f"{progress.remembered} remembered"
    )


@contextmanager
def _live() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("", total=None, detail="")

        def listener(progress: Progress) -> None:
            dropped = sum(progress.drops.values())
            detail = f"{dropped} dropped · {progress.requests} requests · {progress.tokens:,} tokens"
            done = min(progress.accepted, progress.wanted)
            bars.update(
                bar, description=progress.dataset, total=progress.wanted, completed=done, detail=detail
            )

        yield listener


def conversation(messages: Sequence[dict[str, Any]]) -> str:
    """A conversation for reading: who says what, calls and answers indented."""
    lines = []
    for message in messages:
        role = message["role"]
        if role == "tool":
            lines.append(f"      <- {message['observation']['content']}")
            continue
        if message["content"]:
            lines.append(f"  {role + ':':<10} {message['content']}")
        lines += [f"      -> {call['name']} {call['arguments']}" for call in message.get("tool_calls", ())]
    return printable("\n".join(lines), "\n\t")
