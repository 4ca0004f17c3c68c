"""What making calls in rounds came to, counted while a version's rows go by."""

from __future__ import annotations

from collections import Counter

from callwright.engine.results import Result
from callwright.generators.dag.convert import JUDGE
from callwright.schemas.version import Rounds


class RoundsCount:
    """Counts the rows that the DAG method says something of; `rounds` is the result."""

    def __init__(self) -> None:
        self._sums: Counter[str] = Counter()
        self._by_rounds: Counter[int] = Counter()
        self._edges: Counter[str] = Counter()

    def add(self, result: Result) -> None:
        for verdict in result.verdicts:
            if verdict.judge == JUDGE:
                self._add(verdict.evidence[0], proven=verdict.outcome == "pass")

    def _add(self, found: dict, *, proven: bool) -> None:  # type: ignore[type-arg]
        together = found["rounds"]
        calls = sum(map(len, together))
        before, after = found.get("characters", (0, 0))
        self._by_rounds[len(together)] += 1
        self._edges.update(edge["reason"] for edge in found["edges"])
        self._sums.update(
            rows=1,
            parallel=len(together) < calls,
            proven=proven,
            orders=found.get("orders", 0),
            calls=calls,
            turns_before=found["turns_before"],
            edges=len(found["edges"]),
            ambiguous=sum(edge.get("ambiguous", False) for edge in found["edges"]),
            left_out=len(found["dropped"]),
            cut=found["cut"],
            characters_before=before,
            characters=after,
        )

    @property
    def rounds(self) -> Rounds:
        return Rounds(
            **self._sums,
            by_rounds=dict(sorted(self._by_rounds.items())),
            by_reason=dict(sorted(self._edges.items())),
        )
