"""The report of one round of a loop: what went in, what the student became, what it cost."""

from __future__ import annotations

from typing import Literal

from callwright.schemas.base import Record
from callwright.schemas.probe import Band, Failure, Necessity, Reason, Ruling
from callwright.schemas.task import Kind
from callwright.schemas.version import Spent

Decider = Literal["execution", "judge", "rule"]


class Proportion(Record):
    """So many of so many, with its 95 % interval (Wilson)."""

    hits: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """From 0 to 1; None of nothing."""
        return self.hits / self.of if self.of else None


class ProbeCounts(Record):
    """What a student does at some decisions."""

    right: Proportion
    """Greedy answers that match the label, of all decisions."""
    unusable: int = 0
    """Answers that nobody can act on: unparsable, cut off, or none because the prompt does not fit."""
    bands: dict[Band, int] = {}
    """Empty where nothing was sampled."""
    perplexity: float | None = None
    """Geometric mean over the greedy answers; None where the student does not tell."""


class ProbeTable(Record):
    """What a student does at the decisions of rows."""

    all: ProbeCounts
    kinds: dict[Kind, ProbeCounts] = {}
    """Kind of the row -> what is done at its decisions."""


class HeldOutScore(Record):
    """What a student does with tools that no round has seen."""

    exact: Proportion
    """Decisions with exactly the label's calls, of those where calling is right."""
    relevance: Proportion
    """Decisions with a call, of those where calling is right."""
    irrelevance: Proportion
    """Decisions with words and no call, of those where asking or abstaining is right."""


class Gap(Record):
    """What the loop brings over the control in exact calls, with its 95 % interval (bootstrap over rows)."""

    difference: float
    """In shares of 1; below 0 where the control is better."""
    low: float
    high: float
    rows: int
    """Held-out rows with calls, which both students were asked about."""


class JudgeWorth(Record):
    """What the word of the judge was worth in pairs with a known answer."""

    text: str = ""
    numbers: dict[str, float] = {}


class Cost(Record):
    """What was asked, against the bounds that it must keep."""

    probe_requests: int = 0
    probe_bound: int = 0
    """Decisions times one greedy answer and all samples."""
    judge_calls: int = 0
    judge_bound: int = 0
    """Mismatches times two orders times votes, and the pairs with a known answer the same."""
    roles: dict[str, Spent] = {}
    """Teacher, judge, student -> requests and tokens."""


class RoundReport(Record):
    """One round."""

    round: int
    """Counted from 1."""
    version: str
    """`name@number` of the rows that it trained on."""
    student_before: str
    student_after: str
    wanted: dict[str, int]
    """Bucket -> rows by quota."""
    got: dict[Reason, int]
    kinds: dict[Kind, int]
    notes: tuple[str, ...] = ()
    """What was short and how it was filled, in words."""
    drops: dict[str, int] = {}
    """Reason why a row of the round before, or a candidate, is not in this one -> rows."""
    probe_rows: ProbeTable | None = None
    """On the rows of the round before, which its student was trained on; None in the first round."""
    probe_before: ProbeTable | None = None
    """On held-out rows, before and after this round's training."""
    probe_after: ProbeTable | None = None
    held_out_before: HeldOutScore
    held_out_after: HeldOutScore
    control: HeldOutScore | None = None
    """The second student, trained on as many rows of fresh seeds alone."""
    gap: Gap | None = None
    verdicts: dict[Ruling, dict[Decider, int]] = {}
    """Ruling on a decision where answer and label differ -> what decided it -> decisions."""
    failures: dict[Failure, int] = {}
    replaced: int = 0
    """Labels that an answer took the place of."""
    judge: JudgeWorth | None = None
    """None where no judge was asked."""
    expansion: dict[str, int] = {}
    """Stage (tries, generated, accepted, and what was lost between them) -> variants, in the order of the stages."""
    remembered: Proportion | None = None
    """Earlier rows that were mastered and are still answered right."""
    protected: int = 0
    """Held-out rows and items of leak files that the round's rows were compared with."""
    overlap: dict[str, int] = {}
    """How a row is like something protected -> new rows of the round; it should be empty."""
    necessity: dict[Necessity, int] = {}
    """How much the tools are needed -> held-out tasks; empty where no whole runs were made."""
    cost: Cost = Cost()
    seconds: dict[str, float] = {}
    """Stage -> wall time, in the order of the stages."""
