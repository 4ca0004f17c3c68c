"""ToolMatch: kinds of differences, each tried on many real turns and never missed; harmless changes that pass."""

from __future__ import annotations

import inspect
import json
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

import builders as b
import loopback as lb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm.builders import TOOL, question
from pydantic_core import to_jsonable_python
from turns import Turn, planned, turns

from callwright.errors import ReplyError
from callwright.llm.wire import completion_of
from callwright.schemas.message import ToolCall
from callwright.schemas.tool import Tool, WorldBinding
from callwright.values.calls import call_key, tool_match
from callwright.values.mutations import mutated
from callwright.values.signatures import Signature, signature_of
from callwright.worlds import world_class

Calls = tuple[ToolCall, ...]
Step = str | int


def keys(turn: Turn, calls: Calls) -> list[str | None]:
    return [call_key(turn.tools, call) for call in calls]


# Differences


Change = Callable[[Turn, random.Random], Iterator[Calls]]


def edits(edit: Callable[[Any, random.Random], Any]) -> Change:
    """Every value inside of every call for which `edit` gives another one, which may be NOTHING."""

    def changed(turn: Turn, rng: random.Random) -> Iterator[Calls]:
        for place, call in enumerate(turn.calls):
            arguments = json.loads(call.arguments)
            for path, value in nodes(arguments, ()):
                made = edit(value, rng)
                if made is not NOTHING:
                    yield with_text(turn.calls, place, json.dumps(put(arguments, path, made)))

    return changed


def texts(edit: Callable[[str], str]) -> Change:
    """The raw text of each call's arguments, changed."""

    def changed(turn: Turn, rng: random.Random) -> Iterator[Calls]:
        for place, call in enumerate(turn.calls):
            made = edit(call.arguments)
            if made != call.arguments:
                yield with_text(turn.calls, place, made)

    return changed


NOTHING = object()


def nodes(value: Any, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    if path:
        yield path, value
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for step, child in children:
        yield from nodes(child, (*path, step))


def put(arguments: dict[str, Any], path: tuple[Step, ...], value: Any) -> dict[str, Any]:
    made: Any = json.loads(json.dumps(arguments))
    holder = made
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return dict(made)


def with_text(calls: Calls, place: int, text: str) -> Calls:
    changed = calls[place].model_copy(update={"arguments": text})
    return (*calls[:place], changed, *calls[place + 1 :])


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_text(value: Any, rng: random.Random) -> Any:
    return json.dumps(value) if is_number(value) or isinstance(value, bool) else NOTHING


def as_number(value: Any, rng: random.Random) -> Any:
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value) else NOTHING


def as_boolean(value: Any, rng: random.Random) -> Any:
    return bool(value) if is_number(value) and value in (0, 1) else NOTHING


def as_bit(value: Any, rng: random.Random) -> Any:
    return int(value) if isinstance(value, bool) else NOTHING


def as_null(value: Any, rng: random.Random) -> Any:
    return None if value is not None else NOTHING


def in_a_list(value: Any, rng: random.Random) -> Any:
    return [value]


def out_of_its_list(value: Any, rng: random.Random) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else NOTHING


def reversed_list(value: Any, rng: random.Random) -> Any:
    return value[::-1] if isinstance(value, list) and value != value[::-1] else NOTHING


def doubled_entry(value: Any, rng: random.Random) -> Any:
    return [value[0], *value] if isinstance(value, list) and value else NOTHING


def collapsed_list(value: Any, rng: random.Random) -> Any:
    if not isinstance(value, list):
        return NOTHING
    once = [one for place, one in enumerate(value) if one not in value[:place]]
    return once if once != value else NOTHING


def upper_case(value: Any, rng: random.Random) -> Any:
    return value.swapcase() if isinstance(value, str) and value.swapcase() != value else NOTHING


def spaced(value: Any, rng: random.Random) -> Any:
    return rng.choice((f"{value} ", f" {value}")) if isinstance(value, str) else NOTHING


def stopped(value: Any, rng: random.Random) -> Any:
    return f"{value}." if isinstance(value, str) else NOTHING


def look_alike(value: Any, rng: random.Random) -> Any:
    made = value.replace("a", "а").replace("-", "‑") if isinstance(value, str) else value
    return made if made != value else NOTHING


