"""Plausible wrong calls: what a model gets wrong, or a careless label says, made of what is right.

They are planted as noise, calibrate a judge with pairs whose answer is known, and are the mistakes of simulated
students. Each fits its schema wherever one can be found that does, so that only its meaning is wrong.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from callwright.schemas.message import ToolCall
from callwright.schemas.phrases import Field_
from callwright.schemas.tool import Tool
from callwright.values.applied import Applied, kind_of
from callwright.values.calls import tool_match
from callwright.values.canonical import parse_json
from callwright.values.makers import NOTHING, described_examples, is_id_name, looks_like_id, make, mimic
from callwright.values.spoken import CLOCK_TIME, plain_words
from callwright.values.validation import is_valid

_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(.*)", re.S)
_CLOCK = dt.date(2026, 1, 5)
"""Dates that have to be made up come after it."""
_NOT_TEXT = re.compile(r"[\d@/:]|^\W*$")
"""What stands in a text that is no plain words."""

_LARGEST = 1e15
"""From here on not every whole number has a float."""

T = TypeVar("T")
Turn = tuple[ToolCall, ...]


def mutated(
    tools: Mapping[str, Tool], calls: Sequence[ToolCall], rng: random.Random
) -> tuple[str, Turn] | None:
    """The calls of a turn with one thing wrong, and the kind of mistake, one of `KINDS`.

    A mistake that fits every tool's schema is taken before one that does not. Never the same calls under `tool_match`.

    Args:
        tools: Name -> offered tool.
        calls: What is right; without calls, the mistake is to make one.

    Returns:
        None where the calls cannot be read, or nothing can be made of them.
    """
    given = tuple(calls)
    parts = [_read(tools, call) for call in given]
    read = [part for part in parts if part is not None]
    if len(read) < len(parts):
        return None
    turn = _Turn(tools, given, read)
    misfits: list[tuple[str, Turn]] = []
    for kind in _drawn_kinds(rng):
        for made in KINDS[kind](turn, rng):
            if tool_match(tools, given, made):
                continue
            if all(_fits(tools, call) for call in made):
                return kind, made
            misfits.append((kind, made))
    return misfits[0] if misfits else None


@dataclass(frozen=True)
class _Turn:
    """The calls of a turn, read."""

    tools: Mapping[str, Tool]
    calls: Turn
    read: Sequence[dict[str, Any]]
    """The arguments of each."""

    def with_arguments(self, place: int, arguments: Mapping[str, Any]) -> Turn:
        return self._with(place, self.calls[place].name, arguments)

    def with_tool(self, place: int, name: str, arguments: Mapping[str, Any]) -> Turn:
        return self._with(place, name, arguments)

    def and_call(self, name: str, arguments: Mapping[str, Any]) -> Turn:
        taken = {call.id for call in self.calls}
        free = next(f"call_{n}" for n in range(1, len(taken) + 2) if f"call_{n}" not in taken)
        return (*self.calls, ToolCall(id=free, name=name, arguments=_text(arguments)))

    def places(self, rng: random.Random) -> list[int]:
        """Each call's number, in a random order."""
        return rng.sample(range(len(self.calls)), len(self.calls))

    def schema(self, place: int) -> Applied:
        parameters = self.tools[self.calls[place].name].parameters
        return Applied.to(parameters, [parameters], self.read[place])

    def _with(self, place: int, name: str, arguments: Mapping[str, Any]) -> Turn:
        changed = self.calls[place].model_copy(update={"name": name, "arguments": _text(arguments)})
        return (*self.calls[:place], changed, *self.calls[place + 1 :])


@dataclass(frozen=True)
class _Node:
    """A value inside a call's arguments."""

    path: tuple[str | int, ...]
    value: Any
    schema: Applied

    @property
    def name(self) -> str:
        """The field that it is in; of an entry of a list, the list's."""
        return next((step for step in reversed(self.path) if isinstance(step, str)), "")

    @property
    def look(self) -> str:
        """What sort of value it is, as far as mistakes go."""
        value = self.value
        if len([one for one in self.schema.options if one is not None]) > 1:
            return "option"
        if not isinstance(value, str):
            return kind_of(value)
        if CLOCK_TIME.fullmatch(value):
            return "time"
        if _day(value) is not None:
            return "day"
        if is_id_name(self.name) or looks_like_id(value):
            return "id"
        return "text"


