import datetime as dt

import pytest

from callwright.values.facts import unseen, unseen_names
from callwright.values.mentions import Mentions


def read(text):
    return Mentions(text, dt.date(2026, 3, 10))


SHOWN = [
    read("Anna Weber wants 3 seats on March 14 at 9 am"),
    read("ref-77\nanna.weber@example.com\nTom\nKowalczyk\n12.50\n555-010-1234\n555-4321"),
]


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ('He said "the red door".', ("name", "the red door")),
        ("Write to tom@example.com.", ("address", "tom@example.com")),
        ("Read https://example.com/a.", ("address", "https://example.com/a")),
        ("Your code is ref-78.", ("id", "ref-78")),
        ("It is on March 15 then.", ("date", "March 15")),
        ("It is at 9 pm then.", ("time", "9 pm")),
        ("It costs 12.05 then.", ("number", "12.05")),
        ("Four seats are free.", ("number", "Four")),
        ("See you on the 15th.", ("number", "15")),
        ("Call 555-010-1235.", ("number", "555-010-1235")),
        ("Call 555-4322.", ("number", "555-4322")),
    ],
)
def test_a_fact_that_stands_nowhere_is_told_with_its_kind(text, fact):
    assert list(unseen(read(text), SHOWN)) == [fact]


@pytest.mark.parametrize(
    "text",
    [
        'They are for "anna weber", with the code REF-77.',
        "Three seats on Saturday, March 14, at 09:00 for 12.5 each.",
        "This one is the first of all, see anna.weber@example.com.",
        "2026-03-14",
        "See you on the 14th.",
        "Call (555) 010-1234, 555 010 1234 or 5554321, extension 555-010-1234.",
        "From 3-12.5, or 3 to 12.5.",
    ],
)
def test_a_fact_in_other_words_is_the_same_fact(text):
    assert list(unseen(read(text), SHOWN)) == []


def test_the_numbers_of_a_lists_entries_are_no_claims_and_others_are():
    assert list(unseen(read("Please:\n1. Come.\n2. Bring 3 friends.\n3) Stay."), SHOWN)) == []
    assert list(unseen(read("Please:\n1. Come.\n2. Bring 4 friends.\n5. Stay."), SHOWN)) == [
        ("number", "4"),
        ("number", "5"),
    ]


def test_a_number_that_was_computed_counts_as_shown():
    assert list(unseen(read("37.5 in all"), SHOWN, {37.5})) == []
    assert list(unseen(read("37.6 in all"), SHOWN, {37.5})) == [("number", "37.6")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("for ANNA", []),
        ("for Anna Weber", []),
        ("for Tom Kowalczyk", []),
        ("for Anna Kowalczyk", ["Anna Kowalczyk"]),
        ("for Annabel", ["Annabel"]),
        ("for Web", ["Web"]),
    ],
)
def test_a_name_is_visible_whole_or_not_at_all(text, found):
    assert list(unseen_names(read(text), SHOWN)) == found
