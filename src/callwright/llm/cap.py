"""Who may ask now, and whom: a limit for each endpoint, and one queue for all of them."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["answered", "overloaded", "neither"]

_FAILURES = 3
"""As many in a row, with no answer between, are more than bad luck."""
_LONGEST_REST_S = 60.0


class Limit:
    """How many requests one endpoint is given at once: fewer when it is overloaded, more while it copes.

    The limit moves between 1 and `most`. It grows by one with each full window (as many answers as the limit).
    It is halved by a burst: a quarter of a window overloaded, two at the least, so that single errors cost
    nothing. After a halving only requests that started since then count, hence it is halved at most once in a
    round trip.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = most
        self.in_flight = 0
        self.closed_until = 0.0
        """Nothing is given to it before; the loop's time."""
        self.rest_s = 0.0
        """How long it last rested; 0 once it has answered since."""
        self._round = 0
        self._answered = 0
        self._overloaded = 0
        self._failed = 0

    @property
    def free_share(self) -> float:
        """What is free of its limit, as a share. After a rest, one request at a time finds out how it is."""
        limit = 1 if self.rest_s else self.limit
        return (limit - self.in_flight) / limit

    def enter(self) -> int:
        """Takes a slot; returns the round that `leave` and `fail` want to know."""
        self.in_flight += 1
        return self._round

    def leave(self, started_in: int, outcome: Outcome, pause_s: float) -> None:
        """Gives the slot back. A burst of overload closes the gate for `pause_s` seconds."""
        self.in_flight -= 1
        if outcome == "answered":
            self._failed = 0
            self.rest_s = 0.0
        if started_in == self._round:
            if outcome == "answered":
                self._count_answer()
            elif outcome == "overloaded":
                self._count_overload(pause_s)

    def shrink(self) -> None:
        """A fifth less, when the endpoint itself says that it has too much to do."""
        self.limit = max(1, self.limit - max(1, self.limit // 5))
        self._new_round()

    def fail(self, started_in: int, first_rest_s: float, *, gone: bool) -> None:
        """Counts a failure. It rests when it is gone, has failed again and again, or has just rested."""
        if started_in != self._round:
            return
        self._failed += 1
        if gone or self.rest_s or self._failed >= _FAILURES:
            self.rest_s = min(2 * self.rest_s or first_rest_s, _LONGEST_REST_S)
            self._close(self.rest_s)
            self._failed = 0
            self._new_round()

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
        self._new_round()
        self._close(pause_s)

    def _new_round(self) -> None:
        self._round += 1
        self._answered = self._overloaded = 0

    def _close(self, seconds: float) -> None:
        self.closed_until = max(self.closed_until, asyncio.get_running_loop().time() + seconds)


@dataclass(frozen=True)
class Slot:
    """Leave to send one request to one endpoint."""

    endpoint: int
    """Its number."""
    started_in: int


class Slots:
    """One queue before all endpoints: the most urgent first, equal ones in order of arrival.

    `most` is the total. Who is first gets the endpoint with the most free share of its limit, so nobody waits
    behind a slow one; of equals, the one that has had nothing for the longest.
    """

    def __init__(self, most: int, endpoints: int = 1, *, rest_s: float = 2.0) -> None:
        self.most = most
        self.limits: Sequence[Limit] = [Limit(most) for _ in range(endpoints)]
        self._rest_s = rest_s
        self._queue: list[tuple[int, int, asyncio.Future[Slot]]] = []
        self._arrivals = 0
        self._turns = [0] * endpoints
        """Which turn each endpoint had last."""
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def in_flight(self) -> int:
        return sum(limit.in_flight for limit in self.limits)

    async def acquire(self, urgency: int = 0) -> Slot:
        ticket: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._arrivals += 1
        heapq.heappush(self._queue, (-urgency, self._arrivals, ticket))
        self._hand_out()
        try:
            return await ticket
        except asyncio.CancelledError:
            if not ticket.cancelled():  # the slot had been handed to us already
                self.release(ticket.result(), "neither")
            raise

    def release(self, slot: Slot, outcome: Outcome, *, pause_s: float = 0.0) -> None:
        self.limits[slot.endpoint].leave(slot.started_in, outcome, pause_s)
        self._hand_out()

    def failed(self, slot: Slot, *, gone: bool) -> bool:
        """Whether others take over: the slot's endpoint rests, and there is one that had no need to.

        The last such one never rests: what it says is what the user must be told.
        """
        limit = self.limits[slot.endpoint]
        if not any(one is not limit and not one.rest_s for one in self.limits):
            return False
        limit.fail(slot.started_in, self._rest_s, gone=gone)
        return limit.rest_s > 0 and limit.closed_until > asyncio.get_running_loop().time()

    def close(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _hand_out(self) -> None:
        while self._queue:
            ticket = self._queue[0][2]
            if not ticket.done():  # whoever left is passed over
                slot = self._take()
                if slot is None:
                    return
                ticket.set_result(slot)
            heapq.heappop(self._queue)

    def _take(self) -> Slot | None:
        if self.in_flight >= self.most:
            return None
        now = asyncio.get_running_loop().time()
        best, free = -1, 0.0
        for number, limit in enumerate(self.limits):
            if limit.closed_until > now:
                self._wake_at(limit.closed_until)
                continue
            share = limit.free_share
            if share > free or (share == free > 0 and self._turns[number] < self._turns[best]):
                best, free = number, share
        if best < 0:
            return None
        self._turns[best] = max(self._turns) + 1
        return Slot(best, self.limits[best].enter())

    def _wake_at(self, time: float) -> None:
        if self._alarm is None or time < self._alarm.when():
            self.close()
            self._alarm = asyncio.get_running_loop().call_at(time, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        self._hand_out()
