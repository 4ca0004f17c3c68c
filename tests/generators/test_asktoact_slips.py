"""AskToAct's mistakes: each kind is made, found by reading, and takes the right part of a message."""

from __future__ import annotations

from collections import Counter

import pytest
from dialogues import dialogues, explored, source_rows, worlds

from callwright.generators.asktoact import explore
from callwright.generators.asktoact.detecting import slips
from callwright.schemas.recipe import ERRORS, AskToAct
from callwright.schemas.task import Trajectory


def sheet_of(row: Trajectory):
    return next(kit.phrases for kit in worlds().toolkits if kit.name == row.task.toolkit)


def test_reading_finds_every_mistake_and_none_in_what_is_right(monkeypatch: pytest.MonkeyPatch):
    """Without the gate that drops what reading does not find: nothing here has been sorted out before."""
    monkeypatch.setattr(explore.Clarifications, "_check_by_rule", lambda *given: None)
    rows = [row for row in source_rows() if row.task.toolkit in {kit.name for kit in worlds().toolkits}]
    seen: Counter[tuple[str, bool]] = Counter()
    for share, seed in ((1.0, 1), (1.0, 2), (0.0, 3)):
        for one in explored(rows, worlds(), seed=seed, error_share=share, confirm_share=0.0):
            if one.trajectory is None or one.part == "control":
                continue
            row = one.trajectory
            part = row.task.hidden["part"]
            read = [slip.kind for slip in slips(row, sheet_of(row), worlds().synonyms)]
            seen[part, read == ([part] if part in ERRORS else [])] += 1
    found = sum(count for (part, right), count in seen.items() if right and part in ERRORS)
    made = sum(count for (part, _), count in seen.items() if part in ERRORS)
    clean = sum(count for (part, _), count in seen.items() if part == "clean")
    assert found / made >= 0.99
    assert seen["clean", False] / clean <= 0.01
    assert {part for part, _ in seen} == {*ERRORS, "clean"}


def test_a_mistake_and_its_correction_are_spans_of_one_message():
    parts: Counter[str] = Counter()
    for _, one in dialogues():
        row = one.trajectory
        assert row is not None
        spans = [(message, span) for message in row.turns() for span in message.spans]
        if row.task.hidden.get("part") not in ERRORS:
            assert all(span.label == "confirmed" for _, span in spans)
            continue
        (message, wrong), (same, right) = spans
        parts[row.task.hidden["part"]] += 1
        assert message is same
        assert (wrong.label, right.label) == ("error", "correction")
        assert wrong.start == 0 < wrong.end < right.start < right.end <= len(message.content)
        assert message.content[wrong.end : right.start] == " "
        assert message.content[wrong.end - 1] in ".?!"
        assert message.train
    assert len(parts) == 4


def test_a_confirmed_turn_takes_nothing_back():
    for _, one in dialogues():
        row = one.trajectory
        assert row is not None
        if row.task.hidden.get("part") == "confirmed":
            message = next(each for each in row.turns() if each.spans)
            said = message.content[: message.spans[-1].end].lower()
            assert not any(word in said for word in ("sorry", "wrong", "misread", "never mind"))
            return
    pytest.fail("no row checks what was right")


def test_shares_are_exact_and_errors_balanced():
    for rows in range(1, 400):
        for kind in ("any", "clarification"):
            parts = AskToAct.model_validate({"from": "a@1"}).parts(kind, rows)  # type: ignore[arg-type]
            assert sum(parts.values()) == rows
            wrong = [parts[error] for error in ERRORS]
            assert max(wrong) - min(wrong) <= 1
            assert abs(sum(wrong) - 0.3 * (rows - parts["control"])) <= 1
            assert (parts["control"] > 0) <= (kind == "any")
