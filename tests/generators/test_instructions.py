import json
import re

import pytest
from made import CLOSED, demo

from callwright.errors import GenerationError, ReplyError
from callwright.generators.base import Slot
from callwright.generators.toolalpaca.instructions import Instructions
from callwright.llm.base import Sampling
from callwright.llm.scripted import Scripted, reply
from callwright.values.resources import share_resource

WORDS = {"request": " Which events are on this Friday? ", "details": "the branch is Central"}


def slot(kind="single", attempt=0):
    return Slot(method="toolalpaca", kind=kind, attempt=attempt, seed=7)


def source(*script, toolkits=None):
    model = Scripted(script or (lambda request: reply(WORDS)))
    return Instructions(model, toolkits or demo().toolkits, Sampling()), model


@pytest.mark.parametrize("kind", CLOSED)
async def test_a_language_model_writes_the_request_and_gets_no_plan(kind):
    instructions, model = source()
    task = await instructions.task(slot(kind))
    assert task.instruction == "Which events are on this Friday?"
    assert (task.plan, task.intended, task.kind) == ({}, (), kind)
    (request,) = model.requests
    assert request.variables == {}
    assert request.purpose == "toolalpaca.instruction"
    assert task.clock.isoformat() in request.messages[1]["content"]
    assert 3 <= len(task.tools) <= 8


async def test_details_are_hidden_only_where_something_is_to_be_asked_for():
    instructions, _ = source()
    assert (await instructions.task(slot("clarification"))).hidden == {"details": "the branch is Central"}
    assert (await instructions.task(slot("single"))).hidden == {}


async def test_no_call_withholds_the_tool_and_everything_like_it():
    instructions, _ = source()
    for attempt in range(20):
        task = await instructions.task(slot("no_call", attempt))
        assert task.withheld is not None
        assert not any(share_resource(tool, task.withheld) for tool in task.tools)


async def test_tools_take_turns_and_an_attempt_depends_on_its_number_alone():
    forward, _ = source()
    backward, _ = source()
    there = [await forward.task(slot(attempt=number)) for number in range(12)]
    back = [await backward.task(slot(attempt=number)) for number in reversed(range(12))]
    assert [task.id for task in there] == [task.id for task in reversed(back)]
    assert len({task.clock for task in there}) > 8


async def test_distractors_of_another_toolkit_act_on_other_things():
    instructions, model = source()
    for attempt in range(30):
        task = await instructions.task(slot(attempt=attempt))
        own = {tool.name for kit in demo().toolkits if kit.name == task.toolkit for tool in kit.tools}
        wish = model.requests[-1].messages[1]["content"]
        focus = next(tool for tool in task.tools if re.search(rf"call of {tool.name}\b", wish))
        foreign = [tool for tool in task.tools if tool.name not in own]
        assert len(foreign) <= 2
        assert not any(share_resource(tool, focus) for tool in foreign)


async def test_a_second_reply_without_a_request_is_refused():
    instructions, model = source(reply({"details": ""}), reply({"request": "", "details": ""}))
    with pytest.raises(ReplyError):
        await instructions.task(slot())
    assert len(model.requests) == 2


async def test_a_kind_that_no_tool_allows_is_refused():
    (museum, _) = demo().toolkits
    alone = museum.model_copy(update={"tools": museum.tools[:2]})
    instructions, _ = source(toolkits=[alone])
    with pytest.raises(GenerationError) as caught:
        await instructions.task(slot("no_call"))
    assert caught.value.code == "no_scenario"


async def test_the_offline_teacher_gets_a_plan_and_the_prompts_do_not_show_it():
    asked = Scripted(lambda request: reply(WORDS), reads_variables=True)
    task = await Instructions(asked, demo().toolkits, Sampling()).task(slot("multi_step"))
    (request,) = asked.requests
    assert request.variables["plan"] == task.plan
    assert [call.name for call in task.intended] == [
        one["name"] for together in task.plan["rounds"] for one in together
    ]
    rendered = json.dumps(request.messages)
    served = task.plan["served"][-1]
    assert served["names"]
    for name in served["names"]:
        assert served["arguments"][name] not in rendered
