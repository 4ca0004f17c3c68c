"""The prompts of the DAG method as a model gets them. After a wanted change, delete a golden file and run twice."""

from __future__ import annotations

import asyncio
import re

from serial import serialised, world_rows, worlds
from test_prompts import check

from callwright.generators.dag.advice import Advice
from callwright.generators.dag.graph import checked
from callwright.generators.dag.joining import Joiner
from callwright.generators.dag.prose import Prose
from callwright.generators.dag.steps import steps_of
from callwright.llm.base import Sampling
from callwright.llm.scripted import Scripted, reply, say
from callwright.schemas.task import Trajectory
from callwright.toolbox.world import WorldToolbox

NAMES = ("travel", "mail", "projects", "calendar")


def row() -> Trajectory:
    """A row of three calls in two rounds."""
    return serialised(next(row for row in world_rows(NAMES, "parallel", 24) if len(row.tool_calls) > 2))


def test_the_prompt_for_what_waits_for_what():
    one = row()
    steps = steps_of(one)
    model = Scripted(
        lambda request: reply(
            {"calls": [{"call": 1 + step.number, "reason": "", "waits_for": []} for step in steps]}
        )
    )
    asyncio.run(Advice(model, Sampling()).waits(one, steps, checked(range(len(steps)), [])))
    check("dag-order", model.requests[0])


def test_the_prompt_for_the_words_before_a_round():
    one = row()
    steps = steps_of(one)
    model = Scripted(lambda request: reply({"thought": "I'll look at both."}))
    prose = Prose(model, Sampling(), True)
    said = ["First the one.", "Then the other."]
    asyncio.run(prose.before(one.task, one.messages[:2], steps[:2], said, "x"))
    check("dag-thought", model.requests[0])
    asyncio.run(prose.before(one.task, one.messages[:6], steps[2:], [""], "x"))
    check("dag-thought-later", model.requests[1])
    assert model.requests[0].tool_choice == "none" and model.requests[0].reply_schema


def test_the_prompts_of_a_joined_request():
    rows = world_rows(("travel",), "single", 6)
    lines = [reply({"request": "Both, please."}), say("Both are done.")]
    model = Scripted(lines)
    joiner = Joiner(model, WorldToolbox(), worlds(*NAMES).toolkits, Sampling(), "dag")
    group = next(iter(joiner.groups(rows)))
    serial = asyncio.run(joiner.join([rows[at] for at in group], 0, "dag/0/joined/0"))
    request, answer = model.requests
    check("dag-request", request)
    check("dag-answer", answer)
    assert serial.messages[-1].content == "Both are done." and not serial.task.plan
    assert not re.search(r"\bnone\b", request.messages[1]["content"])
    assert answer.tool_choice == "none" and len(answer.tools) == len(serial.task.tools)
