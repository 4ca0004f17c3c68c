"""vLLM's own word on how busy it is: its metrics are read while requests are under way, and the limit follows."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from callwright.llm.cap import Limit
from callwright.llm.endpoint import Endpoint

EVERY_S = 2.0
# The client library of Prometheus writes counters with `_total`; older servers named some without.
_SAMPLE = re.compile(
    r"^vllm:num_(requests_waiting|requests_running|preemptions)(?:_total)?(?:\{.*\})?[ \t]+(\S+)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Reading:
    """What a server says at one moment, its engines added up."""

    waiting: float
    running: float
    preemptions: float

    def pressed_since(self, earlier: Reading | None) -> bool:
        """Requests were thrown out of its memory since, or more than half of what runs is waiting."""
        preempted = earlier is not None and self.preemptions > earlier.preemptions
        return preempted or self.waiting > self.running / 2


def reading_of(text: str) -> Reading | None:
    """What metrics in Prometheus' text form say; None when they are no metrics of vLLM's, or broken."""
    found: dict[str, float] = {}
    try:
        for name, value in _SAMPLE.findall(text):
            found[name] = found.get(name, 0.0) + float(value)
        return Reading(found["requests_waiting"], found["requests_running"], found.get("preemptions", 0.0))
    except (ValueError, KeyError):
        return None


class Pressure:
    """Shrinks one endpoint's limit while its server says that it has too much to do.

    A server without metrics is asked for them once. Broken metrics change nothing.
    """

    def __init__(self, endpoint: Endpoint, limit: Limit, every_s: float = EVERY_S) -> None:
        self._endpoint = endpoint
        self._limit = limit
        self._every_s = every_s
        self._absent = False
        self._last: Reading | None = None
        self._task: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Called with every request: the watch ends by itself when none is under way."""
        if self._task is None and not self._absent:
            self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _watch(self) -> None:
        try:
            while self._limit.in_flight:
                text = await self._endpoint.metrics()
                reading = reading_of(text) if text is not None else None
                if reading is None and self._last is None:
                    self._absent = True
                    return
                if reading is not None:
                    if reading.pressed_since(self._last):
                        self._limit.shrink()
                    self._last = reading
                await asyncio.sleep(self._every_s)
        finally:
            self._task = None
