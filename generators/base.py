"""The five kinds of operator; each is one async callable, one source in, one product out.

    SOURCE   slot -> task                 REWRITE  task or trajectory -> task or trajectory
    ROLLOUT  task -> trajectory           VERIFY   trajectory -> verdicts (see `judges`)
    PROBE    task -> probe

Fan-out, second tries, storage and quotas belong to the engine.
"""

from __future__ import annotations

import random
from functools import cached_property
from typing import Protocol

from callwright.schemas.base import Record, digest
from callwright.schemas.task import Kind, Task, Trajectory


class Slot(Record):
    """One attempt's identity: all that a source may depend on besides its constructor."""

    method: str
    kind: Kind
    attempt: int
    seed: int
    """The recipe's seed."""

    @property
    def name(self) -> str:
        return f"{self.method}/{self.kind}/{self.attempt}"

    @cached_property
    def number(self) -> int:
        """A 60-bit seed of this slot's own."""
        return int(digest([self.seed, self.method, self.kind, self.attempt])[:15], 16)

    def rng(self, purpose: str) -> random.Random:
        """A source of chance for one purpose, so that one more draw here changes nothing there."""
        return random.Random(digest([self.number, purpose]))


class Source(Protocol):
    async def task(self, slot: Slot) -> Task:
        """Make one task.

        Raises:
            GenerationError: No task can be made for this slot; the attempt is a counted drop.
            ModelError: The endpoint failed.
        """
        ...


class Rollout(Protocol):
    async def trajectory(self, task: Task, item: str) -> Trajectory:
        """Carry one task out. `item` names the attempt in the ledger.

        Raises:
            GenerationError: The conversation cannot be finished; the attempt is a counted drop.
            ModelError: The endpoint failed.
        """
        ...
