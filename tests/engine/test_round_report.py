"""A round's numbers from probes and comparisons, and the text that tells them."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path
from typing import Any

import pytest

from callwright.engine.loop.report import (
    failure_counts,
    gap,
    held_out_score,
    markdown,
    probe_table,
    proportion,
    summary,
    verdict_matrix,
)
from callwright.schemas.probe import Comparison, Prediction, Probe
from callwright.schemas.round import Cost, JudgeWorth, RoundReport
from callwright.schemas.task import Kind
from callwright.schemas.version import Spent
from callwright.values.intervals import wilson

GOLDEN = Path(__file__).parent / "golden"


def probe(row: str, step: int = 1, *, right: bool = True, outcome: str = "calls", **changes: Any) -> Probe:
    greedy = Prediction.model_validate({"outcome": outcome})
    values = {"task": f"k-{row}", "student": "weak", "greedy": greedy, "correct": right} | changes
    return Probe(trajectory=row, step=step, **values)


def drawn(rate: float, seed: int, rows: int = 60) -> list[Probe]:
    """Three decisions of each row, the last of them without calls."""
    rng = random.Random(seed)
    found = []
    for number in range(rows):
        for step in (1, 3, 5):
            right = rng.random() < rate
            outcome = "calls" if (step < 5) == (right or rng.random() < 0.7) else "words"
            found.append(probe(f"r{number:02d}", step, right=right, outcome=outcome))
    return found


CALLS = {f"r{number:02d}/{step}": step < 5 for number in range(60) for step in (1, 3, 5)}


def test_a_probe_table_counts_by_kind():
    kinds: dict[str, Kind] = {"a": "single", "b": "single", "c": "no_call"}
    found = probe_table(
        [
            probe("a", perplexity=2.0, band="mastered"),
            probe("a", 3, right=False, outcome="unparsable"),
            probe("b", right=False, perplexity=8.0, band="frontier"),
            probe("c", outcome="words", band="mastered"),
        ],
        kinds,
    )
    assert list(found.kinds) == ["single", "no_call"]
    single = found.kinds["single"]
    assert (single.right.hits, single.right.of, single.unusable) == (1, 3, 1)
    assert (single.right.low, single.right.high) == wilson(1, 3)
    assert single.bands == {"mastered": 1, "learnable": 0, "frontier": 1}
    assert single.perplexity == pytest.approx(4.0)
    assert found.kinds["no_call"].perplexity is None
    assert (found.all.right.hits, found.all.right.of) == (2, 4)
    assert probe_table([], {}).all.right.value is None


def test_answers_of_no_use_count_against_relevance_and_irrelevance():
    found = held_out_score(
        [
            probe("a"),
            probe("b", right=False),
            probe("c", right=False, outcome="words"),
            probe("d", right=False, outcome="truncated"),
            probe("e", outcome="words"),
            probe("f", right=False, outcome="calls"),
            probe("g", right=False, outcome="refused"),
        ],
        {f"{row}/1": row < "e" for row in "abcdefg"},
    )
    assert (found.exact.hits, found.exact.of) == (1, 4)
    assert (found.relevance.hits, found.relevance.of) == (2, 4)
    assert (found.irrelevance.hits, found.irrelevance.of) == (1, 3)


def test_the_gap_is_the_difference_of_the_two_accuracies_with_an_interval_over_rows():
    ours, theirs = drawn(0.8, 1), drawn(0.5, 2)
    found = gap(ours, theirs, CALLS)
    assert found is not None
    exact = [held_out_score(one, CALLS).exact for one in (ours, theirs)]
    assert found.difference == pytest.approx(exact[0].hits / 120 - exact[1].hits / 120)
    assert 0 < found.low < found.difference < found.high < 0.6
    assert found.rows == 60
    assert gap(ours[::-1], theirs, CALLS) == found
    back = gap(theirs, ours, CALLS)
    assert back is not None and back.difference == pytest.approx(-found.difference)
    same = gap(ours, ours, CALLS)
    assert same is not None and (same.low, same.difference, same.high) == (0, 0, 0)
    # Decisions without calls, and those that only one student was asked about, are no part of it.
    assert gap(ours, [one for one in theirs if one.step == 5], CALLS) is None


def test_decisions_of_one_row_are_no_independent_evidence():
    alone = [probe(f"r{n:02d}", right=n < 30) for n in range(60)]
    copied = [probe(one.trajectory, step, right=one.correct) for one in alone for step in (1, 3)]
    none = [probe(one.trajectory, one.step, right=False) for one in copied]
    narrow, wide = gap(copied, none, CALLS), gap(alone, none, CALLS)
    assert narrow is not None and wide is not None
    assert (narrow.low, narrow.high) == pytest.approx((wide.low, wide.high))


def comparison(ruling: str, by: str, failure: str = "wrong_call") -> Comparison:
    values = {"trajectory": "a", "step": 1, "ruling": ruling, "by": by, "failure": failure}
    return Comparison.model_validate(values)


def test_rulings_by_what_decided_them_and_failures_of_the_student_alone():
    found = [
        comparison("prediction_wrong", "execution"),
        comparison("prediction_wrong", "rule", "unusable"),
        comparison("prediction_wrong", "rule", "unusable"),
        comparison("label_wrong", "judge", "extra_call"),
        comparison("undecided", "judge"),
    ]
    assert verdict_matrix(found) == {
        "prediction_wrong": {"execution": 1, "rule": 2},
        "label_wrong": {"judge": 1},
        "undecided": {"judge": 1},
    }
    assert failure_counts(found) == {"wrong_call": 1, "unusable": 2}


def full() -> RoundReport:
    """A report with something in every place."""
    before, after, control = drawn(0.4, 1), drawn(0.75, 2), drawn(0.55, 3)
    kinds: dict[str, Kind] = {
        f"r{number:02d}": ("single", "multi_step", "parallel", "clarification", "no_call")[number % 5]  # type: ignore[misc]
        for number in range(60)
    }
    sampled = [
        one.model_copy(
            update={
                "band": ("mastered", "learnable", "frontier")[place % 3],
                "perplexity": 1.1 + place % 7 / 5,
                "greedy": Prediction(outcome="unparsable") if place % 23 == 1 else one.greedy,
            }
        )
        for place, one in enumerate(before)
    ]
    return RoundReport(
        round=2,
        version="museum-loop@2",
        student_before="local:smollm2-135m:1f0c9a7e",
        student_after="local:smollm2-135m:77be20d4",
        wanted={"error_seed": 42, "expansion": 143, "high_perplexity": 92, "seed": 123},
        got={"error_seed": 38, "corrected": 4, "expansion": 120, "high_perplexity": 115, "seed": 123},
        kinds={"single": 180, "multi_step": 92, "parallel": 44, "clarification": 46, "no_call": 38},
        notes=("expansion: 23 of 143 rows are missing; 23 high_perplexity in their place",),
        drops={"mastered": 1204, "undecided": 7, "both_wrong": 3, "retired": 2},
        probe_before=probe_table(sampled, kinds),
        probe_after=probe_table(after, kinds),
        held_out_before=held_out_score(before, CALLS),
        held_out_after=held_out_score(after, CALLS),
        control=held_out_score(control, CALLS),
        gap=gap(after, control, CALLS),
        verdicts={
            "prediction_wrong": {"execution": 61, "rule": 12},
            "label_wrong": {"execution": 4, "judge": 1},
            "both_wrong": {"execution": 3},
            "undecided": {"judge": 7},
        },
        failures={"wrong_call": 40, "missing_call": 14, "over_calling": 7, "unusable": 12},
        replaced=4,
        judge=JudgeWorth(
            text="its word was not enough to replace a label: it would break more than it mends",
            numbers={"sensitivity": 0.7, "false alarms": 0.3, "pairs": 20},
        ),
        expansion={
            "tries": 292,
            "no_scenario": 18,
            "generated": 274,
            "near_duplicate": 31,
            "refused": 123,
            "accepted": 120,
        },
        remembered=proportion(47, 50),
        protected=120,
        necessity={"unneeded": 3, "helpful": 41, "harmful": 1, "unsolved": 15},
        cost=Cost(
            probe_requests=3210,
            probe_bound=6800,
            judge_calls=22,
            judge_bound=214,
            roles={
                "teacher": Spent(
                    requests=1800, refused=4, prompt_tokens=2_400_000, completion_tokens=160_000
                ),
                "judge": Spent(requests=22, prompt_tokens=40_000, completion_tokens=2_000),
                "student": Spent(requests=3210, refused=9, prompt_tokens=1_900_000, completion_tokens=90_500),
            },
        ),
        seconds={"probe": 610.2, "verify": 42.0, "expand": 130.4, "assemble": 0.4, "train": 3725.0},
    )


def bare() -> RoundReport:
    """A first round with nothing but what must be there."""
    before = held_out_score([], {})
    values = {"student_before": "a", "student_after": "b", "wanted": {"seed": 40}, "got": {"seed": 40}}
    kinds = {"kinds": {"single": 40}, "held_out_before": before, "held_out_after": before}
    return RoundReport.model_validate(values | kinds | {"round": 1, "version": "museum-loop@1"})


@pytest.mark.parametrize("made", [full, bare])
def test_a_report_survives_json(made: Any):
    report = made()
    assert RoundReport.model_validate_json(report.model_dump_json()) == report


def test_the_text_of_a_full_report():
    assert markdown(full()) == (GOLDEN / "round.md").read_text(encoding="utf-8")


def test_a_bare_report_has_no_empty_sections():
    text = markdown(bare())
    assert re.findall("^## .*", text, re.M) == ["## What the round was made of", "## Safeguards"]
    assert "- Overlap: 0 new rows are like one of the 0 held-out rows and benchmark items." in text
    assert "None" not in text and "nan" not in text
    assert "Nothing was asked about held-out tools" in text


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        (0.9, "points ahead of the control."),
        (0.1, "points behind the control."),
        (0.58, "which may be chance."),
    ],
)
def test_the_headline_claims_no_more_than_the_interval_says(rate: float, told: str):
    ours, theirs = drawn(rate, 5), drawn(0.55, 3)
    report = full().model_copy(
        update={"held_out_after": held_out_score(ours, CALLS), "gap": gap(ours, theirs, CALLS)}
    )
    assert told in markdown(report)


def test_every_table_is_one():
    for text in (markdown(full()), summary([full()])):
        for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
            lines = table.splitlines()
            assert len({len(line) for line in lines}) == 1
            assert len({line.count("|") for line in lines}) == 1
            assert re.fullmatch(r"[|\-: ]+", lines[1])


def test_accuracy_by_round_in_one_table():
    second = full()
    third = second.model_copy(update={"round": 3, "version": "museum-loop@3", "control": None, "gap": None})
    lines = summary([second, third]).splitlines()
    assert len(lines) == 5
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["1", "2", "3"]
    assert math.isclose(
        float(lines[3].split("|")[4].split("%")[0]),
        100 * (second.held_out_after.exact.value or 0),
        abs_tol=0.05,
    )
    assert "control" in lines[0] and lines[4].rstrip(" |").endswith(")")
    assert "control" not in summary([third])
    assert summary([]) == "no rounds yet\n"
