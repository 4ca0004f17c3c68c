"""The one comparison of calls: whether two mean the same, whatever is left to its default or written otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from callwright.schemas.message import ToolCall
from callwright.schemas.tool import Tool
from callwright.values.mentions import fold


def same_call(tool: Tool, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two calls of a tool have the same arguments.

    An argument at its default is as good as one that is left out, `1.0` is `1`, texts are compared without regard to
    case and spacing, and lists of texts without regard to order.
    """
    return _text(meaning(tool, one)) == _text(meaning(tool, other))


def meaning(tool: Tool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments in a form in which equal ones are equal."""
    found = {name: _settled(value) for name, value in arguments.items() if value is not None}
    defaults = {
        name: _settled(schema["default"]) for name, schema in tool.properties.items() if "default" in schema
    }
    return {
        name: value
        for name, value in found.items()
        if name not in defaults or _text(value) != _text(defaults[name])
    }


def _text(value: Any) -> str:
    # To Python, True is 1 and False is 0.
    return json.dumps(value, sort_keys=True)


def _settled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _settled(child) for key, child in value.items() if child is not None}
    if isinstance(value, list):
        settled = [_settled(child) for child in value]
        return sorted(settled) if all(isinstance(child, str) for child in settled) else settled
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return fold(value).strip(" .!?") if isinstance(value, str) else value


def call_key(tools: Mapping[str, Tool], call: ToolCall) -> str | None:
    """The canonical text of one call; None where it names no tool, or its arguments are no JSON object."""
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        return None
    tool = tools.get(call.name)
    if tool is None or not isinstance(arguments, dict):
        return None
    return f"{call.name} {_text(meaning(tool, arguments))}"
