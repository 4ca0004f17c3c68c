import datetime as dt
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.values import derivations
from callwright.values.derivations import (
    DERIVATIONS,
    Grounding,
    Ungrounded,
    Visible,
    ground,
    leaves,
    observed_text,
)
from callwright.values.mentions import Mentions

CLOCK = dt.date(2026, 3, 10)
"""A Tuesday."""
METRES = {"type": "number", "description": "Radius in metres"}
BRANCH = {"type": "string", "enum": ["north_end", "central"]}
NOTE = {"type": "string"}
SYNONYMS = {
    ("branch", '"central"'): ("downtown",),
    ("availableOnly", "true"): ("only what is on the shelf",),
}
INVOICES = (
    '{"invoices": [{"id": "a1", "amount": 12.1}, {"id": "a2", "amount": 20.2}], "pages": [{"amount": 5}]}'
)


def seen(*texts):
    """Messages as the model saw them, the earliest first."""
    return [Visible(index, Mentions(text, CLOCK)) for index, text in enumerate(texts)]


def answered(content):
    return [Visible(0, Mentions(observed_text(content), CLOCK), content)]


def found_in(visible, value, name="it", schema=None):
    """Derivations of a value; None for each leaf without any."""
    return [
        found.derivation if isinstance(found, Grounding) else None
        for found in ground(name, value, schema or {}, visible, SYNONYMS)
    ]


ACCEPTED = [
    ("verbatim", "Look up Tiny Sculptures Class.", "Tiny Sculptures Class", "name", {}),
    ("verbatim", "My id is bk-537737.", "bk-537737", "bookId", {}),
    ("verbatim", "on 2026-03-14", "2026-03-14", "date", {}),
    ("big_number", "the number 12345678901234567", 12345678901234567, "id", {}),
    ("case", "A GENERAL ticket", "general", "ticketType", {}),
    ("case", "at North End", "north_end", "branch", BRANCH),
    ("plural", "some audiobooks", "audiobook", "format", {}),
    ("plural", "one audiobook", "audiobooks", "format", {}),
    ("plural", "two cities", "city", "place", {}),
    ("word_form", "a sort by due date", "dueDate", "sort", {}),
    ("number", "give me 14 days", 14, "limit", {}),
    ("number", "about 1,250 people", "1250", "count", {}),
    ("number", "about 1,250 people", 1250, "count", {}),
    ("number", "2.5k followers", 2500, "count", {}),
    ("number", "within 5 km", 5, "radius_km", {}),
    ("number", "for 3 nights", 3, "days", {}),
    ("number", "20 euros", 20, "amount", {"description": "In euros, not in cents"}),
    ("number_words", "three tickets", 3, "quantity", {}),
    ("number_words", "half a dozen eggs", 6, "quantity", {}),
    ("ordinal", "the third page", 3, "page", {}),
    ("unit", "within 1.5 km", 1500, "radius", METRES),
    ("unit", "within 1.5 km", 1500, "radius_m", {}),
    ("unit", "within 1.5 km", 1500, "radius", {"description": "Radius (m)"}),
    ("unit", "10 miles", 16.09344, "distance_km", {}),
    ("unit", "half a dozen kilos", 6000, "weight", {"description": "in grams"}),
    ("unit", "for 2 hours", 120, "duration", {"description": "in minutes"}),
    ("unit", "for 2 h", 120, "duration_min", {}),
    ("unit", "for two weeks", 14, "days", {}),
    ("unit", "for $12", 1200, "amount_cents", {}),
    ("unit", "for 12.50 euros", 1250, "amount", {"description": "in cents"}),
    ("unit", "a 15% share", 0.15, "share", {}),
    ("unit", "at 72 degrees Fahrenheit", 22.2222222222, "temperature", {"description": "in Celsius"}),
    ("day_of_month", "from March 14 on", 14, "billing_day", {}),
    ("day_of_month", "tomorrow", 11, "dayOfMonth", {}),
    ("iso_date", "2026-03-14T08:00:00Z", "2026-03-14", "date", {}),
    ("date_words", "March 14, 2027", "2027-03-14", "date", {}),
    ("date_without_year", "on March 14", "2026-03-14", "date", {}),
    ("relative_date", "the day after tomorrow", "2026-03-12", "date", {}),
    ("relative_date", "today", "2026-03-10", "date", {}),
    ("relative_date", "in two weeks", "2026-03-24", "date", {}),
    ("relative_date", "next Friday", "2026-03-13", "date", {}),
    ("relative_date", "next Friday", "2026-03-20", "date", {}),
    ("end_of_range", "a room for 3 nights from March 14", "2026-03-17", "check_out", {}),
    ("end_of_range", "three nights, starting on Friday", "2026-03-16", "endDate", {}),
    ("end_of_range", "from March 14 for two weeks", "2026-03-28", "return_date", {}),
    ("date_time", "tomorrow at 9 am", "2026-03-11T09:00:00Z", "start", {}),
    ("clock_time", "at 6:30 pm", "18:30", "time", {}),
    ("time_words", "at noon", "12:00", "time", {}),
    ("weekday", "on March 14", "saturday", "day", {}),
    ("weekday", "tomorrow", "Wed", "day", {}),
    ("synonym", "the downtown branch", "central", "branch", BRANCH),
    ("synonym", "Only what is on the shelf.", True, "availableOnly", {}),
    ("boolean_cue", "Include archived loans.", True, "includeArchived", {}),
    ("boolean_cue", "Without archived loans.", False, "includeArchived", {}),
    ("default", "anything", 20, "limit", {"default": 20}),
    ("const", "anything", "v1", "version", {"const": "v1"}),
    ("words", "Say that the tour is moved to Monday.", "Tour moved: Monday", "title", {}),
    ("authored", "Tell Ann the tour is on March 14.", "Hi Ann, see you on the 14th of March!", "body", NOTE),
]
"""(derivation, what was said, value, argument, schema)"""

