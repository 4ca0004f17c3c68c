import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.toolbox.base import MAX_CHARACTERS, observed
from callwright.toolbox.cutting import cut_to_size

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(st.text(max_size=9), inner, max_size=20),
    max_leaves=60,
)


def size(value):
    return len(json.dumps(value, ensure_ascii=False, allow_nan=False))


def is_part(kept, whole):
    """Whether all that is left stands at its old place: the first of a list, the beginning of a text, keys whole."""
    if isinstance(whole, str):
        return isinstance(kept, str) and whole.startswith(kept)
    if isinstance(whole, list):
        return isinstance(kept, list) and len(kept) <= len(whole) and all(map(is_part, kept, whole))
    if isinstance(whole, dict):
        return isinstance(kept, dict) and all(key in whole and is_part(kept[key], whole[key]) for key in kept)
    return kept == whole and type(kept) is type(whole)


@given(VALUES, st.integers(40, 400))
def test_what_is_cut_fits_and_is_a_part_of_the_whole(value, characters):
    kept, notes = cut_to_size(value, characters)
    assert size(kept) <= characters
    assert bool(notes) == (kept != value)
    if notes != ["the whole value was too large"]:
        assert is_part(kept, value)


@given(VALUES)
def test_what_fits_stays_whole(value):
    assert cut_to_size(value, size(value)) == (value, [])


@given(VALUES, st.integers(40, 400))
def test_each_cut_is_noted_with_its_place_and_with_what_there_was(value, characters):
    _, notes = cut_to_size(value, characters)
    for note in notes:
        if note == "the whole value was too large":
            continue
        path, kept, total, what = re.fullmatch(
            r"(/.*): the first (\d+) of (\d+) (characters|entries|keys)", note, re.DOTALL
        ).groups()
        assert int(kept) < int(total)
        assert what


@pytest.mark.parametrize(
    ("value", "note"),
    [
        ({"rows": [{"name": "x" * 30}] * 500}, "/rows: the first 64 of 500 entries"),
        ("word " * 4000, "/: the first 4096 of 20000 characters"),
        ([{"text": "y" * 9000}], "/0/text: the first 4096 of 9000 characters"),
        ({f"key{n}": "z" * 20 for n in range(400)}, "/: the first 128 of 400 keys"),
    ],
)
def test_the_note_says_where_and_how_much(value, note):
    kept, notes = cut_to_size(value, 5000)
    assert notes == [note]
    assert 2000 < size(kept) <= 5000


def test_many_short_entries_are_kept_rather_than_one_long_one():
    kept, _ = cut_to_size(["a" * 8000, *("short" for _ in range(20))], 1000)
    assert kept[1:] == ["short"] * 20


def test_a_value_that_no_cut_makes_small_enough_is_left_out_whole():
    deep = "x"
    for _ in range(200):
        deep = {"level": deep}
    assert cut_to_size(deep, 100) == (None, ["the whole value was too large"])


@pytest.mark.parametrize(("rows", "cut"), [(3, False), (3000, True)])
def test_a_model_is_shown_valid_json_and_is_told_what_was_cut(rows, cut):
    body = [{"id": f"bk-{n}", "title": "Lantern Weather"} for n in range(rows)]
    shown = observed(200, body, "executed")
    told = json.loads(shown.content)
    assert shown.cut is cut
    assert (told["result"] if cut else told) == body[: len(told["result"]) if cut else rows]
    assert len(shown.content) <= MAX_CHARACTERS + 200
