"""What a round is made of: the paper's counts, sums for any size, fillers, the band, and no row twice."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.engine.loop.assembly import BUCKETS, Assembly, Candidate, Left, assemble
from callwright.schemas.loop import Loop
from callwright.schemas.portions import portions
from callwright.schemas.probe import Reason

PAPER = {
    1: (0, 0, 0, 18304),
    2: (1919, 6566, 4187, 5632),
    3: (3386, 8066, 4036, 2816),
    4: (3731, 8169, 4996, 1408),
}
"""LoopTool, table 3: error seeds, expansions, high perplexity, new seeds."""

ANY_SHARE = (0.0, 1.0)


def loop(rows: int = 20, **changes: Any) -> Loop:
    """A quarter of each bucket, and any share of rows without calls, unless said otherwise."""
    quarters = dict.fromkeys(BUCKETS, 0.25)
    values: dict[str, Any] = {
        "rows": rows,
        "schedule": [quarters],
        "held_out": {"toolkits": ["museum"]},
        "training": {"hook": "simulated"},
        "no_call": ANY_SHARE,
    }
    return Loop.model_validate(values | changes)


def rows(reason: Reason, count: int, name: str = "", **changes: Any) -> list[Candidate]:
    names = [f"{name or reason}-{number:05d}" for number in range(count)]
    values = {"kind": "single", "reason": reason} | changes
    return [Candidate(trajectory=one, root=f"root-{one}", **values) for one in names]


def names(made: Assembly, reason: Reason) -> list[str]:
    return [row.trajectory for row in made.rows if row.reason == reason]


def plenty(each: int = 100) -> list[Candidate]:
    return rows("error_seed", each) + rows("expansion", each) + rows("high_perplexity", each)


def test_the_papers_compositions_and_its_seeds():
    paper = loop(18304, schedule="paper")
    pool = rows("seed", 28160)
    drawn: list[str] = []
    for round_, (errors, expansions, unsure, seeds) in PAPER.items():
        found = rows("error_seed", errors, f"error-{round_}")
        found += rows("expansion", expansions, f"variant-{round_}")
        found += rows("high_perplexity", unsure, f"right-{round_}")
        made = assemble(paper, round_, found, pool)
        counts = {"error_seed": errors, "expansion": expansions, "high_perplexity": unsure, "seed": seeds}
        assert made.wanted == counts
        assert made.got == {reason: n for reason, n in counts.items() if n}
        assert (made.notes, made.drops, len(made.rows)) == ((), (), 18304)
        drawn += made.drawn
        gone = set(made.drawn)
        pool = [row for row in pool if row.trajectory not in gone]
    assert len(set(drawn)) == len(drawn) == 28160
    assert pool == []


@given(
    st.integers(0, 10**9),
    st.lists(st.floats(0, 1), min_size=1, max_size=6).filter(lambda shares: sum(shares) > 1e-3),
    st.floats(-1e-6, 1e-6),
)
def test_parts_add_up_and_none_is_off_by_more_than_one(total: int, shares: list[float], off: float):
    whole = sum(shares)
    named = {str(place): share / whole * (1 + off) for place, share in enumerate(shares)}
    parts = portions(named, total)
    assert sum(parts.values()) == total
    assert all(abs(parts[str(n)] - share / whole * total) < 1 + 1e-6 for n, share in enumerate(shares))


def test_new_seeds_are_drawn_in_the_order_of_the_pool():
    pool = rows("seed", 8)[::-1]
    made = assemble(loop(), 1, plenty(), pool)
    assert list(made.drawn) == [row.trajectory for row in pool[:5]]


def test_the_least_sure_successes_are_taken_and_ties_go_by_name():
    sure = {"a": 1.5, "b": 3.0, "c": None, "d": 2.0, "e": 2.0}
    right = [
        Candidate(trajectory=name, root=name, kind="single", reason="high_perplexity", perplexity=value)
        for name, value in sure.items()
    ]
    made = assemble(loop(12), 1, rows("error_seed", 3) + rows("expansion", 3) + right, rows("seed", 3))
    assert names(made, "high_perplexity") == ["b", "d", "e"]
    assert {(one.trajectory, one.code) for one in made.drops} == {("a", "mastered"), ("c", "mastered")}


def test_variants_take_turns_among_failures():
    variants = rows("expansion", 4, "first", parents=("failure-1",))
    variants += rows("expansion", 4, "second", parents=("failure-2",))
    variants += rows("expansion", 1, "third", parents=("failure-3",))
    made = assemble(
        loop(20), 1, rows("error_seed", 9) + rows("high_perplexity", 9) + variants, rows("seed", 9)
    )
    assert names(made, "expansion") == [
        "first-00000",
        "second-00000",
        "third-00000",
        "first-00001",
        "second-00001",
    ]
    assert {
        one.trajectory for one in made.drops if one.code == "over_quota" and one.reason == "expansion"
    } == {
        "first-00002",
        "first-00003",
        "second-00002",
        "second-00003",
    }


def test_a_row_that_failed_too_often_is_left_alone_and_the_freshest_failures_come_first():
    failed = [
        Candidate(
            trajectory=f"{9 - n}-failed-{n}", root="r", kind="single", reason="error_seed", failed_rounds=n
        )
        for n in (4, 3, 2, 1)
    ]
    made = assemble(loop(8), 1, failed + rows("expansion", 9) + rows("high_perplexity", 9), rows("seed", 9))
    assert names(made, "error_seed") == ["8-failed-1", "7-failed-2"]
    assert [one.trajectory for one in made.drops if one.code == "retired"] == ["6-failed-3", "5-failed-4"]
    two = assemble(loop(8, expand={"retire": 2}), 1, failed, rows("seed", 9))
    assert names(two, "error_seed") == ["8-failed-1"]


def test_corrected_rows_are_error_seeds():
    found = rows("error_seed", 2) + rows("corrected", 3)
    made = assemble(loop(), 1, found + rows("expansion", 9) + rows("high_perplexity", 9), rows("seed", 9))
    assert made.got == {"error_seed": 2, "corrected": 3, "expansion": 5, "high_perplexity": 5, "seed": 5}


@pytest.mark.parametrize(("keep", "code"), [(True, "mastered"), (False, "both_right")])
def test_whether_rows_that_are_right_twice_may_stay_is_a_switch(keep: bool, code: str):
    twice = rows("high_perplexity", 6, "twice", both_right=True)
    found = rows("error_seed", 9) + rows("expansion", 9) + rows("high_perplexity", 9) + twice
    found = [row if row not in twice else row.model_copy(update={"perplexity": 9.0}) for row in found]
    made = assemble(loop(verify={"keep_both_right": keep}), 1, found, rows("seed", 9))
    assert sum("twice" in name for name in names(made, "high_perplexity")) == (5 if keep else 0)
    codes = Counter(one.code for one in made.drops if "twice" in one.trajectory)
    assert codes == ({code: 1} if keep else {code: 6})


def test_what_was_ruled_out_is_told_and_never_taken():
    outside = [
        Left(trajectory=f"error_seed-0000{n}", kind="single", reason="error_seed", code=code)
        for n, code in enumerate(("both_wrong", "undecided", "label_wrong"))
    ]
    outside.append(Left(trajectory="seed-00000", kind="single", reason="seed", code="protected"))
    made = assemble(loop(), 1, plenty(10), rows("seed", 9), outside)
    chosen = {row.trajectory for row in made.rows}
    assert not chosen & {one.trajectory for one in outside}
    told = {one.trajectory for one in outside}
    assert sorted(one.code for one in made.drops if one.trajectory in told) == sorted(
        one.code for one in outside
    )
    assert len(made.rows) == 20


def test_a_conversation_is_in_a_round_once_for_the_first_reason_that_holds():
    found = rows("error_seed", 5, failed_rounds=1) + rows("expansion", 9) + rows("high_perplexity", 9)
    again = [row.model_copy(update={"reason": "expansion", "failed_rounds": 0}) for row in found[:2]]
    twin = rows("expansion", 1, parents=("other",))
    made = assemble(loop(), 1, found + again + twin, rows("seed", 9) + rows("seed", 9))
    chosen = [row.trajectory for row in made.rows]
    assert len(chosen) == len(set(chosen)) == 20
    assert names(made, "error_seed") == [row.trajectory for row in found[:5]]
    assert Counter(one.code for one in made.drops)["same_conversation"] == 3


@pytest.mark.parametrize(
    ("found", "pool", "got", "notes"),
    [
        (
            rows("expansion", 9) + rows("high_perplexity", 20),
            9,
            {"expansion": 5, "high_perplexity": 10, "seed": 5},
            ["error_seed: 5 of 5 rows are missing; 5 high_perplexity in their place"],
        ),
        (
            rows("error_seed", 9) + rows("high_perplexity", 7),
            9,
            {"error_seed": 5, "high_perplexity": 7, "seed": 8},
            ["expansion: 5 of 5 rows are missing; 2 high_perplexity and 3 seed in their place"],
        ),
        (
            rows("error_seed", 9) + rows("expansion", 9),
            6,
            {"error_seed": 5, "expansion": 9, "seed": 6},
            ["high_perplexity: 5 of 5 rows are missing; 1 seed and 4 expansion in their place"],
        ),
        (
            rows("error_seed", 8) + rows("expansion", 5) + rows("high_perplexity", 5),
            1,
            {"error_seed": 8, "expansion": 5, "high_perplexity": 5, "seed": 1},
            [
                "seed: 4 of 5 rows are missing; 3 error_seed in their place, and 1 places stay empty",
                "the round is smaller: 19 of 20 rows",
            ],
        ),
        (
            [],
            4,
            {"seed": 4},
            [
                "error_seed: 5 of 5 rows are missing; nothing is left to take their place",
                "expansion: 5 of 5 rows are missing; nothing is left to take their place",
                "high_perplexity: 5 of 5 rows are missing; nothing is left to take their place",
                "seed: 1 of 5 rows are missing; nothing is left to take their place",
                "the round is smaller: 4 of 20 rows",
            ],
        ),
    ],
)
def test_what_is_short_is_filled_by_one_rule_and_told(
    found: list[Candidate], pool: int, got: dict[Reason, int], notes: list[str]
):
    made = assemble(loop(), 1, found, rows("seed", pool))
    assert (made.got, list(made.notes)) == (got, notes)


def test_too_few_rows_without_calls_are_exchanged_within_their_bucket_first():
    found = plenty(10) + rows("high_perplexity", 1, "quiet", kind="no_call")
    pool = rows("seed", 10) + rows("seed", 2, "silent", kind="no_call")
    made = assemble(loop(no_call=(0.15, 0.3)), 1, found, pool)
    assert made.got == dict.fromkeys(BUCKETS, 5)
    assert {row.trajectory for row in made.rows if row.kind == "no_call"} == {
        "quiet-00000",
        "silent-00000",
        "silent-00001",
    }
    # The last ones that were chosen gave way, and seeds that gave way are not drawn.
    assert names(made, "high_perplexity")[:4] == [f"high_perplexity-0000{n}" for n in range(4)]
    assert made.drawn == ("seed-00000", "seed-00001", "seed-00002", "silent-00000", "silent-00001")
    assert made.notes == (
        "no_call: 0 of 20 rows are below 15 % to 30 %; 3 rows with calls gave way (1 high_perplexity, 2 seed): now 3",
    )


def test_rows_without_calls_come_from_any_bucket_when_their_own_has_none():
    found = plenty(10) + rows("expansion", 7, "quiet", kind="no_call", parents=("zzz",))
    made = assemble(loop(no_call=(0.5, 0.6)), 1, found, rows("seed", 10))
    assert sum(row.kind == "no_call" for row in made.rows) == 7
    assert made.got == {"error_seed": 5, "expansion": 7, "high_perplexity": 3, "seed": 5}
    assert "now 7; there are no more rows to exchange" in made.notes[0]


def test_too_many_rows_without_calls_give_way():
    quiet = rows("high_perplexity", 8, "aquiet", kind="no_call") + rows(
        "expansion", 5, "aquiet2", kind="no_call"
    )
    made = assemble(loop(no_call=(0.1, 0.2)), 1, plenty(10) + quiet, rows("seed", 10))
    assert sum(row.kind == "no_call" for row in made.rows) == 4
    assert made.got == dict.fromkeys(BUCKETS, 5)
    only_quiet = [row.model_copy(update={"kind": "no_call"}) for row in plenty(5)]
    stuck = assemble(loop(no_call=(0.1, 0.2)), 1, only_quiet, [])
    assert "there are no more rows to exchange" in stuck.notes[-1]


def test_a_seed_comes_from_the_pool_alone():
    with pytest.raises(ValueError, match="from the pool"):
        assemble(loop(), 1, rows("seed", 1), [])
    with pytest.raises(ValueError, match="from the pool"):
        assemble(loop(), 1, [], rows("error_seed", 1))


KIND = st.sampled_from(["single", "no_call", "parallel"])
FOUND = st.lists(
    st.builds(
        Candidate,
        trajectory=st.integers(0, 60).map("t{}".format),
        root=st.integers(0, 9).map("r{}".format),
        kind=KIND,
        reason=st.sampled_from([reason for reason in get_args(Reason) if reason != "seed"]),
        perplexity=st.none() | st.sampled_from([1.0, 1.5, 2.0]),
        both_right=st.booleans(),
        parents=st.lists(st.integers(0, 5).map("p{}".format), max_size=2).map(tuple),
        failed_rounds=st.integers(0, 4),
    ),
    max_size=60,
)
POOL = st.lists(
    st.builds(
        Candidate,
        trajectory=st.integers(50, 90).map("t{}".format),
        root=st.just("r"),
        kind=KIND,
        reason=st.just("seed"),
    ),
    max_size=30,
)
SHARES = st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(any)


@settings(max_examples=150, deadline=None)
@given(
    FOUND,
    POOL,
    SHARES,
    st.integers(8, 60),
    st.booleans(),
    st.integers(0, 10),
    st.randoms(use_true_random=False),
)
def test_whatever_there_is_makes_a_round_that_keeps_the_rules(
    found: list[Candidate],
    pool: list[Candidate],
    shares: list[int],
    size: int,
    keep: bool,
    lowest: int,
    rng: random.Random,
):
    schedule = [{name: share / sum(shares) for name, share in zip(BUCKETS, shares, strict=True)}]
    band = (lowest / 20, lowest / 20 + 0.2)
    settings_ = loop(size, schedule=schedule, verify={"keep_both_right": keep}, no_call=band)
    outside = [
        Left(trajectory=f"t{n}", kind="single", reason="error_seed", code="both_wrong")
        for n in range(0, 60, 7)
    ]
    made = assemble(settings_, 1, found, pool, outside)
    chosen = [row.trajectory for row in made.rows]
    dropped = {one.trajectory for one in made.drops}
    assert sum(made.wanted.values()) == size
    assert len(chosen) == len(set(chosen)) <= size
    assert not set(chosen) & {one.trajectory for one in outside}
    # Every candidate is a row or a drop that says why; every seed that is no row stays in the pool.
    assert {row.trajectory for row in found} <= set(chosen) | dropped
    assert {name for name in names(made, "seed")} == set(made.drawn) <= {row.trajectory for row in pool}
    assert not any(row.reason == "error_seed" and row.failed_rounds >= 3 for row in made.rows)
    assert keep or not any(row.both_right for row in made.rows)
    places = [row.trajectory for row in pool]
    assert list(made.drawn) == sorted(made.drawn, key=places.index)
    if len(chosen) < size:
        possible = {row.trajectory for row in pool} - dropped - {row.trajectory for row in found}
        assert possible <= set(chosen)
        assert not any(one.code in ("over_quota", "mastered") for one in made.drops)
        assert any("the round is smaller" in note for note in made.notes)
    shuffled, turned = list(found), list(outside)
    rng.shuffle(shuffled)
    rng.shuffle(turned)
    assert assemble(settings_, 1, shuffled, pool, turned) == made
