from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.schemas.base import digest
from callwright.splits import split_of

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
