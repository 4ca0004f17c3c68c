"""Rows as a teacher makes them that calls one thing after the other."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from made import make_rows

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.schemas.message import AssistantMessage, Message, ToolMessage
from callwright.schemas.task import Kind, Trajectory


@cache
def worlds(*names: str) -> Workshop:
    body = {
        "dataset": "worlds",
        "size": 10,
        "tools": [{"world": name} for name in names],
        "mix": {"single": 1.0},
    }
    return Workshop.of(check_recipe(body, "worlds"), Path())


@cache
def world_rows(names: tuple[str, ...], kind: Kind, count: int) -> tuple[Trajectory, ...]:
    return tuple(make_rows(worlds(*names), {kind: count}))


def serialised(row: Trajectory) -> Trajectory:
    """The same row with one call in each turn, in their order."""
    results = {one.tool_call_id: one for one in row.observations()}
    messages: list[Message] = []
    for message in row.messages:
        if isinstance(message, AssistantMessage) and message.tool_calls:
            for call in message.tool_calls:
                messages += [message.model_copy(update={"tool_calls": (call,)}), results[call.id]]
        elif not isinstance(message, ToolMessage):
            messages.append(message)
    task = row.task.model_copy(update={"kind": "multi_step"})
    return row.model_copy(update={"messages": tuple(messages), "task": task})


def rounds_of(row: Trajectory) -> list[list[str]]:
    """Ids of the calls of each turn."""
    return [[call.id for call in turn.tool_calls] for turn in row.turns() if turn.tool_calls]
