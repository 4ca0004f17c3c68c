import json
import re
from functools import cache
from pathlib import Path

import pytest
from made import CLOSED, demo

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import GenerationError, ReplyError
from callwright.generators.base import Slot
from callwright.generators.toolalpaca.episodes import Episodes
from callwright.generators.toolalpaca.instructions import Instructions
from callwright.judges.equality import Equality
from callwright.llm.base import Sampling
from callwright.llm.scripted import Scripted, call, reply, say
from callwright.schemas.task import KINDS
from callwright.values.resources import share_resource
from callwright.values.spoken import humanise

WORDS = {"request": " Which events are on this Friday? ", "details": "the branch is Central"}


def slot(kind="single", attempt=0):
    return Slot(method="toolalpaca", kind=kind, attempt=attempt, seed=7)


def source(*script, toolkits=None, **more):
    model = Scripted(script or (lambda request: reply(WORDS)))
    return Instructions(model, toolkits or demo().toolkits, Sampling(), **more), model


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


async def test_the_offline_teacher_gets_a_plan_and_the_prompts_tell_only_what_is_wanted():
    asked = Scripted(lambda request: reply(WORDS), reads_variables=True)
    task = await Instructions(asked, demo().toolkits, Sampling()).task(slot("multi_step"))
    (request,) = asked.requests
    assert request.variables["plan"] == task.plan
    assert [call.name for call in task.intended] == [
        one["name"] for together in task.plan["rounds"] for one in together
    ]
    # What is wanted is told by its name; the id that a call takes, and the calls themselves, are not.
    rendered = json.dumps(request.messages)
    served = task.plan["served"][-1]
    assert served["names"]
    for argument, name in served["names"].items():
        assert name in rendered
        assert served["arguments"][argument] not in rendered
    assert "rounds" not in rendered


# Requests on worlds: planned, executed, and only then put into a model's words


@cache
def worlds(*names):
    """The worlds as toolkits, and what a conversation on them is played and judged with."""
    body = {
        "dataset": "worlds",
        "size": 10,
        "tools": [{"world": name} for name in names],
        "mix": {"single": 1.0},
    }
    return Workshop.of(check_recipe(body, "worlds"), Path())


WORLDS = ("library", "bank", "calendar")


async def asked_for(kind, attempt):
    """A task on worlds whose words a language model wrote, and what the model was told."""
    instructions, model = source(toolkits=worlds(*WORLDS).toolkits)
    task = await instructions.task(slot(kind, attempt))
    (request,) = model.requests
    return task, request


async def planned(kind, count):
    """So many tasks on worlds and what the model was told, and the attempt of each; some worlds say no to a plan."""
    found = []
    for attempt in range(3 * count):
        try:
            found.append((attempt, *await asked_for(kind, attempt)))
        except GenerationError as error:
            assert error.code in ("plan_failed", "offline_no_value")
        if len(found) == count:
            return found
    raise AssertionError(f"only {len(found)} of {count} plans of the kind {kind}")


@pytest.mark.parametrize("kind", KINDS)
async def test_on_worlds_a_language_model_gets_a_brief_and_no_plan(kind):
    for _, task, request in await planned(kind, 8):
        assert (request.variables, task.plan) == ({}, {})
        wish = request.messages[1]["content"]
        assert "What this person wants, in this order:" in wish
        assert "1 call" not in wish and "rounds" not in wish
        assert not re.search(r"\b[a-z]{2,4}-[0-9a-f]{8}\b", wish), "nobody knows an id"
        assert (task.goal is None, task.intended == ()) == (kind == "no_call",) * 2


async def test_the_brief_holds_every_fact_of_the_call():
    for attempt in range(20):
        task, request = await asked_for("single", attempt)
        (call,) = task.intended
        kit = next(kit for kit in worlds(*WORLDS).toolkits if kit.name == task.toolkit)
        (line,) = re.findall(r"^1\. (.*)$", request.messages[1]["content"], re.MULTILINE)
        assert line.startswith(kit.phrases.tools[call.name].does)
        facts = line.partition(" (")[2]
        if not call.arguments:
            assert facts == "nothing more to say)"
        for name, value in call.arguments.items():
            assert f"{humanise(name)}: " in facts
            if isinstance(value, str) and value.istitle() and " " in value:
                assert value in facts


