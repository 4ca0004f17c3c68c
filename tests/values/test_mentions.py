import datetime as dt
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.values.mentions import Mentions, bounded, fold

CLOCK = dt.date(2026, 3, 10)
"""A Tuesday."""


def mentions(text):
    return Mentions(text, CLOCK)


def day(text):
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "derivation", "dates"),
    [
        ("on 2026-03-14", "iso_date", ["2026-03-14"]),
        ("at 2026-03-14T09:00:00Z", "iso_date", ["2026-03-14"]),
        ("on March 14, 2027", "date_words", ["2027-03-14"]),
        ("on 14 March 2027", "date_words", ["2027-03-14"]),
        ("on the 14th of March 2027", "date_words", ["2027-03-14"]),
        ("on 3/14/2027", "date_words", ["2027-03-14"]),
        ("on March 14", "date_without_year", ["2026-03-14"]),
        ("on March 10", "date_without_year", ["2026-03-10"]),
        ("on Mar. 9th", "date_without_year", ["2027-03-09"]),
        ("on Saturday, March 14", "date_without_year", ["2026-03-14"]),
        ("on February 29", "date_without_year", ["2028-02-29"]),
        ("today", "relative_date", ["2026-03-10"]),
        ("tonight", "relative_date", ["2026-03-10"]),
        ("tomorrow", "relative_date", ["2026-03-11"]),
        ("yesterday", "relative_date", ["2026-03-09"]),
        ("the day after tomorrow", "relative_date", ["2026-03-12"]),
        ("day after tomorrow", "relative_date", ["2026-03-12"]),
        ("in 3 days", "relative_date", ["2026-03-13"]),
        ("in two weeks", "relative_date", ["2026-03-24"]),
        ("in a week", "relative_date", ["2026-03-17"]),
        ("this Friday", "relative_date", ["2026-03-13"]),
        ("on Friday", "relative_date", ["2026-03-13"]),
        ("on Tuesday", "relative_date", ["2026-03-17"]),
        ("next Friday", "relative_date", ["2026-03-13", "2026-03-20"]),
        ("next Monday", "relative_date", ["2026-03-16"]),
    ],
)
def test_a_date_is_read_as_people_mean_it(text, derivation, dates):
    (found,) = mentions(f"Can I come {text}?").dates
    assert found.derivation == derivation
    assert found.candidates == frozenset(map(day, dates))


@pytest.mark.parametrize(
    "text",
    [
        "You may 3 of us come along",
        "those 3 may come along",
        "we may come",
        "Marching 3 miles",
        "version 2026-03-14-rc1",
        "order 12026-03-14",
        "on February 30",
        "on March 32",
        "It was last Friday",
        "every Monday counts",
        "a Sundayish mood",
        "page 3/14",
        "the marches 5",
    ],
)
def test_what_only_looks_like_a_date_is_none(text):
    assert mentions(text).dates == ()


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("at 9 am", 540),
        ("at 9:30 pm", 1290),
        ("at 21:30", 1290),
        ("at 12 am", 0),
        ("at 12:15 p.m.", 735),
        ("at noon", 720),
        ("by midnight", 0),
        ("2026-03-14T10:30:00Z", 630),
    ],
)
def test_a_time_is_read_in_minutes_after_midnight(text, minutes):
    assert [one.value for one in mentions(text).times] == [minutes]


@pytest.mark.parametrize("text", ["at 9", "25:10", "9:75", "1:2:30 ratio 3:4", "amplify 9 amps"])
def test_what_only_looks_like_a_time_is_none(text):
    assert mentions(text).times == ()


@pytest.mark.parametrize(
    ("text", "value", "derivation"),
    [
        ("three tickets", 3, "number_words"),
        ("twenty-one tickets", 21, "number_words"),
        ("two hundred and fifty tickets", 250, "number_words"),
        ("a hundred tickets", 100, "number_words"),
        ("five thousand tickets", 5000, "number_words"),
        ("half a dozen eggs", 6, "number_words"),
        ("a couple of eggs", 2, "number_words"),
        ("1,250 tickets", 1250, "number"),
        ("$12.50 each", 12.5, "number"),
        ("-4 degrees", -4, "number"),
        ("2.5k followers", 2500, "number"),
        ("3 million people", 3_000_000, "number"),
        ("the third one", 3, "ordinal"),
        ("the 22nd one", 22, "ordinal"),
    ],
)
def test_a_number_is_read_from_digits_and_words(text, value, derivation):
    found = [one for one in mentions(f"There are {text} here").numbers if one.text.lower() != "one"]
    assert derivation in {one.derivation for one in found}
    assert {one.value for one in found} == {value}


@pytest.mark.parametrize(
    "text",
    [
        "on March 14",
        "at 14:00",
        "bk-140014",
        "4f9c21",
        "12ab34",
        "3e8a15-6fb94",
        "9f86d081-884c-7d65",
        "1.2.3",
        "14/15",
        "v14",
        "someone often intends to attend",
    ],
)
def test_digits_of_dates_times_ids_and_versions_are_no_numbers(text):
    assert [one.value for one in mentions(f"It says {text} there").numbers] == []


def test_folding_levels_case_quotes_and_separators():
    assert fold("  The_“Great”  Hunt’s first-come RULE ") == 'the "great" hunt\'s first come rule'


WORD = st.text(string.ascii_letters + string.digits, min_size=1, max_size=8)


@given(st.lists(WORD, max_size=4), WORD, st.lists(WORD, max_size=4), st.sampled_from(" .,;!?()\"'/"))
def test_a_word_is_bounded_between_any_separators(before, word, after, separator):
    text = separator.join([*before, word, *after])
    assert bounded(word, text)


@given(WORD, WORD, WORD)
def test_a_piece_of_a_word_is_not_bounded(before, piece, after):
    text = before + piece + after
    assert not bounded(piece, text) or piece == text
