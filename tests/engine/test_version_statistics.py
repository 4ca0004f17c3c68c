"""What a version's statistics count, row by row."""

from __future__ import annotations

from builders import call, drop, member, task, toolkit, trajectory, verdict

from callwright.engine.results import Result
from callwright.engine.statistics import StatisticsCount, spent_by_purpose
from callwright.schemas.task import Trajectory
from callwright.schemas.version import DropCount, Spent

ROWS = [
    trajectory(task("Show me event e1.")),
    trajectory(task("And both?", attempt=1, method="looptool"), [call(event_id="a"), call(event_id="b")]),
    trajectory(task("What is love?", attempt=2), []),
]


def result(row: Trajectory) -> Result:
    values = {"method": row.task.method, "kind": row.kind, "attempt": 0, "accepted": True}
    return Result(
        **values,
        task=row.task.record(),
        trajectory_id=row.id,
        trajectory=row.record(),
        verdicts=(verdict(row, "L0"), verdict(row, "L1")),
    )


def entry(purpose: str, prompt: int, completion: int) -> dict:
    spent = {"prompt_tokens": prompt, "completion_tokens": completion}
    return {"purpose": purpose, "response": {"text": "x"}} | spent


def test_rows_of_a_round_are_counted_by_reason_and_the_student_is_named():
    count = StatisticsCount([toolkit()])
    for row, reason in zip(ROWS, ("seed", "expansion", "seed"), strict=True):
        count.add(result(row), member(row).model_copy(update={"reason": reason}))
    spent = spent_by_purpose([entry("a.b", 10, 2), entry("a.b", 5, 1), entry("looptool.student", 1, 1)])
    found = count.statistics(
        map(result, ROWS),
        attempts=9,
        drops=[drop(1), drop(2), drop(3, "other")],
        troubles={"retry_429": 2},
        teacher="offline-rules:1a2b",
        spent=spent,
        student="local:small",
    )
    assert (found.rows, found.attempts, found.student, found.teacher) == (
        3,
        9,
        "local:small",
        "offline-rules",
    )
    assert found.by_reason == {"expansion": 1, "seed": 2}
    assert found.by_kind == {"no_call": 1, "parallel": 1, "single": 1}
    assert found.by_method == {"looptool": 1, "toolalpaca": 2}
    assert (found.by_tool, found.by_rung) == ({"get_event": 3}, {"L1": 3})
    counted = [("other", 1), ("ungrounded_argument", 2)]
    assert found.drops == tuple(DropCount(gate="L1", code=code, count=n) for code, n in counted)
    assert found.by_purpose["a.b"] == Spent(requests=2, prompt_tokens=15, completion_tokens=3)
    assert (found.requests, found.prompt_tokens, found.completion_tokens) == (3, 16, 4)


def test_rows_outside_of_loops_have_no_reason():
    count = StatisticsCount([toolkit()])
    count.add(result(ROWS[0]), member(ROWS[0]))
    found = count.statistics(
        map(result, ROWS[:1]), attempts=1, drops=(), troubles={}, teacher="offline-rules", spent={}
    )
    assert (found.by_reason, found.student) == ({}, "")
