import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.values.mentions import Mentions
from callwright.values.units import compatible, converted, family, quantities, unit_named, units_in

LENGTHS = ("mm", "cm", "m", "km", "inch", "foot", "yard", "mile", "nautical mile")
MASSES = ("mg", "g", "kg", "tonne", "ounce", "pound", "stone")
TIMES = ("second", "minute", "hour", "day", "night", "week", "month", "year")
VOLUMES = ("ml", "liter", "cup", "pint", "quart", "gallon", "tablespoon", "teaspoon", "fluid ounce")
SPEEDS = ("km/h", "mph", "m/s")
SIZES = ("kb", "mb", "gb", "tb")
SCALES = ("celsius", "fahrenheit", "kelvin")
FAMILIES = (LENGTHS, MASSES, TIMES, VOLUMES, SPEEDS, SIZES, SCALES)
EVERY = [unit for units in FAMILIES for unit in units] + ["degree", "usd", "eur", "cent", "percent", "point"]
PAIRS = st.sampled_from(FAMILIES).flatmap(lambda units: st.tuples(*[st.sampled_from(units)] * 2))
NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)


def found(text):
    said = Mentions(text, dt.date(2026, 3, 10))
    return [(one.value, one.unit) for one in quantities(said)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It takes 30 minutes.", (30, "minute")),
        ("a 30-minute talk", (30, "minute")),
        ("thirty minutes", (30, "minute")),
        ("1,250 meters", (1250, "m")),
        ("5 km away", (5, "km")),
        ("5km away", (5, "km")),
        ("wind at 24 km/h", (24, "km/h")),
        ("15 miles per hour", (15, "mph")),
        ("12 nautical miles", (12, "nautical mile")),
        ("8 fluid ounces", (8, "fluid ounce")),
        ("$12.50", (12.5, "usd")),
        ("€12", (12, "eur")),
        ("£3", (3, "gbp")),
        ("99 cents", (99, "cent")),
        ("2 pounds", (2, "pound")),
        ("2 pounds sterling", (2, "gbp")),
        ("17.5%", (17.5, "percent")),
        ("2 percentage points", (2, "point")),
        ("72 degrees Fahrenheit", (72, "fahrenheit")),
        ("72°F", (72, "fahrenheit")),
        ("-3° Celsius", (-3, "celsius")),
        ("72 degrees", (72, "degree")),
        ("add 3 more nights", (3, "night")),
        ("an extra 2 full days", (2, "day")),
    ],
)
def test_a_number_with_a_unit_is_a_quantity(text, expected):
    assert found(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "3 tickets",
        "3 more tickets",
        "a minimum of 5 minimums",
        "5 mice",
        "5 houred",
        "the 2nd day",  # which, not how many
        "room 12",
        "call 5 and minutes later",
        "nothing here",
        "at 5:30 pm",
        "on March 5",
    ],
)
def test_a_number_without_a_unit_is_no_quantity(text):
    assert found(text) == []


def test_each_number_has_the_unit_behind_it():
    assert found("from 61° to 79° Fahrenheit, 24 km/h, for $5") == [
        (61, "degree"),
        (79, "fahrenheit"),
        (24, "km/h"),
        (5, "usd"),
    ]


@pytest.mark.parametrize(
    ("words", "units"),
    [
        ("duration minutes", {"minute"}),
        ("size mb", {"mb"}),
        ("In whole euros.", {"eur"}),
        ("wind kmh", {"km/h"}),
        ("The temperature, in degrees Celsius.", {"celsius"}),
        ("In km or in miles.", {"km", "mile"}),
        ("min price", set()),  # the least of something
        ("m", set()),
        ("minimum", set()),
        ("dayroom", set()),
        ("", set()),
    ],
)
def test_units_that_a_description_names(words, units):
    assert units_in(words) == units


@pytest.mark.parametrize(
    ("word", "unit"),
    [
        ("km", "km"),
        ("EUR", "eur"),
        ("Celsius", "celsius"),
        ("nautical_miles", "nautical mile"),
        (" minutes ", "minute"),
        ("min", None),
        ("in km", None),
        ("kmx", None),
        ("", None),
    ],
)
def test_a_text_that_is_a_unit_and_nothing_else(word, unit):
    assert unit_named(word) == unit


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "expected"),
    [
        (1, "mile", "km", 1.609344),
        (90, "minute", "hour", 1.5),
        (2, "night", "day", 2),
        (1, "stone", "pound", 14),
        (250, "cent", "usd", 2.5),
        (1, "gallon", "quart", 4),
        (100, "celsius", "fahrenheit", 212),
        (-40, "fahrenheit", "celsius", -40),
        (0, "kelvin", "celsius", -273.15),
        (36, "km/h", "m/s", 10),
    ],
)
def test_a_quantity_in_another_unit(value, unit, wanted, expected):
    assert converted(value, unit, wanted) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [
        ("usd", "eur"),  # there is no fixed rate
        ("percent", "point"),
        ("degree", "celsius"),
        ("degree", "fahrenheit"),
        ("km", "kg"),
        ("minute", "m"),
        ("pound", "gbp"),
    ],
)
def test_what_has_no_fixed_rate_is_not_converted(unit, wanted):
    assert converted(5, unit, wanted) is None
    assert converted(5, wanted, unit) is None


@given(NUMBERS, PAIRS)
def test_there_and_back_is_where_it_was(value, pair):
    unit, wanted = pair
    there = converted(value, unit, wanted)
    assert there is not None
    assert converted(there, wanted, unit) == pytest.approx(value, rel=1e-9, abs=1e-6)


@given(NUMBERS, st.sampled_from(EVERY), st.sampled_from(EVERY))
def test_only_units_of_one_family_convert(value, unit, wanted):
    if converted(value, unit, wanted) is not None:
        assert family(unit) == family(wanted)


@given(st.sampled_from(EVERY), st.sampled_from(EVERY))
def test_compatible_goes_both_ways_and_stays_in_the_family(one, other):
    assert compatible(one, one)
    assert compatible(one, other) is compatible(other, one)
    assert not compatible(one, other) or family(one) == family(other)


def test_degrees_stand_for_either_scale_and_scales_not_for_each_other():
    assert compatible("degree", "celsius")
    assert compatible("degree", "fahrenheit")
    assert not compatible("celsius", "fahrenheit")
    assert not compatible("degree", "kelvin")
    assert not compatible("minute", "hour")