def opposite_sign(value: Any, rng: random.Random) -> Any:
    return -value if is_number(value) and value else NOTHING


def a_trace_more(value: Any, rng: random.Random) -> Any:
    return value + 1e-9 if is_number(value) and abs(value) < 1e6 else NOTHING


def wrapped(value: Any, rng: random.Random) -> Any:
    return {"value": value}


def encoded_twice(value: Any, rng: random.Random) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else NOTHING


def renamed_argument(turn: Turn, rng: random.Random) -> Iterator[Calls]:
    for place, call in enumerate(turn.calls):
        arguments = json.loads(call.arguments)
        for name in arguments:
            renamed = {f"{key}s" if key == name else key: value for key, value in arguments.items()}
            yield with_text(turn.calls, place, json.dumps(renamed))


def unknown_argument(turn: Turn, rng: random.Random) -> Iterator[Calls]:
    for place, call in enumerate(turn.calls):
        for value in (None, {}, [], "", False, 0):
            yield with_text(turn.calls, place, json.dumps({**json.loads(call.arguments), "extra": value}))


def unknown_tool(turn: Turn, rng: random.Random) -> Iterator[Calls]:
    for place, call in enumerate(turn.calls):
        other = call.model_copy(update={"name": rng.choice((f"{call.name}s", call.name.upper(), ""))})
        yield (*turn.calls[:place], other, *turn.calls[place + 1 :])


def no_call(turn: Turn, rng: random.Random) -> Iterator[Calls]:
    yield ()


def other_multiplicity(turn: Turn, rng: random.Random) -> Iterator[Calls]:
    """[A, B, B] where [A, A, B] is right is compared below; here one of two different calls stands for the other."""
    for place in range(1, len(turn.calls)):
        if keys(turn, turn.calls[place : place + 1]) != keys(turn, turn.calls[:1]):
            yield (*turn.calls[:place], turn.calls[0], *turn.calls[place + 1 :])


def twice_the_key(text: str) -> str:
    arguments = json.loads(text)
    first = next(iter(arguments), None)
    return text if first is None else f"{text[:-1]}, {json.dumps(first)}: {json.dumps(arguments[first])}}}"


def nan(text: str) -> str:
    return re.sub(r": -?\d[\d.]*", ": NaN", text, count=1)


DIFFERENCES: Mapping[str, Change] = {
    "number as text": edits(as_text),
    "text as number": edits(as_number),
    "1 as true": edits(as_boolean),
    "true as 1": edits(as_bit),
    "null for a value": edits(as_null),
    "a value in a list": edits(in_a_list),
    "a list's only entry": edits(out_of_its_list),
    "list in another order": edits(reversed_list),
    "entry of a list twice": edits(doubled_entry),
    "list as a set": edits(collapsed_list),
    "other case": edits(upper_case),
    "a space more": edits(spaced),
    "a stop more": edits(stopped),
    "a letter that looks alike": edits(look_alike),
    "other sign": edits(opposite_sign),
    "a trace more": edits(a_trace_more),
    "value in an object": edits(wrapped),
    "value encoded twice": edits(encoded_twice),
    "renamed argument": renamed_argument,
    "unknown argument": unknown_argument,
    "unknown tool": unknown_tool,
    "no call": no_call,
    "one call for another": other_multiplicity,
    "cut off": texts(lambda text: text[:-1]),
    "text after it": texts(lambda text: f"{text} done"),
    "a brace more": texts(lambda text: text + "}"),
    "key twice": texts(twice_the_key),
    "NaN": texts(nan),
    "single quotes": texts(lambda text: text.replace('"', "'")),
    "comma at the end": texts(lambda text: text.replace("}", ",}")),
    "comment": texts(lambda text: f"{text} // ok"),
    "encoded twice": texts(json.dumps),
    "object in a list": texts(lambda text: f"[{text}]"),
    "no object": texts(lambda text: "null"),
    "nothing": texts(lambda text: ""),
}


def handmade() -> Iterator[Turn]:
    """What planned turns seldom have: digits as text, entries that repeat, lists of one."""
    item = b.tool("order", zip={"type": "string"}, sizes={"type": "array"}, gift={"type": "boolean"})
    for size in range(12):
        call = b.call("order", zip=str(10115 + size), sizes=[size, size, 7], gift=size % 2 == 0)
        yield Turn({"order": item}, (call, b.call("order", zip="7", sizes=[size], gift=False)))


