"""Execute calls in other orders: whether two of them commute, and whether every order of a graph comes to the same."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx

from callwright.generators.dag.steps import Step
from callwright.schemas.message import Observation
from callwright.schemas.task import Task
from callwright.schemas.tool import WorldBinding
from callwright.toolbox.world import WorldToolbox

Outcome = tuple[dict[int, Observation], str | None]
"""Step -> what it was answered, and the digest of the state left."""


class Proof:
    """Plays the calls of one conversation from its seed and clock, as often as is wanted."""

    def __init__(self, task: Task, steps: Sequence[Step]) -> None:
        self._task = task
        self._steps = steps
        self._toolbox = WorldToolbox()
        self._played: dict[tuple[int, ...], Outcome] = {}

    @property
    def possible(self) -> bool:
        """Whether every call runs in a world: nothing else can be called again freely."""
        return all(step.tool is None or isinstance(step.tool.binding, WorldBinding) for step in self._steps)

    async def play(self, order: Sequence[int]) -> Outcome:
        """What steps are answered when they are made in an order, in a fresh world; played once for each order."""
        if tuple(order) not in self._played:
            self._played[tuple(order)] = await self._execute(order)
        return self._played[tuple(order)]

    async def _execute(self, order: Sequence[int]) -> Outcome:
        task = self._task
        session = self._toolbox.open(
            task.tools, toolkit=task.toolkit, seed=task.seed, clock=task.clock, item="proof"
        )
        found = {number: await session.call(self._steps[number].call) for number in order}
        return found, await session.end()

    async def commute(self, one: int, other: int, graph: nx.DiGraph[int]) -> bool:
        """Whether two steps, the first of which came first, are answered the same in either order.

        They are tried where the second stands: after all that came before it, but for what waits for the first.
        """
        later = nx.descendants(graph, one) | {one}
        before = [number for number in range(other) if number not in later]
        return await self.play([*before, one, other]) == await self.play([*before, other, one])

    async def agree(self, orders: Sequence[Sequence[int]], expected: Outcome) -> bool:
        """Whether every order comes to what is expected."""
        for order in orders:
            if await self.play(order) != expected:
                return False
        return True
