"""Each call goes to the toolbox that its tool is bound to; what nothing can run is simulated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from callwright.schemas.base import digest
from callwright.schemas.message import Observation, ToolCall
from callwright.schemas.tool import OpenAPIBinding, Tool
from callwright.toolbox.base import Session, Toolbox
from callwright.values.secrets import redact

SIMULATED = "simulated"


def box_of(tool: Tool) -> str:
    """The toolbox that a tool is for: its kind of binding, and with it the toolkit where calls go out over HTTP."""
    binding = tool.binding
    if isinstance(binding, OpenAPIBinding):
        return f"http:{binding.live}" if binding.live else SIMULATED
    return binding.type if binding else SIMULATED


class RoutedToolbox:
    """Hands a conversation's calls to several toolboxes, by what each tool is bound to."""

    def __init__(self, boxes: Mapping[str, Toolbox]) -> None:
        """Name of a toolbox, as `box_of` gives it -> the toolbox; `simulated` is for tools that none of them runs.

        Without one, the first toolbox answers for them: that there is no such tool.
        """
        self._boxes = dict(boxes)
        self._last = SIMULATED if SIMULATED in self._boxes else next(iter(self._boxes))

    def open(self, tools: Sequence[Tool], *, toolkit: str, seed: int, clock: dt.date, item: str) -> Session:
        routes = {tool.name: self._route(tool) for tool in tools}
        used = {*routes.values(), self._last}
        sessions = {
            name: self._boxes[name].open(tools, toolkit=toolkit, seed=seed, clock=clock, item=item)
            for name in sorted(used)
        }
        return _RoutedSession(routes, sessions, self._last)

    async def close(self) -> None:
        for box in self._boxes.values():
            await box.close()

    def _route(self, tool: Tool) -> str:
        name = box_of(tool)
        return name if name in self._boxes else self._last


class _RoutedSession:
    def __init__(self, routes: Mapping[str, str], sessions: Mapping[str, Session], last: str) -> None:
        self._last = last
        self._routes = routes
        self._sessions = sessions

    async def call(self, call: ToolCall) -> Observation:
        """What the call is answered, without what looks like a secret: nobody sees it, and nothing writes it down."""
        # A name that is not offered gets its refusal from the last resort.
        observation = await self._sessions[self._routes.get(call.name, self._last)].call(call)
        content = redact(observation.content)
        return (
            observation
            if content == observation.content
            else observation.model_copy(update={"content": content})
        )

    async def end(self) -> str | None:
        states = {name: await session.end() for name, session in self._sessions.items()}
        seen = {name: state for name, state in states.items() if state}
        return next(iter(seen.values())) if len(seen) == 1 else digest(seen) if seen else None
