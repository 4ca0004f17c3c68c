"""Walks on the tool graph of real worlds: what comes of them, executed a second time by the test itself."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from made import make_rows

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.generators.planning.scenario import Plan, is_opaque
from callwright.generators.planning.walks import scenarios
from callwright.schemas.base import canonical_json, digest
from callwright.schemas.message import AssistantMessage, ToolMessage
from callwright.schemas.task import KINDS
from callwright.worlds import NAMES, world_class

EACH = 50


@cache
def workshop():
    body = {
        "dataset": "worlds",
        "size": 10,
        "tools": [{"world": name} for name in NAMES],
        "mix": {"single": 1.0},
    }
    return Workshop.of(check_recipe(body, "worlds"), Path())


@pytest.fixture(scope="module")
def rows():
    return make_rows(workshop(), dict.fromkeys(KINDS, EACH))


def plan_of(row):
    return Plan.model_validate(row.task.plan)


def turns(row):
    """(Calls of a turn, their results, what was said and answered before) for each turn with calls."""
    results = {message.tool_call_id: message for message in row.messages if isinstance(message, ToolMessage)}
    for step, message in enumerate(row.messages):
        if isinstance(message, AssistantMessage) and message.tool_calls:
            yield message.tool_calls, [results[one.id] for one in message.tool_calls], row.messages[:step]


def played(world, calls):
    """The results, by call, of calls that are made one after the other."""
    return {call.id: world.call(call.name, json.loads(call.arguments)) for call in calls}


def test_rows_become_the_kind_that_was_aimed_at(rows):
    assert Counter(row.kind for row in rows) == dict.fromkeys(KINDS, EACH)
    assert all(row.kind == row.task.kind for row in rows)


def test_every_world_has_scenarios_of_every_kind_that_its_tools_allow():
    lacking = {(kit.name, kind) for kit in workshop().toolkits for kind in KINDS if not scenarios(kit, kind)}
    # Nothing has an id where things are only computed, and there is nothing to look up or to be refused.
    assert {kind for _, kind in lacking} <= {"multi_step"}


def test_the_calls_of_one_turn_commute(rows):
    together = 0
    for row in rows:
        world = world_class(row.task.toolkit)(row.task.seed, row.task.clock)
        for calls, results, _ in turns(row):
            before = world.snapshot()
            backward = played(world, reversed(calls)), world.state_hash()
            world.restore(before)
            forward = played(world, calls), world.state_hash()
            assert forward == backward
            together += len(calls) > 1
            for result in results:
                status, body = forward[0][result.tool_call_id]
                assert (result.observation.status, json.loads(result.content)) == (status, body)
    assert together >= EACH


def test_the_goal_is_the_state_that_the_calls_leave(rows):
    for row in rows:
        if row.kind == "no_call":
            assert (row.task.goal, row.task.intended, row.state) == (None, (), None)
            continue
        world = world_class(row.task.toolkit)(row.task.seed, row.task.clock)
        untouched = world.state_hash()
        played(world, row.tool_calls)
        assert row.task.goal == row.state == digest({row.task.toolkit: world.state_hash()})
        assert any(call.changes for call in row.task.intended) == (world.state_hash() != untouched)


def test_an_id_is_never_used_in_the_turn_that_finds_it(rows):
    used = 0
    for row in rows:
        kit = next(kit for kit in workshop().toolkits if kit.name == row.task.toolkit)
        for calls, _, before in turns(row):
            seen = "\n".join(message.content for message in before)
            for call in calls:
                tool = kit.tool(call.name)
                for name, value in json.loads(call.arguments).items():
                    if is_opaque(tool, name, kit.phrases):
                        assert str(value) in seen, (call.name, name, value)
                        used += 1
    assert used > EACH


def test_no_row_makes_the_same_call_twice(rows):
    for row in rows:
        calls = [(call.name, canonical_json(json.loads(call.arguments))) for call in row.tool_calls]
        assert len(set(calls)) == len(calls)


def test_a_refused_row_is_refused_once_in_the_worlds_own_words_and_then_succeeds(rows):
    refused = [row for row in rows if row.kind == "multi_step" and plan_of(row).scenario.refused]
    assert refused
    for row in refused:
        (place,) = [
            step
            for step, message in enumerate(row.messages)
            if isinstance(message, ToolMessage) and not message.observation.succeeded
        ]
        observation = row.messages[place].observation
        assert observation.status in (409, 422)
        reason = json.loads(observation.content)["error"]
        asked, answered, again, result = row.messages[place + 1 : place + 5]
        assert plain(reason) in plain(asked.content)
        assert (asked.role, answered.role, asked.content[-1]) == ("assistant", "user", "?")
        (call,), (first,) = again.tool_calls, row.messages[place - 1].tool_calls
        given, refused_given = json.loads(call.arguments), json.loads(first.arguments)
        assert call.name == first.name
        changed = {name for name in given if given[name] != refused_given.get(name)}
        assert changed == set(row.task.hidden) == {plan_of(row).refusal.argument}
        assert result.observation.succeeded


def test_a_row_that_is_not_refused_succeeds_with_every_call(rows):
    for row in rows:
        if row.kind != "no_call" and not plan_of(row).scenario.refused:
            assert all(message.observation.succeeded for message in row.observations())


def plain(text):
    return re.sub(r"\W+", " ", text).casefold().strip()


SHAPES = {
    "one call": lambda plan: _sizes(plan) == [1],
    "look up and act": lambda plan: _sizes(plan) == [1, 1] and not _follows(plan) and not plan.refusal,
    "chain of three": lambda plan: _sizes(plan) == [1, 1, 1] and _follows(plan),
    "follow-up": lambda plan: _sizes(plan) == [1, 1] and _follows(plan),
    "fan": lambda plan: len(_sizes(plan)) == 1 and _sizes(plan)[0] > 1,
    "join": lambda plan: _sizes(plan) == [2, 1] and len(plan.served) == 1,
    "the same for another": lambda plan: any(goal.again for goal in plan.scenario.goals),
    "no, then yes": lambda plan: plan.refusal is not None,
}


def _sizes(plan):
    return [len(together) for together in plan.rounds]


def _follows(plan):
    return any(goal.follows for goal in plan.scenario.goals)


def test_walks_of_every_shape_come_up(rows):
    plans = [plan_of(row) for row in rows]
    found = {shape: sum(map(fits, plans)) for shape, fits in SHAPES.items()}
    assert all(found.values()), found


def test_a_follow_up_acts_on_what_the_call_before_made_or_acted_on(rows):
    following = [row for row in rows if _follows(plan_of(row))]
    for row in following:
        *_, (before, results, _), (calls, _, _) = turns(row)
        (call,), (result,) = calls, results
        made = json.loads(result.content)
        known = [
            *(made.values() if isinstance(made, dict) else ()),
            *json.loads(before[0].arguments).values(),
        ]
        ids = [value for value in json.loads(call.arguments).values() if value in known]
        assert ids, (before, call)


def test_a_join_acts_on_two_things_that_were_looked_up(rows):
    for row in [row for row in rows if SHAPES["join"](plan_of(row))]:
        (lookups, results, _), ((call,), _, _) = turns(row)
        assert len(lookups) == 2
        values = [str(value) for value in json.loads(call.arguments).values()]
        for result in results:
            assert any(value in result.content for value in values)
