"""1,000 random DAGs of calls over worlds, with values planted from earlier answers: each is found, and nothing else."""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import cache
from typing import Any

import builders as b
import pytest
from draws import CLOCK, drawn, fresh, kit

from callwright.generators.dag.dependencies import Dependencies
from callwright.generators.dag.graph import checked
from callwright.generators.dag.steps import steps_of
from callwright.schemas.base import canonical_json
from callwright.schemas.message import AssistantMessage, Observation, SystemMessage, ToolMessage, UserMessage
from callwright.schemas.task import Trajectory
from callwright.values.derivations import leaves
from callwright.worlds import NAMES

DAGS = 1_000
_LONGEST = 2_500
"""Characters of an answer; longer ones take longer and hold no other cases."""


@cache
def answers(world: str, seed: int) -> tuple[tuple[str, str, tuple[Any, ...]], ...]:
    """Tool, answer as text and its values, of calls that a world really answers."""
    rng = random.Random(seed)
    state, found = fresh(world, seed), []
    for tool in kit(world).tools:
        for _ in range(3):
            call = drawn(world, state, tool, rng)
            status, body = state.call(*call) if call else (0, None)
            text = json.dumps(body, ensure_ascii=False)
            values = tuple(one for one in leaves(body) if usable(one))
            if status == 200 and values and len(text) < _LONGEST:
                found.append((tool.name, text, values))
    return tuple(found)


def usable(value: Any) -> bool:
    """A value that tells where it came from: truth values and empty texts do not."""
    return isinstance(value, int | float | str) and not isinstance(value, bool) and str(value).strip() != ""


def planted(number: int) -> tuple[Trajectory, list[tuple[int, int, Any]]]:
    """A serial conversation of three to six calls, and (before, after, value) of the values that were planted."""
    rng = random.Random(number)
    pool = answers(NAMES[number % len(NAMES)], number // len(NAMES) % 3)
    picked = [rng.choice(pool) for _ in range(rng.randint(3, 6))]
    edges: list[tuple[int, int, Any]] = []
    messages: list[Any] = [SystemMessage(content="Help."), UserMessage(content="Please see to all of it.")]
    tools = {}
    for after, (name, text, _) in enumerate(picked):
        arguments: dict[str, Any] = {}
        for before in rng.sample(range(after), min(after, rng.choice((0, 1, 1, 2)))):
            value = rng.choice(picked[before][2])
            arguments[f"given_{len(arguments)}"] = value
            edges.append((before, after, value))
        tools[f"{name}_{after}"] = b.tool(f"{name}_{after}", **{one: {} for one in arguments})
        call = b.call(f"{name}_{after}", id=f"call{after:05d}", **arguments)
        messages.append(AssistantMessage(tool_calls=(call,)))
        seen = Observation(content=text, trust="executed")
        messages.append(ToolMessage(tool_call_id=call.id, name=call.name, observation=seen))
    messages.append(AssistantMessage(content="All done."))
    task = b.task("Please see to all of it.", tools=tuple(tools.values()), clock=CLOCK)
    return b.trajectory(task, messages=messages), edges


@pytest.fixture(scope="module")
def measured() -> Counter[str]:
    found: Counter[str] = Counter()
    finder = Dependencies({}, ())
    for number in range(DAGS):
        row, edges = planted(number)
        steps = steps_of(row)
        made = list(finder.data(row, steps))
        pairs = {(edge.before, edge.after) for edge in made}
        checked(range(len(steps)), sorted(pairs))
        bodies = [message.content for message in row.observations()]
        colliding = False
        for before, after, value in edges:
            held = [at for at in range(after) if str(value).casefold() in bodies[at].casefold()]
            path = next(
                name for name, given in json.loads(row.tool_calls[after].arguments).items() if given == value
            )
            mine = {
                edge.before for edge in made if edge.after == after and edge.value.startswith(f"/{path} ")
            }
            found["planted"] += 1
            found["found"] += before in mine
            if len(held) == 1:
                found["unique"] += 1
                found["edges_of_unique"] += len(mine)
            else:
                colliding = True
                holding = {
                    at for at in held if as_text(value) in map(as_text, leaves(json.loads(bodies[at])))
                }
                found["several"] += 1
                found["all_of_several"] += holding <= mine
                found["marked"] += all(
                    edge.ambiguous == (len(mine) > 1)
                    for edge in made
                    if edge.after == after and edge.value.startswith(f"/{path} ")
                )
        found["dags"] += 1
        found["colliding_dags"] += colliding
        found["ambiguous_edges"] += sum(edge.ambiguous for edge in made)
        found["edges"] += len(made)
    return found


def as_text(value: Any) -> str:
    """A value in a form in which 1 is not true."""
    return canonical_json(value)


def test_every_planted_edge_is_found(measured):
    assert measured["dags"] == DAGS and measured["planted"] > 1_000
    assert measured["found"] == measured["planted"]


def test_where_a_value_is_unique_nothing_else_is_found(measured):
    assert measured["unique"] > 500
    assert measured["unique"] / measured["edges_of_unique"] >= 0.99


def test_on_collisions_every_answer_that_holds_the_value_gets_an_edge_that_says_so(measured):
    assert measured["colliding_dags"] / measured["dags"] >= 0.2
    assert measured["all_of_several"] == measured["marked"] == measured["several"]
    assert 0.2 < measured["ambiguous_edges"] / measured["edges"] < 0.5
