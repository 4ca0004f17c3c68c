"""Requests of one toolkit become one: each thing once, in one world, and worded as one message."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from made import codes
from serial import world_rows, worlds

from callwright.generators.dag.joining import Joiner
from callwright.generators.planning.scenario import Plan
from callwright.llm.base import Sampling
from callwright.schemas.task import Trajectory

NAMES = ("travel", "mail", "projects", "calendar")


def joiner() -> Joiner:
    workshop = worlds(*NAMES)
    teacher = workshop.teacher(Path())
    return Joiner(teacher, workshop.toolbox(teacher), workshop.toolkits, Sampling(), "dag")


@pytest.fixture(scope="module")
def rows() -> list[Trajectory]:
    kinds = ("single", "multi_step", "clarification", "no_call", "parallel")
    return [row for kind in kinds for row in world_rows(NAMES, kind, 16 if kind in kinds[:2] else 4)]


@pytest.fixture(scope="module")
def joined(rows: list[Trajectory]) -> list[tuple[tuple[int, ...], Trajectory]]:
    made = joiner()
    groups = list(made.groups(rows))
    return [(group, asyncio.run(made.join([rows[at] for at in group], 0, "x"))) for group in groups[:8]]


def test_groups_are_rows_of_one_toolkit_that_want_different_things(rows):
    groups = list(joiner().groups(rows))
    used = [at for group in groups for at in group]
    assert len(used) == len(set(used)) and {len(group) for group in groups} == {2, 3}
    for group in groups:
        assert len({rows[at].task.toolkit for at in group}) == 1
        assert {rows[at].kind for at in group} <= {"single", "multi_step"}
        tools = [goal.tool for at in group for goal in Plan.model_validate(rows[at].task.plan).scenario.goals]
        assert len({rows[at].id for at in group}) == len(group) and len(tools) >= len(group)
        own = [{goal.tool for goal in Plan.model_validate(rows[at].task.plan).scenario.goals} for at in group]
        assert sum(map(len, own)) == len(set().union(*own))


def test_a_joined_row_is_serial_plays_in_the_first_rows_world_and_passes_every_judge(rows, joined):
    judges = worlds(*NAMES).judges()
    for group, row in joined:
        first = rows[group[0]].task
        assert (row.task.seed, row.task.clock, row.task.parent) == (first.seed, first.clock, first.root)
        assert all(len(turn.tool_calls) < 2 for turn in row.turns())
        assert codes(judges, row) == [] and row.state == row.task.goal
        assert {call.name for call in row.tool_calls} <= {tool.name for tool in row.task.tools}
        assert len(row.task.tools) <= 10


def test_what_leads_over_counts_right_and_never_twice_the_same(joined):
    for group, row in joined:
        said = row.task.instruction
        if len(group) > 2:
            assert said.lower().count("second") <= 1
        for words in (
            "one more thing, if I may",
            "Another one",
            "There's something else",
            "One more request",
        ):
            assert said.count(words) <= 1
    assert len({row.task.instruction for _, row in joined}) == len(joined)
