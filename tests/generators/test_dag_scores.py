"""Pass and win rates of known verdicts."""

from __future__ import annotations

import json
import random

import pytest

from callwright.cli.scoring import score as show_score
from callwright.scoring.dag import Comparison, mean, pass_rate, read_items, win_rate
from callwright.scoring.files import ScoreError


def test_pass_rate_is_the_mean_of_questions_over_their_runs():
    found = pass_rate([["Solved"] * 3, ["Solved", "Unsure", "Unsolved"], ["no_answer"] * 3])
    assert found.rate.value == pytest.approx(0.5)
    assert found.counts == {"Solved": 4, "Unsure": 1, "Unsolved": 1, "no_answer": 3}
    assert found.rate.low <= 0.5 <= found.rate.high and found.rate.of == 3
    assert pass_rate([]).rate.of == 0


def compared(ours, theirs, ours_first=None, theirs_first=None):
    return Comparison(ours=ours, theirs=theirs, ours_first=ours_first, theirs_first=theirs_first)


def test_who_alone_solved_it_wins_and_a_judge_must_say_so_in_both_orders():
    found = win_rate(
        [
            compared("Solved", "Unsolved"),
            compared("no_answer", "Solved"),
            compared("Solved", "Solved", "first", "second"),
            compared("Solved", "Solved", "second", "first"),
            compared("Unsure", "Unsolved", "first", "first"),
            compared("Solved", "Solved", "second", "second"),
            compared("Solved", "Solved", "tie", "second"),
            compared("Solved", "Solved"),
        ]
    )
    assert (found.wins, found.losses, found.ties) == (2, 2, 4)
    assert (found.by_solving, found.swayed) == (2, 2)
    assert found.rate.value == pytest.approx(0.25)


def test_an_interval_is_a_function_of_its_seed_and_holds_the_mean_about_95_times_in_100():
    values = [random.Random(seed).random() for seed in range(60)]
    assert mean(values, 3) == mean(values, 3) != mean(values, 4)
    held = 0
    for seed in range(60):
        rng = random.Random(seed)
        found = mean([float(rng.random() < 0.3) for _ in range(80)], seed)
        held += found.low <= 0.3 <= found.high
    assert held >= 51


def test_a_file_of_verdicts_is_scored(tmp_path, capsys):
    lines = [
        {"id": "a", "runs": ["Solved", "Solved"], "against": {"ours": "Solved", "theirs": "Unsolved"}},
        {"id": "b", "runs": ["no_answer", "Unsure"]},
    ]
    path = tmp_path / "verdicts.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    show_score(path, "dag", True)
    found = json.loads(capsys.readouterr().out)
    assert found["passed"]["rate"]["value"] == 0.625 and found["won"]["wins"] == 1
    show_score(path, "dag", False)
    assert "62.5" in capsys.readouterr().out
    path.write_text('{"id": "a", "runs": ["Maybe"]}', encoding="utf-8")
    with pytest.raises(ScoreError, match="verdicts.jsonl:1: runs.0"):
        list(read_items(path))