async def test_what_is_forgotten_or_refused_is_hidden_and_the_model_is_told_not_to_hint_at_it():
    for attempt in range(12):
        task, request = await asked_for("clarification", attempt)
        ((name, value),) = task.hidden.items()
        wish = request.messages[1]["content"]
        assert f"The person forgets to mention one thing: the {humanise(name)}." in wish
        assert f"{humanise(name)}: " not in wish.partition("What this person wants")[2]
        assert value not in (None, "")
    refused = []
    for attempt in range(40):
        try:
            task, _ = await asked_for("multi_step", attempt)
        except GenerationError as error:
            assert error.code == "offline_no_value"  # a world that says no to nothing that was tried
            continue
        refused += [task] if task.hidden else []
    assert refused
    for task in refused:
        first, last = task.intended[-2:]
        ((name, value),) = task.hidden.items()
        assert (first.name, first.means, last.means) == (last.name, True, False)
        assert last.arguments[name] == value != first.arguments[name]


async def test_a_model_on_worlds_plans_the_same_calls_as_the_rules_do():
    ruled = Scripted(lambda request: reply(WORDS), reads_variables=True)
    rules = Instructions(ruled, worlds(*WORLDS).toolkits, Sampling())
    for kind in KINDS:
        [(attempt, task, _)] = await planned(kind, 1)
        ruled_task = await rules.task(slot(kind, attempt))
        assert (task.intended, task.goal, task.hidden) == (
            ruled_task.intended,
            ruled_task.goal,
            ruled_task.hidden,
        )


def assistant_of(calls):
    """A model that writes the request, makes the calls one by one, answers a question, and says that it is done."""
    pending = list(calls)

    def line(request):
        if request.purpose != "toolalpaca.assistant":
            return reply(WORDS) if request.reply_schema else say("Of course.")
        if not pending:
            return say("Done.")
        one = pending.pop(0)
        return call(one.name, one.arguments)

    return Scripted(line)


async def played_by(calls, task):
    shop = worlds(*WORLDS)
    model = assistant_of(calls)
    toolbox = shop.toolbox(model)
    return await Episodes(model, toolbox, shop.toolkits, Sampling(), 5).trajectory(task, "item")


async def failures(row):
    return {one.code for one in await Equality().judge(row) if one.outcome == "fail"}


@pytest.mark.parametrize("kind", ["single", "multi_step", "parallel"])
async def test_an_assistant_that_makes_every_call_reaches_the_goal(kind):
    for _, task, _ in await planned(kind, 10):
        row = await played_by(task.intended, task)
        assert row.state == task.goal
        assert not {"missing_call", "goal_not_reached"} & await failures(row)


@pytest.mark.parametrize("kind", ["single", "multi_step", "parallel"])
async def test_an_assistant_that_leaves_a_call_out_fails(kind):
    for _, task, _ in await planned(kind, 10):
        row = await played_by(task.intended[:-1], task)
        found = await failures(row)
        assert "missing_call" in found
        # Where nothing at all was called there is no state to be seen.
        assert ("goal_not_reached" in found) == (task.intended[-1].changes and len(task.intended) > 1)


async def offering(offered, kind, attempts):
    """Tasks whose rows offer so many tools."""
    instructions, _ = source(toolkits=worlds(*WORLDS).toolkits, offered=offered)
    for attempt in range(attempts):
        try:
            yield await instructions.task(slot(kind, attempt))
        except GenerationError:
            continue  # a world may say no, or say no to nothing that was tried


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("offered", [(1, 1), (2, 3), (5, 5)])
async def test_so_many_tools_are_offered_as_the_recipe_says_and_always_those_that_are_needed(offered, kind):
    least, most = offered
    counts = set()
    async for task in offering(offered, kind, 8):
        names = {tool.name for tool in task.tools}
        needed = {one.name for one in task.intended}
        counts.add(len(names))
        if kind == "no_call":
            assert least <= len(names) <= most
            assert not any(share_resource(tool, task.withheld) for tool in task.tools)
        else:
            assert least <= len(names) <= max(most, len(needed))
            assert needed <= names
    assert counts


async def test_where_there_is_room_one_tool_more_than_needed_is_offered():
    tasks = [task async for task in offering((1, 6), "parallel", 12)]
    assert tasks
    assert all(len(task.tools) > len({one.name for one in task.intended}) for task in tasks)
