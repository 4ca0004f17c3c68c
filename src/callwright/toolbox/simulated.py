"""A model, or rules, play the server: answers come from the tool's own documentation, with memory in the episode."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from callwright.errors import GenerationError
from callwright.llm.base import Model, Request, Sampling
from callwright.llm.replies import ask
from callwright.schemas.message import Observation, ToolCall
from callwright.schemas.tool import Tool
from callwright.sources.validation import errors
from callwright.toolbox.base import Session, answered, checked_arguments

PURPOSE = "toolbox.server"
_REPLY = {
    "type": "object",
    "properties": {"status": {"type": "integer", "minimum": 100, "maximum": 599}, "body": {}},
    "required": ["status", "body"],
    "additionalProperties": False,
}


class SimulatedToolbox:
    """Opens one simulated server for each conversation."""

    def __init__(self, model: Model, sampling: Sampling | None = None) -> None:
        self._model = model
        self._sampling = sampling or Sampling(temperature=0.5, max_tokens=2048)

    def open(self, tools: Sequence[Tool], *, toolkit: str, seed: int, clock: dt.date, item: str) -> Session:
        return SimulatedSession(self._model, self._sampling, tools, toolkit, seed, clock, item)

    async def close(self) -> None:
        """The model belongs to whoever made it."""


class SimulatedSession:
    def __init__(
        self,
        model: Model,
        sampling: Sampling,
        tools: Sequence[Tool],
        toolkit: str,
        seed: int,
        clock: dt.date,
        item: str,
    ) -> None:
        self._model = model
        self._sampling = sampling
        self._tools = tools
        self._toolkit = toolkit
        self._seed = seed
        self._clock = clock
        self._item = item
        self._history: list[dict[str, Any]] = []

    async def call(self, call: ToolCall) -> Observation:
        checked = checked_arguments(call, self._tools, "simulated")
        if isinstance(checked, Observation):
            return checked
        tool, arguments = checked
        status, body = await self._answer(tool, arguments)
        self._history.append({"tool": tool.name, "arguments": arguments, "status": status, "body": body})
        return answered(tool, status, body, "simulated")

    async def end(self) -> str | None:
        return None

    async def _answer(self, tool: Tool, arguments: dict[str, Any]) -> tuple[int, Any]:
        """The server's status and body; a success that breaks the documented shape is asked for once more."""
        messages = self._messages(tool, arguments)
        for last in (False, True):
            reply = (await ask(self._model, self._request(tool, arguments, messages))).parsed
            status, body = int(reply["status"]), reply["body"]
            faults = _faults(tool, status, body)
            if not faults:
                return status, body
            if last:
                raise GenerationError("invalid_observation", f"{tool.name}: {faults[0]}")
            messages += [
                {"role": "assistant", "content": json.dumps(reply, ensure_ascii=False)},
                {
                    "role": "user",
                    "content": f"That body breaks the documented shape: {'; '.join(faults[:5])}. Send it again.",
                },
            ]
        raise AssertionError("unreachable")

    def _messages(self, tool: Tool, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        system = _prompt().substitute(
            documentation=json.dumps(
                {
                    **tool.wire()["function"],
                    "returns": tool.returns,
                    "documented_replies": list(tool.reply.examples[:2]),
                },
                ensure_ascii=False,
                indent=1,
            ),
            status=tool.reply.status,
            today=self._clock.isoformat(),
        )
        messages = [{"role": "system", "content": system}]
        for past in self._history:
            request = {"operation": past["tool"], "arguments": past["arguments"]}
            answer = {"status": past["status"], "body": past["body"]}
            messages.append({"role": "user", "content": json.dumps(request, ensure_ascii=False)})
            messages.append({"role": "assistant", "content": json.dumps(answer, ensure_ascii=False)})
        now = {"operation": tool.name, "arguments": arguments}
        return [*messages, {"role": "user", "content": json.dumps(now, ensure_ascii=False)}]

    def _request(self, tool: Tool, arguments: dict[str, Any], messages: list[dict[str, Any]]) -> Request:
        return Request(
            purpose=PURPOSE,
            messages=tuple(messages),
            reply_schema=_REPLY,
            variables={
                "toolkit": self._toolkit,
                "tool": tool.name,
                "arguments": arguments,
                "seed": self._seed,
                "clock": self._clock.isoformat(),
                "history": list(self._history),
            },
            sampling=self._sampling,
            item=self._item,
            # As long as the conversation is at least: the call has been said and is not told here.
            urgency=len(messages) + 1,
        )


def _faults(tool: Tool, status: int, body: Any) -> list[str]:
    if not 200 <= status < 300 or tool.returns is None:
        return []
    return [f"{path or '/'}: {message}" for path, message, _ in errors(tool.returns, body)]


@cache
def _prompt() -> Template:
    return Template((files("callwright.toolbox") / "prompts" / "server.md").read_text(encoding="utf-8"))
