"""Turns with calls that the offline teacher really plans on worlds, for tests of whatever compares or changes calls."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from made import make_rows

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.schemas.message import AssistantMessage, ToolCall
from callwright.schemas.tool import Tool
from callwright.values.mutations import mutated

WORLDS = ("bank", "projects", "statistics", "hr", "weather")


@dataclass(frozen=True)
class Turn:
    tools: Mapping[str, Tool]
    calls: tuple[ToolCall, ...]


@cache
def planned() -> tuple[Turn, ...]:
    """Turns of rows over several worlds, single and parallel."""
    body = {
        "dataset": "turns",
        "size": 10,
        "tools": [{"world": name} for name in WORLDS],
        "mix": {"single": 1.0},
    }
    workshop = Workshop.of(check_recipe(body, "turns"), Path())
    rows = make_rows(workshop, {"single": 60, "parallel": 60})
    return tuple(
        Turn({tool.name: tool for tool in row.task.tools}, message.tool_calls)
        for row in rows
        for message in row.messages
        if isinstance(message, AssistantMessage) and message.tool_calls
    )


@cache
def turns() -> tuple[Turn, ...]:
    """The planned turns, and changed ones that have nested, listed and optional arguments more often."""
    rng = random.Random(5)
    made = list(planned())
    for turn in planned():
        changed = mutated(turn.tools, turn.calls, rng)
        if changed:
            made.append(Turn(turn.tools, changed[1]))
    return tuple(made)
