"""An event loop whose clock jumps to whatever is due next: waiting costs no time, and durations come out exactly."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    """Does not wait: it says how long it was told to."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everything waits for something that never comes"
            self.now += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run_virtually(job: Coroutine[Any, Any, T]) -> tuple[T, float]:
    """What a coroutine comes to, and how many seconds it would have taken."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(job), loop.time()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
