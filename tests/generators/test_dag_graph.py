"""Rounds by longest-path rank, refusals of what is no such graph, and the orders that a graph allows."""

from __future__ import annotations

import math
import random

import networkx as nx
import pytest

from callwright.errors import GenerationError
from callwright.generators.dag.advice import proposed
from callwright.generators.dag.graph import checked, orders, rounds


def random_dag(seed: int, sink: bool = True) -> nx.DiGraph:
    rng = random.Random(seed)
    count = rng.randint(1, 12)
    steps = rng.sample(range(100), count)
    edges = [(one, other) for at, one in enumerate(steps) for other in steps[:at] if rng.random() < 0.3]
    edges = [(after, before) for before, after in edges]
    if sink:
        edges += [(step, 100) for step in steps if step not in {before for before, _ in edges}]
        return checked([*steps, 100], edges, 100)
    return checked(steps, edges)


def longest(graph: nx.DiGraph) -> int:
    return nx.dag_longest_path_length(graph, default_weight=1) + 1


def test_rounds_of_a_thousand_random_graphs():
    for seed in range(1_000):
        graph = random_dag(seed)
        made = rounds(graph)
        rank = {step: at for at, together in enumerate(made) for step in together}
        assert sorted(rank) == sorted(graph)
        assert all(rank[before] < rank[after] for before, after in graph.edges)
        assert len(made) == longest(graph)
        assert made[-1] == [100]


def test_by_shortest_distance_the_last_step_would_stand_beside_what_it_waits_for():
    graph = checked(range(1, 7), [(1, 2), (2, 3), (2, 5), (3, 4), (4, 6), (5, 6)], 6)
    assert rounds(graph) == [[1], [2], [3, 5], [4], [6]]


def test_steps_without_edges_are_one_round():
    assert rounds(checked(range(3), [])) == [[0, 1, 2]]
    assert rounds(checked([], [])) == []


@pytest.mark.parametrize(
    ("steps", "edges", "sink", "code"),
    [
        ([1, 2, 3], [(1, 2), (2, 3), (3, 1)], None, "cycle"),
        ([1, 2], [(1, 2), (2, 1)], None, "cycle"),
        ([1, 2, 3], [(1, 3)], 3, "second_sink"),
        ([1, 2], [(1, 2)], 3, "missing_step"),
        ([1, 2], [(1, 4)], None, "unknown_step"),
        ([1, 2], [(1, 1)], None, "self_edge"),
        ([1, 2], [(1, 2), (1, 2)], None, "duplicate_edge"),
    ],
)
def test_what_is_no_such_graph_is_refused_with_a_reason(steps, edges, sink, code):
    with pytest.raises(GenerationError) as caught:
        checked(steps, edges, sink)
    assert caught.value.code == code


def test_orders_are_all_there_are_or_a_sample_with_every_swap_of_neighbours():
    for seed in range(200):
        graph = random_dag(seed, sink=False)
        graph = nx.relabel_nodes(graph, {step: at for at, step in enumerate(nx.topological_sort(graph))})
        found, every = orders(graph, 24, seed)
        assert all(
            order.index(before) < order.index(after) for order in found for before, after in graph.edges
        )
        assert len({tuple(order) for order in found}) == len(found)
        if every:
            assert len(found) == sum(1 for _ in nx.all_topological_sorts(graph)) <= 24


def test_too_many_orders_are_sampled_by_seed():
    free = checked(range(7), [])
    found, every = orders(free, 24, 5)
    assert not every and 24 <= len(found) <= 24 + 7 < math.factorial(7)
    assert orders(free, 24, 5) == (found, False) != orders(free, 24, 6)
    first = list(range(7))
    for index in range(6):
        assert [*first[:index], index + 1, index, *first[index + 2 :]] in found


def entry(call: int, *waits_for: int) -> dict[str, object]:
    return {"call": call, "reason": "", "waits_for": list(waits_for)}


def test_a_proposal_counts_from_one_and_speaks_of_every_call():
    assert proposed([entry(1), entry(2), entry(3, 1, 2)], 3) == {(0, 2), (1, 2)}


@pytest.mark.parametrize(
    ("calls", "code"),
    [
        ([entry(1), entry(3, 1)], "missing_step"),
        ([entry(1), entry(2, 7), entry(3)], "unknown_step"),
        ([entry(1), entry(2, 2), entry(3)], "self_edge"),
        ([entry(1), entry(2, 1, 1), entry(3)], "duplicate_edge"),
        ([entry(1, 3), entry(2), entry(3, 1)], "cycle"),
        ([entry(1, 2), entry(2), entry(3)], "backward_wait"),
    ],
)
def test_a_proposal_that_is_no_graph_of_the_calls_is_refused(calls, code):
    with pytest.raises(GenerationError) as caught:
        proposed(calls, 3)
    assert caught.value.code == code
