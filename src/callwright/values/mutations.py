"""Plausible wrong calls: what a student, a label or a planted pair gets wrong."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from callwright.schemas.message import ToolCall
from callwright.schemas.tool import Tool
from callwright.values.calls import tool_match

Calls = tuple[ToolCall, ...]


def mutated(
    tools: Mapping[str, Tool], calls: Sequence[ToolCall], rng: random.Random
) -> tuple[str, Calls] | None:
    """A kind of mistake and the calls with it; None where no mistake can be made of them."""
    if not calls:
        return None
    kinds: list[tuple[str, Callable[..., Calls | None]]] = [
        ("wrong_value", _wrong_value),
        ("missing_call", _missing_call),
        ("extra_call", _extra_call),
        ("wrong_tool", _wrong_tool),
    ]
    rng.shuffle(kinds)
    for kind, change in kinds:
        made = change(tools, tuple(calls), rng)
        if made is not None and not tool_match(tools, calls, made):
            return kind, made
    return None


def _wrong_value(tools: Mapping[str, Tool], calls: Calls, rng: random.Random) -> Calls | None:
    at = rng.randrange(len(calls)) if calls else 0
    if not calls or not (arguments := json.loads(calls[at].arguments)):
        return None
    name = rng.choice(sorted(arguments))
    schema = tools[calls[at].name].properties.get(name, {})
    changed = arguments | {name: _other(arguments[name], schema, rng)}
    return _with(calls, at, calls[at].name, changed)


def _missing_call(tools: Mapping[str, Tool], calls: Calls, rng: random.Random) -> Calls | None:
    at = rng.randrange(len(calls)) if len(calls) > 1 else -1
    return calls[:at] + calls[at + 1 :] if at >= 0 else None


def _extra_call(tools: Mapping[str, Tool], calls: Calls, rng: random.Random) -> Calls | None:
    changed = _wrong_value(tools, calls, rng)
    if changed is None:
        return None
    extra = next((one for one, old in zip(changed, calls, strict=True) if one != old), None)
    return (*calls, extra.model_copy(update={"id": f"{extra.id}x"})) if extra else None


def _wrong_tool(tools: Mapping[str, Tool], calls: Calls, rng: random.Random) -> Calls | None:
    if not calls:
        return None
    at = rng.randrange(len(calls))
    given = json.loads(calls[at].arguments)
    others = [one for one in tools.values() if one.name != calls[at].name and set(one.required) <= set(given)]
    if not others:
        return None
    other = rng.choice(sorted(others, key=lambda one: one.name))
    return _with(calls, at, other.name, {key: one for key, one in given.items() if key in other.properties})


def _with(calls: Calls, at: int, name: str, arguments: Mapping[str, Any]) -> Calls:
    text = json.dumps(arguments, ensure_ascii=False)
    one = calls[at].model_copy(update={"name": name, "arguments": text})
    return (*calls[:at], one, *calls[at + 1 :])


def _other(value: Any, schema: Mapping[str, Any], rng: random.Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if "enum" in schema and len(schema["enum"]) > 1:
        return rng.choice([one for one in schema["enum"] if one != value])
    if isinstance(value, list):
        return value[:-1] or value * 2
    if isinstance(value, str):
        try:
            return (dt.date.fromisoformat(value) + dt.timedelta(days=1)).isoformat()
        except ValueError:
            digits = [at for at, one in enumerate(value) if one.isdigit()]
            if digits:
                at = digits[-1]
                return value[:at] + str((int(value[at]) + 1) % 10) + value[at + 1 :]
            return f"{value} B"
    return value
