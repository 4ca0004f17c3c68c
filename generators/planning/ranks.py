"""The turn of each call: the longest path of needs that leads to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import networkx as nx


def ranks(needs: Sequence[Collection[int]]) -> list[int]:
    """The rank of each step, from 0 on; what a step needs has a lower one. By shortest paths it would not.

    Args:
        needs: For each step, the steps that it waits for.

    Raises:
        networkx.NetworkXUnfeasible: They wait for each other.
    """
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(needs)))
    graph.add_edges_from((need, step) for step, waited in enumerate(needs) for need in waited)
    found = [0] * len(needs)
    for step in nx.topological_sort(graph):
        found[step] = max((found[need] + 1 for need in graph.predecessors(step)), default=0)
    return found