TRIES = 4
"""Of one kind on one turn, at the most."""


def test_every_kind_of_difference_is_seen_wherever_it_can_be_made():
    rng = random.Random(3)
    tried: Counter[str] = Counter()
    missed = []
    for turn in (*turns(), *handmade()):
        assert tool_match(turn.tools, turn.calls, turn.calls)
        for kind, change in DIFFERENCES.items():
            for made in islice(change(turn, rng), TRIES):
                tried[kind] += 1
                if tool_match(turn.tools, turn.calls, made):
                    missed.append((kind, turn.calls, made))
    assert missed == []
    assert len(DIFFERENCES) >= 25 and {kind: tried[kind] for kind in DIFFERENCES if tried[kind] < 10} == {}


def asked_of_worlds(tools: Mapping[str, Tool], calls: Calls) -> list[str]:
    """What the functions of the worlds would really be called with, by their own defaults: nothing of ours decides."""
    return sorted(json.dumps([call.name, received(tools[call.name], call)], sort_keys=True) for call in calls)


def received(tool: Tool, call: ToolCall) -> dict[str, Any]:
    assert isinstance(tool.binding, WorldBinding)
    function, read = function_of(tool.binding.world, tool.binding.function)
    bound = inspect.signature(function).bind(None, **read.given(json.loads(call.arguments)))
    bound.apply_defaults()
    plain = to_jsonable_python({name: value for name, value in bound.arguments.items() if name != "self"})
    return dict(as_floats(plain))


@cache
def function_of(world: str, name: str) -> tuple[Callable[..., Any], Signature]:
    function = getattr(world_class(world), name)
    return function, signature_of(function, skip=1)


def as_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_floats(child) for key, child in value.items()}
    if isinstance(value, list):
        return [as_floats(child) for child in value]
    return float(value) if is_number(value) else value


def test_calls_match_exactly_where_the_worlds_would_be_asked_the_same():
    """Turns against their mistakes, and against one another."""
    rng = random.Random(4)
    found: Counter[str] = Counter()
    for turn in planned() * 3:
        kind, made = mutated(turn.tools, turn.calls, rng) or ("", ())
        same = asked_of_worlds(turn.tools, turn.calls) == asked_of_worlds(turn.tools, made)
        assert tool_match(turn.tools, turn.calls, made) is same is False, (kind, turn.calls, made)
        found[kind] += 1
    everything = {name: tool for turn in planned() for name, tool in turn.tools.items()}
    short = [turn.calls for turn in planned() if len(turn.calls) == 1]
    asked = [asked_of_worlds(everything, calls) for calls in short]
    for one, its in zip(short, asked, strict=True):
        for other, others in zip(short, asked, strict=True):
            if one[0].name == other[0].name:
                assert tool_match(everything, one, other) is (its == others)
                found["same"] += its == others
    assert len(found) > 15 and found["same"] > len(short)


# What makes no difference


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(child) for child in value] if isinstance(value, list) else value


def floats(text: str) -> str:
    return re.sub(r"(?<=[ \[])(-?\d+)(?=[,\]}])", r"\1.0", text)


def exponents(text: str) -> str:
    return re.sub(r"(?<=[ \[])(-?\d+)(?=[,\]}])", r"\1e0", text)


