"""Rows that are void, repeat themselves, break off or hold text from a fallback path."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from callwright.judges.base import Ruling, parsed
from callwright.schemas.base import canonical_json
from callwright.schemas.message import AssistantMessage, Message, SystemMessage, ToolMessage, UserMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Rung, Verdict
from callwright.values.secrets import find_secret
from callwright.values.untrusted import CONTROL_TOKEN, hidden, named

MAX_CALLS = 5
"""Turns with calls in one conversation, at the most (ToolAlpaca keeps up to five steps)."""

_FALLBACK = re.compile(
    r"\blorem ipsum\b|(?-i:\bTODO\b(?! list))|\bplaceholder\b"
    r"|\[(?:your|insert|name|date|redacted)[^\]]*\]|<(?:your|insert|name)[^>]*>"
    r"|\{\{.*?\}\}|\$\{\w+|\bas an ai (?:language )?model\b|\bxxx+\b|\bfoo ?bar\b|\bundefined\b|(?-i:\bNaN\b)",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"</?tool_(?:call|response)>|<function=|" + CONTROL_TOKEN.pattern)
_THOUGHT = re.compile(r"</?think>")
_LOOP = re.compile(r"(\b\w[\w ,']{11,80}[.!?]?\s)\1{2,}")
_OPEN_END = re.compile(r"[,;:\-–(]\s*$|\b(?:and|or|the|a|an|to|of|with)\s*$", re.IGNORECASE)


_STOPPED = {
    "step_limit": ("too_many_steps", "there were more turns with calls than the recipe allows"),
    "loop": ("looping_calls", "the same call was made over and over, with the same result"),
}
"""Why a conversation was stopped -> the fault that it stands for."""


class Fault(NamedTuple):
    code: str
    message: str
    step: int | None = None


class Hygiene:
    name = "hygiene"
    rung: Rung = "hygiene"

    def __init__(self, max_calls: int = MAX_CALLS) -> None:
        self._max_calls = max_calls

    async def judge(self, trajectory: Trajectory) -> list[Verdict]:
        ruling = Ruling(self, trajectory)
        for code, message, step in faults(trajectory, self._max_calls):
            ruling.fail(code, message, step)
        return ruling.verdicts()


def faults(trajectory: Trajectory, max_calls: int = MAX_CALLS) -> Iterator[Fault]:
    """Everything that is wrong with a conversation as a conversation.

    What stands in a turn that nobody learns from (`train` is false) is context, not a fault, where it only repeats.
    """
    yield from _order(trajectory.messages)
    yield from _unserved(trajectory)
    yield from _end(trajectory)
    yield from _calls(trajectory, max_calls)
    heard = {"LATIN"}
    for step, message in enumerate(trajectory.messages):
        yield from _text(
            message.content, step, masked=isinstance(message, AssistantMessage) and not message.train
        )
        if not isinstance(message, AssistantMessage):
            heard |= _scripts(message.content)
            continue
        if _scripts(message.content) - heard:
            yield Fault("mixed_script", "the assistant uses a script that nobody has used before", step)
        if _THOUGHT.search(message.content):
            yield Fault("leaked_reasoning", "a mark of reasoning stands in what the assistant says", step)
    for call in trajectory.tool_calls:
        yield from _text(call.arguments, None)


def _order(messages: Sequence[Message]) -> Iterator[Fault]:
    """System first, then a user; nobody speaks twice in a row; no turn is void."""
    if (
        len(messages) < 3
        or not isinstance(messages[0], SystemMessage)
        or not isinstance(messages[1], UserMessage)
    ):
        yield Fault("wrong_order", "a row begins with a system message and a user turn")
    for step, message in enumerate(messages):
        if isinstance(message, AssistantMessage) and not message.content.strip() and not message.tool_calls:
            yield Fault("void_turn", "an assistant turn with neither words nor calls", step)
        if isinstance(message, UserMessage | SystemMessage) and not message.content.strip():
            yield Fault("void_turn", f"an empty {message.role} turn", step)
        before = messages[step - 1] if step else None
        if before and before.role == message.role and not isinstance(message, ToolMessage):
            yield Fault("wrong_order", f"two {message.role} turns in a row", step)
        if step and isinstance(message, SystemMessage):
            yield Fault("wrong_order", "a system message in the middle", step)


def _unserved(trajectory: Trajectory) -> Iterator[Fault]:
    """Nothing was called though calls were wanted: ToolAlpaca drops episodes without a step, or with nothing but
    questions to the user."""
    if trajectory.task.kind == "no_call" or trajectory.tool_calls or trajectory.stopped != "answered":
        return
    if any("?" in turn.content for turn in trajectory.turns()):
        yield Fault("only_asked", "the assistant asked, and never called a tool")
    else:
        yield Fault("never_called", "the assistant called no tool, and the request was meant to need one")


def _end(trajectory: Trajectory) -> Iterator[Fault]:
    last = trajectory.messages[-1] if trajectory.messages else None
    if trajectory.stopped in _STOPPED:
        yield Fault(*_STOPPED[trajectory.stopped])
    elif trajectory.stopped != "answered" or not isinstance(last, AssistantMessage) or last.tool_calls:
        yield Fault("truncated_end", f"the conversation does not end with an answer ({trajectory.stopped})")
    elif _OPEN_END.search(last.content):
        yield Fault("truncated_end", "the last sentence breaks off", len(trajectory.messages) - 1)
    observations = list(trajectory.observations())
    if observations and not observations[-1].observation.succeeded:
        yield Fault("ends_in_error", f"the last call failed with {observations[-1].observation.status}")


def _calls(trajectory: Trajectory, max_calls: int) -> Iterator[Fault]:
    turns = [turn for turn in trajectory.turns() if turn.tool_calls]
    if len(turns) > max_calls and trajectory.stopped not in _STOPPED:
        yield Fault("too_many_steps", f"{len(turns)} turns with calls, at most {max_calls}")
    answers = {message.tool_call_id: message.content for message in trajectory.observations()}
    seen: set[tuple[str, str, str | None]] = set()
    for step, turn in enumerate(trajectory.messages):
        if not isinstance(turn, AssistantMessage):
            continue
        for call in turn.tool_calls:
            value = parsed(call.arguments)
            # A repeated poll whose result changed is no repeat.
            key = (
                call.name,
                canonical_json(value) if value is not None else call.arguments,
                answers.get(call.id),
            )
            if key in seen and turn.train:
                reason = f"{call.name} was called again with the same arguments and result"
                yield Fault("repeated_call", reason, step)
            seen.add(key)


def _text(text: str, step: int | None, masked: bool = False) -> Iterator[Fault]:
    for pattern, code in (
        (_FALLBACK, "fallback_text"),
        (_MARKUP, "raw_call_text"),
        (_LOOP, "looping_text"),
    ):
        match = pattern.search(text)
        if match and not (masked and code == "looping_text"):
            yield Fault(code, f"{match.group(0)[:60]!r}", step)
    if (place := hidden(text)) is not None:
        yield Fault("hidden_characters", f"character {place + 1} is {named(text[place])}", step)
    secret = find_secret(text)
    if secret:
        yield Fault("secret", f"holds what looks like a secret ({secret})", step)


def _scripts(text: str) -> set[str]:
    """The scripts of a text's letters: LATIN, CYRILLIC, CJK, ..."""
    letters = {letter for letter in text if ord(letter) > 127 and letter.isalpha()}
    return {unicodedata.name(letter, "LATIN").split(" ")[0] for letter in letters}
