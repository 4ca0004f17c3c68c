import datetime as dt
import random
import re

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.schemas.phrases import Field_, PhraseSheet
from callwright.values.makers import NOTHING, field_for, json_type, make, mimic

CLOCK = dt.date(2026, 3, 10)
SEEDS = st.integers(0, 2**32)
NAMES = st.sampled_from(
    ["limit", "page", "price", "year", "count", "start date", "display name", "e mail", "thing"]
)


def made(name, schema, seed=0, known=()):
    return make(name, Field_(), schema, random.Random(seed), CLOCK, known)


def valid(schema, value):
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(value)


BOUNDS = st.integers(-50, 5000)
INTEGERS = st.builds(
    lambda low, width, step: {
        "type": "integer",
        "minimum": low,
        "maximum": low + width + step,
        "multipleOf": step,
    },
    BOUNDS,
    st.integers(0, 500),
    st.integers(1, 3),
)
NUMBERS = st.builds(
    lambda low, width: {"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": low + 2 + width},
    BOUNDS,
    st.integers(0, 500),
)
FORMATS = st.builds(
    lambda name: {"type": "string", "format": name},
    st.sampled_from(["date", "date-time", "time", "email", "uuid", "uri"]),
)
ENUMS = st.builds(
    lambda values: {"type": "string", "enum": values},
    st.lists(st.text("abc", min_size=1), min_size=1, unique=True),
)
SCALARS = st.one_of(INTEGERS, NUMBERS, FORMATS, ENUMS, st.just({"type": "boolean"}), st.just({"const": "v1"}))
ARRAYS = st.builds(
    lambda items, least: {"type": "array", "items": items, "minItems": least, "maxItems": 3},
    st.one_of(FORMATS, INTEGERS),
    st.integers(0, 1),
)


@given(st.one_of(SCALARS, ARRAYS), NAMES, SEEDS)
def test_a_made_value_satisfies_the_schema(schema, name, seed):
    value = made(name, schema, seed)
    assert value is NOTHING or valid(schema, value)


@given(st.one_of(FORMATS, ENUMS, st.just({"type": "boolean"})), SEEDS)
def test_a_format_an_enum_or_a_boolean_always_yields_a_value(schema, seed):
    assert made("thing", schema, seed) is not NOTHING


@given(st.one_of(SCALARS, ARRAYS), SEEDS)
def test_the_same_seed_makes_the_same_value(schema, seed):
    assert made("thing", schema, seed) == made("thing", schema, seed)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"type": "integer"},
        {"type": ["string", "integer"]},
        {},
    ],
)
def test_a_schema_that_says_nothing_yields_nothing(schema):
    assert made("thing", schema) is NOTHING


def test_documented_values_are_used_where_the_schema_says_little():
    assert made("thing", {"type": "string"}, known=("Corn",)) == "Corn"
    assert made("thing", {"type": "string", "examples": ["Rice"]}) == "Rice"
    assert made("thing", {"type": "integer"}, known=(7,)) == 7


def test_a_documented_date_is_replaced_by_one_that_is_to_come():
    assert dt.date.fromisoformat(made("day", {"type": "string"}, known=("2019-01-01",))) > CLOCK


def test_a_boolean_is_the_opposite_of_its_default():
    assert made("flag", {"type": "boolean", "default": True}) is False


def test_null_is_never_drawn_from_an_enum():
    assert {made("x", {"enum": [None, "a"]}, seed) for seed in range(20)} == {"a"}


@given(SEEDS)
def test_contact_data_is_from_reserved_domains_and_numbers(seed):
    rng = random.Random(seed)
    email = make("x", Field_(values="email"), {}, rng, CLOCK)
    phone = make("x", Field_(values="phone"), {}, rng, CLOCK)
    assert re.fullmatch(r"[a-z0-9.]+@example\.(?:com|org|net)", email)
    assert re.fullmatch(r"\d{3}-555-01\d\d", phone)


@given(SEEDS)
def test_made_dates_lie_after_the_clock(seed):
    days = make("x", Field_(values="future_dates"), {}, random.Random(seed), CLOCK)
    assert days == sorted(set(days))
    assert all(0 < (dt.date.fromisoformat(day) - CLOCK).days <= 90 for day in days)


def test_the_sheet_wins_over_the_schema_and_a_tool_over_an_argument():
    sheet = PhraseSheet(
        noun="x", fields={"limit": Field_(values=(3,)), "listEvents.limit": Field_(values=(5,))}
    )
    assert field_for(sheet, "listEvents", "limit").values == (5,)
    assert field_for(sheet, "listBooks", "limit").values == (3,)
    assert field_for(None, "listBooks", "limit") == Field_()
    assert make("limit", field_for(sheet, "a", "limit"), {"type": "string"}, random.Random(0), CLOCK) == 3


@given(st.from_regex(r"[a-z]{2}-[0-9]{4}-[0-9a-f]{8}", fullmatch=True), SEEDS)
def test_a_mimicked_id_keeps_the_shape(example, seed):
    fresh = mimic(example, random.Random(seed))
    assert len(fresh) == len(example)
    assert re.fullmatch(r"[a-z0-9]{2}-\d{4}-[0-9a-z]{8}", fresh)
    assert [c for c in fresh if c == "-"] == ["-", "-"]


@given(SEEDS)
def test_a_mimicked_uuid_is_hexadecimal(seed):
    fresh = mimic("3be6453c-03eb-4357-ae5a-984a0e574a54", random.Random(seed))
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", fresh)


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["string", "null"]}, "string"),
        ({"type": ["string", "integer"]}, None),
        ({}, None),
    ],
)
def test_a_schema_has_one_type_or_none(schema, kind):
    assert json_type(schema) == kind