REFUSED = [
    ("verbatim", "Look up Tiny Sculptures Classics", "Tiny Sculptures Class", "name", {}),
    ("verbatim", "My id is bk-5377371.", "bk-537737", "bookId", {}),
    ("verbatim", "My id is xbk-537737.", "bk-537737", "bookId", {}),
    ("big_number", "the number 12345678901234567", 12345678901234568, "id", {}),
    ("case", "generally speaking", "general", "ticketType", {}),
    ("case", "north", "north_end", "branch", BRANCH),
    ("plural", "a notebook", "book", "format", {}),
    ("plural", "the citizens", "city", "place", {}),
    ("word_form", "the date is due", "dueDate", "sort", {}),
    ("number", "on March 14", 14, "limit", {}),
    ("number", "at 14:00", 14, "limit", {}),
    ("number", "the book bk-14-14", 14, "limit", {}),
    ("number", "code 4f9c21", 4, "limit", {}),
    ("number", "give me 140 days", 14, "limit", {}),
    ("number", "give me 1.4 days", 14, "limit", {}),
    ("number", "about 42 people", "0042", "code", {}),
    ("number", "within 5 miles", 5, "radius_km", {}),
    ("number", "within 5 miles", 5, "radius", METRES),
    ("number", "for $12", 12, "amount_cents", {}),
    ("number_words", "two hundred people", 2, "count", {}),
    ("number_words", "two weeks", 2, "days", {}),
    ("number_words", "someone often calls", 1, "count", {}),
    ("ordinal", "the third page", 13, "page", {}),
    ("unit", "within 1.5 km", 1500, "radius", {"description": "Radius in kilometres"}),
    ("unit", "within 1.5 km", 1500, "radius", {}),
    ("unit", "within 1.5 kg", 1500, "radius", METRES),
    ("unit", "a 50% share", 50000, "radius", METRES),
    ("unit", "15% off", 900, "duration", {"description": "in minutes"}),
    ("unit", "for $12", 1200, "amount", {}),
    ("unit", "for $12", 12.6, "amount", {"description": "in euros"}),
    ("day_of_month", "from March 14 on", 14, "calories_per_day", {}),
    ("day_of_month", "next Friday", 13, "day", {}),
    ("day_of_month", "March 14 or March 15", 14, "day", {}),
    ("iso_date", "2026-03-14T08:00:00Z", "2026-03-15", "date", {}),
    ("date_words", "March 14, 2025", "2026-03-14", "date", {}),
    ("date_words", "14 people, 3 rooms, 2026", "2026-03-14", "date", {}),
    ("date_without_year", "on March 15", "2026-03-14", "date", {}),
    ("date_without_year", "on March 14", "2027-03-14", "date", {}),
    ("date_without_year", "we may 3 of us come", "2026-05-03", "date", {}),
    ("date_without_year", "those 3 may come", "2026-05-03", "date", {}),
    ("date_without_year", "on March 14", "2026-02-30", "date", {}),
    ("relative_date", "tomorrow", "2026-03-12", "date", {}),
    ("relative_date", "next Friday", "2026-03-27", "date", {}),
    ("relative_date", "last Friday", "2026-03-13", "date", {}),
    ("end_of_range", "a room for 3 nights from March 14", "2026-03-16", "check_out", {}),
    ("end_of_range", "a room for 3 nights from March 14", "2026-03-17", "check_in", {}),
    ("end_of_range", "a car for 3 days from March 14", "2026-03-17", "return_date", {}),
    ("end_of_range", "3 nights. The fair is on March 14.", "2026-03-17", "check_out", {}),
    ("date_time", "tomorrow at 9 am", "2026-03-11T10:00:00Z", "start", {}),
    ("date_time", "at 9 am on some day", "2026-03-11T09:00:00Z", "start", {}),
    ("clock_time", "at 6:30 am", "18:30", "time", {}),
    ("time_words", "at midnight", "12:00", "time", {}),
    ("weekday", "on March 14", "sunday", "day", {}),
    ("weekday", "on March 14 or March 15", "saturday", "day", {}),
    ("weekday", "on March 14", "sat down", "day", {}),
    ("synonym", "the downtown store", "north_end", "branch", BRANCH),
    ("synonym", "the downtown store", "central", "city", {"type": "string"}),
    ("boolean_cue", "Don't include archived loans.", True, "includeArchived", {}),
    ("boolean_cue", "Don’t include archived loans.", True, "includeArchived", {}),
    ("boolean_cue", "I can't see archived loans.", True, "includeArchived", {}),
    ("boolean_cue", "Include archived loans.", False, "includeArchived", {}),
    ("boolean_cue", "Include loans.", True, "includeArchived", {}),
    ("default", "anything", 21, "limit", {"default": 20}),
    ("default", "anything", False, "flag", {"default": 0}),
    ("const", "anything", True, "flag", {"const": 1}),
    ("words", "The tour moved", "The tour moved to Tuesday", "title", {}),
    ("words", "the end of the north", "north_end", "branch", BRANCH),
    ("words", "", "", "name", {}),
    ("words", "text", [], "names", {}),
    ("words", "null", None, "name", {}),
    ("authored", "Tell Ann the tour is on March 14.", "Hi Ann, see you on March 15!", "body", NOTE),
    ("authored", "March 14 or April 2 for Ann", "April 14 for Ann", "body", NOTE),
    ("authored", "Tell Ann the tour is on March 14.", "Hi Ann, see you on March 14!", "title", NOTE),
    ("authored", "Tell Ann.", "All is well.", "body", {"type": "string", "maxLength": 40}),
    ("authored", "Tell Ann.", "All is well.", "body", {"type": "string", "enum": ["All is well."]}),
]
"""Near misses of each derivation, in the same columns."""