Change = Callable[[_Node, random.Random], Iterator[Any]]
Mistake = Callable[[_Turn, random.Random], Iterator[Turn]]


# One value is another


def _other_option(node: _Node, rng: random.Random) -> Iterator[Any]:
    if node.look == "option":
        others = [one for one in node.schema.options if one is not None and one != node.value]
        yield from rng.sample(others, len(others))


def _flipped(node: _Node, rng: random.Random) -> Iterator[Any]:
    if node.look == "boolean":
        yield not node.value


def _off_by_one(node: _Node, rng: random.Random) -> Iterator[Any]:
    if node.look == "number" and abs(node.value) < _LARGEST:
        for step in rng.sample((1, -1), 2):
            yield _number(node.value + step, node.value)


def _other_size(node: _Node, rng: random.Random) -> Iterator[Any]:
    if node.look == "number" and 0 < abs(node.value) < _LARGEST:
        for factor in rng.sample((10, 0.1, 2, 0.5), 4):
            yield _number(node.value * factor, node.value)


def _other_day(node: _Node, rng: random.Random) -> Iterator[Any]:
    if node.look == "day" and (found := _day(node.value)):
        for days in rng.sample((1, -1, 7, -7, 30, 365), 6):
            if 2 < found[0].year < 9998:
                yield (found[0] + dt.timedelta(days=days)).isoformat() + found[1]


def _other_time(node: _Node, rng: random.Random) -> Iterator[Any]:
    if node.look == "time":
        hour, minute = map(int, node.value.split(":"))
        for minutes in rng.sample((30, -30, 60, -60, 720), 5):
            hours, left = divmod((60 * hour + minute + minutes) % 1440, 60)
            yield f"{hours:02d}:{left:02d}"


def _other_id(node: _Node, rng: random.Random) -> Iterator[Any]:
    if node.look == "id" and re.search(r"\d", node.value):
        yield mimic(node.value, rng)


def _other_text(node: _Node, rng: random.Random) -> Iterator[Any]:
    """Another value that the documentation names, or another person, address or number of the same sort."""
    if node.look == "text":
        own = {key: value for schema in reversed(node.schema.schemas) for key, value in schema.items()}
        known = [*described_examples(own), *(one for one in own.get("examples", ()) if isinstance(one, str))]
        yield from rng.sample(known, len(known))
        made = make(plain_words(node.name), Field_(), {"type": "string"}, rng, _CLOCK)
        if made is not NOTHING:
            yield made


def _misspelt(node: _Node, rng: random.Random) -> Iterator[Any]:
    text = node.value
    if node.look == "text" and len(text) > 3 and not _NOT_TEXT.search(text):
        for place in rng.sample(range(1, len(text) - 1), min(3, len(text) - 2)):
            yield text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def _shortened(node: _Node, rng: random.Random) -> Iterator[Any]:
    if node.look == "text" and len(words := node.value.split(" ")) > 1:
        for left in rng.sample((words[:-1], words[1:]), 2):
            yield " ".join(left)


def _wrong_value(change: Change) -> Mistake:
    def made(turn: _Turn, rng: random.Random) -> Iterator[Turn]:
        for place in turn.places(rng):
            for node in _shuffled(_leaves(turn, place), rng):
                for value in change(node, rng):
                    yield turn.with_arguments(place, _put(turn.read[place], node.path, value))

    return made


# Arguments


def _swapped_values(turn: _Turn, rng: random.Random) -> Iterator[Turn]:
    """Two values of a call trade places; of the same sort, so that it can be overlooked."""
    for place in turn.places(rng):
        leaves = [node for node in _leaves(turn, place) if node.look not in ("boolean", "null")]
        pairs = [
            (one, other)
            for number, one in enumerate(leaves)
            for other in leaves[number + 1 :]
            if one.look == other.look and one.name != other.name and _near(one.value, other.value)
        ]
        for one, other in _shuffled(pairs, rng):
            swapped = _put(turn.read[place], one.path, other.value)
            yield turn.with_arguments(place, _put(swapped, other.path, one.value))


