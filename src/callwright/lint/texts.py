"""Calls, results and tools that stand in text: Hermes' tags and ReAct's lines."""

from __future__ import annotations

import json
import re
from typing import Any

from callwright.errors import ReplyError
from callwright.lint.conversation import Call, Conversation, Turn
from callwright.llm import hermes
from callwright.values.canonical import parse_json

_TAGGED = re.compile(
    r'</?tool_call|\[TOOL_CALLS\]|<\|python_tag\|>|<function=|\A\s*(?:```\w*\s*)?\{\s*"name"\s*:'
)
_ACTION = re.compile(r"(?:\A|\n)Action:[ \t]*(?P<name>[^\n]+)\nAction Input:\s*(?P<input>.*)\Z", re.DOTALL)
_RESPONSE = re.compile(r"<tool_response>(.*?)</tool_response>", re.DOTALL)
_RESPONSES = re.compile(rf"(?:\s*{_RESPONSE.pattern})+\s*", re.DOTALL)
_TOOLS = re.compile(r"<tools>(.*?)</tools>", re.DOTALL)
_OBSERVATION = "Observation:"


def read_calls(row: Conversation, turn: Turn) -> None:
    """Move the calls that stand in an assistant's text to its calls."""
    if _TAGGED.search(turn.text):
        try:
            text, calls = hermes.read(turn.text)
        except ReplyError as error:
            row.report("raw_call_text", error.message)
            return
        if turn.calls:
            row.report("raw_call_text", f"a call as text beside calls with a field: {turn.text[:80]!r}")
        turn.text = text
        turn.calls += [Call(one.name, one.arguments) for one in calls]
    elif not turn.calls and (action := _ACTION.search(turn.text)):
        row.textual = True
        turn.calls = [Call(_plain_name(action["name"]), action["input"].strip())]
        turn.text = turn.text[: action.start()]


def _plain_name(text: str) -> str:
    """`<tool_NAME>` is how a view writes a name that is one token."""
    marked = re.fullmatch(r"<tool_(.+)>", text.strip())
    return marked[1] if marked else text.strip()


def read_results(turn: Turn) -> list[Turn]:
    """The results of a turn: several, where it has several blocks of Hermes' kind."""
    blocks = [found.strip() for found in _RESPONSE.findall(turn.text)]
    if not blocks:
        return [turn]
    if len(blocks) == 1:
        return [Turn("tool", blocks[0], call_id=turn.call_id, name=turn.name)]
    return [Turn("tool", block) for block in blocks]


def is_results(text: str) -> bool:
    """Whether a text is nothing but blocks of results: chats without a role for tools give them to the user."""
    return _RESPONSES.fullmatch(text) is not None


def read_observations(turns: list[Turn]) -> None:
    """What ReAct text shows the assistant as a person's turn is a result."""
    for before, turn in zip(turns, turns[1:], strict=False):
        if turn.role == "user" and before.calls and turn.text.startswith(_OBSERVATION):
            turn.role, turn.text = "tool", turn.text.removeprefix(_OBSERVATION).strip()


def taken_tools(system: Turn) -> str | None:
    """The tools between Hermes' tags in a system message, which are taken out of its text; None without any."""
    blocks = [block for block in _TOOLS.finditer(system.text) if block[1].strip()]
    if not blocks:
        return None
    block = blocks[-1]
    system.text = system.text[: block.start()] + system.text[block.end() :]
    return block[1]


def tools_of(row: Conversation, text: str) -> list[Any] | None:
    """A list of tools that is JSON text, or a tool on each line; None where it is neither."""
    try:
        found = parse_json(text)
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            found = [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            row.report("unreadable_tools", f"{error}, in {text.strip()[:80]!r}")
            return None
    if isinstance(found, dict):
        return [found]
    if found is None or isinstance(found, list):
        return found
    row.report("unreadable_tools", f"they are {str(found)[:80]!r}, expected a list")
    return None
