"""What waits for what, as a graph over numbered steps, and the rounds that follow from it.

self_edge, duplicate_edge, unknown_step, missing_step, second_sink, cycle   what a proposed graph is refused for
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal

import networkx as nx

from callwright.errors import GenerationError
from callwright.generators.planning.ranks import ranks
from callwright.schemas.base import Record

Reason = Literal["data", "state", "unknown_state", "unexplained", "retry", "user", "order", "model"]
"""Why one call waits for another.

data           a value of it stands in the other's answer
state          executed in the other order, an answer or the state left is another
unknown_state  whether the order matters cannot be tried out, and nobody knows
unexplained    a value of it stands nowhere, so it may wait for anything
retry          it is the other once more, after that failed
user           the user spoke in between
order          the request says so: first one, then the other
model          a model says so, where nothing else can tell
"""


class Edge(Record):
    """A step waits for another."""

    before: int
    after: int
    reason: Reason
    value: str = ""
    """For data: where the value stands in the arguments, and how it comes from the answer."""
    ambiguous: bool = False
    """For data: other answers hold the value, too, and each of them gets an edge."""


def checked(
    steps: Collection[int], edges: Sequence[tuple[int, int]], sink: int | None = None
) -> nx.DiGraph[int]:
    """The graph of proposed edges.

    Args:
        steps: Every step; one without edges is as good as any.
        edges: (Before, after).
        sink: The step that all others lead to, if there is one; the only step that nothing waits for.

    Raises:
        GenerationError: With one of the codes above.
    """
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(steps)
    for before, after in edges:
        for step in (before, after):
            if step not in steps:
                raise GenerationError("unknown_step", f"there is no step {step}")
        if before == after:
            raise GenerationError("self_edge", f"step {before} waits for itself")
        if graph.has_edge(before, after):
            raise GenerationError("duplicate_edge", f"{before} -> {after} stands twice")
        graph.add_edge(before, after)
    if not nx.is_directed_acyclic_graph(graph):
        raise GenerationError("cycle", f"steps wait for each other: {nx.find_cycle(graph)}")
    if sink is not None:
        if sink not in graph:
            raise GenerationError("missing_step", f"the last step {sink} is not among the steps")
        ends = [step for step in graph if step != sink and not graph.out_degree(step)]
        if ends:
            raise GenerationError("second_sink", f"nothing waits for step {ends[0]}, which is not the last")
    return graph


def rounds(graph: nx.DiGraph[int]) -> list[list[int]]:
    """The steps by longest-path rank: all that a step waits for stands in an earlier round."""
    order = sorted(graph)
    place = {step: index for index, step in enumerate(order)}
    found = ranks([[place[before] for before in graph.predecessors(step)] for step in order])
    made: list[list[int]] = [[] for _ in range(max(found, default=-1) + 1)]
    for step, rank in zip(order, found, strict=True):
        made[rank].append(step)
    return made


def graph_of(count: int, edges: Iterable[Edge]) -> nx.DiGraph[int]:
    """The graph over steps 0 to `count - 1`; several reasons for one edge are one edge."""
    return checked(range(count), sorted({(edge.before, edge.after) for edge in edges}))


def orders(graph: nx.DiGraph[int], most: int, seed: int) -> tuple[list[list[int]], bool]:
    """Orders in which the steps may be made, and whether these are all; the order of their numbers is one of them.

    Where there are more than `most`: the given order with each pair of neighbours swapped that may be, and as many
    others drawn at random from a seed.
    """
    every = list(islice(nx.all_topological_sorts(graph), most + 1))
    if len(every) <= most:
        return every, True
    first = sorted(graph)
    rng = random.Random(seed)
    found = [first, *_swaps(graph, first), *(_drawn(graph, rng) for _ in range(most))]
    return [list(one) for one in dict.fromkeys(map(tuple, found))], False


def _swaps(graph: nx.DiGraph[int], order: Sequence[int]) -> Iterator[list[int]]:
    for index, (one, other) in enumerate(zip(order, order[1:], strict=False)):
        if not graph.has_edge(one, other):
            yield [*order[:index], other, one, *order[index + 2 :]]


def _drawn(graph: nx.DiGraph[int], rng: random.Random) -> list[int]:
    waits = {step: graph.in_degree(step) for step in graph}
    ready = sorted(step for step, count in waits.items() if not count)
    order = []
    while ready:
        step = ready.pop(rng.randrange(len(ready)))
        order.append(step)
        for after in sorted(graph.successors(step)):
            waits[after] -= 1
            if not waits[after]:
                ready.append(after)
    return order