def _crossed_calls(turn: _Turn, rng: random.Random) -> Iterator[Turn]:
    """Two calls of one tool have each other's value of one argument."""
    for one in turn.places(rng):
        for other in range(one):
            if turn.calls[one].name == turn.calls[other].name:
                shared = [name for name in turn.read[one] if name in turn.read[other]]
                for name in _shuffled(shared, rng):
                    first = turn.with_arguments(one, {**turn.read[one], name: turn.read[other][name]})
                    second = turn.with_arguments(other, {**turn.read[other], name: turn.read[one][name]})
                    yield tuple(first[n] if n == one else second[n] for n in range(len(turn.calls)))


def _dropped_argument(turn: _Turn, rng: random.Random) -> Iterator[Turn]:
    for place in turn.places(rng):
        objects = [node for node in _nodes(turn, place) if isinstance(node.value, dict)]
        optional = [
            (*node.path, name) for node in objects for name in node.value if name not in node.schema.required
        ]
        for path in _shuffled(optional, rng):
            yield turn.with_arguments(place, _without(turn.read[place], path))


def _added_argument(turn: _Turn, rng: random.Random) -> Iterator[Turn]:
    for place in turn.places(rng):
        tool, given = turn.tools[turn.calls[place].name], turn.read[place]
        for name in _shuffled([name for name in tool.properties if name not in given], rng):
            for value in _values(tool, name, rng):
                yield turn.with_arguments(place, {**given, name: value})


def _lists(turn: _Turn, place: int, rng: random.Random) -> list[_Node]:
    return _shuffled([node for node in _nodes(turn, place) if isinstance(node.value, list)], rng)


def _shorter_list(turn: _Turn, rng: random.Random) -> Iterator[Turn]:
    for place in turn.places(rng):
        for node in _lists(turn, place, rng):
            for left_out in rng.sample(range(len(node.value)), len(node.value)):
                value = [one for at, one in enumerate(node.value) if at != left_out]
                yield turn.with_arguments(place, _put(turn.read[place], node.path, value))


def _reordered_list(turn: _Turn, rng: random.Random) -> Iterator[Turn]:
    for place in turn.places(rng):
        for node in _lists(turn, place, rng):
            value = rng.sample(node.value, len(node.value))
            yield turn.with_arguments(place, _put(turn.read[place], node.path, value))


# Calls


def _missing_call(turn: _Turn, rng: random.Random) -> Iterator[Turn]:
    """A turn that keeps some of its calls; one that loses its only call has none, and is another matter."""
    if len(turn.calls) > 1:
        for place in turn.places(rng):
            yield (*turn.calls[:place], *turn.calls[place + 1 :])


def _repeated_call(turn: _Turn, rng: random.Random) -> Iterator[Turn]:
    for place in turn.places(rng):
        yield turn.and_call(turn.calls[place].name, turn.read[place])


def _extra_call(turn: _Turn, rng: random.Random) -> Iterator[Turn]:
    """One more call, of a tool that nobody asked to use, with what is at hand."""
    called = {call.name for call in turn.calls}
    at_hand = {name: value for given in turn.read for name, value in given.items()}
    for tool in _alike(turn, [tool for name, tool in turn.tools.items() if name not in called], rng):
        arguments: dict[str, Any] = {}
        for name in tool.required:
            made = next(iter([at_hand[name]] if name in at_hand else _values(tool, name, rng)), NOTHING)
            if made is NOTHING:
                break
            arguments[name] = made
        else:
            yield turn.and_call(tool.name, arguments)


def _wrong_tool(turn: _Turn, rng: random.Random) -> Iterator[Turn]:
    """Another tool is called with what it takes of the arguments."""
    for place in turn.places(rng):
        given, right = turn.read[place], turn.calls[place].name
        others = [tool for name, tool in turn.tools.items() if name != right]
        for tool in _alike(turn, others, rng):
            taken = {name: value for name, value in given.items() if name in tool.properties}
            if taken or not given:
                yield turn.with_tool(place, tool.name, taken)


