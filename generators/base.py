"""The five kinds of operator; each is one async callable, one source in, one product out.

    SOURCE   slot -> task                 REWRITE  task or trajectory -> task or trajectory
    ROLLOUT  task -> trajectory           VERIFY   trajectory -> verdicts (see `judges`)
    PROBE    task -> probe

A method whose attempts depend on each other explores instead: its unit is a chain of attempts, one after the other.

Fan-out, second tries, storage and quotas belong to the engine.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from callwright.schemas.base import Record, digest
from callwright.schemas.task import Kind, Task, Trajectory
from callwright.schemas.verdict import Verdict


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


class Explored(Record):
    """What one attempt of a chain came to: a conversation, why there is none, or why it is not to be kept."""

    attempt: int
    """Position in the chain times the number of chains, plus the chain's own: the lowest numbers take turns."""
    trajectory: Trajectory | None = None
    gate: str = ""
    """Where it was refused; empty when the method has nothing against it."""
    code: str = ""
    message: str = ""
    verdicts: tuple[Verdict, ...] = ()
    """What the method's own judges said of it."""
    part: str = ""
    """Which of its method's sorts of rows it is, where a recipe says how many of each it wants."""


class Rows(Protocol):
    """Conversations that a method rewrites, in blocks that fit in memory; wherever they come from."""

    def __len__(self) -> int:
        """How many blocks there are."""
        ...

    def block(self, number: int) -> list[Trajectory]:
        """The conversations of one block, counted from 0."""
        ...


class Explorer(Protocol):
    """Makes rows in chains: strictly in order inside a chain, while chains know nothing of each other."""

    def chains(self) -> tuple[str, ...]:
        """The names of the chains, in their order."""
        ...

    async def explore(self, chain: str, episodes: int | None = None) -> list[Explored]:
        """All attempts of a chain, or those of its first episodes.

        Raises:
            ModelError: The endpoint failed; with what was answered so far, the chain can be gone through again.
            BudgetError: A budget of the recipe is used up; the same holds.
        """
        ...

    async def multiply(self, chain: str, accepted: Sequence[Trajectory]) -> list[Explored]:
        """Further rows that are made of those that were accepted.

        Raises:
            ModelError: As for `explore`.
            BudgetError: As for `explore`.
        """
        ...
