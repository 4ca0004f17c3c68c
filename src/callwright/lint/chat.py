"""Messages as chat templates read them, in any of the spellings that there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from callwright.lint.conversation import Call, Conversation, Role, Turn
from callwright.lint.texts import is_results, read_calls, read_results
from callwright.values.canonical import parse_json

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "ipython": "tool",
    "tool_response": "tool",
}
_CALLERS = ("function_call", "tool_call")
"""Roles whose text is a call."""
_ARGUMENTS = ("arguments", "parameters")


def listed(row: Conversation, value: Any, code: str) -> list[Any] | None:
    """A list, or JSON text of one; None where it is neither."""
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError as error:
            row.report(code, f"no JSON: {error}")
            return None
    if not isinstance(value, list):
        row.report(code, f"a {type(value).__name__}, expected a list")
        return None
    return value


def add_messages(row: Conversation, value: Any) -> None:
    """Append messages: a list of objects or of JSON texts, or JSON text of a list."""
    if value is None or value == []:
        return
    for message in listed(row, value, "unreadable_message") or []:
        add_message(row, message)


def add_message(row: Conversation, message: Any) -> None:
    if isinstance(message, str):
        try:
            message = parse_json(message)
        except ValueError as error:
            row.report("unreadable_message", f"no JSON: {error}")
            return
    if not isinstance(message, Mapping):
        row.report("unreadable_message", f"a {type(message).__name__}, expected an object")
        return
    written = message.get("role", message.get("from"))
    content = message.get("content", message.get("value"))
    spelt = written.strip().lower() if isinstance(written, str) else None
    if spelt in _CALLERS:
        _add_call(row, content, joins=spelt == "tool_call")
        return
    role = _ROLES.get(spelt or "")
    if role is None:
        row.report("unknown_role", f"the role {written!r}" if written is not None else "no role")
        return
    place = len(row.turns)
    _nulls(row, message, place)
    turn = Turn(role, _text(row, content))
    if role == "assistant":
        before = len(row.found)
        turn.calls = _calls(row, message)
        turn.broken = len(row.found) > before
        row.forms |= {"text" if isinstance(one.arguments, str) else "object" for one in turn.calls}
        read_calls(row, turn)
    if role == "user" and is_results(turn.text):
        turn.role = "tool"
    if turn.role == "tool":
        turn.call_id, turn.name = _name(message.get("tool_call_id")), _name(message.get("name"))
        turn.answers_all = spelt == "observation"
        row.turns += read_results(turn)
    else:
        row.turns.append(turn)


def _nulls(row: Conversation, message: Mapping[str, Any], place: int) -> None:
    for key, value in message.items():
        if value is None:
            code = "null_content" if key in ("content", "value") else "null_key"
            row.report(code, f"message {place + 1}: {key} is null")
    if message.get("tool_calls") == []:
        row.report("empty_calls", f"message {place + 1}: tool_calls is an empty list")


def _text(row: Conversation, content: Any) -> str:
    """Content that is text, or a list of parts; nothing else is said by anybody."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list):
        parts = [one.get("text", one.get("value")) if isinstance(one, Mapping) else one for one in content]
        return "\n".join(part for part in parts if isinstance(part, str))
    row.report("unreadable_message", f"the content is a {type(content).__name__}, expected text")
    return ""


def _calls(row: Conversation, message: Mapping[str, Any]) -> list[Call]:
    written = message.get("tool_calls")
    if written is None:
        legacy = message.get("function_call")
        written = [legacy] if legacy is not None else []
    entries = listed(row, written, "unreadable_call") or []
    return [call for one in entries if (call := call_of(row, one)) is not None]


def call_of(row: Conversation, written: Any) -> Call | None:
    """A call as OpenAI, Hermes and xLAM write it; None where it is none."""
    if isinstance(written, str):
        try:
            written = parse_json(written)
        except ValueError as error:
            row.report("unreadable_call", f"no JSON: {error}")
            return None
    inner = written.get("function") if isinstance(written, Mapping) else None
    function = inner if isinstance(inner, Mapping) else written
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str) or not name.strip():
        row.report("unreadable_call", f"{str(written)[:80]!r} names no tool")
        return None
    for key in _ARGUMENTS:
        if key in function:
            return Call(name, function[key], _name(written.get("id")))
    row.report("unreadable_call", f"the call of {name} has no arguments, not even empty ones")
    return None


def _add_call(row: Conversation, content: Any, *, joins: bool) -> None:
    """A turn that is a call or a list of calls; ms-swift writes calls of one turn one after the other."""
    try:
        value = parse_json(content) if isinstance(content, str) else content
    except ValueError as error:
        row.report("unreadable_call", f"no JSON: {error}")
        value = []
    entries = value if isinstance(value, list) else [value]
    calls = [call for one in entries if (call := call_of(row, one)) is not None]
    if joins and row.turns and row.turns[-1].calls:
        row.turns[-1].calls += calls
    else:
        row.turns.append(Turn("assistant", calls=calls, broken=not calls))


def _name(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and str(value) else None
