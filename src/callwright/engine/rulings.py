"""A conversation becomes a result: mended, judged, and accepted or dropped for the first reason against it."""

from __future__ import annotations

from collections.abc import Sequence

from callwright.engine.results import Result
from callwright.errors import JudgeError
from callwright.generators.base import Explored
from callwright.judges.base import Judge
from callwright.judges.normaliser import normalise
from callwright.schemas.base import digest
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import RUNGS, Rung, Verdict
from callwright.values.mentions import fold


class Rulings:
    """Rules on conversations, whoever made them, with a run's judges."""

    def __init__(self, judges: Sequence[Judge], accept: Rung, max_calls: int) -> None:
        """`accept` is the highest rung that every row must pass, `max_calls` the most turns with calls."""
        self._judges = tuple(judges)
        self._rungs = RUNGS[: RUNGS.index(accept) + 1]
        self._max_calls = max_calls

    async def rule(self, made: Explored) -> tuple[Result, Trajectory]:
        """The result of an attempt that has a conversation, and the conversation as it was mended.

        What its method has against it comes first; it is judged all the same, for the record.
        """
        assert made.trajectory is not None
        row, mends = normalise(made.trajectory, self._max_calls)
        own = [verdict.model_copy(update={"trajectory": row.id}) for verdict in made.verdicts]
        verdicts = own + await self._judge(row)
        gate, code, message = self._ruling(row, verdicts)
        if made.code:
            gate, code, message = made.gate, made.code, made.message
        task = row.task
        result = Result(
            method=task.method,
            kind=task.kind,
            attempt=made.attempt,
            accepted=not code,
            gate=gate,
            code=code,
            message=message,
            signature=signature(row),
            root=task.root,
            task_id=task.id,
            task=task.record(),
            trajectory_id=row.id,
            trajectory=row.record(),
            part=made.part,
            row_kind=row.kind,
            verdicts=tuple(verdicts),
            mends=mends,
        )
        return result, row

    async def _judge(self, trajectory: Trajectory) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for judge in self._judges:
            try:
                verdicts += await judge.judge(trajectory)
            except JudgeError as error:
                verdicts.append(
                    Verdict(
                        trajectory=trajectory.id,
                        judge=judge.name,
                        rung=judge.rung,
                        outcome="undecided",
                        code="unjudged",
                        message=str(error),
                    )
                )
        return verdicts

    def _ruling(self, trajectory: Trajectory, verdicts: list[Verdict]) -> tuple[str, str, str]:
        """Gate, code and message of the first reason against a row; empty when it is accepted."""
        # What execution contradicts is wrong, whichever rung the recipe asks for.
        against = [
            verdict
            for verdict in verdicts
            if (verdict.outcome != "pass" and verdict.rung in self._rungs)
            or (verdict.outcome == "fail" and verdict.rung in ("L2", "L3"))
        ]
        if against:
            worst = min(against, key=lambda verdict: RUNGS.index(verdict.rung))
            return worst.rung, worst.code, worst.message
        if trajectory.kind != trajectory.task.kind:
            return "selection", "other_kind", f"meant to be {trajectory.task.kind}, became {trajectory.kind}"
        return "", "", ""


def signature(trajectory: Trajectory) -> str:
    """Digest of what the user said and what was called, wording folded, ids left aside."""
    said = [fold(message.content) for message in trajectory.messages if message.role == "user"]
    return digest([said, [[call.name, call.arguments] for call in trajectory.tool_calls]])
