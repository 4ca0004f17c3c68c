"""Each call goes to the toolbox that its tool is bound to: worlds are executed, the rest is simulated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from callwright.schemas.message import Observation, ToolCall
from callwright.schemas.tool import Tool, WorldBinding
from callwright.toolbox.base import Session, Toolbox


class RoutedToolbox:
    """Hands a conversation's calls to two toolboxes, by what each tool is bound to."""

    def __init__(self, worlds: Toolbox, simulated: Toolbox) -> None:
        self._worlds = worlds
        self._simulated = simulated

    def open(self, tools: Sequence[Tool], *, toolkit: str, seed: int, clock: dt.date, item: str) -> Session:
        sessions = [
            box.open(tools, toolkit=toolkit, seed=seed, clock=clock, item=item)
            for box in (self._worlds, self._simulated)
        ]
        executed = frozenset(tool.name for tool in tools if isinstance(tool.binding, WorldBinding))
        return _RoutedSession(executed, *sessions)


class _RoutedSession:
    def __init__(self, executed: frozenset[str], worlds: Session, simulated: Session) -> None:
        self._executed = executed
        self._worlds = worlds
        self._simulated = simulated

    async def call(self, call: ToolCall) -> Observation:
        return await (self._worlds if call.name in self._executed else self._simulated).call(call)
