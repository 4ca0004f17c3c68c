"""Rows that repeat what must not be trained on: a benchmark's words, or its calls."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from callwright.errors import UsageError
from callwright.lint.calls import read_arguments
from callwright.lint.conversation import Call, Conversation
from callwright.lint.files import entries_of, files_of
from callwright.lint.formats import format_of, read_row
from callwright.values.derivations import leaves
from callwright.values.words import COPY, number_of, runs_of

_SHORTEST = 6
"""Words of a whole request that is shorter than that, at the least."""
_VALUES = 2
"""Values that the calls of a row have in all, at the least: one value alone is met by chance."""


class Protected:
    """The texts and calls of files that no row may repeat.

    Of rows in a known format persons' turns and calls count; of others every text.

    Raises:
        UsageError: A file cannot be read, or holds nothing to compare with.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._runs: dict[int, str] = {}
        self._calls: dict[int, str] = {}
        for path in paths:
            before = len(self._runs) + len(self._calls)
            for file in files_of(path):
                for entry in entries_of(file, file.name):
                    self._add(entry.value, entry.place)
            if len(self._runs) + len(self._calls) == before:
                raise UsageError(f"{path}: holds no request or call to compare with")

    def _add(self, value: Any, place: str) -> None:
        form = format_of(value)
        if form is None:
            texts = [one for one in leaves(value) if isinstance(one, str)]
        else:
            row = read_row(value, form)
            texts = _said(row)
            calls = [call for call in row.calls if not list(read_arguments(call))]
            if (number := _number(calls)) is not None:
                self._calls.setdefault(number, place)
        for text in texts:
            for number, _ in runs_of(text, COPY, _SHORTEST):
                self._runs.setdefault(number, place)

    def check(self, row: Conversation) -> None:
        if self._runs and (found := next(self._repeated(row), None)):
            place, words = found
            row.report("leaked_text", f"{place} has these words too: {words!r}")
        if self._calls and (number := _number(row.calls)) in self._calls:
            row.report("leaked_calls", f"{self._calls[number or 0]} has the same calls")

    def _repeated(self, row: Conversation) -> Iterator[tuple[str, str]]:
        for text in _said(row):
            for number, words in runs_of(text, COPY, _SHORTEST):
                if number in self._runs:
                    yield self._runs[number], words


def _said(row: Conversation) -> list[str]:
    return [turn.text for turn in row.turns if turn.role == "user"]


def _number(calls: Sequence[Call]) -> int | None:
    """What all calls together come to, whatever their order; None for calls that anybody might make."""
    parsed = [(call.name, call.parsed) for call in calls if call.parsed is not None]
    if sum(1 for _, arguments in parsed for _ in leaves(arguments)) < _VALUES:
        return None
    return number_of(json.dumps(sorted(json.dumps(one, sort_keys=True) for one in parsed)))
