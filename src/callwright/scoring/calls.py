"""What a model called, read from its tool calls or from its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from callwright.values.canonical import parse_json, parse_json_at


class Call(NamedTuple):
    name: str
    arguments: dict[str, Any]


class Answered(NamedTuple):
    """The calls of one answer, or why they cannot be read: nothing is guessed and no name is snapped to a known one."""

    calls: tuple[Call, ...] = ()
    problem: str = ""
    """`no_call`, `unnamed_call` or `bad_arguments`; empty when every call could be read."""


class CallError(ValueError):
    """A call cannot be read. The message is its code."""


_THOUGHT = re.compile(r"\A.*?</think>", re.DOTALL)
_BEYOND = re.compile(r"\n\s*Observation:")
_TAGGED = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL)
_ACTION = re.compile(r"^[ \t]*Action:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_INPUT = re.compile(r"\s*Action Input:\s*")
_TOKEN = re.compile(r"<tool_(.+)>")


def read_answer(predicted: Any) -> Answered:
    """The calls of an answer: tool calls in OpenAI's form or as name and arguments, a message that has some, or text.

    Text may hold `Action:` with `Action Input:`, `<tool_call>` with JSON, or one JSON value. What stands after
    `Observation:` is the model's fancy and is not read.
    """
    try:
        calls = tuple(_calls(predicted))
    except CallError as error:
        return Answered(problem=str(error))
    return Answered(calls) if calls else Answered(problem="no_call")


def call_of(value: Any) -> Call:
    """One call, as `{name, arguments}` or `{function: {name, arguments}}`; arguments are an object or its JSON text.

    Raises:
        CallError: It is none.
    """
    body = value.get("function", value) if isinstance(value, dict) else {}
    name = body.get("name") if isinstance(body, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise CallError("unnamed_call")
    given = body["arguments"] if "arguments" in body else body.get("parameters", {})
    return Call(_plain(name), _arguments(given))


def _calls(predicted: Any) -> Iterator[Call]:
    if isinstance(predicted, str):
        yield from _text_calls(predicted)
    elif isinstance(predicted, list):
        yield from map(call_of, predicted)
    elif isinstance(predicted, dict):
        if calls := predicted.get("tool_calls"):
            yield from map(call_of, calls if isinstance(calls, list) else [calls])
        elif isinstance(predicted.get("content"), str):
            yield from _text_calls(predicted["content"])
        elif "name" in predicted or "function" in predicted:
            yield call_of(predicted)


def _text_calls(text: str) -> Iterator[Call]:
    said = _BEYOND.split(_THOUGHT.sub("", text), maxsplit=1)[0]
    tagged = _TAGGED.findall(said)
    actions = list(_ACTION.finditer(said))
    if tagged:
        yield from (call_of(_json(one)) for one in tagged)
    elif actions:
        yield from (_action(said, action) for action in actions)
    elif said.lstrip().startswith(("{", "[")):
        value = _json(said)
        yield from map(call_of, value if isinstance(value, list) else [value])


def _action(said: str, action: re.Match[str]) -> Call:
    """One `Action:` with what stands behind its `Action Input:`; prose after the JSON is passed over."""
    if not action[1]:
        raise CallError("unnamed_call")
    mark = _INPUT.match(said, action.end())
    if mark is None:
        raise CallError("bad_arguments")
    try:
        value, _ = parse_json_at(said, mark.end())
    except ValueError:
        raise CallError("bad_arguments") from None
    return Call(_plain(action[1]), _arguments(value))


def _plain(name: str) -> str:
    """The tool's name, also where it stands as a special token: `<tool_NAME>`."""
    name = name.strip()
    token = _TOKEN.fullmatch(name)
    return token[1] if token else name


def _json(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        raise CallError("bad_arguments") from None


def _arguments(given: Any) -> dict[str, Any]:
    value = _json(given) if isinstance(given, str) else given
    if not isinstance(value, dict):
        raise CallError("bad_arguments")
    return value
