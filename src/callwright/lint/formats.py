"""The formats that tool-calling datasets come in: each is known by its columns and read into a conversation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from callwright.lint.chat import add_message, add_messages, call_of, listed
from callwright.lint.conversation import Conversation, Turn
from callwright.lint.texts import read_observations, taken_tools, tools_of
from callwright.values import react

Row = Mapping[str, Any]

_TOOLS = ("tools", "functions", "tool_defs", "function")
"""Columns that hold tools, the first that is there counts."""


class Format(NamedTuple):
    name: str
    fits: Callable[[Row], bool]
    read: Callable[[Row, Conversation], None]


def format_of(row: Any) -> Format | None:
    """The format of a row; None where no trainer reads such a thing."""
    if not isinstance(row, Mapping):
        return None
    return next((one for one in FORMATS if one.fits(row)), None)


def read_row(row: Row, form: Format) -> Conversation:
    """The conversation of a row; what is wrong with the row's form is in `found`."""
    conversation = Conversation()
    _offer(row, conversation)
    form.read(row, conversation)
    if conversation.textual:
        read_observations(conversation.turns)
    for turn in conversation.turns:
        if turn.role == "system" and (text := taken_tools(turn)) is not None and conversation.tools is None:
            conversation.tools = tools_of(conversation, text)
    return conversation


def _offer(row: Row, conversation: Conversation) -> None:
    written = next((row[name] for name in _TOOLS if row.get(name) is not None), None)
    if isinstance(written, str):
        written = tools_of(conversation, written) if written.strip() else None
    elif written is not None and not isinstance(written, list):
        conversation.report("unreadable_tools", f"they are a {type(written).__name__}, expected a list")
        written = None
    if written == []:
        conversation.report("empty_tools", "the list of tools is empty")
    conversation.tools = written or None


def _messages(row: Row, conversation: Conversation) -> None:
    add_messages(conversation, row["messages"])


def _conversations(row: Row, conversation: Conversation) -> None:
    system = row.get("system")
    if isinstance(system, str) and system.strip():
        conversation.turns.append(Turn("system", system))
    add_messages(conversation, row["conversations"])


def _prompt_completion(row: Row, conversation: Conversation) -> None:
    _said(conversation, row["prompt"], "user")
    _said(conversation, row["completion"], "assistant")


def _preference(row: Row, conversation: Conversation) -> None:
    if row.get("prompt") is not None:
        _said(conversation, row["prompt"], "user")
    _said(conversation, row["chosen"], "assistant")


def _openai_preference(row: Row, conversation: Conversation) -> None:
    _offer(row["input"], conversation)
    add_messages(conversation, row["input"]["messages"])
    add_messages(conversation, row["preferred_output"])


def _prompt(row: Row, conversation: Conversation) -> None:
    conversation.complete = False
    _said(conversation, row["prompt"], "user")


def _said(conversation: Conversation, value: Any, role: str) -> None:
    """Messages, as a list or as JSON text, or plain text of one who speaks."""
    if isinstance(value, str) and not value.lstrip().startswith("["):
        add_message(conversation, {"role": role, "content": value})
    else:
        add_messages(conversation, value)


def _query(row: Row, conversation: Conversation) -> None:
    """xLAM: a request and its calls, without a conversation."""
    add_message(conversation, {"role": "user", "content": row["query"]})
    written = row["answers"] if "answers" in row else row["gold"]
    entries = listed(conversation, written, "unreadable_call") or []
    calls = [call for one in entries if (call := call_of(conversation, one)) is not None]
    if entries:
        conversation.turns.append(Turn("assistant", calls=calls))
    else:
        conversation.complete = False


def _question(row: Row, conversation: Conversation) -> None:
    """BFCL: messages of each turn of a person, and bare functions."""
    conversation.complete = False
    turns = row["question"]
    for turn in turns if isinstance(turns, list) else [turns]:
        _said(conversation, turn if isinstance(turn, list | str) else [turn], "user")


def _segments(row: Row, conversation: Conversation) -> None:
    """The view `toolbench`: ReAct text, with the tools in it."""
    texts = row["segments"]
    conversation.textual = True
    try:
        entries = react.read("".join(texts if isinstance(texts, list) else [texts]))
    except (ValueError, TypeError) as error:
        conversation.report("unreadable_message", f"no ReAct text: {error}")
        return
    for entry in entries:
        if isinstance(entry, react.Turn):
            raw = [] if entry.action is None else [{"name": entry.action, "arguments": entry.text}]
            calls = [call for one in raw if (call := call_of(conversation, one)) is not None]
            conversation.turns.append(Turn("assistant", entry.thought if calls else entry.text, calls))
        elif entry.marker == "Tools":
            conversation.tools = tools_of(conversation, entry.text) if entry.text.strip() else None
        else:
            role = {"System": "system", "User": "user"}.get(entry.marker, "tool")
            add_message(conversation, {"role": role, "content": entry.text})


def _request(row: Row, conversation: Conversation) -> None:
    """The view `retrieval`: a request, and sets of tools in place of calls."""
    conversation.complete = False
    add_message(conversation, {"role": "user", "content": row["query"]})


def _review(row: Row, conversation: Conversation) -> None:
    """The view `review`: for a person's eyes, with the names of tools alone."""
    conversation.tools, conversation.textual = None, True
    for one in listed(conversation, row["conversation"], "unreadable_message") or []:
        named, text = (one.get("who"), one.get("text")) if isinstance(one, dict) else (None, None)
        # "result (404)", "call (not to be learned)"
        who = named.split(" (")[0] if isinstance(named, str) else named
        if who == "call" and isinstance(text, str):
            name, _, arguments = text.partition(" ")
            call = call_of(conversation, {"name": name, "arguments": arguments})
            calls = [call] if call else []
            if conversation.turns and conversation.turns[-1].calls:
                conversation.turns[-1].calls += calls
            else:
                conversation.turns.append(Turn("assistant", calls=calls, broken=not calls))
        else:
            add_message(conversation, {"role": "tool" if who == "result" else who, "content": text})


def _has(*names: str) -> Callable[[Row], bool]:
    return lambda row: all(row.get(name) is not None for name in names)


def _is_openai_preference(row: Row) -> bool:
    asked = row.get("input")
    return isinstance(asked, Mapping) and "messages" in asked and "preferred_output" in row


FORMATS = (
    Format("messages", lambda row: "messages" in row and "prompt" not in row, _messages),
    Format("sharegpt", lambda row: "conversations" in row, _conversations),
    Format("toolbench", _has("segments", "trainable"), _segments),
    Format("prompt-completion", _has("prompt", "completion"), _prompt_completion),
    Format("preference", lambda row: "chosen" in row and "rejected" in row, _preference),
    Format("openai-preference", _is_openai_preference, _openai_preference),
    Format("xlam", lambda row: "query" in row and ("answers" in row or "gold" in row), _query),
    Format("bfcl", _has("question", "function"), _question),
    Format("retrieval", _has("query", "sufficient", "negatives"), _request),
    Format("review", _has("conversation", "verdicts"), _review),
    Format(
        "rl", lambda row: "prompt" in row and bool(row.keys() & {"reward_model", "answer", "info"}), _prompt
    ),
    Format("messages", _has("messages"), _messages),
)
"""In the order in which they are tried."""
