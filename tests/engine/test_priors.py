"""Answers that can be guessed without reading the question are told."""

from __future__ import annotations

import pytest
from builders import call, task, tool, toolkit, trajectory

from callwright.engine.coverage import CoverageCount
from callwright.engine.results import Result

PICK = tool("pick", letter={"type": "string", "enum": ["A", "B", "C", "D"]})


def counted(letters: str) -> list[tuple[str, int, int]]:
    count = CoverageCount([toolkit(PICK)])
    for number, letter in enumerate(letters):
        row = trajectory(task(f"Pick {number}.", tools=[PICK]), [call("pick", letter=letter)])
        count.add(
            Result(
                method="toolalpaca",
                kind="single",
                attempt=number,
                accepted=True,
                task=row.task.record(),
                trajectory_id=row.id,
                trajectory=row.record(),
            )
        )
    return [(one.value, one.count, one.of) for one in count.coverage().priors]


@pytest.mark.parametrize(
    ("letters", "flagged"),
    [("A" * 410 + "BCD" * 197, True), ("ABCD" * 50, False), ("AAB", False), ("A" * 28 + "BCD" * 24, False)],
)
def test_a_letter_that_stands_in_far_more_answers_than_its_share_is_flagged(letters: str, flagged: bool):
    expected = [('"A"', letters.count("A"), len(letters))] if flagged else []
    assert counted(letters) == expected
