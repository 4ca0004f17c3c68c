"""A model that says what it was told to say, for tests of whatever asks a model."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from callwright.errors import ModelError
from callwright.llm.base import Completion, Request
from callwright.schemas.base import canonical_json
from callwright.schemas.message import ToolCall

Line = Completion | Exception
"""What is said, or what goes wrong instead."""


class Scripted:
    """Plays a list of lines in turn, or asks a function for each; keeps the requests it was sent."""

    def __init__(
        self,
        script: Iterable[Line] | Callable[[Request], Line],
        *,
        id: str = "scripted",
        reads_variables: bool = False,
        latency_s: float = 0.0,
    ) -> None:
        self.id = id
        self.reads_variables = reads_variables
        self.requests: list[Request] = []
        self.closed = False
        self.stats: Counter[str] = Counter()
        self._latency_s = latency_s
        self._next = script if callable(script) else _in_turn(script)

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        line = self._next(request)
        await asyncio.sleep(self._latency_s)
        if isinstance(line, Exception):
            raise line
        return line

    async def close(self) -> None:
        self.closed = True


def say(text: str, **fields: Any) -> Completion:
    """A completion that is text."""
    return Completion(text=text, **fields)


def reply(value: Any, **fields: Any) -> Completion:
    """A completion whose text is a JSON value."""
    return Completion(text=canonical_json(value), **fields)


def call(name: str, arguments: dict[str, Any] | str | None = None, *, id: str = "call_1") -> Completion:
    """A completion that calls one tool; arguments given as text stay as they are."""
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    return Completion(tool_calls=(ToolCall(id=id, name=name, arguments=raw),), finish_reason="tool_calls")


def _in_turn(script: Iterable[Line]) -> Callable[[Request], Line]:
    lines = list(script)
    waiting = iter(lines)

    def following(request: Request) -> Line:
        line = next(waiting, None)
        if line is None:
            raise ModelError(f"the script ended after {len(lines)} lines; {request.purpose!r} asks for more")
        return line

    return following
