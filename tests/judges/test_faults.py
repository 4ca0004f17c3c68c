"""Planted faults: rows that the offline teacher really made, with one thing made wrong in each."""

import random
from collections import Counter

import pytest
from faults import FAULTS
from made import codes, demo, demo_rows, verdicts

EACH = 25


@pytest.fixture(scope="module")
def rows():
    return list(demo_rows(250))


@pytest.fixture(scope="module")
def judges():
    return demo().judges()


@pytest.mark.parametrize(
    ("fault", "rung", "code"), FAULTS, ids=lambda value: getattr(value, "__name__", value)
)
def test_every_planted_fault_is_seen_at_its_rung(fault, rung, code, rows, judges):
    rng = random.Random(fault.__name__)
    planted, missed = 0, []
    for row in rng.sample(rows, len(rows)):
        if planted == EACH:
            break
        broken = fault(row, rng)
        if broken is None:
            continue
        planted += 1
        ruled = verdicts(judges, broken)
        if not any((one.rung, one.code, one.outcome) == (rung, code, "fail") for one in ruled):
            missed.append((broken.messages, [one.code for one in ruled]))
    print(f"{fault.__name__:28} {rung:8} {code:22} planted {planted}, missed {len(missed)}")
    assert planted == EACH
    assert missed == []


def test_a_thousand_clean_rows_raise_no_alarm(rows, judges):
    alarms = Counter(code for row in rows for code in codes(judges, row))
    assert len(rows) == 1000
    print(f"{len(rows)} clean rows, false alarms: {dict(alarms)}")
    assert not alarms
