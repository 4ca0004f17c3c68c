"""Rows that are void, repeat themselves, break off or hold text from a fallback path."""

from __future__ import annotations

import re

from callwright.judges.base import Ruling, parsed
from callwright.schemas.base import canonical_json
from callwright.schemas.message import AssistantMessage, SystemMessage, ToolMessage, UserMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Rung, Verdict
from callwright.values.secrets import find_secret

MAX_CALLS = 5
"""Turns with calls in one conversation, at the most (ToolAlpaca keeps up to five steps)."""

_FALLBACK = re.compile(
    r"\blorem ipsum\b|(?-i:\bTODO\b(?! list))|\bplaceholder\b"
    r"|\[(?:your|insert|name|date|redacted)[^\]]*\]|<(?:your|insert|name)[^>]*>"
    r"|\{\{.*?\}\}|\$\{\w+|\bas an ai (?:language )?model\b|\bxxx+\b|\bfoo ?bar\b|\bundefined\b|(?-i:\bNaN\b)",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"</?tool_(?:call|response)>|\[TOOL_CALLS\]|<\|[a-z_]+\|>|<function=")
_LOOP = re.compile(r"(\b\w[\w ,']{11,80}[.!?]?\s)\1{2,}")
_OPEN_END = re.compile(r"[,;:\-–(]\s*$|\b(?:and|or|the|a|an|to|of|with)\s*$", re.IGNORECASE)


class Hygiene:
    name = "hygiene"
    rung: Rung = "hygiene"

    def __init__(self, max_calls: int = MAX_CALLS) -> None:
        self._max_calls = max_calls

    async def judge(self, trajectory: Trajectory) -> list[Verdict]:
        ruling = Ruling(self, trajectory)
        self._order(trajectory, ruling)
        self._end(trajectory, ruling)
        self._calls(trajectory, ruling)
        for step, message in enumerate(trajectory.messages):
            self._text(message.content, step, ruling)
        for call in trajectory.tool_calls:
            self._text(call.arguments, None, ruling)
        return ruling.verdicts()

    def _order(self, trajectory: Trajectory, ruling: Ruling) -> None:
        """System first, then a user; nobody speaks twice in a row; no turn is void."""
        messages = trajectory.messages
        if (
            len(messages) < 3
            or not isinstance(messages[0], SystemMessage)
            or not isinstance(messages[1], UserMessage)
        ):
            ruling.fail("wrong_order", "a row begins with a system message and a user turn")
        for step, message in enumerate(messages):
            if (
                isinstance(message, AssistantMessage)
                and not message.content.strip()
                and not message.tool_calls
            ):
                ruling.fail("void_turn", "an assistant turn with neither words nor calls", step)
            if isinstance(message, UserMessage | SystemMessage) and not message.content.strip():
                ruling.fail("void_turn", f"an empty {message.role} turn", step)
            before = messages[step - 1] if step else None
            if before and before.role == message.role and not isinstance(message, ToolMessage):
                ruling.fail("wrong_order", f"two {message.role} turns in a row", step)
            if step and isinstance(message, SystemMessage):
                ruling.fail("wrong_order", "a system message in the middle", step)

    def _end(self, trajectory: Trajectory, ruling: Ruling) -> None:
        last = trajectory.messages[-1] if trajectory.messages else None
        if trajectory.stopped != "answered" or not isinstance(last, AssistantMessage) or last.tool_calls:
            ruling.fail(
                "truncated_end", f"the conversation does not end with an answer ({trajectory.stopped})"
            )
        elif _OPEN_END.search(last.content):
            ruling.fail("truncated_end", "the last sentence breaks off", len(trajectory.messages) - 1)
        observations = list(trajectory.observations())
        if observations and not observations[-1].observation.succeeded:
            ruling.fail("ends_in_error", f"the last call failed with {observations[-1].observation.status}")

    def _calls(self, trajectory: Trajectory, ruling: Ruling) -> None:
        turns = [turn for turn in trajectory.turns() if turn.tool_calls]
        if len(turns) > self._max_calls:
            ruling.fail("too_many_steps", f"{len(turns)} turns with calls, at most {self._max_calls}")
        answers = {message.tool_call_id: message.content for message in trajectory.observations()}
        seen: set[tuple[str, str, str | None]] = set()
        for call in trajectory.tool_calls:
            value = parsed(call.arguments)
            # A repeated poll whose result changed is no repeat.
            key = (
                call.name,
                canonical_json(value) if value is not None else call.arguments,
                answers.get(call.id),
            )
            if key in seen:
                ruling.fail(
                    "repeated_call", f"{call.name} was called again with the same arguments and result"
                )
            seen.add(key)

    def _text(self, text: str, step: int | None, ruling: Ruling) -> None:
        for pattern, code in (
            (_FALLBACK, "fallback_text"),
            (_MARKUP, "raw_call_text"),
            (_LOOP, "looping_text"),
        ):
            match = pattern.search(text)
            if match:
                ruling.fail(code, f"{match.group(0)[:60]!r}", step)
        secret = find_secret(text)
        if secret:
            ruling.fail("secret", f"holds what looks like a secret ({secret})", step)
