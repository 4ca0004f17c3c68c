import builders as b
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.values.calls import meaning, same_call

TOOL = b.tool(
    "find_rooms",
    city={"type": "string"},
    seats={"type": "integer"},
    limit={"type": "integer", "default": 10},
    quiet={"type": "boolean", "default": False},
    tags={"type": "array", "items": {"type": "string"}, "default": []},
    where={"type": "object"},
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"city": "Oslo"}, {"city": "Oslo", "limit": 10}),
        ({"city": "Oslo"}, {"city": "Oslo", "quiet": False, "tags": []}),
        ({"city": "Oslo"}, {"city": "Oslo", "seats": None}),
        ({"seats": 4}, {"seats": 4.0}),
        ({"limit": 10.0}, {}),
        ({"city": "New York"}, {"city": " new  york. "}),
        ({"city": "main_street"}, {"city": "Main Street"}),
        ({"tags": ["a", "b"]}, {"tags": ["b", "A"]}),
        ({"where": {"x": 1, "y": None}}, {"where": {"x": 1.0}}),
        ({"city": "a", "seats": 1}, {"seats": 1, "city": "a"}),
    ],
)
def test_two_ways_to_write_one_call(one, other):
    assert same_call(TOOL, one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"city": "Oslo"}, {"city": "Oslo", "limit": 9}),
        ({"city": "Oslo"}, {"city": "Oslo", "quiet": True}),
        ({"city": "Oslo"}, {"city": "Osl"}),
        ({"city": "Oslo"}, {}),
        ({"seats": 4}, {"seats": 5}),
        ({"seats": 1}, {"seats": True}),
        ({"seats": 4}, {"seats": "4"}),
        ({"tags": ["a"]}, {"tags": ["a", "a"]}),
        ({"tags": [1, 2]}, {"tags": [2, 1]}),  # the order of what is no text may mean something
        ({"where": {"x": 1}}, {"where": {"x": 2}}),
        ({"where": {}}, {}),
        ({"city": "Oslo"}, {"town": "Oslo"}),
        ({"city": "-5"}, {"city": "5"}),
    ],
)
def test_calls_that_differ(one, other):
    assert not same_call(TOOL, one, other)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["a", "A ", "b", "10"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
    max_leaves=4,
)
ARGUMENTS = st.dictionaries(st.sampled_from(list(TOOL.properties)), VALUES, max_size=4)


@given(ARGUMENTS)
def test_a_call_is_itself_however_often_it_is_settled(arguments):
    assert same_call(TOOL, arguments, arguments)
    assert same_call(TOOL, arguments, meaning(TOOL, arguments))


@given(ARGUMENTS, ARGUMENTS)
def test_same_goes_both_ways(one, other):
    assert same_call(TOOL, one, other) is same_call(TOOL, other, one)


@given(ARGUMENTS)
def test_a_default_that_is_written_out_changes_nothing(arguments):
    defaults = {name: schema["default"] for name, schema in TOOL.properties.items() if "default" in schema}
    assert same_call(TOOL, arguments, {**defaults, **arguments}) or any(
        arguments.get(name, 0) is None for name in defaults
    )
    without = {name: value for name, value in arguments.items() if name not in defaults}
    assert same_call(TOOL, without, {**without, **defaults})


def test_numbers_that_no_float_holds_are_compared():
    assert same_call(TOOL, {"count": 10**400}, {"count": 10**400})
    assert not same_call(TOOL, {"count": 2**53}, {"count": 2**53 + 1})
