"""The view `hermes`: ShareGPT lines with calls and results as text between tags, for trainers that know no tools."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from callwright.errors import ReplyError
from callwright.llm import hermes
from callwright.schemas.base import Record, canonical_json
from callwright.schemas.message import AssistantMessage, Message, SystemMessage, ToolMessage
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views.contract import line_faults
from callwright.views.folder import Manifest
from callwright.views.lines import Lines, export_lines
from callwright.views.parallel import Options, reshaped
from callwright.views.prompts import prompt
from callwright.views.rows import Row, ToolTexts, arguments_of, checked_line
from callwright.views.spliced import spliced
from callwright.views.turns import REASONS, NoPlaceError, check_plain

ABOUT = """
ShareGPT lines in the Hermes form. The tools stand in the system turn between `<tools>` tags; a call is
`<tool_call>` with one JSON object, a result `<tool_response>` with the function's name and what it answered, as JSON
where it is JSON. Turns are plain text, so any trainer of ShareGPT reads them. Learn the `gpt` turns alone.
"""
_MARKS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<tools>", "</tools>")


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        ViewError: A row must not be exported, no row fits, or something else is in the place.
    """

    tools = ToolTexts(lambda tool: tool.wire()["function"])

    def write(lines: Lines) -> None:
        lines.add_rows(store, version, lambda row: _text(row, options, tools, lines.dropped))

    return export_lines(
        version, folder, "hermes", options, ABOUT, write, reasons=REASONS, overwrite=overwrite
    )


def _text(row: Row, options: Options, tools: ToolTexts, dropped: Counter[str]) -> str:
    try:
        check_plain(row.messages)
        messages = reshaped(row.messages, options.parallel, dropped)
        dropped["reasoning"] += reasoned(messages)
        turns = list(turns_of(row.system, messages, told(tools.of(row.tools))))
    except NoPlaceError as reason:
        dropped[str(reason)] += 1
        return ""
    body: dict[str, Any] = dict(row.labels)
    body["conversations"] = turns
    offered = f"[{', '.join(row.tool_texts)}]"
    return checked_line(body, {"tools": json.dumps(offered, ensure_ascii=False)})


def told(tools: Sequence[str], name: str = "hermes") -> str:
    """What the system turn says of the tools, as the prompt of that name puts it; empty where there are none.

    Raises:
        NoPlaceError: One of the form's tags stands in their documentation.
    """
    return prompt(name).substitute(tools=_unmarked("\n".join(tools))) if tools else ""


def reasoned(messages: Sequence[Message]) -> int:
    """Turns with reasoning, for which the form has no place."""
    return sum(isinstance(one, AssistantMessage) and one.reasoning is not None for one in messages)


def turns_of(system: str, messages: Sequence[Message], told: str) -> Iterator[dict[str, str]]:
    """A conversation as turns of text, what is told of the tools below the system message.

    Raises:
        NoPlaceError: One of the form's tags stands in a text.
        RowError: The arguments of a call are no JSON object.
    """
    if opening := "\n\n".join(filter(None, (_unmarked(system), told))):
        yield {"from": "system", "value": opening}
    answers: list[str] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            answers.append(_response(message))
            continue
        if answers:
            yield {"from": "tool", "value": "\n".join(answers)}
            answers = []
        if isinstance(message, AssistantMessage):
            yield {"from": "gpt", "value": said(message)}
        elif not isinstance(message, SystemMessage):
            yield {"from": "human", "value": _unmarked(message.content)}
    if answers:
        yield {"from": "tool", "value": "\n".join(answers)}


def said(message: AssistantMessage) -> str:
    """A turn of the assistant's as text.

    Raises:
        NoPlaceError: One of the form's tags stands in it.
        RowError: The arguments of a call are no JSON object.
    """
    for call in message.tool_calls:
        arguments_of(call.arguments, call.id)
        _unmarked(call.arguments)
    return hermes.write(_unmarked(message.content), message.tool_calls)


def _response(message: ToolMessage) -> str:
    content = spliced(_unmarked(message.content))
    return (
        f'<tool_response>\n{{"name": {canonical_json(message.name)}, "content": {content}}}\n</tool_response>'
    )


def _unmarked(text: str) -> str:
    """The text, if none of the form's own tags is in it.

    Raises:
        NoPlaceError: One is: nobody could tell it from the real one.
    """
    if any(mark in text for mark in _MARKS):
        raise NoPlaceError("mark_in_text")
    return text


class _Line(Record):
    id: str
    kind: str
    method: str
    toolkit: str
    conversations: tuple[dict[str, str], ...]
    tools: str


def validate(folder: Path) -> list[str]:
    """What breaks the contract of an export of this view, file and line by line."""
    return line_faults(folder, _Line, _faults)


def _faults(line: _Line) -> Iterator[str]:
    try:
        offered = {one["function"]["name"] for one in json.loads(line.tools)}
    except (ValueError, KeyError, TypeError):
        yield "tools: is no JSON list of functions"
        return
    waiting: list[str] = []
    speaker = ""
    for place, turn in enumerate(line.conversations):
        if turn.keys() != {"from", "value"}:
            yield f"conversations.{place}: has other keys than from and value"
            continue
        before, speaker = speaker, turn["from"]
        where = f"conversations.{place}"
        if speaker not in ("system", "human", "gpt", "tool") or (speaker == "system" and place):
            yield f"{where}: {speaker} has no place here"
        if speaker == before:
            yield f"{where}: {speaker} speaks twice in a row"
        try:
            if speaker == "tool":
                if (answered := _answered(turn["value"])) != waiting:
                    yield f"{where}: answers {answered}, and {waiting} was called"
                waiting = []
            elif waiting:
                yield f"{where}: stands before {waiting[0]} is answered"
                waiting = []
            if speaker == "gpt":
                said, calls = hermes.read(turn["value"])
                if not said and not calls:
                    yield f"{where}: says and calls nothing"
                waiting = [call.name for call in calls]
                yield from (f"{where}: {name} is not offered" for name in waiting if name not in offered)
        except (ReplyError, ValueError, KeyError) as error:
            yield f"{where}: {error}"
    if speaker != "gpt" or waiting:
        yield "the last turn is not the assistant's words"


def _answered(text: str) -> list[str]:
    """The names in a tool turn, in their order.

    Raises:
        ValueError: A block is broken.
        KeyError: A block has no name.
    """
    names = []
    for block in text.split("</tool_response>")[:-1]:
        opening, found, body = block.partition("<tool_response>")
        if opening.strip() or not found:
            raise ValueError("something stands outside of the tags")
        value = json.loads(body)
        if not isinstance(value, dict) or value.keys() != {"name", "content"}:
            raise ValueError("a result has a name and content, and nothing else")
        names.append(value["name"])
    if not text.endswith("</tool_response>"):
        raise ValueError("the last tag does not close")
    return names