def with_defaults(tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
    """Every optional argument that is left out, and every field of nested objects, at its default."""
    definitions = tool.parameters.get("$defs", {})

    def filled(schema: dict[str, Any], value: Any) -> Any:
        branches = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        inner = branches[0] if len(branches) == 1 else schema
        inner = definitions[inner["$ref"].rsplit("/", 1)[-1]] if "$ref" in inner else inner
        if isinstance(value, dict):
            fields = inner["properties"]
            defaults = {name: one["default"] for name, one in fields.items() if "default" in one}
            return {name: filled(fields[name], child) for name, child in {**defaults, **value}.items()}
        return [filled(inner["items"], child) for child in value] if isinstance(value, list) else value

    return dict(filled(tool.parameters, arguments))


HARMLESS: Mapping[str, Callable[[Tool, str], str]] = {
    "other order of keys": lambda tool, text: json.dumps(reordered(json.loads(text)), ensure_ascii=False),
    "other layout": lambda tool, text: json.dumps(json.loads(text), indent=3),
    "no spaces": lambda tool, text: json.dumps(json.loads(text), separators=(",", ":")),
    "blanks around": lambda tool, text: f"\n  {text}\t\n",
    "escapes": lambda tool, text: re.sub(r"[a-z](?=[^\"]*\"[,}\]])", lambda m: f"\\u{ord(m[0]):04x}", text),
    "5 as 5.0": lambda tool, text: floats(text),
    "5 as 5e0": lambda tool, text: exponents(text),
    "defaults written out": lambda tool, text: json.dumps(with_defaults(tool, json.loads(text))),
    "composed another way": lambda tool, text: unicodedata.normalize("NFD", text),
}


def test_no_harmless_change_is_taken_for_a_difference():
    tried: Counter[str] = Counter()
    alarms = []
    accented = Turn(
        {"say": b.tool("say", text={"type": "string"})}, (b.call("say", text="Café Žižek in Zürich"),)
    )
    for turn in (*turns(), accented):
        variants = {"other ids": tuple(call.model_copy(update={"id": f"x{call.id}"}) for call in turn.calls)}
        if len(turn.calls) > 1:
            variants["other order of calls"] = turn.calls[::-1]
        for kind, write in HARMLESS.items():
            written = [write(turn.tools[call.name], call.arguments) for call in turn.calls]
            if written != [call.arguments for call in turn.calls]:
                variants[kind] = tuple(
                    call.model_copy(update={"arguments": text})
                    for call, text in zip(turn.calls, written, strict=True)
                )
        for kind, made in variants.items():
            tried[kind] += 1
            if not tool_match(turn.tools, turn.calls, made) or not tool_match(turn.tools, made, turn.calls):
                alarms.append((kind, turn.calls, made))
    assert alarms == []
    assert len(tried) == len(HARMLESS) + 2
    assert sum(tried.values()) > 2000


# What other comparisons let pass

T = {
    "sort": b.tool("sort", rows={"type": "array"}, flag={"type": "boolean"}, n={"type": "integer"}),
    "look": b.tool("look", query={"type": "string"}),
}


def turn_of(*listed: str) -> Calls:
    """Calls of `sort` with these texts as arguments."""
    return tuple(ToolCall(id=f"call_{n}", name="sort", arguments=text) for n, text in enumerate(listed))


A, B = '{"n": 1}', '{"n": 2}'


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (['{"rows": [[1, 2], [3]]}'], ['{"rows": [[2, 1], [3]]}']),
        (['{"rows": [[1, 2], [3]]}'], ['{"rows": [[3], [1, 2]]}']),
        (['{"rows": [{"a": [1, 1, 2]}]}'], ['{"rows": [{"a": [1, 2]}]}']),
        ([A, A, B], [A, B, B]),
        ([A, A], [A]),
        (['{"n": 1}'], ['{"n": true}']),
        (['{"n": 1.0}'], ['{"n": true}']),
        (['{"flag": false}'], ['{"flag": 0}']),
        (['{"rows": [true]}'], ['{"rows": [1]}']),
        (["{n: 1}"], ["{n: 1}"]),
        (['{"n": 1'], ['{"n": 1']),
        (["oops"], ["other"]),
        (['{"n": 1, "n": 1}'], ['{"n": 1}']),
        (['{"n": NaN}'], ['{"n": NaN}']),
        (['{"n": 1e999}'], ['{"n": 1e999}']),
        (['{"n": 9007199254740993}'], ['{"n": 9007199254740992}']),
        (["{}"], []),
        (["oops"], []),
        (["[]"], ["[]"]),
        (['{"rows": ' + "[" * 5000 + "]" * 5000 + "}"], ['{"rows": ' + "[" * 5000 + "]" * 5000 + "}"]),
        (['{"rows": ["\\ud800"]}'], ['{"rows": ["\\ud800"]}']),
    ],
)
def test_known_false_matches(one: list[str], other: list[str]):
    assert not tool_match(T, turn_of(*one), turn_of(*other))
    assert not tool_match(T, turn_of(*other), turn_of(*one))


