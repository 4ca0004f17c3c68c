"""The view `openai`: JSON lines as OpenAI's fine-tuning reads them, and whoever took that format over.

A line has no keys but the format's own, for the service refuses a file with others; the config `ids` says which row
each line of `default` is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.schemas.base import Record
from callwright.schemas.message import AssistantMessage, Message, ToolMessage, to_wire
from callwright.schemas.tool import NAME_PATTERN
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views.contract import Event, ObjectText, line_faults, paired
from callwright.views.folder import Manifest
from callwright.views.lines import DEFAULT, Lines, export_lines
from callwright.views.loss import wrong_spans
from callwright.views.parallel import Parallel, reshaped
from callwright.views.rows import Row, arguments_of, checked, checked_json, checked_line
from callwright.views.turns import REASONS, NoPlaceError

ABOUT = """
Chats for OpenAI's supervised fine-tuning: `messages`, `tools` and `parallel_tool_calls`; the arguments of a call are
JSON text, exactly as they were made, and `weight: 0` stands on each turn that is not to be learned. Hand
`default/train.jsonl` to the service as it is. Line by line, `ids/train.jsonl` names the rows. Tools are objects here:
read the file with a JSON reader, for a table would merge the schemas of different tools.
"""
IDS = "ids"


class Options(Record):
    parallel: Parallel = "as-is"
    """Turns with several calls: as they are, one turn for each call, or rows with such a turn left out. With the last
    two, `parallel_tool_calls` is false."""


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        ViewError: A row must not be exported, no row fits, or something else is in the place.
    """

    def write(lines: Lines) -> None:
        for row, text in checked(store, version, lambda row: (row, _text(row, options, lines.dropped))):
            if text:
                lines.add(row.split, text)
                lines.add(row.split, checked_json({"id": row.id, "kind": row.kind}), IDS)

    return export_lines(
        version, folder, "openai", options, ABOUT, write, reasons=REASONS, overwrite=overwrite
    )


def _text(row: Row, options: Options, dropped: Counter[str]) -> str:
    try:
        messages = reshaped(row.messages, options.parallel, dropped)
        if not isinstance(messages[-1], AssistantMessage) or messages[-1].tool_calls:
            raise NoPlaceError("unanswered")
    except NoPlaceError as reason:
        dropped[str(reason)] += 1
        return ""
    told = [_message(one, dropped) for one in messages]
    if all(one.get("weight") == 0 for one in told if one["role"] == "assistant"):
        dropped["nothing_learned"] += 1
        return ""
    offered = {
        "tools": f"[{', '.join(row.tool_texts)}]",
        "parallel_tool_calls": json.dumps(options.parallel == "as-is"),
    }
    return checked_line({"messages": told}, offered if row.tools else {})


def _message(message: Message, dropped: Counter[str]) -> dict[str, Any]:
    wire = to_wire(message)
    if isinstance(message, ToolMessage):
        del wire["name"]
    if isinstance(message, AssistantMessage):
        for call in message.tool_calls:
            arguments_of(call.arguments, call.id)
        if message.tool_calls and not message.content:
            del wire["content"]
        dropped["reasoning"] += message.reasoning is not None
        dropped["part_masked"] += message.train and bool(wrong_spans(message))
        if not message.train or wrong_spans(message):
            wire["weight"] = 0
    return wire


class _Function(Record):
    name: str = Field(pattern=NAME_PATTERN)
    arguments: ObjectText


class _Call(Record):
    id: str = Field(min_length=1)
    type: Literal["function"]
    function: _Function


class _Said(Record):
    role: Literal["system", "user"]
    content: str


class _Assistant(Record):
    role: Literal["assistant"]
    content: str = ""
    tool_calls: Annotated[tuple[_Call, ...], Field(min_length=1)] | None = None
    weight: Literal[0, 1] = 1


class _Result(Record):
    role: Literal["tool"]
    content: str
    tool_call_id: str


class _Offered(Record):
    name: str = Field(pattern=NAME_PATTERN)
    description: str
    parameters: dict[str, Any]


class _Tool(Record):
    type: Literal["function"]
    function: _Offered


class _Line(Record):
    messages: tuple[Annotated[_Said | _Assistant | _Result, Field(discriminator="role")], ...]
    tools: Annotated[tuple[_Tool, ...], Field(min_length=1)] | None = None
    parallel_tool_calls: bool | None = None


def validate(folder: Path) -> list[str]:
    """What breaks the contract of an export of this view, file and line by line."""
    return line_faults(folder, _Line, _faults, f"{DEFAULT}/*.jsonl")


def _faults(line: _Line) -> Iterator[str]:
    offered = {tool.function.name for tool in line.tools or ()}
    turns = [one for one in line.messages if isinstance(one, _Assistant)]
    for turn in turns:
        if not turn.content and not turn.tool_calls:
            yield "a turn of the assistant's says and calls nothing"
        if len(turn.tool_calls or ()) > 1 and not line.parallel_tool_calls:
            yield "a turn has several calls, and parallel_tool_calls is not true"
        for call in turn.tool_calls or ():
            if call.function.name not in offered:
                yield f"{call.function.name} is not offered"
    if line.parallel_tool_calls is not None and not offered:
        yield "parallel_tool_calls stands where no tool is offered"
    if not any(turn.weight for turn in turns):
        yield "no turn is to be learned"
    yield from paired([_event(one) for one in line.messages])


def _event(message: _Said | _Assistant | _Result) -> Event:
    if isinstance(message, _Result):
        return Event(False, answers=message.tool_call_id)
    if isinstance(message, _Assistant):
        return Event(True, [call.id for call in message.tool_calls or ()])
    return Event(False)
