"""Conversations for tests of views: a chat of given messages, and values that are easily bent on the way."""

from __future__ import annotations

from typing import Any

from builders import task, trajectory

from callwright.schemas.message import Message, Observation, SystemMessage, ToolMessage, UserMessage
from callwright.schemas.task import Trajectory

TRICKY: dict[str, Any] = {
    "text": 'Zoë ☕ 你好 \\ " </s> {{x}}',
    "tiny": 1e-7,
    "third": 0.1,
    "whole": 1.0,
    "long": 2**63 - 1,
    "least": -(2**63),
    "nothing": None,
    "flags": [True, False, [], {}, [None]],
    "looks_like": ["1", "true", "1e3", "null", "2024-01-01", "2024-01-01T00:00:00Z"],
    "nested": {"a": {"b": [{"c": 1}, {"d": "x"}]}},
}


def result(id_: str, content: str = '{"ok": true}', name: str = "get_event") -> ToolMessage:
    return ToolMessage(tool_call_id=id_, name=name, observation=Observation(content=content))


def chat(*messages: Message, request: str = "Show me e1.", **changes: Any) -> Trajectory:
    opening = (SystemMessage(content="You help."), UserMessage(content=request))
    return trajectory(task(request, **changes), messages=[*opening, *messages])
