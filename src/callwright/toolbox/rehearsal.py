"""Execute calls ahead of a conversation, on whatever will run them: a planner then words what really comes back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from callwright.schemas.tool import OpenAPIBinding, Tool, Toolkit, WorldBinding
from callwright.toolbox.offline import RuleServer
from callwright.toolbox.world import state_of
from callwright.worlds import world_class
from callwright.worlds.base import World


def can_rehearse(tool: Tool) -> bool:
    """Whether calls can be tried out: on a world, or on rules that play the server; never on real systems."""
    binding = tool.binding
    return (
        binding is None
        or isinstance(binding, WorldBinding)
        or (isinstance(binding, OpenAPIBinding) and not binding.live)
    )


class Rehearsal:
    """One conversation's calls, tried out: the same seed gives the conversation the same answers."""

    def __init__(self, toolkit: Toolkit, seed: int, clock: dt.date) -> None:
        self._toolkit = toolkit
        self._seed = seed
        self._clock = clock
        bound = {tool.binding.world for tool in toolkit.tools if isinstance(tool.binding, WorldBinding)}
        self._worlds: dict[str, World] = {name: world_class(name)(seed, clock) for name in bound}
        self.history: list[dict[str, Any]] = []
        """Tool, arguments, status and body of each call, in order."""

    def call(self, tool: Tool, arguments: Mapping[str, Any]) -> tuple[int, Any]:
        """Status and body of one call.

        Raises:
            GenerationError: The rules cannot make up an answer.
        """
        status, body = self._answer(tool, arguments)
        self.history.append({"tool": tool.name, "arguments": dict(arguments), "status": status, "body": body})
        return status, body

    def peek(self, tool: Tool, arguments: Mapping[str, Any]) -> tuple[int, Any]:
        """What a call would be answered; nothing is changed by it."""
        before = {name: world.snapshot() for name, world in self._worlds.items()}
        answer = self._answer(tool, arguments)
        for name, world in self._worlds.items():
            world.restore(before[name])
        return answer

    def state_hash(self) -> str | None:
        """Digest of the state; None where the rules have none."""
        return state_of(self._worlds)

    def _answer(self, tool: Tool, arguments: Mapping[str, Any]) -> tuple[int, Any]:
        if not isinstance(tool.binding, WorldBinding):
            server = RuleServer(self._toolkit, self._seed, self._clock, self.history)
            return server.answer(tool, arguments)
        return self._worlds[tool.binding.world].call(tool.binding.function, arguments)
