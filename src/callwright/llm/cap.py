"""How many requests an endpoint is given at once: fewer when it is overloaded, more while it copes."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Literal

Outcome = Literal["answered", "overloaded", "neither"]


class AdaptiveCap:
    """Slots for requests; the limit moves between 1 and `most`.

    The limit grows by one with each full window (as many answers as the limit). It is halved by a burst: a
    quarter of a window overloaded, two at the least, so that single errors cost nothing. After a halving only
    requests that started since then count, hence it is halved at most once in a round trip.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = most
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._round = 0
        self._answered = 0
        self._overloaded = 0
        self._closed_until = 0.0

    async def acquire(self) -> int:
        """Waits for a slot; returns the round that `release` wants to know."""
        if self.in_flight < self.limit:
            self.in_flight += 1
        else:
            await self._queue()
        try:
            await self._until_open()
        except asyncio.CancelledError:
            self._leave()
            raise
        return self._round

    def release(self, started_in: int, outcome: Outcome, *, pause_s: float = 0.0) -> None:
        """Gives the slot back. A burst of overload closes the gate for everyone for `pause_s` seconds."""
        if started_in == self._round:
            if outcome == "answered":
                self._count_answer()
            elif outcome == "overloaded":
                self._count_overload(pause_s)
        self._leave()

    def _count_answer(self) -> None:
        self._answered += 1
        if self._answered >= self.limit:
            self.limit = min(self.limit + 1, self.most)
            self._answered = self._overloaded = 0

    def _count_overload(self, pause_s: float) -> None:
        self._overloaded += 1
        if self._overloaded < max(2, -(-self.limit // 4)):
            return
        self.limit = max(1, self.limit // 2)
        self._round += 1
        self._answered = self._overloaded = 0
        self._closed_until = asyncio.get_running_loop().time() + pause_s

    async def _queue(self) -> None:
        ticket = asyncio.get_running_loop().create_future()
        self._waiting.append(ticket)
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.cancelled():
                self._waiting.remove(ticket)
            else:  # the slot had been handed to us already
                self._leave()
            raise

    async def _until_open(self) -> None:
        now = asyncio.get_running_loop().time
        while (rest := self._closed_until - now()) > 0:
            await asyncio.sleep(rest)

    def _leave(self) -> None:
        self.in_flight -= 1
        while self._waiting and self.in_flight < self.limit:
            ticket = self._waiting.popleft()
            if not ticket.done():
                self.in_flight += 1
                ticket.set_result(None)