_VALUES: Mapping[str, Mistake] = {
    "other_option": _wrong_value(_other_option),
    "flipped": _wrong_value(_flipped),
    "off_by_one": _wrong_value(_off_by_one),
    "other_size": _wrong_value(_other_size),
    "other_day": _wrong_value(_other_day),
    "other_time": _wrong_value(_other_time),
    "other_id": _wrong_value(_other_id),
    "other_text": _wrong_value(_other_text),
    "misspelt": _wrong_value(_misspelt),
    "shortened": _wrong_value(_shortened),
    "shorter_list": _shorter_list,
    "reordered_list": _reordered_list,
}
_ARGUMENTS: Mapping[str, Mistake] = {
    "swapped_values": _swapped_values,
    "crossed_calls": _crossed_calls,
    "dropped_argument": _dropped_argument,
    "added_argument": _added_argument,
}
_CALLS: Mapping[str, Mistake] = {
    "missing_call": _missing_call,
    "repeated_call": _repeated_call,
    "extra_call": _extra_call,
    "wrong_tool": _wrong_tool,
}
KINDS: Mapping[str, Mistake] = {**_VALUES, **_ARGUMENTS, **_CALLS}
"""Kind of mistake -> what makes it: each turn that has it, one after another."""


def _drawn_kinds(rng: random.Random) -> list[str]:
    """All kinds in a random order: first whether values, arguments or calls are wrong, for every turn has calls."""
    sorts = rng.sample((_VALUES, _ARGUMENTS, _CALLS), 3)
    return [kind for sort in sorts for kind in rng.sample(sorted(sort), len(sort))]


def _read(tools: Mapping[str, Tool], call: ToolCall) -> dict[str, Any] | None:
    try:
        arguments = parse_json(call.arguments)
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) and call.name in tools else None


def _fits(tools: Mapping[str, Tool], call: ToolCall) -> bool:
    return is_valid(tools[call.name].parameters, json.loads(call.arguments))


def _alike(turn: _Turn, tools: list[Tool], rng: random.Random) -> list[Tool]:
    """Tools that act on the same kind of thing as the called ones first, in a random order else."""
    resources = {turn.tools[call.name].resource for call in turn.calls}
    return sorted(_shuffled(tools, rng), key=lambda tool: tool.resource not in resources)


def _values(tool: Tool, name: str, rng: random.Random) -> Iterator[Any]:
    """Values that an argument may have."""
    known = tuple(one[name] for one in tool.examples if name in one)
    for _ in range(3):  # the first may be the default
        made = make(plain_words(name), Field_(), tool.properties[name], rng, _CLOCK, known)
        if made is not NOTHING:
            yield made


def _nodes(turn: _Turn, place: int) -> Iterator[_Node]:
    """A call's arguments and all that is inside of them."""

    def inside(node: _Node) -> Iterator[_Node]:
        yield node
        if isinstance(node.value, dict):
            for name, child in node.value.items():
                yield from inside(_Node((*node.path, name), child, node.schema.field(name, child)))
        elif isinstance(node.value, list):
            for at, child in enumerate(node.value):
                yield from inside(_Node((*node.path, at), child, node.schema.item(at, child)))

    return inside(_Node((), turn.read[place], turn.schema(place)))


def _leaves(turn: _Turn, place: int) -> list[_Node]:
    return [node for node in _nodes(turn, place) if not isinstance(node.value, dict | list)]


def _put(arguments: Mapping[str, Any], path: Sequence[str | int], value: Any) -> dict[str, Any]:
    """A copy of the arguments with another value at a path."""
    made: Any = copy.deepcopy(dict(arguments))
    holder = made
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return dict(made)


def _without(arguments: Mapping[str, Any], path: Sequence[str | int]) -> dict[str, Any]:
    made = _put(arguments, path, None)
    holder: Any = made
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    return made


def _day(text: str) -> tuple[dt.date, str] | None:
    """The calendar day that a text begins with, and what follows it."""
    match = _DAY.fullmatch(text)
    try:
        return (dt.date.fromisoformat(match[1]), match[2]) if match else None
    except ValueError:
        return None


def _near(one: Any, other: Any) -> bool:
    """Whether two values are of one type and, as numbers, of one size."""
    if kind_of(one) != kind_of(other):
        return False
    return kind_of(one) != "number" or 0 < abs(one) <= 10 * abs(other) <= 100 * abs(one)


def _number(value: float, like: int | float) -> int | float:
    """A number like another: whole, or with as many decimals as money and measures have."""
    return round(value) if isinstance(like, int) else round(value, 4)


def _shuffled(listed: Sequence[T], rng: random.Random) -> list[T]:
    return rng.sample(listed, len(listed))


def _text(arguments: Mapping[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False)
