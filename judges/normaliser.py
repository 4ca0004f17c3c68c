"""Mend before judging: what the hygiene rules find and a rule can repair is trimmed or taken out of the loss.

What each rule does about its fault; whatever is not mended here stays a fault, and drops the row:

    unanswered_user    trim        a user's turn that nobody answers, at the end of a finished conversation
    padding            trim        blank space around a turn, and runs of blank lines in it
    leaked_reasoning   trim        `<think>...</think>` in a turn: it becomes the turn's reasoning; a mark without its
                                   other half stays, for nobody can tell where the reasoning ends
    repeated_call      zero_mask   the same call with the same result once more: context, nothing to learn
    looping_text       zero_mask   a turn before the last that repeats itself

Doing it twice is doing it once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from callwright.judges.hygiene import MAX_CALLS, faults
from callwright.schemas.base import Record
from callwright.schemas.message import AssistantMessage, Message, UserMessage
from callwright.schemas.task import Trajectory

_THINKING = re.compile(r"<think>(.*?)</think>", re.DOTALL)
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")
_MASKED = ("repeated_call", "looping_text")


class Mend(Record):
    """One thing that was mended."""

    code: str
    action: Literal["trim", "zero_mask"]
    step: int
    """Index of the message, as it was before anything was cut off the end."""


def normalise(trajectory: Trajectory, max_calls: int = MAX_CALLS) -> tuple[Trajectory, tuple[Mend, ...]]:
    """The conversation with all that can be mended mended, and what that was."""
    mends: list[Mend] = []
    messages = list(trajectory.messages)
    for step, message in enumerate(messages):
        for code, mended in _trimmed(message):
            messages[step] = message = mended
            mends.append(Mend(code=code, action="trim", step=step))
    while len(messages) > 3 and isinstance(messages[-1], UserMessage) and _answers(messages[-2]):
        mends.append(Mend(code="unanswered_user", action="trim", step=len(messages) - 1))
        messages.pop()
    found = trajectory.model_copy(update={"messages": tuple(messages)})
    last = len(messages) - 1
    for code, _, at in list(faults(found, max_calls)):
        turn = messages[at] if at is not None else None
        if (
            code in _MASKED
            and at is not None
            and at != last
            and isinstance(turn, AssistantMessage)
            and turn.train
        ):
            messages[at] = turn.model_copy(update={"train": False, "weight": 0.0})
            mends.append(Mend(code=code, action="zero_mask", step=at))
    if not mends:
        return trajectory, ()
    return trajectory.model_copy(update={"messages": tuple(messages)}), tuple(mends)


def _trimmed(message: Message) -> Iterator[tuple[str, Message]]:
    """(code, the message without it) for each thing to trim in a turn; what tools and recipes wrote stays as it is."""
    if not isinstance(message, AssistantMessage | UserMessage):
        return
    if isinstance(message, AssistantMessage) and (thoughts := _THINKING.findall(message.content)):
        reasoning = "\n".join(one.strip() for one in (message.reasoning or "", *thoughts) if one.strip())
        content = _THINKING.sub("", message.content)
        message = message.model_copy(update={"content": content, "reasoning": reasoning or None})
        yield "leaked_reasoning", message
    content = _BLANK_LINES.sub("\n\n", message.content.strip())
    if content != message.content:
        yield "padding", message.model_copy(update={"content": content})


def _answers(message: Message) -> bool:
    return isinstance(message, AssistantMessage) and not message.tool_calls
