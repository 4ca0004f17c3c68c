"""Lists of functions in the shapes that people keep them in."""

from __future__ import annotations

from typing import Any

import pytest

from callwright.errors import SourceError
from callwright.schemas.tool import Tool
from callwright.sources.tool_list import read_tool_list
from sources.checks import assert_sound

WEATHER = {
    "name": "get_weather",
    "description": "The weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
EMPTY = {"type": "object", "properties": {}}


def tools_of(*entries: Any) -> list[Tool]:
    toolkit, refusals = read_tool_list(list(entries), "kit.json")
    assert refusals == ()
    assert_sound(toolkit.tools)
    return list(toolkit.tools)


def codes_of(*entries: Any) -> list[tuple[str, str]]:
    toolkit, refusals = read_tool_list(list(entries), "kit.json")
    assert_sound(toolkit.tools)
    return [(refusal.code, refusal.where) for refusal in refusals]


def flat(**arguments: dict[str, Any]) -> Tool:
    return tools_of({"name": "act", "parameters": arguments})[0]


def test_functions_come_with_and_without_their_wrapper() -> None:
    bare, wrapped = tools_of(WEATHER), tools_of({"type": "function", "function": WEATHER})
    assert bare == wrapped
    assert bare[0].parameters == WEATHER["parameters"]
    assert bare[0].resource == "weather"


def test_a_mapping_may_hold_the_list_and_name_it() -> None:
    toolkit, _ = read_tool_list({"tools": [WEATHER], "title": "My Weather", "license": "MIT"}, "kit.json")
    assert (toolkit.name, toolkit.title, toolkit.licence) == ("my-weather", "My Weather", "MIT")
    assert read_tool_list([WEATHER], "kit.json")[0].name == "kit"
    assert read_tool_list([WEATHER], "kit.json", name="given")[0].name == "given"


@pytest.mark.parametrize("key", ["parameters", "input_schema", "inputSchema"])
def test_the_schema_goes_by_several_names(key: str) -> None:
    entry = {"name": "act", key: WEATHER["parameters"]}
    assert tools_of(entry)[0].parameters == WEATHER["parameters"]


@pytest.mark.parametrize(
    "entry", [{"name": "act"}, {"name": "act", "parameters": None}, {"name": "act", "parameters": {}}]
)
def test_no_parameters_are_an_empty_object(entry: dict[str, Any]) -> None:
    assert tools_of(entry)[0].parameters == EMPTY


def test_python_types_become_json_types() -> None:
    parameters = {
        "type": "dict",
        "properties": {
            "a": {"type": "float"},
            "b": {"type": "tuple", "items": {"type": "int"}},
            "c": {"type": "any", "description": "What you like."},
            "d": {"type": "String"},
        },
    }
    assert tools_of({"name": "act", "parameters": parameters})[0].parameters == {
        "type": "object",
        "properties": {
            "a": {"type": "number"},
            "b": {"type": "array", "items": {"type": "integer"}},
            "c": {"description": "What you like."},
            "d": {"type": "string"},
        },
    }


def test_flat_parameters_become_a_schema() -> None:
    tool = flat(
        city={"type": "str", "description": "Where."},
        type={"type": "str, optional", "description": "Which.", "default": "beta"},
        days={"type": "int", "description": "How many.", "default": ""},
        ids={"type": "List[int]", "description": "Those."},
    )
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where."},
            "type": {"type": "string", "description": "Which.", "default": "beta"},
            "days": {"type": "integer", "description": "How many."},
            "ids": {"type": "array", "items": {"type": "integer"}, "description": "Those."},
        },
        "required": ["city", "ids"],
    }


@pytest.mark.parametrize(
    ("written", "schema"),
    [
        ("Dict[str, float]", {"type": "object", "additionalProperties": {"type": "number"}}),
        ("Optional[int]", {"type": ["integer", "null"]}),
        ("Union[int, str]", {"type": ["integer", "string"]}),
        ("int | None", {"type": ["integer", "null"]}),
        ("List[List[str]]", {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}),
        ("Literal['a', 'b']", {"enum": ["a", "b"]}),
        ("set", {"type": "array", "uniqueItems": True}),
        (
            "Union[List[int], str]",
            {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "string"}]},
        ),
    ],
)
def test_type_expressions_are_understood(written: str, schema: dict[str, Any]) -> None:
    assert flat(value={"type": written}).properties["value"] == schema


def test_a_schema_with_references_of_its_own_stays_self_contained() -> None:
    node = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Node"}}},
    }
    parameters = {"type": "object", "properties": {"root": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node}}
    assert tools_of({"name": "grow", "parameters": parameters})[0].parameters == parameters


def test_what_a_function_returns_is_kept() -> None:
    entry = {**WEATHER, "outputSchema": {"type": "object", "properties": {"degrees": {"type": "float"}}}}
    assert tools_of(entry)[0].returns == {"type": "object", "properties": {"degrees": {"type": "number"}}}


def test_broken_functions_are_refused_and_the_rest_is_kept() -> None:
    broken = [
        3,
        {"description": "Nameless."},
        {"name": "list", "parameters": {"type": "array"}},
        {
            "name": "odd",
            "parameters": {"type": "object", "properties": {"x": {"type": "Callable[[int], int]"}}},
        },
        {"name": "text", "parameters": "none"},
        {"name": "lost", "parameters": {"type": "object", "properties": {"x": {"$ref": "#/$defs/X"}}}},
        WEATHER,
        WEATHER,
    ]
    assert codes_of(*broken) == [
        ("invalid_tool", "kit.json: tool 1"),
        ("no_name", "kit.json: tool 2"),
        ("invalid_schema", "kit.json: tool 3 (list)"),
        ("unknown_type", "kit.json: tool 4 (odd)"),
        ("invalid_schema", "kit.json: tool 5 (text)"),
        ("unresolved_ref", "kit.json: tool 6 (lost)"),
        ("duplicate_name", "kit.json: tool 8 (get_weather)"),
    ]


def test_names_are_made_legal_and_stay_apart() -> None:
    assert [tool.name for tool in tools_of({"name": "math.add"}, {"name": "math_add"})] == [
        "math_add",
        "math_add_2",
    ]


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("list_events", "event"),
        ("createEvent", "event"),
        ("get_event_by_id", "event"),
        ("searchLibraryBooks", "library_book"),
        ("weather", "weather"),
        ("get_categories", "category"),
        ("check_status", "status"),
    ],
)
def test_a_function_acts_on_the_noun_of_its_name(name: str, resource: str) -> None:
    assert tools_of({"name": name})[0].resource == resource


@pytest.mark.parametrize("document", [[], {"tools": []}, {"tools": None}, 3])
def test_what_is_no_list_of_functions_is_an_error(document: Any) -> None:
    with pytest.raises(SourceError, match="kit.json: has .* of tools"):
        read_tool_list(document, "kit.json")
