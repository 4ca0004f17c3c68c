"""What a judge is: it reads a trajectory, returns verdicts and changes nothing."""

from __future__ import annotations

import json
from typing import Any, Protocol

from callwright.schemas.message import Observation
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Outcome, Rung, Verdict


class Judge(Protocol):
    name: str
    rung: Rung

    async def judge(self, trajectory: Trajectory) -> list[Verdict]:
        """Rule on one trajectory: one verdict for each fault, or a single pass or undecided.

        Raises:
            JudgeError: No verdict could be reached. The row stays unjudged, never failed.
        """
        ...


class Ruling:
    """Collects one judge's verdicts on one trajectory; a pass when nothing was found."""

    def __init__(self, judge: Judge, trajectory: Trajectory) -> None:
        self._judge = judge
        self._trajectory = trajectory
        self._found: list[Verdict] = []
        self._steps: list[Verdict] = []
        self.evidence: list[dict[str, Any]] = []

    def fail(self, code: str, message: str, step: int | None = None) -> None:
        self._found.append(self._verdict("fail", code, message, step))

    def undecided(self, code: str, message: str, step: int | None = None) -> None:
        self._found.append(self._verdict("undecided", code, message, step))

    def settle(self, step: int, evidence: dict[str, Any]) -> None:
        """A pass for one step, whatever becomes of the whole."""
        verdict = self._verdict("pass", "", "", step)
        self._steps.append(verdict.model_copy(update={"evidence": (evidence,)}))

    def verdicts(self) -> list[Verdict]:
        return [*self._steps, *(self._found or [self._verdict("pass", "", "", None)])]

    def _verdict(self, outcome: Outcome, code: str, message: str, step: int | None) -> Verdict:
        return Verdict(
            trajectory=self._trajectory.id,
            judge=self._judge.name,
            rung=self._judge.rung,
            outcome=outcome,
            code=code,
            message=message,
            step=step,
            evidence=tuple(self.evidence) if outcome == "pass" else (),
        )


def parsed(text: str) -> Any:
    """The JSON value of an argument text or observation; None when it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def body_of(observation: Observation) -> Any:
    """The parsed body of a JSON observation; None for other media."""
    return parsed(observation.content) if "json" in observation.media_type else None
