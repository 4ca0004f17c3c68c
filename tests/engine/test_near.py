"""Near duplicates give way to better rows, whatever order they come in."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from builders import call, task, tool, toolkit, trajectory, verdict

from callwright.engine.gates import meaning
from callwright.engine.gates.candidate import Candidate, Candidates
from callwright.engine.gates.gate import Gate
from callwright.engine.gates.meaning import Meaning
from callwright.engine.gates.near import Near
from callwright.engine.results import Result
from callwright.engine.selection import Cell
from callwright.schemas.recipe import Duplicates
from callwright.schemas.verdict import Rung
from callwright.similarity import Encoder, Vectors, make_encoder

LONG = (
    "Hello there, I have been planning a rather long afternoon in town with my two nephews, who love anything that "
    "moves, so could you please read me everything you know about the event that is called {} today?"
)


def row(
    attempt: int,
    said: str,
    rungs: tuple[Rung, ...] = ("L0", "L1"),
    method: str = "toolalpaca",
    **more: object,
):
    made = trajectory(
        task(said, attempt=attempt, method=method), [call(event_id=str(more.get("event", "e1")))]
    )
    return Result(
        method=method,
        kind="single",
        attempt=attempt,
        accepted=True,
        signature=made.id,
        root=str(more.get("root", made.task.id)),
        task_id=made.task.id,
        task=made.task.record(),
        trajectory_id=made.id,
        trajectory=made.record(),
        verdicts=tuple(verdict(made, rung) for rung in rungs),
    )


def cell(quota: int = 9, gate: Gate | None = None) -> Cell:
    gate = gate or Gate(Candidates((toolkit(tool()),)), Near(Duplicates()))
    return Cell("toolalpaca", "single", quota, gate=gate)


def chosen(filled: Cell, *rows: Result) -> list[int]:
    filled.take(rows)
    return [one.attempt for row in filled.chosen for one in rows if one.trajectory_id == row]


def test_the_weaker_of_two_rows_that_are_nearly_the_same_is_left_out():
    weak = row(0, LONG.format("alpha"))
    strong = row(1, LONG.format("alpha") + " Thanks!", ("L0", "L1", "L2"))
    filled = cell()
    assert chosen(filled, weak, strong, row(2, "Show me event e9.", event="e9")) == [1, 2]
    assert [(one.gate, one.code, one.attempt) for one in filled.drops] == [("duplicates", "near_text", 0)]


def test_of_equal_evidence_the_lowest_attempt_stays():
    assert chosen(cell(), row(3, LONG.format("alpha")), row(5, LONG.format("alpha") + " Thanks!")) == [3]


def test_the_same_wish_in_nearly_the_same_letters_is_a_duplicate_and_another_event_is_none():
    filled = cell()
    said = "Would you be so kind as to look up the details of {} for my colleague?"
    first = said.format("event e1")
    rows = [
        row(0, first),
        row(1, first.replace("details", "detail")),
        row(2, said.format("event e2"), event="e2"),
    ]
    assert chosen(filled, *rows) == [0, 2]
    assert [one.code for one in filled.drops] == ["near_meaning"]


def test_what_is_left_out_does_not_depend_on_the_order():
    rows = [row(number, LONG.format("alpha") + " Thanks!" * number, ("L0", "L1")) for number in range(4)]
    rows += [row(4 + number, f"Read event e{number} to me.", event=f"e{number}") for number in range(6)]
    maker = Candidates((toolkit(tool()),))
    found = []
    for seed in range(3):
        shuffled = random.Random(seed).sample(rows, len(rows))
        found.append(set(Near(Duplicates()).twins([maker.of(one) for one in shuffled])))
    assert found[0] == found[1] == found[2]
    assert found[0]


def test_a_row_may_stand_beside_its_rewriting_and_not_beside_another_methods_copy():
    gate = Gate(Candidates((toolkit(tool()),)), Near(Duplicates()))
    said = LONG.format("alpha")
    first = row(0, said, root="r1")
    cell(gate=gate).take([first])
    rewritten, copy = row(1, said, method="dag", root="r1"), row(2, said, method="ste", root="r2")
    other = cell(gate=gate)
    other.take([rewritten, copy])
    assert other.chosen == [rewritten.trajectory_id]


def test_one_tool_has_its_share_and_no_more():
    gate = Gate(Candidates((toolkit(tool()),)), most_per_tool=0.5)
    filled = cell(4, gate)
    assert chosen(filled, *(row(number, f"Event {number}?", event=f"e{number}") for number in range(5))) == [
        0,
        1,
    ]
    assert {one.code for one in filled.drops} == {"most_per_tool"}


def test_rows_are_held_against_all_of_the_same_calls_however_they_are_cut_into_blocks(
    monkeypatch: pytest.MonkeyPatch,
):
    for name, size in (("_BLOCK", 3), ("_AGAINST", 2), ("_TEXTS", 4)):
        monkeypatch.setattr(meaning, name, size)
    chance = random.Random(7)
    words = "please read me what is on at the event in the big hall".split()
    maker = Candidates((toolkit(tool()),))
    rounds = [
        [
            maker.of(row(10 * number + place, " ".join(chance.choices(words, k=9)), event=f"e{place % 3}"))
            for place in range(25)
        ]
        for number in range(4)
    ]
    encoder, near = make_encoder("ngrams"), 0.8
    held = Meaning(lambda: encoder, near, lambda one, other: one.result.attempt == other.result.attempt + 1)
    chosen_before: list[Candidate] = []
    same = 0
    for rows in rounds:
        asked, kept = held.round(rows), []
        for one in rows:
            found = [asked.chosen(one), asked.kept(one)]
            assert found == [_nearest(one, others, encoder, near) for others in (chosen_before, kept)]
            same += found != [None, None]
            if found == [None, None]:
                kept.append(one)
                asked.keep(one)
        for one in kept[::2]:
            held.choose(one)
        chosen_before += kept[::2]
    assert 10 < same < 90


def _nearest(row: Candidate, others: list[Candidate], encoder: Encoder, near: float) -> Candidate | None:
    may = [one for one in others if one.calls == row.calls and row.result.attempt != one.result.attempt + 1]
    if not may:
        return None
    cosines = (encoder.encode([one.said for one in may]) @ encoder.encode([row.said])[0]).round(3)
    best = int(cosines.argmax())
    return may[best] if cosines[best] >= near else None


def test_texts_are_encoded_once_and_only_where_calls_repeat():
    encoded: list[str] = []

    class Counting:
        name = "counting"

        def encode(self, texts: Sequence[str]) -> Vectors:
            encoded.extend(texts)
            return make_encoder("ngrams").encode(texts)

    held = Meaning(Counting, 0.9, lambda one, other: False)
    maker = Candidates((toolkit(tool()),))
    for number in range(3):
        rows = [maker.of(row(number, f"{number} is the event that I want.", event="e1"))]
        rows += [maker.of(row(9 + number, "Another one, please.", event=f"e{5 + number}"))]
        held.round(rows)
        for one in rows:
            held.choose(one)
    assert sorted(encoded) == [f"{number} is the event that I want." for number in range(3)]
