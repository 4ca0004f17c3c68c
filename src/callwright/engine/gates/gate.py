"""What good rows pass before they are chosen: one gate for all cells of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from callwright.engine.gates.candidate import Candidate, Candidates
from callwright.engine.gates.near import Near
from callwright.schemas.recipe import Duplicates, Splits
from callwright.splits import Assignment

Refused = tuple[Candidate, str, str, str]
"""A row, and the gate, code and message of why it is left out."""


@dataclass
class Gate:
    """Lets everything through unless told otherwise."""

    candidates: Candidates = field(default_factory=Candidates)
    near: Near = field(default_factory=lambda: Near(Duplicates(near=1.0)))
    assignment: Assignment = field(default_factory=lambda: Assignment(Splits()))
    most_per_tool: float = 1.0

    def passed(self, rows: Sequence[Candidate], refuse: Callable[[Refused], None]) -> list[Candidate]:
        """The rows that are like no better one. A better row takes the place of the first that it stands for."""
        twins = self.near.twins(rows)
        places = {row.result.trajectory_id: place for place, row in enumerate(rows)}
        first = dict(places)
        for row, (twin, better) in twins.items():
            refuse((rows[places[row]], "duplicates", twin.code, twin.message))
            if better in first:
                first[better] = min(first[better], places[row])
        kept = [row for row in rows if row.result.trajectory_id not in twins]
        return sorted(kept, key=lambda row: first[row.result.trajectory_id])

    def choose(self, row: Candidate) -> None:
        """A row that is chosen."""
        self.near.choose(row)
        self.assignment.assign(row.root, row.shows)
