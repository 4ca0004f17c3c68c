"""A version's statistics, counted while its rows go by: what cards and `dataset show` tell."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from callwright.engine.corpus import CorpusCount
from callwright.engine.coverage import CoverageCount
from callwright.engine.results import Result
from callwright.engine.rounds import RoundsCount
from callwright.llm.journaled import is_refusal
from callwright.schemas.task import teacher_name
from callwright.schemas.tool import Toolkit
from callwright.schemas.verdict import highest_rung
from callwright.schemas.version import Drop, DropCount, Member, SourceSummary, Spent, Statistics


class StatisticsCount:
    """Counts rows one by one; `statistics` is the result."""

    def __init__(self, toolkits: Sequence[Toolkit]) -> None:
        self._toolkits = toolkits
        self._rows = 0
        self._by: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._recovered = 0
        self._shape = CorpusCount(toolkits)
        self._rounds = RoundsCount()
        self._coverage = CoverageCount(toolkits)

    def add(self, result: Result, member: Member) -> None:
        """Count one row.

        Args:
            result: The row as it was made.
            member: The same row as the version has it.
        """
        self._rows += 1
        self._shape.add(result)
        self._rounds.add(result)
        self._coverage.add(result)
        self._by["kind"][member.kind] += 1
        self._by["split"][member.split] += 1
        self._by["method"][member.method] += 1
        self._by["reason"].update([member.reason] if member.reason else [])
        self._by["toolkit"][result.task["toolkit"]] += 1
        self._by["tool"].update(_called(result))
        self._by["rung"][highest_rung(result.verdicts) or "none"] += 1
        self._by["mended"].update(f"{mend.action} {mend.code}" for mend in result.mends)
        self._recovered += any(status >= 300 for status in _statuses(result))

    def statistics(
        self,
        results: Iterable[Result],
        *,
        attempts: int,
        drops: Iterable[Drop],
        troubles: Mapping[str, int],
        teacher: str,
        spent: Mapping[str, Spent],
        student: str = "",
    ) -> Statistics:
        """What was counted, and what the run adds to it.

        Args:
            results: The same rows once more.
            attempts: Attempts that were made for them.
            drops: Attempts that became no row.
            troubles: Troubles of requests that were overcome, by their names.
            teacher: The teacher's id.
            spent: Purpose of model calls -> what they came to.
            student: The student's id, in a loop.
        """
        counts = Counter((drop.gate, drop.code) for drop in drops)
        return Statistics(
            rows=self._rows,
            by_kind=self._counted("kind"),
            by_split=self._counted("split"),
            by_method=self._counted("method"),
            by_reason=self._counted("reason"),
            by_toolkit=self._counted("toolkit"),
            by_tool=self._counted("tool"),
            by_rung=self._counted("rung"),
            recovered=self._recovered,
            mended=self._counted("mended"),
            attempts=attempts,
            drops=tuple(
                DropCount(gate=gate, code=code, count=n) for (gate, code), n in sorted(counts.items())
            ),
            troubles=dict(sorted(troubles.items())),
            teacher=teacher_name(teacher),
            student=student,
            **_sums(spent),
            by_purpose=dict(spent),
            sources=tuple(map(_summary, self._toolkits)),
            rounds=self._rounds.rounds,
            corpus=self._shape.corpus(results),
            coverage=self._coverage.coverage(),
        )

    def _counted(self, what: str) -> dict[str, int]:
        return dict(sorted(self._by[what].items()))


def spent_by_purpose(entries: Iterable[Mapping[str, Any]]) -> dict[str, Spent]:
    """Purpose -> calls and tokens.

    Args:
        entries: Of a run's journal: those of earlier sittings are among them.
    """
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        spent = found[entry["purpose"]]
        spent["requests"] += 1
        spent["refused"] += is_refusal(entry)
        spent["prompt_tokens"] += entry["prompt_tokens"]
        spent["completion_tokens"] += entry["completion_tokens"]
    return {purpose: Spent(**spent) for purpose, spent in sorted(found.items())}


def _sums(spent: Mapping[str, Spent]) -> dict[str, int]:
    """Calls and tokens of all purposes together."""
    names = ("requests", "prompt_tokens", "completion_tokens")
    return {name: sum(getattr(one, name) for one in spent.values()) for name in names}


def _summary(kit: Toolkit) -> SourceSummary:
    return SourceSummary(
        name=kit.name,
        title=kit.title,
        licence=kit.licence,
        origin=kit.origin,
        teacher=kit.teacher,
        tools=len(kit.tools),
    )


def _called(result: Result) -> Iterator[str]:
    for message in result.trajectory["messages"]:
        for call in message.get("tool_calls", ()):
            yield call["name"]


def _statuses(result: Result) -> Iterator[int]:
    """The status of each observation."""
    for message in result.trajectory["messages"]:
        if message["role"] == "tool":
            yield message["observation"]["status"]
