"""Planted corruption: executed rows of every world, with one thing made wrong, each found out at its rung."""

import random
from collections import Counter
from pathlib import Path

import pytest
from corruptions import CORRUPTIONS, FURTHER
from made import make_rows, verdicts

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.schemas.verdict import RUNGS
from callwright.worlds import NAMES

EACH = 25
FEWEST = 10
"""Rows with a place for a rarer corruption, at the least."""
MIX = {"single": 400, "multi_step": 250, "parallel": 200, "clarification": 150}


@pytest.fixture(scope="module")
def workshop():
    recipe = {
        "dataset": "worlds",
        "size": 10,
        "tools": [{"world": name} for name in NAMES],
        "mix": {"single": 1.0},
    }
    return Workshop.of(check_recipe(recipe, "worlds"), Path())


@pytest.fixture(scope="module")
def rows(workshop):
    return make_rows(workshop, MIX)


@pytest.fixture(scope="module")
def judges(workshop):
    return workshop.judges()


@pytest.fixture(scope="module")
def tally(judges):
    """Judge -> planted, missed, false alarms; printed when all is done."""
    counts: Counter[tuple[str, str]] = Counter()
    yield counts
    print(f"\n{'judge':12}{'planted':>9}{'missed':>9}{'false alarms':>14}")
    for judge in judges:
        planted, missed, alarms = (counts[judge.name, one] for one in ("planted", "missed", "alarms"))
        print(f"{judge.name:12}{planted:9}{missed:9}{alarms:14}")


@pytest.mark.parametrize(
    ("corruption", "rung", "judge", "fewest"),
    [(*one, EACH) for one in CORRUPTIONS] + [(*one, FEWEST) for one in FURTHER],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_every_corruption_is_found_out_at_its_rung(corruption, rung, judge, fewest, rows, judges, tally):
    rng = random.Random(corruption.__name__)
    planted, missed, below = 0, [], []
    for row in rng.sample(rows, len(rows)):
        corrupted = corruption(row, rng) if planted < EACH else None
        if corrupted is None:
            continue
        planted += 1
        ruled = verdicts(judges, corrupted)
        if not any((one.rung, one.judge, one.outcome) == (rung, judge, "fail") for one in ruled):
            missed.append((row.task.instruction, corrupted.messages[-1].content))
        lower = RUNGS[: RUNGS.index(rung)]
        below += [one.message for one in ruled if one.outcome == "fail" and one.rung in lower]
    print(f"{corruption.__name__:28} {rung:4} {judge:10} planted {planted}, missed {len(missed)}")
    tally[judge, "planted"] += planted
    tally[judge, "missed"] += len(missed)
    assert planted >= fewest
    assert missed == []
    assert below == []


@pytest.mark.slow
def test_of_a_thousand_clean_rows_at_most_one_in_a_hundred_is_lost(rows, judges, tally):
    alarms: Counter[tuple[str, str]] = Counter()
    lost = []
    for row in rows:
        against = {(one.judge, one.code) for one in verdicts(judges, row) if one.outcome != "pass"}
        alarms.update(against)
        if against:
            lost.append((row.task.instruction, row.messages[-1].content, against))
    for (judge, _), count in alarms.items():
        tally[judge, "alarms"] += count
    print(f"{len(rows)} clean rows, {len(lost)} lost: {dict(alarms)}")
    assert len(rows) == 1000
    assert {row.task.toolkit for row in rows} == set(NAMES)
    assert len(lost) <= 10, lost
