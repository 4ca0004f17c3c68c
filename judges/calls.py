"""L0: every call names an offered tool, and its arguments parse and satisfy the tool's schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from callwright.judges.base import Ruling
from callwright.schemas.message import AssistantMessage, ToolCall
from callwright.schemas.task import Trajectory
from callwright.schemas.tool import Tool
from callwright.schemas.verdict import Rung, Verdict
from callwright.values.canonical import parse_json
from callwright.values.unnamed import unknown_names
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
