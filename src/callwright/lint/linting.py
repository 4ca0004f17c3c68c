"""A path is read row by row, each row goes through every check, and what is found is counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from callwright.errors import UsageError
from callwright.lint.calls import check_calls
from callwright.lint.codes import Finding
from callwright.lint.conversation import Conversation
from callwright.lint.duplicates import Duplicates
from callwright.lint.files import Entry, entries_of, files_of, tables_of
from callwright.lint.formats import FORMATS, Format, format_of, read_row
from callwright.lint.grounding import check_grounding
from callwright.lint.leaks import Protected
from callwright.lint.order import check_order, check_pairs
from callwright.lint.report import Report, Tally
from callwright.lint.tools import Toolbox
from callwright.values.secrets import find_secret

HUGE = 400_000
"""Characters of a row; about 100,000 tokens."""
_PATIENCE = 50
"""Rows of an unknown format before a file counts as no dataset."""
_KINDS = {
    "no_call": ("no_call_rows", "no row teaches when not to call"),
    "parallel": ("no_parallel_rows", "no turn has several calls"),
    "clarification": ("no_clarification_rows", "no row asks before it calls"),
    "multi_step": ("no_multi_step_rows", "no row has calls in several turns"),
}


def lint(path: Path, against: Sequence[Path] = ()) -> Report:
    """Check a dataset: a file (JSON lines, a JSON list, Parquet) or a folder of them.

    Memory does not grow with the rows, but for about 600 bytes each to know them again, for a million rows at the most.

    Args:
        path: What is checked.
        against: Files or folders that no row may repeat, such as benchmarks.

    Raises:
        UsageError: There is nothing to read, or no row has a format that is known.
    """
    return _Run(path, against).report()


class _Run:
    def __init__(self, path: Path, against: Sequence[Path]) -> None:
        self._path = path
        self._tally = Tally()
        self._toolbox = Toolbox()
        self._duplicates = Duplicates()
        self._protected = Protected(against)

    def report(self) -> Report:
        unknown: list[tuple[Path, str]] = []
        files = files_of(self._path)
        for file in files:
            if reason := self._file(file):
                unknown.append((file, reason))
        if self._tally.rows == 0 and unknown:
            raise UsageError(f"{unknown[0][0]}: {unknown[0][1]}")
        tables = tables_of(self._path)
        for file, reason in unknown:
            name = file.relative_to(self._path).as_posix() if file != self._path else ""
            if file.suffix.lower() == ".json" or any(fnmatchcase(name, one) for one in tables):
                self._tally.skipped.append(self._name(file))  # a manifest, a table of ids, and so on
            else:
                self._tally.files += 1
                self._tally.whole(self._name(file), Finding("unknown_format", reason))
        self._whole()
        return self._tally.report(str(self._path))

    def _name(self, file: Path) -> str:
        return file.name if file == self._path else str(file.relative_to(self._path))

    def _file(self, file: Path) -> str | None:
        """Check a file; what was seen in it when it is no dataset."""
        name = self._name(file)
        seen: list[Entry] = []
        forms: dict[str, str] = {}
        styles: dict[str, str] = {}
        for entry, form in _recognised(entries_of(file, name), seen):
            if not forms:
                self._tally.files += 1
                for early in seen:
                    self._unreadable(early)
                seen.clear()
            if form is None:
                self._unreadable(entry)
                continue
            forms.setdefault(form.name, entry.place)
            for style in self._row(file, entry, form):
                styles.setdefault(style, entry.place)
        if len(forms) > 1:
            told = ", ".join(f"{form} from {place} on" for form, place in forms.items())
            self._tally.whole(name, Finding("mixed_formats", told))
        if len(styles) > 1:
            told = ", ".join(f"{style} from {place} on" for style, place in styles.items())
            self._tally.whole(name, Finding("mixed_arguments", told))
        elif "text" in styles:
            self._tally.whole(name, Finding("text_arguments", "the arguments of calls are JSON text"))
        return None if forms or not seen else _unknown(seen)

    def _unreadable(self, entry: Entry) -> None:
        found = list(entry.problems)
        if entry.value is not None:
            found.append(Finding("unknown_format", f"{_shown(entry.value)}, unlike other rows of the file"))
        self._tally.row(entry.place, found)

    def _row(self, file: Path, entry: Entry, form: Format) -> set[str]:
        """Check a row; how the arguments of its calls stand there."""
        row = read_row(entry.value, form)
        row.found[:0] = entry.problems
        if entry.size > HUGE:
            row.report("huge_row", f"{entry.size:,} characters")
        if secret := find_secret(_text(row)):
            row.report("secret", f"holds what looks like a secret ({secret})")
        check_order(row)
        check_pairs(row)
        tools = self._toolbox.offered(row, form.name)
        check_calls(row, tools)
        if entry.size <= HUGE:  # else no model would see it whole, and looking through it takes seconds
            check_grounding(row, tools or {})
        self._duplicates.check(row, file, entry.place)
        self._protected.check(row)
        self._tally.formats[form.name] += 1
        self._tally.calls += len(row.calls)
        if row.complete or row.calls:
            self._tally.kinds[row.kind] += 1
        self._tally.row(entry.place, row.found)
        return row.forms

    def _whole(self) -> None:
        tally, name = self._tally, self._path.name
        if not tally.rows:
            tally.whole(name, Finding("no_rows", "there is not one row"))
        if tally.kinds:
            for kind, (code, message) in _KINDS.items():
                if not tally.kinds[kind]:
                    tally.whole(name, Finding(code, message))
        if self._duplicates.passed_over:
            told = f"{self._duplicates.passed_over} rows were not remembered"
            tally.whole(name, Finding("duplicates_not_compared", told))


def _recognised(entries: Iterator[Entry], seen: list[Entry]) -> Iterator[tuple[Entry, Format | None]]:
    """Each entry with its format, from the first known one on; those before it are put into `seen`."""
    begun = False
    for entry in entries:
        form = format_of(entry.value)
        if not begun and form is None:
            seen.append(entry)
            if len(seen) >= _PATIENCE:
                return
            continue
        begun = True
        yield entry, form


def _unknown(seen: list[Entry]) -> str:
    known = ", ".join(dict.fromkeys(form.name for form in FORMATS))
    entry = next((one for one in seen if one.value is not None), None)
    if entry is None:
        return f"no row can be read; {seen[0].place}: {seen[0].problems[0].message if seen[0].problems else 'null'}"
    return f"no known format: {entry.place} has {_shown(entry.value)}; known are: {known}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"the keys {', '.join(list(value)[:12]) or 'none'}"
    return f"a value of type {type(value).__name__}"


def _text(row: Conversation) -> str:
    """All text of the conversation that a model would learn or see."""
    said = [turn.text for turn in row.turns]
    return "\n".join([*said, *(str(call.arguments) for call in row.calls)])