@pytest.mark.parametrize(("derivation", "text", "value", "name", "schema"), ACCEPTED)
def test_each_derivation_grounds_its_value(derivation, text, value, name, schema):
    assert found_in(seen(text), value, name, schema) == [derivation]


@pytest.mark.parametrize(("derivation", "text", "value", "name", "schema"), REFUSED)
def test_a_near_miss_grounds_nothing(derivation, text, value, name, schema):
    assert found_in(seen(text), value, name, schema) == [None]


def test_every_derivation_says_what_it_accepts_and_has_an_example_and_a_near_miss():
    tried = {rule.__name__ for rules in DERIVATIONS.values() for rule in rules} | {
        "default",
        "const",
        "authored",
    }
    tables = {"sum_of_column"}  # its examples need an observation, see below
    assert {row[0] for row in ACCEPTED} | tables == tried
    assert {row[0] for row in REFUSED} | tables == tried
    assert all(getattr(derivations, name).__doc__ for name in tried)


@pytest.mark.parametrize("name", ["amount", "total_amount", "amountTotal"])
def test_an_amount_may_be_the_sum_of_a_column_of_that_name(name):
    (found,) = ground(name, 32.3, {}, answered(INVOICES), {})
    assert (found.derivation, found.text) == ("sum_of_column", "12.1 + 20.2")


