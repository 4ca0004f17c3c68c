"""L0: every call names an offered tool, and its arguments parse and satisfy the tool's schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from callwright.judges.base import Ruling
from callwright.schemas.message import AssistantMessage, ToolCall
from callwright.schemas.task import Trajectory
from callwright.schemas.tool import Tool
from callwright.schemas.verdict import Rung, Verdict
from callwright.values.canonical import parse_json
from callwright.values.validation import errors


class Calls:
    name = "calls"
    rung: Rung = "L0"

    async def judge(self, trajectory: Trajectory) -> list[Verdict]:
        ruling = Ruling(self, trajectory)
        offered = {tool.name: tool for tool in trajectory.task.tools}
        for step, message in enumerate(trajectory.messages):
            if isinstance(message, AssistantMessage):
                for call in message.tool_calls:
                    for code, reason in _faults(call, offered):
                        ruling.fail(code, reason, step)
        return ruling.verdicts()


def _faults(call: ToolCall, offered: Mapping[str, Tool]) -> Iterator[tuple[str, str]]:
    tool = offered.get(call.name)
    if tool is None:
        yield "unknown_tool", f"{call.name} is not among the offered tools"
        return
    try:
        arguments = parse_json(call.arguments)
    except ValueError as error:
        yield "unparsable_arguments", f"{call.name}: {error}"
        return
    if not isinstance(arguments, dict):
        yield "unparsable_arguments", f"{call.name}: the arguments are no JSON object"
        return
    for path in unknown_names(arguments, tool.parameters, tool.parameters):
        yield "unknown_argument", f"{call.name}: {path} is not in the schema"
    for error_path, message, _ in errors(tool.parameters, arguments):
        yield "invalid_arguments", f"{call.name}: {error_path}: {message}"


def unknown_names(value: Any, schema: Any, root: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """JSON pointers of names that no schema mentions, unless it explicitly allows more.

    A schema without `additionalProperties` accepts any name, yet a model that invents one is wrong.
    """
    schema = _resolved(schema, root)
    if isinstance(value, list):
        for index, child in enumerate(value):
            yield from unknown_names(child, schema.get("items", {}), root, f"{path}/{index}")
    if not isinstance(value, dict):
        return
    known = _properties(schema, root)
    allows_more = schema.get("additionalProperties") not in (None, False) or "patternProperties" in schema
    # A nested object without any names is free-form; a tool without parameters takes none.
    open_ended = allows_more or (not known and bool(path))
    for name, child in value.items():
        if name in known:
            yield from unknown_names(child, known[name], root, f"{path}/{name}")
        elif not open_ended:
            yield f"{path}/{name}"


def _properties(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """Named properties of a schema and of its allOf, anyOf and oneOf branches."""
    found = dict(schema.get("properties", {}))
    for keyword in ("allOf", "anyOf", "oneOf"):
        for branch in schema.get(keyword, ()):
            found |= _properties(_resolved(branch, root), root)
    return found


def _resolved(schema: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """The schema behind a local `$ref`; an empty schema for anything else that is no object."""
    for _ in range(32):
        if not isinstance(schema, dict) or "$ref" not in schema:
            break
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = (
                target.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(target, dict) else {}
            )
        schema = target
    return schema if isinstance(schema, dict) else {}
