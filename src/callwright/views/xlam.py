"""The view `xlam`: a request and its calls, with tools in xLAM's flat form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from callwright.schemas.base import Record, canonical_json
from callwright.schemas.message import ToolCall
from callwright.schemas.tool import Tool
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views.contract import line_faults
from callwright.views.folder import Manifest
from callwright.views.lines import Lines, export_lines
from callwright.views.rows import Row, ToolTexts, arguments_of, checked_json, exact_json
from callwright.views.turns import REASONS, NoPlaceError, asked_of

ABOUT = """
A request and its calls, without a conversation: `id`, `query`, `answers` and `tools`, the last two JSON text. The
parameters of a tool are flat, with Python's names of types and `, optional` behind those that may be left out; what
else their schema says stands beside. Rows in which nothing is to be called have the answers `[]`.
"""
_TYPES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "array": "list",
    "object": "dict",
    "null": "None",
}
_TOLD = frozenset(
    {"type", "properties", "required", "additionalProperties", "title", "description", "$schema"}
)
"""Words about all parameters together that the flat form says otherwise, or does not need."""


class Options(Record):
    system: bool = True
    """Whether the system message stands before the request: it says what day it is, and has no other place."""


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        ViewError: A row must not be exported, no row fits, or something else is in the place.
    """
    tools = ToolTexts(flat)

    def write(lines: Lines) -> None:
        lines.add_rows(store, version, lambda row: _text(row, options, tools, lines.dropped))

    return export_lines(version, folder, "xlam", options, ABOUT, write, reasons=REASONS, overwrite=overwrite)


def _text(row: Row, options: Options, tools: ToolTexts, dropped: Counter[str]) -> str:
    try:
        request, calls = asked_of(row, dropped)
        told = ", ".join(tools.of(row.tools))
        if any(_untold(row, call) for call in calls):
            raise NoPlaceError("not_flat")
    except NoPlaceError as reason:
        dropped[str(reason)] += 1
        return ""
    answers = [f'{{"name": {canonical_json(call.name)}, "arguments": {call.arguments}}}' for call in calls]
    query = f"{row.system}\n\n{request}" if options.system and row.system else request
    return checked_json(
        {"id": row.id, "query": query, "answers": f"[{', '.join(answers)}]", "tools": f"[{told}]"}
    )


def _untold(row: Row, call: ToolCall) -> bool:
    """Whether a call has an argument that its tool allows, and does not describe."""
    [tool] = [one for one in row.tools if one.name == call.name]
    return not arguments_of(call.arguments, call.id).keys() <= tool.properties.keys()


def flat(tool: Tool) -> dict[str, Any]:
    """The tool in the flat form.

    Raises:
        NoPlaceError: Its parameters say something that only holds for several of them, or refer to another place.
    """
    whole = tool.parameters.keys() <= _TOLD and isinstance(
        tool.parameters.get("additionalProperties", True), bool
    )
    if not whole or '"$ref"' in canonical_json(tool.parameters):
        raise NoPlaceError("not_flat")
    parameters = {name: _flat(schema, name in tool.required) for name, schema in tool.properties.items()}
    return {"name": tool.name, "description": tool.description, "parameters": parameters}


def _flat(schema: Any, required: bool) -> dict[str, Any]:
    if not isinstance(schema, dict):
        raise NoPlaceError("not_flat")
    name = _named(schema)
    rest = {word: value for word, value in schema.items() if word not in ("type", "description")}
    description = schema.get("description", "")
    return {"type": name if required else f"{name}, optional", "description": description, **rest}


def _named(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return f"Union[{', '.join(_TYPES[kind] for kind in kinds)}]"
    if kinds is None:
        return _union(schema.get("anyOf"))
    items = schema.get("items")
    if kinds == "array" and isinstance(items, dict) and isinstance(items.get("type"), str):
        return f"List[{_TYPES[items['type']]}]"
    return _TYPES[kinds]


def _union(branches: Any) -> str:
    """The types of branches; what else they say stands beside, as it was."""
    if not branches or not isinstance(branches, list) or not all(isinstance(one, dict) for one in branches):
        return "any"
    named = list(dict.fromkeys(map(_named, branches)))
    return "any" if "any" in named else named[0] if len(named) == 1 else f"Union[{', '.join(named)}]"


class _Line(Record):
    id: str
    query: str
    answers: str
    tools: str


def validate(folder: Path) -> list[str]:
    """What breaks the contract of an export of this view, file and line by line."""
    return line_faults(folder, _Line, _faults)


def _faults(line: _Line) -> Iterator[str]:
    try:
        answers, tools = exact_json(line.answers), exact_json(line.tools)
    except ValueError as error:
        yield f"answers or tools: {error}"
        return
    if not line.query.strip():
        yield "query: is empty"
    offered = {}
    for tool in tools if isinstance(tools, list) else [None]:
        if not isinstance(tool, dict) or tool.keys() != {"name", "description", "parameters"}:
            yield "tools: must be a list of objects with name, description and parameters"
            return
        offered[tool["name"]] = tool["parameters"]
        for name, one in tool["parameters"].items():
            if not isinstance(one, dict) or not isinstance(one.get("type"), str):
                yield f"tools: {tool['name']}: {name} has no type, or the parameters are not flat"
                return
            if one["type"].split(",")[0] in ("string", "integer", "number", "boolean", "array", "object"):
                yield f"tools: {tool['name']}: {name} has the type {one['type']}, which is not Python's"
    for call in answers if isinstance(answers, list) else [None]:
        if not isinstance(call, dict) or call.keys() != {"name", "arguments"}:
            yield "answers: must be a list of objects with name and arguments"
        elif call["name"] not in offered:
            yield f"answers: {call['name']} is not offered"
        elif not isinstance(call["arguments"], dict):
            yield f"answers: the arguments of {call['name']} are no object"
        else:
            yield from _missing(call["name"], call["arguments"], offered[call["name"]])


def _missing(name: str, arguments: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[str]:
    for one in parameters.keys() - arguments.keys():
        if not str(parameters[one].get("type")).endswith(", optional"):
            yield f"answers: {name} lacks {one}"
    yield from (f"answers: {name} has no parameter {one}" for one in arguments.keys() - parameters.keys())
