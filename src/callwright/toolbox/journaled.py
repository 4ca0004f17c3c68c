"""Calls that cannot be made again freely are written down: the intent before, the observation after.

A run that was killed reads finished calls back. A call of which only the intent is known may have had its effect, so
it is never sent again blindly: the conversation is given up and begun anew under another name. The same happens when
a conversation would have to go on in a session that knows nothing of its earlier calls.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from callwright.errors import InterruptedCallError
from callwright.llm.journaled import Notes
from callwright.schemas.base import digest
from callwright.schemas.message import Observation, ToolCall
from callwright.schemas.tool import Tool
from callwright.toolbox.base import Session, Toolbox


class JournaledToolbox:
    """Another toolbox, with a memory of its calls by conversation."""

    def __init__(self, toolbox: Toolbox, journal: Notes) -> None:
        self._toolbox = toolbox
        self._journal = journal

    def open(self, tools: Sequence[Tool], *, toolkit: str, seed: int, clock: dt.date, item: str) -> Session:
        session = self._toolbox.open(tools, toolkit=toolkit, seed=seed, clock=clock, item=item)
        return _JournaledSession(session, self._journal, digest([item, seed]))

    async def close(self) -> None:
        """The journal belongs to whoever opened it."""
        await self._toolbox.close()


class _JournaledSession:
    def __init__(self, session: Session, journal: Notes, episode: str) -> None:
        self._session = session
        self._journal = journal
        self._episode = episode
        self._count = 0
        self._recalled = False
        """Whether an earlier call was read back, so that the session itself knows nothing of it."""

    async def call(self, call: ToolCall) -> Observation:
        """
        Raises:
            InterruptedCallError: What became of this call, or of the session, is not known.
        """
        number, self._count = self._count, self._count + 1
        sent: dict[str, Any] = {"name": call.name, "arguments": call.arguments}
        intent, result = (f"{self._episode}/{number}/{part}" for part in ("intent", "observation"))
        known = self._journal.get(intent)
        if known is not None and known["call"] != sent:
            raise InterruptedCallError(f"{call.name}: the conversation went another way than before")
        answer = self._journal.get(result)
        if answer is not None:
            self._recalled = True
            return Observation.model_validate(answer["observation"])
        if known is not None:
            raise InterruptedCallError(f"{call.name} was sent, and its answer is not known")
        if self._recalled:
            raise InterruptedCallError(f"{call.name}: the session of its earlier calls has ended")
        self._journal.append({"key": intent, "call": sent})
        observation = await self._session.call(call)
        self._journal.append({"key": result, "observation": observation.model_dump(mode="json")})
        return observation

    async def end(self) -> str | None:
        return await self._session.end()
