"""Calls against the tools that are offered: names, arguments that parse, arguments that fit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from callwright.lint.codes import Finding
from callwright.lint.conversation import Call, Conversation
from callwright.schemas.tool import Tool
from callwright.values.canonical import parse_json
from callwright.values.unnamed import unknown_names
from callwright.values.validation import Problem, SchemaError, errors

_BY_KEYWORD = {
    "required": "missing_argument",
    "type": "wrong_type",
    "enum": "not_in_enum",
    "const": "not_in_enum",
    "format": "bad_format",
}


def check_calls(row: Conversation, tools: Mapping[str, Tool | None] | None) -> None:
    """Read the arguments of each call and compare them with the offered tools; None for tools that are not known."""
    calls = row.calls
    for call in calls:
        row.found += read_arguments(call)
    if calls and tools is None:
        if row.textual:
            row.report("tools_not_read", f"{calls[0].name} and its like are not checked against a schema")
        else:
            row.report("no_tools", f"{calls[0].name} is called, and no tools are offered")
        return
    for call in calls:
        faults = list(_compared(call, tools or {}))
        call.faulty = bool(faults)
        row.found += faults
    for turn in row.turns:
        made = [json.dumps([call.name, call.parsed], sort_keys=True) for call in turn.calls if call.parsed]
        if len(set(made)) < len(made):
            row.report("repeated_call", f"{turn.calls[0].name} or another is called twice alike in one turn")


def read_arguments(call: Call) -> Iterator[Finding]:
    """Set `parsed`; an object, or JSON text of one."""
    value = call.arguments
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError as error:
            yield Finding("unparsable_arguments", f"{call.name}: {error}")
            return
        if isinstance(value, str):
            yield Finding("double_encoded", f"{call.name}: the arguments are text of text: {value[:60]!r}")
            try:
                value = parse_json(value)
            except ValueError:
                return
    if isinstance(value, dict):
        call.parsed = value
    else:
        yield Finding(
            "unparsable_arguments", f"{call.name}: they are {str(value)[:60]!r}, expected an object"
        )


def _compared(call: Call, tools: Mapping[str, Tool | None]) -> Iterator[Finding]:
    if call.name not in tools:
        yield Finding("unknown_tool", f"{call.name} is not among {', '.join(tools)}")
        return
    tool, arguments = tools[call.name], call.parsed
    if tool is None or arguments is None:
        return
    unknown = set()
    for pointer in unknown_names(arguments, tool.parameters, tool.parameters):
        unknown.add(pointer)
        if _at(arguments, pointer) is None:
            yield Finding("null_filled", f"{call.name}: {pointer} is null and not in the schema")
        else:
            yield Finding("unknown_argument", f"{call.name}: {pointer} is not in the schema")
    try:
        problems = errors(tool.parameters, arguments)
    except SchemaError as error:
        yield Finding("invalid_tool", f"{call.name}: {error}")
        return
    if problems:
        values = dict(_values(arguments, ""))
        told: set[str] = set()
        for problem in problems:
            if problem.keyword in ("additionalProperties", "unevaluatedProperties") and unknown:
                continue  # said above, name by name
            code = _code(problem, values.get(problem.path))
            if code in ("null_argument", "double_encoded"):
                if problem.path in told:
                    continue  # of the wrong type, and not in the enum either
                told.add(problem.path)
            yield Finding(code, f"{call.name}: {problem.path or 'arguments'}: {problem.message}")


def _code(problem: Problem, value: Any) -> str:
    if problem.path and value is None:
        return "null_argument"
    if problem.keyword in ("type", "anyOf", "oneOf") and isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            parse_json(value)
        except ValueError:
            pass
        else:
            return "double_encoded"
    return _BY_KEYWORD.get(problem.keyword, "invalid_argument")


def _at(value: Any, pointer: str) -> Any:
    """What stands at a pointer as `unknown_names` writes it, whose names are not escaped."""
    found = {f"/{name}": child for name, child in value.items()} if isinstance(value, dict) else {}
    for start, child in found.items():
        if pointer == start:
            return child
        if pointer.startswith(f"{start}/"):
            inner = dict(enumerate(child)) if isinstance(child, list) else child
            return _at(
                {str(key): one for key, one in inner.items()} if isinstance(inner, dict) else None,
                pointer[len(start) :],
            )
    return pointer  # not found: anything that is not null


def _values(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(path, value) for all that stands in the arguments, with paths as `Problem` has them."""
    yield path.removeprefix("."), value
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _values(child, f"{path}.{name}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _values(child, f"{path}[{index}]")