@pytest.mark.parametrize(
    ("name", "value", "content"),
    [
        ("price", 32.3, INVOICES),
        ("amount", 32.31, INVOICES),
        ("amount", 8.1, INVOICES),
        ("count", 2, INVOICES),
        ("amount", 12.2, '[{"amount": 6.1}, {"amount": 6.1}, {"paid": false}]'),
        ("paid", 1, '[{"paid": true}, {"paid": false}]'),
    ],
)
def test_no_other_sum_no_difference_and_no_count_grounds_a_number(name, value, content):
    assert found_in(answered(content), value, name) == [None]


def test_what_a_user_types_is_no_table():
    assert found_in(seen(INVOICES), 32.3, "amount") == [None]


@pytest.mark.parametrize(
    ("body", "unknown"),
    [
        ("Hi Ann, it costs 30 euros.", "30"),
        ("Hi Ann, come at 10 am then.", "10 am"),
        ("Hi Ann, the code is zz-99.", "zz-99"),
        ("Hi Ann, write to bob@example.org.", "bob@example.org"),
        ('Hi Ann, ask for "the red door".', "the red door"),
        ("Hi Ann, meet me at Riverside.", "Riverside"),
        ("Tom will join. See you on March 14.", "Tom"),
    ],
)
def test_the_first_fact_of_an_authored_text_that_stands_nowhere_is_named(body, unknown):
    visible = seen("Tell Ann to come on March 14 at 9 am, it costs 20 euros.", "code zz-98, ann@example.org")
    (found,) = ground("body", body, NOTE, visible, {})
    assert found == Ungrounded("/body", body, unknown)


def test_the_facts_of_an_authored_text_may_stand_in_several_messages():
    body = "Dear Ann,\n\nThe tour starts at 9:00 on March 14. It costs 20 euros.\n\nBest regards,\nBob"
    assert found_in(
        seen("Tell Ann when and what, from Bob.", "2026-03-14T09:00:00Z, 20.0"), body, "body", NOTE
    ) == ["authored"]


def test_a_text_that_was_dictated_is_verbatim_even_where_it_may_be_authored():
    assert found_in(seen('Write "See you on Monday."'), "See you on Monday.", "body", NOTE) == ["verbatim"]


@pytest.mark.parametrize(
    "schema",
    [{"type": ["string", "null"]}, {"anyOf": [{"type": "string", "maxLength": 500}, {"type": "null"}]}],
)
def test_an_optional_text_may_be_authored(schema):
    assert found_in(seen("Thank Ann."), "Many thanks, Ann!", "note", schema) == ["authored"]


def test_a_text_deep_inside_an_argument_may_be_authored():
    schema = {"properties": {"draft": {"properties": {"body": NOTE}}}}
    assert found_in(seen("Thank Ann."), {"draft": {"body": "Many thanks, Ann!"}}, "mail", schema) == [
        "authored"
    ]


def test_words_must_stand_in_one_message():
    text = "The tour is cancelled"
    assert found_in(seen("about the tour", "so it is cancelled"), text, "title") == [None]


def test_the_latest_message_is_named_as_the_source():
    (found,) = ground("limit", 14, {}, seen("14 days", "I said 14"), {})
    assert found.source == 1


def test_lists_and_objects_are_grounded_leaf_by_leaf():
    schema = {"properties": {"days": {"items": {"type": "string"}}}}
    value = {"days": ["2026-03-14", "2026-03-21"], "who": "Ann"}
    found = list(ground("plan", value, schema, seen("March 14 and March 22, for Ann"), {}))
    assert [one.path for one in found if isinstance(one, Grounding)] == ["/plan/days/0", "/plan/who"]
    assert [one for one in found if not isinstance(one, Grounding)] == [
        Ungrounded("/plan/days/1", "2026-03-21")
    ]


def test_the_entries_of_a_list_may_be_said_in_different_sentences():
    visible = seen("Invite Ann. And on Friday, please ask BOB too.", "Oh, and the Smiths.")
    assert found_in(visible, ["Ann", "Bob", "Smith"], "guests") == ["verbatim", "case", "plural"]
    assert found_in(visible, ["Ann", "Tom"], "guests") == ["verbatim", None]


WORD = st.text(string.ascii_letters + string.digits, min_size=1, max_size=8)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | WORD, lambda c: st.lists(c) | st.dictionaries(WORD, c)
    )
)
def test_an_observation_as_text_has_every_leaf_on_a_line(value):
    lines = observed_text(json.dumps(value)).split("\n")
    if isinstance(value, dict | list) and list(leaves(value)):
        assert lines == [one if isinstance(one, str) else json.dumps(one) for one in leaves(value)]
