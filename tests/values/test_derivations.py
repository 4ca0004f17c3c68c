import datetime as dt
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.values.derivations import (
    Grounding,
    bounded,
    ground,
    leaves,
    observed_text,
    visible_messages,
)

CLOCK = dt.date(2026, 3, 10)
"""A Tuesday."""
METRES = {"type": "number", "description": "Radius in metres"}
BRANCH = {"type": "string", "enum": ["north_end", "central"]}
SYNONYMS = {
    ("branch", '"central"'): ("downtown",),
    ("availableOnly", "true"): ("only what is on the shelf",),
}


def grounded(text, value, name="it", schema=None, earlier=()):
    """Derivations of a value from a message; None for each leaf without any."""
    visible = visible_messages(enumerate([*earlier, text]), CLOCK)
    return [
        found.derivation if isinstance(found, Grounding) else None
        for found in ground(name, value, schema or {}, visible, SYNONYMS)
    ]


@pytest.mark.parametrize(
    ("derivation", "text", "value", "name", "schema"),
    [
        ("verbatim", "Look up Tiny Sculptures Class.", "Tiny Sculptures Class", "name", {}),
        ("verbatim", "My id is bk-537737.", "bk-537737", "bookId", {}),
        ("verbatim", "the number 12345678901234567", 12345678901234567, "id", {}),
        ("case", "A GENERAL ticket", "general", "ticketType", {}),
        ("case", "at North End", "north_end", "branch", BRANCH),
        ("word_form", "some audiobooks", "audiobook", "format", {}),
        ("word_form", "one audiobook", "audiobooks", "format", {}),
        ("word_form", "a sort by due date", "dueDate", "sort", {}),
        ("number", "give me 14 days", 14, "limit", {}),
        ("number", "about 1,250 people", "1250", "count", {}),
        ("number", "about 1,250 people", 1250, "count", {}),
        ("number_words", "three tickets", 3, "quantity", {}),
        ("ordinal", "the third page", 3, "page", {}),
        ("unit", "within 1.5 km", 1500, "radius", METRES),
        ("unit", "for 2 hours", 120, "duration", {"description": "in minutes"}),
        ("unit", "for $12", 1200, "amount_cents", {}),
        ("unit", "a 15% share", 0.15, "share", {}),
        ("iso_date", "2026-03-14T08:00:00Z", "2026-03-14", "date", {}),
        ("date_words", "March 14, 2027", "2027-03-14", "date", {}),
        ("date_without_year", "on March 14", "2026-03-14", "date", {}),
        ("relative_date", "the day after tomorrow", "2026-03-12", "date", {}),
        ("relative_date", "next Friday", "2026-03-13", "date", {}),
        ("relative_date", "next Friday", "2026-03-20", "date", {}),
        ("date_time", "tomorrow at 9 am", "2026-03-11T09:00:00Z", "start", {}),
        ("clock_time", "at 6:30 pm", "18:30", "time", {}),
        ("time_words", "at noon", "12:00", "time", {}),
        ("synonym", "the downtown branch", "central", "branch", BRANCH),
        ("synonym", "Only what is on the shelf.", True, "availableOnly", {}),
        ("boolean_cue", "Include archived loans.", True, "includeArchived", {}),
        ("boolean_cue", "Without archived loans.", False, "includeArchived", {}),
        ("default", "anything", 20, "limit", {"default": 20}),
        ("const", "anything", "v1", "version", {"const": "v1"}),
        ("words", "Say that the tour is moved to Monday.", "Tour moved: Monday", "message", {}),
    ],
)
def test_each_derivation_grounds_its_value(derivation, text, value, name, schema):
    assert grounded(text, value, name, schema) == [derivation]


