import builders as b
import pytest
from made import codes

from callwright.judges.calls import Calls
from callwright.schemas.message import ToolCall

EVENT = b.tool(
    "book",
    eventId={"type": "string"},
    seats={"type": "integer", "minimum": 1},
    kind={"enum": ["adult", "child"]},
    day={"type": "string", "format": "date"},
    guest={"type": "object", "properties": {"name": {"type": "string"}}},
    labels={"type": "object", "additionalProperties": {"type": "string"}},
    notes={"type": "object"},
)
GOLD = {
    "eventId": "e1",
    "seats": 2,
    "kind": "adult",
    "day": "2026-03-14",
    "guest": {"name": "Ann"},
    "labels": {"anything": "goes"},
    "notes": {"free": ["form"]},
}


def ruled(call):
    return codes([Calls()], b.trajectory(b.task(tools=[EVENT]), [call]))


def booked(**changes):
    return b.call("book", **(GOLD | changes))


def test_a_call_that_satisfies_its_tool_passes():
    assert ruled(booked()) == []


def test_a_call_to_a_tool_that_is_not_offered_fails():
    assert ruled(b.call("bok", **GOLD)) == ["unknown_tool"]


@pytest.mark.parametrize(
    "text",
    ["{", "", "nonsense", '{"a": NaN}', '{"a": 1, "a": 2}', "[]", "3", "null", '{"a": 1} {}', "{'a': 1}"],
)
def test_arguments_that_are_no_json_object_fail(text):
    assert ruled(ToolCall(id="c1", name="book", arguments=text)) == ["unparsable_arguments"]


@pytest.mark.parametrize(
    "changes",
    [
        {"seats": 0},
        {"seats": "two"},
        {"seats": True},
        {"seats": 1.5},
        {"kind": "Adult"},
        {"day": "2026-02-30"},
        {"day": "March 14"},
        {"guest": "Ann"},
        {"eventId": None},
    ],
)
def test_an_argument_against_the_schema_fails(changes):
    assert ruled(booked(**changes)) == ["invalid_arguments"]


def test_a_missing_required_argument_fails():
    rest = {name: value for name, value in GOLD.items() if name != "eventId"}
    assert ruled(b.call("book", **rest)) == ["invalid_arguments"]


@pytest.mark.parametrize("changes", [{"color": "red"}, {"guest": {"name": "Ann", "age": 3}}, {"Seats": 2}])
def test_a_name_that_the_schema_does_not_know_fails(changes):
    assert ruled(booked(**changes)) == ["unknown_argument"]


def test_a_tool_without_parameters_takes_none_unless_it_says_so():
    closed = b.tool("ping").model_copy(update={"parameters": {"type": "object", "properties": {}}})
    opened = closed.model_copy(update={"parameters": {"type": "object", "additionalProperties": True}})
    call = b.call("ping", depth=1)
    assert codes([Calls()], b.trajectory(b.task(tools=[closed]), [call])) == ["unknown_argument"]
    assert codes([Calls()], b.trajectory(b.task(tools=[opened]), [call])) == []


def test_names_of_referenced_and_combined_schemas_are_known():
    parameters = {
        "type": "object",
        "allOf": [{"$ref": "#/$defs/base"}, {"properties": {"b": {"type": "string"}}}],
        "$defs": {"base": {"properties": {"a": {"type": "integer"}, "again": {"$ref": "#/$defs/base"}}}},
    }
    tool = b.tool("save").model_copy(update={"parameters": parameters})
    row = b.trajectory(b.task(tools=[tool]), [b.call("save", a=1, b="x", again={"a": 2})])
    assert codes([Calls()], row) == []
    row = b.trajectory(b.task(tools=[tool]), [b.call("save", a=1, again={"c": 2})])
    assert codes([Calls()], row) == ["unknown_argument"]
