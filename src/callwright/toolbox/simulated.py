"""A model, or rules, play the server: answers come from the tool's own documentation, with memory in the episode.

Tang et al. 2023 (ToolAlpaca), section 3.3 and the reference's `simulator.py`: the tool executor agent.
"""

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
from callwright.toolbox.base import MAX_CHARACTERS, Session, answered, checked_arguments
from callwright.toolbox.cutting import cut_to_size
from callwright.values.validation import errors

PURPOSE = "toolbox.server"
MEMORY_CHARACTERS = 24_000
"""Characters of earlier exchanges that are told to the model, at the most: about 6,000 tokens."""
RESAMPLES = 5
"""How often a failed answer is asked for again, at the most (the reference's number)."""

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
        """The server's status and body; of failed answers, the one that a second sample bears out.

        The first resample that succeeds, or fails with a status that was seen before, wins; without one, the first
        answer stands. A model fails requests that a real server would serve, though seldom twice in the same way.
        """
        messages = self._messages(tool, arguments)
        first = await self._sample(tool, arguments, messages, 0)
        seen = {first[0]}
        # Rules would say the same again.
        resamples = 0 if self._model.reads_variables or _succeeded(first[0]) else RESAMPLES
        for number in range(1, resamples + 1):
            status, body = await self._sample(tool, arguments, messages, number)
            if _succeeded(status) or status in seen:
                return status, body
            seen.add(status)
        return first

    async def _sample(
        self, tool: Tool, arguments: dict[str, Any], messages: list[dict[str, Any]], number: int
    ) -> tuple[int, Any]:
        """One answer; a success that breaks the documented shape is asked for once more."""
        for last in (False, True):
            reply = (await ask(self._model, self._request(tool, arguments, messages, number))).parsed
            status, body = int(reply["status"]), reply["body"]
            faults = _faults(tool, status, body)
            if not faults:
                return status, body
            if last:
                raise GenerationError("invalid_observation", f"{tool.name}: {faults[0]}")
            messages = [
                *messages,
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
            toolkit=self._toolkit,
            today=self._clock.isoformat(),
        )
        told, forgotten = self._memory()
        if forgotten:
            # At the end, so that the text before it stays what it was.
            system += (
                f"\nThe first {forgotten} of the {len(self._history)} exchanges of this session are no longer shown. "
                "Contradict nothing that the others show, and do not deny an id only because it is not among them.\n"
            )
        now = {"operation": tool.name, "arguments": arguments}
        asked = {"role": "user", "content": json.dumps(now, ensure_ascii=False)}
        return [{"role": "system", "content": system}, *told, asked]

    def _memory(self) -> tuple[list[dict[str, Any]], int]:
        """The latest exchanges that fit the budget, as messages, and how many earlier ones do not."""
        told: list[dict[str, Any]] = []
        characters = 0
        for number, past in enumerate(reversed(self._history)):
            request = {"operation": past["tool"], "arguments": past["arguments"]}
            # What was cut off an answer was shown to nobody.
            body, _ = cut_to_size(past["body"], MAX_CHARACTERS)
            answer = {"status": past["status"], "body": body}
            exchange = [
                {"role": role, "content": json.dumps(value, ensure_ascii=False)}
                for role, value in (("user", request), ("assistant", answer))
            ]
            characters += sum(len(message["content"]) for message in exchange)
            if characters > MEMORY_CHARACTERS:
                return told, len(self._history) - number
            told = exchange + told
        return told, 0

    def _request(
        self, tool: Tool, arguments: dict[str, Any], messages: list[dict[str, Any]], number: int
    ) -> Request:
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
            sample=number,
            item=self._item,
            # As long as the conversation is at least: the call has been said and is not told here.
            urgency=len(messages) + 1,
        )


def _succeeded(status: int) -> bool:
    return 200 <= status < 300


def _faults(tool: Tool, status: int, body: Any) -> list[str]:
    if not _succeeded(status) or tool.returns is None:
        return []
    return [f"{path or '/'}: {message}" for path, message, _ in errors(tool.returns, body)]


@cache
def _prompt() -> Template:
    return Template((files("callwright.toolbox") / "prompts" / "server.md").read_text(encoding="utf-8"))