@pytest.mark.parametrize(
    ("text", "value", "name", "schema"),
    [
        ("Look up Tiny Sculptures Classics", "Tiny Sculptures Class", "name", {}),
        ("My id is bk-5377371.", "bk-537737", "bookId", {}),
        ("My id is xbk-537737.", "bk-537737", "bookId", {}),
        ("generally speaking", "general", "ticketType", {}),
        ("a notebook", "book", "format", {}),
        ("on March 14", 14, "limit", {}),
        ("at 14:00", 14, "limit", {}),
        ("the book bk-14-14", 14, "limit", {}),
        ("code 4f9c21", 4, "limit", {}),
        ("give me 140 days", 14, "limit", {}),
        ("give me 1.4 days", 14, "limit", {}),
        ("two hundred people", 2, "count", {}),
        ("someone often calls", 1, "count", {}),
        ("within 1.5 km", 1500, "radius", {"description": "Radius in kilometres"}),
        ("within 1.5 km", 1500, "radius", {}),
        ("a 50% share", 50000, "radius", METRES),
        ("15% off", 900, "duration", {"description": "in minutes"}),
        ("for $12", 1200, "amount", {}),
        ("March 14, 2025", "2026-03-14", "date", {}),
        ("on March 15", "2026-03-14", "date", {}),
        ("on March 14", "2027-03-14", "date", {}),
        ("we may 3 of us come", "2026-05-03", "date", {}),
        ("those 3 may come", "2026-05-03", "date", {}),
        ("tomorrow", "2026-03-12", "date", {}),
        ("next Friday", "2026-03-27", "date", {}),
        ("last Friday", "2026-03-13", "date", {}),
        ("tomorrow at 9 am", "2026-03-11T10:00:00Z", "start", {}),
        ("at 9 am on some day", "2026-03-11T09:00:00Z", "start", {}),
        ("at 6:30 am", "18:30", "time", {}),
        ("the downtown store", "north_end", "branch", BRANCH),
        ("the downtown store", "central", "city", {"type": "string"}),
        ("Don't include archived loans.", True, "includeArchived", {}),
        ("Don’t include archived loans.", True, "includeArchived", {}),
        ("I can't see archived loans.", True, "includeArchived", {}),
        ("Include archived loans.", False, "includeArchived", {}),
        ("Include loans.", True, "includeArchived", {}),
        ("anything", 21, "limit", {"default": 20}),
        ("anything", False, "flag", {"default": 0}),
        ("anything", True, "flag", {"const": 1}),
        ("The tour moved", "The tour moved to Tuesday", "message", {}),
        ("north", "north_end", "branch", BRANCH),
        ("the end of the north", "north_end", "branch", BRANCH),
        ("", "", "name", {}),
        ("text", [], "names", {}),
        ("null", None, "name", {}),
    ],
)
def test_a_near_miss_grounds_nothing(text, value, name, schema):
    assert grounded(text, value, name, schema) == [None]


def test_words_must_stand_in_one_message():
    text = "The tour is cancelled"
    assert grounded("so it is cancelled", text, "message", earlier=["about the tour"]) == [None]


def test_the_latest_message_is_named_as_the_source():
    visible = visible_messages([(1, "14 days"), (4, "I said 14")], CLOCK)
    (found,) = ground("limit", 14, {}, visible, {})
    assert found.source == 4


def test_lists_and_objects_are_grounded_leaf_by_leaf():
    schema = {"properties": {"days": {"items": {"type": "string"}}}}
    value = {"days": ["2026-03-14", "2026-03-21"], "who": "Ann"}
    visible = visible_messages([(1, "March 14 and March 22, for Ann")], CLOCK)
    found = list(ground("plan", value, schema, visible, {}))
    assert [one.path for one in found if isinstance(one, Grounding)] == ["/plan/days/0", "/plan/who"]
    assert [one for one in found if not isinstance(one, Grounding)] == [("/plan/days/1", "2026-03-21")]


WORD = st.text(string.ascii_letters + string.digits, min_size=1, max_size=8)


@given(st.lists(WORD, max_size=4), WORD, st.lists(WORD, max_size=4), st.sampled_from(" .,;!?()\"'/"))
def test_a_word_is_bounded_between_any_separators(before, word, after, separator):
    text = separator.join([*before, word, *after])
    assert bounded(word, text)


@given(WORD, WORD, WORD)
def test_a_piece_of_a_word_is_not_bounded(before, piece, after):
    text = before + piece + after
    assert not bounded(piece, text) or piece == text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | WORD, lambda c: st.lists(c) | st.dictionaries(WORD, c)
    )
)
def test_an_observation_as_text_has_every_leaf_on_a_line(value):
    lines = observed_text(json.dumps(value)).split("\n")
    if isinstance(value, dict | list) and list(leaves(value)):
        assert lines == [one if isinstance(one, str) else json.dumps(one) for one in leaves(value)]
