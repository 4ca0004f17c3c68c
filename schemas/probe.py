"""What a closed loop finds out: a student's answers, what they were worth, who was wrong, and how it fails."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from callwright.schemas.base import Record, digest
from callwright.schemas.message import ToolCall

Outcome = Literal["calls", "words", "unparsable", "truncated", "refused"]
"""What an answer is: calls; words alone; something nobody can act on; an answer that was cut off; none, because the
prompt does not fit the model's context (it is never cut to fit), or the server takes no such request."""

Band = Literal["mastered", "learnable", "frontier"]
"""Right nearly always, at times, nearly never."""

Necessity = Literal["unneeded", "helpful", "harmful", "unsolved"]
"""Right without tools and with them, right with them alone, right without them alone, never right."""

Failure = Literal[
    "wrong_call",
    "missing_call",
    "extra_call",
    "missed_question",
    "over_calling",
    "wrong_abstention",
    "unusable",
]
"""How a student fails: calls something else; calls less; calls more; does not ask where it should; calls where it
should say that nothing fits; says or asks something where it should call; an answer that nobody can act on."""

Ruling = Literal["prediction_wrong", "label_wrong", "both_right", "both_wrong", "undecided"]
"""What a comparison of a label with a student's answer comes to."""

Reason = Literal["error_seed", "corrected", "expansion", "high_perplexity", "seed"]
"""Why a row is in a round: the student fails on it; its label was replaced; a variant of a failure; right but unsure;
never seen before."""


class Prediction(Record):
    """One answer of a student."""

    outcome: Outcome
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[float, ...] | None = None
    """Log-probability of each token of the answer; None where the student does not tell."""
    key: str = ""
    """The ledger's name for the call that gave it."""


class Probe(Record):
    """What a student does at one decision of a row."""

    task: str
    trajectory: str
    step: int
    """Index of the assistant's turn in the conversation."""
    student: str
    greedy: Prediction
    correct: bool
    """Whether the greedy answer matches the label."""
    label_perplexity: float | None = None
    perplexity: float | None = None
    """Of the greedy answer: exp of the mean negative log-probability of its tokens."""
    attempts: int = 0
    """Sampled answers, the greedy one not among them."""
    successes: int = 0
    band: Band | None = None
    """None where nothing was sampled."""
    calls: tuple[int, ...] = ()
    """Number of calls in each sampled answer."""

    @cached_property
    def id(self) -> str:
        return digest(self.model_dump(mode="json"))

    @property
    def decision(self) -> str:
        return f"{self.trajectory}/{self.step}"


class RunProbe(Record):
    """What a student does with a whole task: with the tools, and without them."""

    task: str
    student: str
    with_tools: tuple[bool, ...] = ()
    """Right or not, run by run."""
    without_tools: tuple[bool, ...] = ()
    calls: tuple[int, ...] = ()
    """Calls of each run with tools."""
    necessity: Necessity | None = None
    min_correct_calls: int | None = None
    """Fewest calls among the right runs; None where none is right."""


class Comparison(Record):
    """The ruling on one decision where a student's answer differs from the label."""

    trajectory: str
    step: int
    ruling: Ruling
    by: Literal["execution", "judge", "rule"]
    """What decided it: calls that were executed; a model's votes; a rule (an answer that nobody can act on)."""
    failure: Failure
    votes: dict[str, int] = {}
    """Ruling -> votes, both orders together."""
    analysis: str = ""
    """What is wrong with the wrong one, in a sentence or two."""
    approach: str = ""
    """What would be right, in a sentence or two."""
    message: str = ""
    """Why the ruling is what it is, for people."""

    @property
    def decision(self) -> str:
        return f"{self.trajectory}/{self.step}"
