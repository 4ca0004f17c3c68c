"""DTA-Llama's metrics (Zhu et al. 2025): solvable pass rate and win rate from a judge's verdicts, with intervals.

Pass rate: Solved counts 1, Unsure 0.5, Unsolved 0, the mean of a question's runs, then of all questions. A transcript
that does not end with an answer is unsolved by its format, which is told apart from what a judge says. Win rate: where
one side solved the question and the other did not, it wins; else a judge compares them in both orders, and only what it
says in both is a win, the rest are ties.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from callwright.schemas.base import Record
from callwright.scoring.files import ScoreError, lines_of, one_id
from callwright.values.intervals import bootstrap

Solved = Literal["Solved", "Unsure", "Unsolved", "no_answer"]
Winner = Literal["first", "second", "tie"]

_WORTH: Mapping[Solved, float] = {"Solved": 1.0, "Unsure": 0.5, "Unsolved": 0.0, "no_answer": 0.0}


class Rate(Record):
    """A mean over questions with its 95 % interval (percentiles of a seeded bootstrap)."""

    value: float
    low: float
    high: float
    of: int
    """Questions."""


class PassRate(Record):
    rate: Rate
    counts: dict[str, int]
    """Ruling -> runs; `no_answer` is unsolved by format, which no judge was asked about."""


class WinRate(Record):
    rate: Rate
    """Wins among all questions; ties count as none."""
    wins: int
    losses: int
    ties: int
    by_solving: int
    """Questions that were decided because one side alone solved them."""
    swayed: int
    """Questions on which the judge's ruling turned with the order; they are ties."""


class DagScore(Record):
    passed: PassRate
    won: WinRate | None = None
    """None where no question was compared with another system's answer."""


class Comparison(Record):
    """What a judge says of two answers to one question."""

    ours: Solved
    theirs: Solved
    ours_first: Winner | None = None
    """Who wins when ours stands first; None where nobody was asked."""
    theirs_first: Winner | None = None
    """Who wins when theirs stands first."""


class Item(Record):
    """One question of a file."""

    runs: tuple[Solved, ...] = Field(min_length=1)
    """A judge's ruling for each run; `no_answer` for a transcript that does not end with an answer."""
    against: Comparison | None = None


def read_items(path: Path) -> Iterator[Item]:
    """The questions of a file of JSON lines, each with an `id`.

    Raises:
        ScoreError: The file cannot be read, or a line is no such question; the message says which.
    """
    seen: set[str] = set()
    for where, body in lines_of(path):
        one_id(where, body, seen)
        try:
            yield Item.model_validate({key: value for key, value in body.items() if key != "id"})
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise ScoreError(f"{where}: {place}: {first['msg']}; expected runs, and maybe against") from None


def score(items: Iterable[Item], seed: int = 0) -> DagScore:
    listed = list(items)
    compared = [one.against for one in listed if one.against]
    return DagScore(
        passed=pass_rate((one.runs for one in listed), seed),
        won=win_rate(compared, seed) if compared else None,
    )


def pass_rate(runs: Iterable[Sequence[Solved]], seed: int = 0) -> PassRate:
    """The pass rate over questions, each with one ruling for every run."""
    listed = [list(one) for one in runs]
    counts = {name: sum(one.count(name) for one in listed) for name in _WORTH}
    return PassRate(rate=mean([_mean(map(_WORTH.__getitem__, one)) for one in listed], seed), counts=counts)


def win_rate(questions: Iterable[Comparison], seed: int = 0) -> WinRate:
    """How often ours wins, a question counted once."""
    listed = list(questions)
    ended = [_winner(one) for one in listed]
    names = [name for name, _ in ended]
    return WinRate(
        rate=mean([float(name == "win") for name in names], seed),
        wins=names.count("win"),
        losses=names.count("loss"),
        ties=names.count("tie"),
        by_solving=sum(why == "solving" for _, why in ended),
        swayed=sum(why == "swayed" for _, why in ended),
    )


def mean(values: Sequence[float], seed: int = 0) -> Rate:
    """The mean of values with its interval; the same seed gives the same one."""
    if not values:
        return Rate(value=0.0, low=0.0, high=0.0, of=0)
    low, high = bootstrap(values, seed)
    return Rate(value=_mean(values), low=low, high=high, of=len(values))


def _winner(one: Comparison) -> tuple[Literal["win", "loss", "tie"], str]:
    solved = (one.ours == "Solved", one.theirs == "Solved")
    if solved[0] != solved[1]:
        return ("win" if solved[0] else "loss"), "solving"
    if one.ours_first == "first" and one.theirs_first == "second":
        return "win", "judge"
    if one.ours_first == "second" and one.theirs_first == "first":
        return "loss", "judge"
    # The first place won in both orders, or the second: the judge went by the place.
    same = one.ours_first == one.theirs_first and one.ours_first in ("first", "second")
    return "tie", "swayed" if same else "judge"


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0
