from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.schemas.base import digest
from callwright.schemas.recipe import Splits
from callwright.splits import Assignment, held_out, split_of

shares = st.floats(min_value=0.0, max_value=1.0)


def test_the_share_of_test_rows_is_close_to_what_was_asked_for():
    roots = [digest(str(number)) for number in range(20_000)]
    for share in (0.0, 0.05, 0.1, 0.5, 1.0):
        found = sum(split_of(root, share) == "test" for root in roots) / len(roots)
        assert abs(found - share) < 0.01


@given(st.text(), shares, shares)
def test_raising_the_share_never_moves_a_row_from_test_to_train(root: str, one: float, other: float):
    lower, higher = sorted((one, other))
    if split_of(root, lower) == "test":
        assert split_of(root, higher) == "test"


def test_a_split_is_the_same_for_ever():
    assert [split_of(digest(str(number)), 0.5) for number in range(8)] == [
        "test",
        "train",
        "train",
        "train",
        "test",
        "train",
        "test",
        "test",
    ]


def test_no_share_and_a_whole_share_have_no_exceptions():
    assert split_of("x", 0.0) == "train"
    assert split_of("x", 1.0) == "test"


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_of_zero_to_one_is_refused(share: float):
    with pytest.raises(ValueError, match="test_share"):
        split_of("x", share)


tools = st.lists(
    st.tuples(st.sampled_from("ab"), st.text("xyz", min_size=1, max_size=4)), min_size=2, unique=True
)
roots = st.lists(st.tuples(st.text(min_size=1), st.sets(st.integers(0, 5))), max_size=12)


@given(roots, tools, tools, shares)
def test_no_root_and_no_tool_changes_sides_when_tools_and_rows_are_added(
    rows: list[tuple[str, set[int]]], first: list[tuple[str, str]], more: list[tuple[str, str]], share: float
):
    shares_of = Splits(test=0.2, validation=0.2, unseen_tools=share)
    one = Assignment(shares_of, held_out(first, share))
    shown: set[tuple[str, str]] = set()
    given_first = {}
    for root, places in rows:
        shows = {first[place] for place in places if place < len(first)}
        if one.fits(root, shows):
            given_first[root] = one.assign(root, shows)
            shown |= shows if given_first[root] != "unseen_tools" else set()
            assert given_first[root] == "unseen_tools" or not shows & one.held
    everything = list(dict.fromkeys([*more, *first]))
    later = Assignment(shares_of, held_out(everything, share, held=one.held, shown=shown), given_first)
    assert one.held <= later.held
    assert not later.held & shown
    for root, split in given_first.items():
        assert later.assign(root, everything) == split


@given(tools, st.floats(min_value=1e-6, max_value=0.5))
def test_at_least_one_tool_is_held_out_however_small_the_share(given: list[tuple[str, str]], share: float):
    assert held_out(given, share)
    assert held_out(given, 0.0) == frozenset()


def test_a_descendant_that_shows_a_held_out_tool_has_no_place_beside_a_root_that_does_not():
    assignment = Assignment(Splits(test=0.0, unseen_tools=0.5), frozenset({("kit", "secret")}))
    assert assignment.assign("root", [("kit", "open")]) == "train"
    assert not assignment.fits("root", [("kit", "secret")])
    assert assignment.assign("other", [("kit", "secret"), ("kit", "open")]) == "unseen_tools"
    assert assignment.fits("other", [("kit", "open")])
    assert assignment.assign("other", [("kit", "open")]) == "unseen_tools"


def test_validation_stands_between_test_and_train():
    found = Counter(split_of(digest(str(number)), 0.1, 0.2) for number in range(5_000))
    assert abs(found["validation"] / 5_000 - 0.2) < 0.02
    assert abs(found["test"] / 5_000 - 0.1) < 0.02
