"""Turns with several calls, for consumers that take one call in a turn: kept, split into turns, or left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from callwright.schemas.base import Record
from callwright.schemas.message import AssistantMessage, Message, ToolMessage
from callwright.views.turns import NoPlaceError

Parallel = Literal["as-is", "split", "drop"]
"""As they are; one turn for each call, each followed by what came back; rows with such a turn left out."""


class Options(Record):
    """Of views that have no other."""

    parallel: Parallel = "as-is"
    """Turns with several calls: as they are, one turn for each call, or rows with such a turn left out."""


def reshaped(messages: Sequence[Message], parallel: Parallel, dropped: Counter[str]) -> tuple[Message, ...]:
    """The conversation with its turns of several calls as `parallel` says; `dropped` counts turns that were split.

    Raises:
        NoPlaceError: There is such a turn, and it is to be dropped.
    """
    wide = sum(isinstance(one, AssistantMessage) and len(one.tool_calls) > 1 for one in messages)
    if parallel == "as-is" or not wide:
        return tuple(messages)
    if parallel == "drop":
        raise NoPlaceError("several_calls")
    dropped["turn_split"] += wide
    return tuple(_one_by_one(messages))


def _one_by_one(messages: Sequence[Message]) -> Iterator[Message]:
    results = {one.tool_call_id: one for one in messages if isinstance(one, ToolMessage)}
    moved: set[str] = set()
    for message in messages:
        if isinstance(message, AssistantMessage) and len(message.tool_calls) > 1:
            first, *later = message.tool_calls
            # What is said, thought and marked stands before the first call.
            yield message.model_copy(update={"tool_calls": (first,)})
            yield from (results[one.id] for one in (first,) if one.id in results)
            for call in later:
                yield AssistantMessage(tool_calls=(call,), train=message.train, weight=message.weight)
                yield from (results[one.id] for one in (call,) if one.id in results)
            moved |= {one.id for one in message.tool_calls}
        elif not (isinstance(message, ToolMessage) and message.tool_call_id in moved):
            yield message
