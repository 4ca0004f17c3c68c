"""The view `axolotl`: chats for Axolotl's `chat_template` that say turn by turn what is learned, and a config for them.

Axolotl reads a line by way of Arrow, which would merge the arguments and schemas of different tools: both are JSON text
here, which Axolotl parses itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.schemas.base import Record
from callwright.schemas.message import AssistantMessage, Message, to_wire
from callwright.schemas.tool import Tool
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views import loss
from callwright.views.card import yaml_text
from callwright.views.contract import Event, ObjectText, line_faults, paired
from callwright.views.folder import Manifest
from callwright.views.lines import DEFAULT, Lines, export_lines
from callwright.views.parallel import Options, reshaped
from callwright.views.rows import Row, ToolTexts, arguments_of, checked_json, checked_line
from callwright.views.turns import REASONS, NoPlaceError

ABOUT = """
Chats for Axolotl's `type: chat_template`. `axolotl.yaml` has the part of a config that reads them; run Axolotl from
this folder, or put the folder before the paths. Each message says with `train` whether it is learned, and
`train_detail` names the characters where only a part of its words is; Axolotl then learns the words alone, and no call
beside them.
"""
CONFIG = "axolotl.yaml"


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        ViewError: A row must not be exported, no row fits, or something else is in the place.
    """

    tools = ToolTexts(_tool)

    def write(lines: Lines) -> None:
        lines.add_rows(store, version, lambda row: _text(row, options, tools, lines.dropped))
        splits = lines.rows.get(DEFAULT, {})
        config: dict[str, Any] = {"chat_template": "tokenizer_default"}
        seen_while_training = "validation" if "validation" in splits else "test"
        for key, split in (("datasets", "train"), ("test_datasets", seen_while_training)):
            if split in splits:
                config[key] = [_declared(split)]
        (lines.folder / CONFIG).write_text(yaml_text(config), encoding="utf-8")

    return export_lines(
        version, folder, "axolotl", options, ABOUT, write, reasons=REASONS, overwrite=overwrite
    )


def _declared(split: str) -> dict[str, Any]:
    return {
        "path": f"{DEFAULT}/{split}.jsonl",
        "ds_type": "json",
        "split": "train",  # of a file of JSON lines, whatever it holds
        "type": "chat_template",
        "field_messages": "messages",
        "field_tools": "tools",
        "message_field_training": "train",
        "message_field_training_detail": "train_detail",
        "roles_to_train": [],
        "train_on_eos": "turn",
    }


def _text(row: Row, options: Options, tools: ToolTexts, dropped: Counter[str]) -> str:
    try:
        messages = reshaped(row.messages, options.parallel, dropped)
        if not any(map(loss.learned, messages)):
            raise NoPlaceError("nothing_learned")
    except NoPlaceError as reason:
        dropped[str(reason)] += 1
        return ""
    body: dict[str, Any] = dict(row.labels)
    body["messages"] = [_message(one, dropped) for one in messages]
    offered = {"tools": f"[{', '.join(tools.of(row.tools))}]"} if row.tools else {}
    return checked_line(body, offered)


def _tool(tool: Tool) -> dict[str, Any]:
    wire = tool.wire()
    wire["function"]["parameters"] = checked_json(tool.parameters)
    return wire


def _message(message: Message, dropped: Counter[str]) -> dict[str, Any]:
    wire = to_wire(message) | {"train": loss.learned(message)}
    if not isinstance(message, AssistantMessage):
        return wire
    for call in message.tool_calls:
        arguments_of(call.arguments, call.id)
    if message.reasoning is not None:
        wire["reasoning_content"] = message.reasoning
    ranges = loss.detail(message) if wire["train"] else []
    dropped["call_beside_a_part"] += bool(ranges and message.tool_calls)
    return wire | ({"train_detail": ranges} if ranges else {})


class _Function(Record):
    name: str
    arguments: ObjectText


class _Call(Record):
    id: str
    type: Literal["function"]
    function: _Function


class _Range(Record):
    begin_offset: int
    end_offset: int
    train: bool


class _Message(Record):
    role: Literal["system", "user", "assistant", "tool"]
    content: str
    train: bool
    train_detail: Annotated[tuple[_Range, ...], Field(min_length=1)] | None = None
    tool_calls: Annotated[tuple[_Call, ...], Field(min_length=1)] | None = None
    reasoning_content: str | None = None
    tool_call_id: str | None = None
    name: str | None = None


class _Offered(Record):
    name: str
    description: str
    parameters: ObjectText


class _Tool(Record):
    type: Literal["function"]
    function: _Offered


class _Line(Record):
    id: str
    kind: str
    method: str
    toolkit: str
    messages: tuple[_Message, ...]
    tools: Annotated[tuple[_Tool, ...], Field(min_length=1)] | None = None


def validate(folder: Path) -> list[str]:
    """What breaks the contract of an export of this view, file and line by line."""
    found = line_faults(folder, _Line, _faults)
    return found if (folder / CONFIG).is_file() else [*found, f"{CONFIG}: is missing"]


def _faults(line: _Line) -> Iterator[str]:
    offered = {tool.function.name for tool in line.tools or ()}
    for place, message in enumerate(line.messages):
        if message.train and message.role != "assistant":
            yield f"messages.{place}: a message of the role {message.role} is to be learned"
        if message.train_detail and not _covers(message.train_detail, len(message.content)):
            yield f"messages.{place}: train_detail does not cover the content, each character once"
        for call in message.tool_calls or ():
            if call.function.name not in offered:
                yield f"messages.{place}: {call.function.name} is not offered"
    if not any(message.train for message in line.messages):
        yield "no message is to be learned"
    yield from paired([_event(one) for one in line.messages])


def _covers(ranges: tuple[_Range, ...], length: int) -> bool:
    starts = [one.begin_offset for one in ranges]
    ends = [one.end_offset + 1 for one in ranges]
    return starts == [0, *ends[:-1]] and ends[-1] == length and starts == sorted(set(starts))


def _event(message: _Message) -> Event:
    calls = [call.id for call in message.tool_calls or ()]
    answers = (message.tool_call_id or "") if message.role == "tool" else None
    return Event(message.role == "assistant", calls, answers)
