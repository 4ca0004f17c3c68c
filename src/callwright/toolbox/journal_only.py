"""A toolbox that must not be used: whatever reaches it is a call whose answer was never written down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from callwright.errors import StoreError
from callwright.schemas.message import Observation, ToolCall
from callwright.schemas.tool import Tool
from callwright.toolbox.base import Session


class JournalOnly:
    """Stands in for real tools behind `JournaledToolbox` when a version is replayed."""

    def open(self, tools: Sequence[Tool], *, toolkit: str, seed: int, clock: dt.date, item: str) -> Session:
        return _JournalOnlySession(item)

    async def close(self) -> None:
        pass


class _JournalOnlySession:
    def __init__(self, item: str) -> None:
        self._item = item

    async def call(self, call: ToolCall) -> Observation:
        """
        Raises:
            StoreError: Always.
        """
        raise StoreError(
            f"replay: the run's calls.jsonl holds no answer to {call.name} of attempt {self._item}, and a replay "
            "calls nothing; name the data folder of the first build with --data, or build without --replay"
        )

    async def end(self) -> str | None:
        return None
