"""The view `llamafactory`: ShareGPT lines in LLaMA-Factory's dialect, with the `dataset_info.json` that declares them.

The trainer skips a conversation whose turns do not alternate between (human or observation) and (gpt or function_call)
with nothing but a warning, so the results of one turn's calls stand in one observation, and what does not alternate is
left out here and counted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from callwright.schemas.base import Record, canonical_json
from callwright.schemas.message import (
    AssistantMessage,
    Message,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from callwright.schemas.tool import Tool
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views.contract import line_faults
from callwright.views.folder import Manifest
from callwright.views.lines import DEFAULT, Lines, export_lines
from callwright.views.parallel import Options, reshaped
from callwright.views.rows import Row, ToolTexts, arguments_of, checked_line
from callwright.views.spliced import spliced
from callwright.views.turns import REASONS, NoPlaceError, check_plain

ABOUT = """
ShareGPT lines in LLaMA-Factory's dialect. Point `dataset_dir` to this folder and name the data sets of
`dataset_info.json`, such as `dataset: $train`. A turn with several calls is one `function_call` with a list, and what
came back is one `observation` with a list in the same order. Templates whose `tool_format` is `default` take no tool
with an `enum` of numbers; those of Qwen, Llama and others can.
"""
INFO = "dataset_info.json"
_COLUMNS = {"messages": "conversations", "system": "system", "tools": "tools"}
_TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
}


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
        info = {
            _name(version, split): {
                "file_name": f"{DEFAULT}/{split}.jsonl",
                "formatting": "sharegpt",
                "columns": _COLUMNS,
                "tags": _TAGS,
            }
            for split in sorted(lines.rows.get(DEFAULT, ()), reverse=True)
        }
        (lines.folder / INFO).write_text(json.dumps(info, indent=2) + "\n", encoding="utf-8")

    about = ABOUT.replace("$train", _name(version, "train"))
    return export_lines(
        version, folder, "llamafactory", options, about, write, reasons=REASONS, overwrite=overwrite
    )


def _name(version: Version, split: str) -> str:
    return f"{version.dataset}_{version.number}_{split}"


def _text(row: Row, options: Options, tools: ToolTexts, dropped: Counter[str]) -> str:
    try:
        check_plain(row.messages)
        turns = list(_turns(reshaped(row.messages, options.parallel, dropped), dropped))
        if [one["from"] in _ANSWERS for one in turns] != [False, True] * (len(turns) // 2):
            raise NoPlaceError("not_alternating")
    except NoPlaceError as reason:
        dropped[str(reason)] += 1
        return ""
    body: dict[str, Any] = dict(row.labels)
    body |= {"conversations": turns, "system": row.system}
    offered = f"[{', '.join(tools.of(row.tools))}]" if row.tools else ""
    return checked_line(body, {"tools": json.dumps(offered, ensure_ascii=False)})


def _turns(messages: Sequence[Message], dropped: Counter[str]) -> Iterator[dict[str, str]]:
    results = {one.tool_call_id: one.content for one in messages if isinstance(one, ToolMessage)}
    for message in messages:
        if isinstance(message, UserMessage):
            yield {"from": "human", "value": message.content}
        elif isinstance(message, AssistantMessage):
            dropped["reasoning"] += message.reasoning is not None
            if not message.tool_calls:
                yield {"from": "gpt", "value": message.content}
                continue
            dropped["text_beside_a_call"] += bool(message.content)
            yield {"from": "function_call", "value": _calls(message.tool_calls)}
            told = [results.get(call.id, "") for call in message.tool_calls]
            alone = told[0] if len(told) == 1 else f"[{', '.join(map(spliced, told))}]"
            yield {"from": "observation", "value": alone}


def _calls(calls: Sequence[ToolCall]) -> str:
    """The calls of a turn with their arguments as they stand: one object, or a list of them."""
    for call in calls:
        arguments_of(call.arguments, call.id)
    texts = [f'{{"name": {canonical_json(call.name)}, "arguments": {call.arguments}}}' for call in calls]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _tool(tool: Tool) -> dict[str, Any]:
    """The tool; without arguments it still says so, for the trainer looks for `properties`."""
    wire = tool.wire()
    if "properties" not in tool.parameters:
        wire["function"]["parameters"] = tool.parameters | {"properties": {}}
    return wire


_ANSWERS = ("gpt", "function_call")


class _Line(Record):
    id: str
    kind: str
    method: str
    toolkit: str
    conversations: tuple[dict[str, str], ...]
    system: str
    tools: str


def validate(folder: Path) -> list[str]:
    """What breaks the contract of an export of this view: file and line, and what `dataset_info.json` declares."""
    return [*line_faults(folder, _Line, _faults), *_info_faults(folder)]


def _info_faults(folder: Path) -> Iterator[str]:
    try:
        info = json.loads((folder / INFO).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        yield f"{INFO}: cannot be read ({error})"
        return
    for name, one in info.items():
        if not (folder / one.get("file_name", "")).is_file():
            yield f"{INFO}: {name}: there is no file {one.get('file_name')}"
        if (one.get("formatting"), one.get("columns"), one.get("tags")) != ("sharegpt", _COLUMNS, _TAGS):
            yield f"{INFO}: {name}: is declared otherwise than its lines are"


def _faults(line: _Line) -> Iterator[str]:
    try:
        tools = json.loads(line.tools) if line.tools else []
        offered = {one["function"]["name"] for one in tools}
        if any("properties" not in one["function"]["parameters"] for one in tools):
            yield "tools: one has no parameters.properties"
    except (ValueError, KeyError, TypeError):
        yield "tools: is no JSON list of functions"
        return
    if len(line.conversations) % 2:
        yield "conversations: the number of turns is odd"
    waiting = 0
    for place, turn in enumerate(line.conversations):
        if turn.keys() != {"from", "value"}:
            yield f"conversations.{place}: has other keys than from and value"
            continue
        allowed = _ANSWERS if place % 2 else ("human", "observation")
        if turn["from"] not in allowed:
            yield f"conversations.{place}: {turn['from']} stands where {' or '.join(allowed)} has to"
        if (turn["from"] == "observation") != bool(waiting):
            yield f"conversations.{place}: calls and observations are not paired"
        elif waiting > 1 and _length(turn["value"]) != waiting:
            yield f"conversations.{place}: {waiting} calls need a list of {waiting} results"
        waiting = 0
        if turn["from"] == "function_call":
            waiting = 1
            try:
                waiting = _called(turn["value"], offered)
            except ValueError as error:
                yield f"conversations.{place}: {error}"
    if waiting:
        yield "the last turn is a call that nothing answers"


def _called(text: str, offered: set[str]) -> int:
    found = json.loads(text)
    calls = found if isinstance(found, list) else [found]
    for call in calls:
        if not isinstance(call, dict) or call.keys() != {"name", "arguments"}:
            raise ValueError("a call has a name and arguments, and nothing else")
        if not isinstance(call["arguments"], dict):
            raise ValueError(f"the arguments of {call['name']} are no object")
        if call["name"] not in offered:
            raise ValueError(f"{call['name']} is not offered")
    return len(calls)


def _length(text: str) -> int:
    try:
        found = json.loads(text)
    except ValueError:
        return 1
    return len(found) if isinstance(found, list) else 1
