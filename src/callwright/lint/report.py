"""What was found, counted by code, with the first examples of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from callwright.lint.codes import CODES, SEVERITIES, Finding, Severity
from callwright.schemas.base import Record

EXAMPLES = 3
"""Examples that are kept of each code, the first ones."""
_LONGEST = 240
"""Characters of a message at the most: values come from strangers."""


class Example(Record):
    place: str
    """`FILE:LINE`; in Parquet `FILE:ROW`, from 1."""
    message: str


class CodeCount(Record):
    code: str
    severity: Severity
    count: int
    """How often it was found."""
    rows: int
    """Rows that have it; 0 for what is said of a file or of the whole."""
    share: float
    """Those rows, of all."""
    meaning: str
    examples: tuple[Example, ...]


class Report(Record):
    """What `lint` says of a path."""

    path: str
    files: int
    rows: int
    formats: dict[str, int]
    """Format -> rows."""
    kinds: dict[str, int]
    """Kind -> rows."""
    calls: int
    findings: tuple[CodeCount, ...]
    """Worst first, then the most frequent."""
    skipped: tuple[str, ...] = ()
    """Files of the folder that are no rows, such as a manifest."""

    def count(self, severity: Severity) -> int:
        return sum(one.count for one in self.findings if one.severity == severity)

    def at_least(self, severity: Severity) -> int:
        """Findings of this severity or a worse one."""
        return sum(self.count(one) for one in SEVERITIES[: SEVERITIES.index(severity) + 1])


class Tally:
    """Counts findings as rows go by; memory does not grow with them."""

    def __init__(self) -> None:
        self.rows = 0
        self.files = 0
        self.calls = 0
        self.formats: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.skipped: list[str] = []
        self._counts: Counter[str] = Counter()
        self._rows: Counter[str] = Counter()
        self._examples: dict[str, list[Example]] = {}

    def row(self, place: str, findings: Iterable[Finding]) -> None:
        """What was found in one row."""
        self.rows += 1
        self._rows.update({code for code, _ in self._noted(place, findings)})

    def whole(self, place: str, *findings: Finding) -> None:
        """What is said of a file or of the whole."""
        list(self._noted(place, findings))

    def _noted(self, place: str, findings: Iterable[Finding]) -> list[Finding]:
        found = list(findings)
        for code, message in found:
            self._counts[code] += 1
            examples = self._examples.setdefault(code, [])
            if len(examples) < EXAMPLES and all(one.place != place for one in examples):
                examples.append(Example(place=place, message=_short(message)))
        return found

    def report(self, path: str) -> Report:
        found = [
            CodeCount(
                code=code,
                severity=CODES[code].severity,
                count=count,
                rows=self._rows[code],
                share=self._rows[code] / self.rows if self.rows else 0.0,
                meaning=CODES[code].meaning,
                examples=tuple(self._examples[code]),
            )
            for code, count in self._counts.items()
        ]
        found.sort(key=lambda one: (SEVERITIES.index(one.severity), -one.count, one.code))
        return Report(
            path=path,
            files=self.files,
            rows=self.rows,
            formats=dict(self.formats.most_common()),
            kinds=dict(self.kinds.most_common()),
            calls=self.calls,
            findings=tuple(found),
            skipped=tuple(self.skipped),
        )


def _short(message: str) -> str:
    """One line that can be printed; half a character cannot."""
    text = " ".join(message.split()).encode("utf-8", "replace").decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
