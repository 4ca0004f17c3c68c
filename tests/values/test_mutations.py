import json
import random
from collections import Counter
from functools import cache
from typing import Any

import builders as b
import pytest
from turns import Turn, planned

from callwright.schemas.message import ToolCall
from callwright.schemas.tool import Tool
from callwright.values.calls import tool_match
from callwright.values.mutations import KINDS, mutated
from callwright.values.validation import is_valid


def tool(name: str, required: tuple[str, ...] = (), **properties: Any) -> Tool:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
    return Tool(name=name, description="", parameters=parameters)


BOOK = tool(
    "book_room",
    ("room", "day"),
    room={"type": "string"},
    day={"type": "string", "format": "date"},
    seats={"type": "integer", "minimum": 1, "maximum": 20, "default": 4},
    layout={"enum": ["rows", "circle"]},
    quiet={"type": "boolean", "default": False},
    guest_name={"type": "string"},
    start={"type": "string"},
    end={"type": "string"},
    tags={"type": "array", "items": {"type": "string"}},
)
CANCEL = tool("cancel_room", ("room",), room={"type": "string"}, day={"type": "string", "format": "date"})
ROOMS = {one.name: one for one in (BOOK, CANCEL)}
RICH = b.call(
    "book_room",
    id="call_a",
    room="Blue Lagoon",
    day="2026-03-28",
    seats=12,
    layout="rows",
    quiet=True,
    guest_name="Ann Lee",
    start="13:30",
    end="15:00",
    tags=["board", "lunch"],
)
PLAIN = b.call("book_room", id="call_b", room="rm-4711", day="2026-03-29")


def draws(turn: Turn, count: int, seed: int = 1) -> list[tuple[str, tuple[ToolCall, ...]]]:
    rng = random.Random(seed)
    found = [mutated(turn.tools, turn.calls, rng) for _ in range(count)]
    return [one for one in found if one is not None]


@cache
def many() -> list[tuple[str, tuple[ToolCall, ...]]]:
    return draws(Turn(ROOMS, (RICH,)), 1000)


def fits(turn: Turn, calls: tuple[ToolCall, ...]) -> bool:
    return all(is_valid(turn.tools[one.name].parameters, json.loads(one.arguments)) for one in calls)


def test_every_mistake_in_a_planned_turn_fits_its_schema_and_is_another_turn():
    found: Counter[str] = Counter()
    for number, turn in enumerate(planned()):
        made = draws(turn, 5, seed=number)
        assert len(made) == 5
        for kind, calls in made:
            assert not tool_match(turn.tools, turn.calls, calls), (kind, turn.calls)
            assert fits(turn, calls), (kind, calls)
            assert len({call.id for call in calls}) == len(calls)
            found[kind] += 1
    assert found.keys() <= KINDS.keys() and len(found) > 15
    assert max(found.values()) < 0.3 * found.total()


def test_every_kind_is_made_where_there_is_a_place_for_it():
    rooms = Turn(ROOMS, (RICH, PLAIN))
    assert {kind for kind, _ in draws(rooms, 600)} == KINDS.keys()


def test_a_mistake_is_one_thing_that_is_wrong():
    for kind, calls in many():
        changed = [one for one in calls if one != RICH]
        assert len(changed) <= 1 or kind == "crossed_calls"
        if kind in ("off_by_one", "other_option", "flipped", "other_day", "other_time", "misspelt"):
            given, made = json.loads(RICH.arguments), json.loads(calls[0].arguments)
            assert given.keys() == made.keys()
            assert sum(given[name] != made[name] for name in given) == 1


@pytest.mark.parametrize(
    ("kind", "name", "values"),
    [
        ("off_by_one", "seats", {11, 13}),
        ("other_option", "layout", {"circle"}),
        ("flipped", "quiet", {False}),
        ("other_time", "start", {"14:00", "13:00", "14:30", "12:30", "01:30"}),
        ("shortened", "room", {"Blue", "Lagoon"}),
        ("shorter_list", "tags", {("board",), ("lunch",)}),
        ("reordered_list", "tags", {("lunch", "board")}),
    ],
)
def test_what_a_wrong_value_is(kind: str, name: str, values: set[Any]):
    made = [json.loads(calls[0].arguments) for one, calls in many() if one == kind]
    got = [one[name] for one in made if one[name] != json.loads(RICH.arguments)[name]]
    assert {tuple(one) if isinstance(one, list) else one for one in got} == values


def test_limits_of_a_schema_are_kept():
    turn = Turn(ROOMS, (b.call("book_room", room="Blue", day="2026-03-28", seats=20),))
    made = [
        json.loads(calls[0].arguments)["seats"] for kind, calls in draws(turn, 600) if kind == "off_by_one"
    ]
    assert set(made) == {19}


def test_nested_values_and_optional_fields_are_changed_too():
    size = {
        "type": "object",
        "properties": {"w": {"type": "integer"}, "h": {"type": "integer"}},
        "required": ["w"],
    }
    frame = Turn(
        {"frame": tool("frame", ("size",), size={"$ref": "#/$defs/Size"})},
        (b.call("frame", size={"w": 3, "h": 5}),),
    )
    frame.tools["frame"].parameters["$defs"] = {"Size": size}
    sizes = [json.loads(calls[0].arguments)["size"] for _, calls in draws(frame, 200)]
    assert {"w": 3} in sizes and {"w": 5, "h": 3} in sizes and {"w": 4, "h": 5} in sizes
    assert {"h": 5} not in sizes


def test_whoever_should_not_call_calls_with_what_can_be_made_up():
    kind, calls = mutated({"rooms": tool("rooms")}, (), random.Random(1)) or ("", ())
    assert kind == "extra_call" and [(one.name, one.arguments) for one in calls] == [("rooms", "{}")]


def test_a_turn_that_loses_its_only_call_is_no_wrong_call():
    assert all(calls for _, calls in draws(Turn(ROOMS, (PLAIN,)), 200))


def test_what_no_schema_admits_is_made_only_where_nothing_else_can_be():
    only = Turn({"go": tool("go", ("to",), to={"const": "home"})}, (b.call("go", to="home"),))
    assert {kind for kind, _ in draws(only, 50)} == {"repeated_call"}
    wrong = Turn(
        {"go": tool("go", to={"type": "boolean"})}, (ToolCall(id="c", name="go", arguments='{"to": "in"}'),)
    )
    assert draws(wrong, 20)


@pytest.mark.parametrize("call", [ToolCall(id="c", name="book_room", arguments="{"), b.call("unknown")])
def test_nothing_is_made_of_what_cannot_be_read(call: ToolCall):
    assert mutated(ROOMS, (RICH, call), random.Random(1)) is None


def test_nothing_is_made_where_there_is_no_tool():
    assert mutated({}, (), random.Random(1)) is None


def test_the_same_chance_makes_the_same_mistakes():
    turn = Turn(ROOMS, (RICH, PLAIN))
    assert draws(turn, 50) == draws(turn, 50) != draws(turn, 50, seed=2)
