"""One judge's ruling on a trajectory or one of its steps."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, Literal

from callwright.schemas.base import Record, digest

Rung = Literal["hygiene", "L0", "L1", "L2", "L3", "L4"]
Outcome = Literal["pass", "fail", "undecided"]


class Verdict(Record):
    trajectory: str
    judge: str
    rung: Rung
    outcome: Outcome
    code: str = ""
    """Stable reason (`unknown_tool`), empty for a pass."""
    message: str = ""
    """The reason in words, for people."""
    step: int | None = None
    """Index of the message it is about; None for the whole trajectory."""
    evidence: tuple[dict[str, Any], ...] = ()
    """What was looked at: for grounding, each value with its derivation and the message it was found in."""

    @cached_property
    def id(self) -> str:
        return digest(self.model_dump(mode="json"))


RUNGS: tuple[Rung, ...] = ("hygiene", "L0", "L1", "L2", "L3", "L4")


def highest_rung(verdicts: Iterable[Verdict]) -> Rung | None:
    """The highest rung at which, and below which, every verdict is a pass; None where the lowest is none."""
    ruled = list(verdicts)
    reached: Rung | None = None
    for rung in RUNGS:
        outcomes = {one.outcome for one in ruled if one.rung == rung}
        if outcomes - {"pass"}:
            break
        if outcomes:
            reached = rung
    return reached