@pytest.mark.parametrize(
    "tag", ['<tool_call>{"name": "lookup"}</tool_call>', '<tool_call>\n{"na\n</tool_call>']
)
def test_a_call_that_arrives_as_text_is_no_plain_answer(tag: str):
    """Such an answer never becomes words without calls, so it cannot be equal to them."""
    with pytest.raises(ReplyError, match="raw_call_text"):
        completion_of(json.dumps(lb.text_reply(tag)).encode(), question(tools=(TOOL,)))


def test_a_tool_that_is_not_offered_matches_nothing():
    call = ToolCall(id="c", name="find", arguments="{}")
    assert call_key(T, call) is None and not tool_match(T, [call], [call])


def test_nobody_calls_and_nobody_calls():
    assert tool_match(T, (), ())


def test_a_name_decides_even_where_arguments_agree():
    one, other = (ToolCall(id="c", name=name, arguments="{}") for name in ("sort", "look"))
    assert not tool_match(T, [one], [other])


# What the schema says


def key(parameters: dict[str, Any], **arguments: Any) -> str:
    tool = Tool(name="t", description="", parameters={"type": "object", **parameters})
    made = call_key({"t": tool}, ToolCall(id="c", name="t", arguments=json.dumps(arguments)))
    assert made is not None
    return made


RANGE = {
    "type": "object",
    "properties": {"low": {"type": "number", "default": 0}, "high": {"type": "number", "default": 9}},
}
KIND_A = {"type": "object", "properties": {"kind": {"const": "a"}, "n": {"default": 1}}, "required": ["kind"]}
KIND_B = {"type": "object", "properties": {"kind": {"const": "b"}, "n": {"default": 2}}, "required": ["kind"]}
SAME: Mapping[str, tuple[dict[str, Any], Any, Any]] = {
    "a set": ({"type": "array", "uniqueItems": True}, [3, 1, 2], [1, 2, 3]),
    "a set of objects": (
        {"type": "array", "uniqueItems": True},
        [{"a": 1}, {"b": 2}],
        [{"b": 2.0}, {"a": 1}],
    ),
    "nested": (RANGE, {"low": 3, "high": 9}, {"low": 3}),
    "by reference": ({"$ref": "#/$defs/Range"}, {"high": 9.0, "low": 1}, {"low": 1}),
    "all of": ({"allOf": [{"$ref": "#/$defs/Range"}]}, {"low": 0}, {}),
    "or null": ({"anyOf": [{"$ref": "#/$defs/Range"}, {"type": "null"}]}, {"low": 0}, {}),
    "in a list": ({"type": "array", "items": RANGE}, [{"low": 0}, {"low": 1}], [{}, {"low": 1}]),
    "first place": ({"type": "array", "prefixItems": [RANGE]}, [{"low": 0}, 1], [{}, 1]),
    "other fields": ({"type": "object", "additionalProperties": RANGE}, {"x": {"low": 0}}, {"x": {}}),
    "told apart": ({"oneOf": [KIND_A, KIND_B]}, {"kind": "b", "n": 2}, {"kind": "b"}),
}
DIFFERENT: Mapping[str, tuple[dict[str, Any], Any, Any]] = {
    "a list": ({"type": "array"}, [3, 1, 2], [1, 2, 3]),
    "entry of a set twice": ({"type": "array", "uniqueItems": True}, [1, 1, 2], [1, 2, 2]),
    "places of a set": ({"uniqueItems": True, "prefixItems": [{}, {}]}, [1, 2], [2, 1]),
    "nested required": ({**RANGE, "required": ["low"]}, {"low": 0}, {}),
    "no field of the schema": (RANGE, {"step": None}, {}),
    "null for a default": (RANGE, {"low": None}, {}),
    "either": ({"anyOf": [RANGE, {"type": "object"}]}, {"low": 0}, {}),
    "the other's default": ({"oneOf": [KIND_A, KIND_B]}, {"kind": "b", "n": 1}, {"kind": "b"}),
    "under a condition": ({**RANGE, "dependentRequired": {"low": ["high"]}}, {"low": 0}, {}),
    "two defaults": ({"allOf": [RANGE, {"properties": {"low": {"default": 1}}}]}, {"low": 0}, {}),
    "outside": ({"$ref": "https://example.com/range"}, {"low": 0}, {}),
    "itself": ({"$ref": "#/properties/x"}, [1], [2]),
}
DEFINITIONS = {"Range": RANGE}


