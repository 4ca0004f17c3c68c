"""Calls as Hermes text, `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`: written, and read strictly."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from callwright.errors import ReplyError
from callwright.schemas.base import canonical_json
from callwright.schemas.message import ToolCall
from callwright.values.canonical import parse_json_at

TEMPLATE = Path(__file__).with_name("hermes.jinja")
"""A chat template in the same form, for models whose own renders no tools; its turns are marked for trainers."""

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_THOUGHT, _THOUGHT_ENDS = "<think>", "</think>"
_MARK = re.compile("|".join((_OPEN, _CLOSE, _THOUGHT)))
# What begins like a call, of this form or of others, and is none that can be read.
_CALL_LIKE = re.compile(
    r'</?tool_call|\[TOOL_CALLS\]|<\|python_tag\|>|<function=|^(?:```\w*\s*)?\{\s*"name"\s*:'
)
_SPACE = re.compile(r"[ \t\r\n]*")


def write(content: str, calls: Iterable[ToolCall]) -> str:
    """An assistant's turn: words, then a block for each call, its argument text as it is."""
    blocks = [
        f'{_OPEN}\n{{"name": {canonical_json(call.name)}, "arguments": {call.arguments}}}\n{_CLOSE}'
        for call in calls
    ]
    return "\n".join([content, *blocks] if content else blocks)


def read(text: str) -> tuple[str, tuple[ToolCall, ...]]:
    """The words and the calls of an assistant's turn; what stands in `<think>` is neither.

    Raises:
        ReplyError: `raw_call_text`: a tag, or the JSON in it, is broken, or something else looks like a call.
    """
    words: list[str] = []
    calls: list[ToolCall] = []
    at = 0
    while mark := _MARK.search(text, at):
        words.append(text[at : mark.start()])
        if mark.group() == _OPEN:
            call, at = _call(text, mark.end(), number=len(calls) + 1)
            calls.append(call)
        elif mark.group() == _THOUGHT:
            end = text.find(_THOUGHT_ENDS, mark.end())
            if end < 0:
                raise _broken("a thought does not end", text)
            at = end + len(_THOUGHT_ENDS)
        else:
            raise _broken(f"{_CLOSE} closes nothing", text)
    words.append(text[at:])
    said = "\n".join(part for part in map(str.strip, words) if part)
    if like := _CALL_LIKE.search(said):
        raise _broken(f"{like.group()!r} is no call that can be read", text)
    return said, tuple(calls)


def _call(text: str, start: int, number: int) -> tuple[ToolCall, int]:
    """The call that stands after an opening tag, and the position after the closing one."""
    try:
        raw, end = _members(text, _spaced(text, start))
        name, _ = parse_json_at(raw["name"], 0)
        if raw.keys() != {"name", "arguments"} or not isinstance(name, str):
            raise ValueError("a call has a name and arguments, and nothing else")
    except (ValueError, KeyError) as error:
        raise _broken(f"the call is not valid ({error})", text) from error
    end = _spaced(text, end)
    if not text.startswith(_CLOSE, end):
        raise _broken(f"{_CLOSE} is missing", text)
    return ToolCall(id=f"call_{number}", name=name, arguments=raw["arguments"]), end + len(_CLOSE)


def _members(text: str, start: int) -> tuple[dict[str, str], int]:
    """The members of the JSON object that starts at a position, each value's text as it stands, and where it ends."""
    value, end = parse_json_at(text, start)
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    members: dict[str, str] = {}
    at = _spaced(text, start + 1)
    while text[at] != "}":
        name, at = parse_json_at(text, at)
        first = _spaced(text, _spaced(text, at) + 1)
        _, last = parse_json_at(text, first)
        members[name] = text[first:last]
        at = _spaced(text, last)
        if text[at] == ",":
            at = _spaced(text, at + 1)
    return members, end


def _spaced(text: str, start: int) -> int:
    """The position after white space."""
    found = _SPACE.match(text, start)
    assert found is not None
    return found.end()


def _broken(what: str, text: str) -> ReplyError:
    return ReplyError("raw_call_text", f"{what}, in an answer that begins {text[:80]!r}")
