"""A world runs the calls: what comes back was really executed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from callwright.schemas.base import digest
from callwright.schemas.message import Observation, ToolCall
from callwright.schemas.tool import Tool, WorldBinding
from callwright.toolbox.base import Session, checked_arguments, observed
from callwright.worlds import world_class
from callwright.worlds.base import World


class WorldToolbox:
    """Opens a fresh world for each conversation, populated from the conversation's seed."""

    def open(self, tools: Sequence[Tool], *, toolkit: str, seed: int, clock: dt.date, item: str) -> Session:
        return WorldSession(tools, seed, clock)

    async def close(self) -> None:
        """A world holds nothing but memory."""


class WorldSession:
    def __init__(self, tools: Sequence[Tool], seed: int, clock: dt.date) -> None:
        self._tools = tools
        self._seed = seed
        self._clock = clock
        self._worlds: dict[str, World] = {}

    async def call(self, call: ToolCall) -> Observation:
        checked = checked_arguments(call, self._tools, "executed")
        if isinstance(checked, Observation):
            return checked
        tool, arguments = checked
        assert isinstance(tool.binding, WorldBinding)
        status, body = self._world(tool.binding.world).call(tool.binding.function, arguments)
        return observed(status, body, "executed")

    async def end(self) -> str | None:
        return state_of(self._worlds)

    def _world(self, name: str) -> World:
        if name not in self._worlds:
            self._worlds[name] = world_class(name)(self._seed, self._clock)
        return self._worlds[name]


def state_of(worlds: Mapping[str, World]) -> str | None:
    """Digest of the states of some worlds by name; None where there is none."""
    hashes = {name: world.state_hash() for name, world in worlds.items()}
    return digest(hashes) if hashes else None