@pytest.mark.parametrize("name", SAME)
def test_one_value_in_two_forms(name: str):
    schema, one, other = SAME[name]
    parameters = {"properties": {"x": schema}, "$defs": DEFINITIONS}
    assert key(parameters, x=one) == key(parameters, x=other)


@pytest.mark.parametrize("name", DIFFERENT)
def test_two_values(name: str):
    schema, one, other = DIFFERENT[name]
    parameters = {"properties": {"x": schema}, "$defs": DEFINITIONS}
    assert key(parameters, x=one) != key(parameters, x=other)


def test_an_argument_at_its_default_is_as_good_as_none_where_it_may_be_left_out():
    optional = {"properties": {"x": {"type": "array", "default": [1, True]}}}
    assert key(optional, x=[1.0, True]) == key(optional) != key(optional, x=[True, 1])
    assert key({**optional, "required": ["x"]}, x=[1, True]) != key({**optional, "required": ["x"]})
    whole = {"properties": {"x": {**RANGE, "default": {}}}}
    assert key(whole, x={"low": 0, "high": 9}) == key(whole, x={}) == key(whole)


def test_null_is_left_out_where_it_is_the_default_and_nowhere_else():
    nullable = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert key({"properties": {"x": {**nullable, "default": None}}}, x=None) == key(
        {"properties": {"x": nullable}}
    )
    for schema in (nullable, {"type": "string"}, {**nullable, "default": "a"}):
        assert key({"properties": {"x": schema}}, x=None) != key({"properties": {"x": schema}})


@pytest.mark.parametrize(
    "parameters",
    [
        {"properties": {"x": True}},
        {"properties": {"x": "text"}},
        {"properties": []},
        {"properties": {"x": {"type": 5, "enum": 1, "anyOf": "x", "items": 3, "required": "y"}}},
        {"properties": {"x": {"anyOf": [True, False, 7]}}, "required": {"x": 1}},
        {"$ref": "#"},
        {"allOf": [{"$ref": "#/allOf/0"}]},
        {"anyOf": [{"$ref": "#"}, {"$ref": "#/anyOf/1"}]},
    ],
)
def test_schemas_of_strangers_break_nothing(parameters: dict[str, Any]):
    for value in (None, 1, "a", [1, {"y": 2}], {"y": [1]}):
        assert key(parameters, x=value) == key(parameters, x=value) != key(parameters, x="other")


# Laws

TOOLS = {
    "f": Tool(
        name="f",
        description="",
        parameters={
            "type": "object",
            "properties": {
                "a": {"type": "integer", "default": 1},
                "b": {"anyOf": [RANGE, {"type": "null"}], "default": None},
                "c": {"type": "array", "uniqueItems": True},
                "d": {"type": "array", "items": {"oneOf": [KIND_A, KIND_B]}},
            },
        },
    )
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from([1.0, 0.5, "1", "a", "A", "é", "é"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["low", "high", "kind", "n"]), inner, max_size=2)
    ),
    max_leaves=4,
)
CALLS = st.builds(
    lambda arguments, id: ToolCall(id=id, name="f", arguments=json.dumps(arguments)),
    st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=3),
    st.sampled_from("xyz"),
)
TURNS = st.lists(CALLS, max_size=3)


@given(TURNS, st.randoms(use_true_random=False))
def test_a_turn_matches_itself_in_any_order(turn: list[ToolCall], rng: random.Random):
    assert tool_match(TOOLS, turn, rng.sample(turn, len(turn)))
    assert not tool_match(TOOLS, turn, [*turn, b.call("f")])


@given(TURNS, TURNS)
def test_matching_goes_both_ways_and_is_what_the_keys_say(one: list[ToolCall], other: list[ToolCall]):
    matched = tool_match(TOOLS, one, other)
    assert matched is tool_match(TOOLS, other, one)
    keyed = [Counter(call_key(TOOLS, call) for call in turn) for turn in (one, other)]
    assert matched is (keyed[0] == keyed[1])


@given(CALLS)
def test_the_key_is_the_key_of_what_it_says(call: ToolCall):
    """The canonical text is a call that matches: nothing is lost that a schema would not put back."""
    text = call_key(TOOLS, call)
    assert text is not None
    again = call.model_copy(update={"arguments": json.dumps(json.loads(text)[1])})
    assert call_key(TOOLS, again) == text
