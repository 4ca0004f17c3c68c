"""What runs a call: a toolbox opens a session for one conversation, the session answers calls."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any, Protocol

from callwright.schemas.message import Observation, ToolCall, Trust
from callwright.schemas.tool import Tool
from callwright.toolbox.cutting import cut_to_size
from callwright.values.canonical import parse_json
from callwright.values.validation import errors

MAX_CHARACTERS = 16_000
"""Characters of one observation, at the most: about 4,000 tokens."""


class Session(Protocol):
    """One conversation's view of the tools, with memory."""

    async def call(self, call: ToolCall) -> Observation:
        """Run one call. A call that cannot run is an observation with a 4xx status, as a server would answer.

        Raises:
            GenerationError: The toolbox itself failed; the conversation cannot go on.
            ModelError: The model that plays the server cannot be reached.
        """
        ...

    async def end(self) -> str | None:
        """Let go of what the session holds; the digest of the state it leaves, None where none can be seen."""
        ...


class Toolbox(Protocol):
    def open(
        self, tools: Sequence[Tool], *, toolkit: str, seed: int, clock: dt.date, item: str
    ) -> Session: ...

    async def close(self) -> None:
        """Let go of what the toolbox holds for all of its sessions, such as connections."""
        ...


def checked_arguments(
    call: ToolCall, tools: Sequence[Tool], trust: Trust
) -> tuple[Tool, dict[str, Any]] | Observation:
    """The tool and its parsed arguments, or the observation that a strict server would answer with."""
    tool = next((one for one in tools if one.name == call.name), None)
    if tool is None:
        names = ", ".join(one.name for one in tools)
        return problem(404, f"There is no tool named {call.name}. Available tools: {names}.", trust)
    try:
        arguments = parse_json(call.arguments)
    except ValueError as error:
        return problem(400, f"The arguments are not valid JSON: {error}", trust)
    if not isinstance(arguments, dict):
        return problem(400, "The arguments must be one JSON object.", trust)
    unknown = sorted(set(arguments) - set(tool.properties)) if tool.properties else sorted(arguments)
    if unknown and not tool.parameters.get("additionalProperties"):
        return problem(400, f"Unknown parameters: {', '.join(unknown)}.", trust)
    faults = [f"{path or 'arguments'}: {message}" for path, message, _ in errors(tool.parameters, arguments)]
    return problem(400, "; ".join(faults), trust) if faults else (tool, arguments)


def problem(status: int, message: str, trust: Trust) -> Observation:
    return Observation(content=json.dumps({"error": message}, ensure_ascii=False), status=status, trust=trust)


def answered(tool: Tool, status: int, body: Any, trust: Trust) -> Observation:
    """A server's answer as an observation; one without a body is told by its status."""
    if 200 <= status < 300 and tool.reply.media_type is None:
        body = {"status": status}
    return observed(status, body, trust)


def observed(status: int, body: Any, trust: Trust) -> Observation:
    """A JSON body as an observation, cut on its structure where it is larger than a model should be shown."""
    kept, cuts = cut_to_size(body, MAX_CHARACTERS)
    if cuts:
        kept = {"cut": cuts, "result": kept}
    content = json.dumps(kept, ensure_ascii=False, allow_nan=False)
    return Observation(content=content, status=status, trust=trust, cut=bool(cuts))
