"""What a language model is shown of a failure: the prompt as it is sent, and that no text in it can break it."""

from __future__ import annotations

import json
import random

import builders as b
import pytest
from failures import failed
from hypothesis import given, settings
from hypothesis import strategies as st
from made import demo
from serial import worlds
from test_prompts import check

from callwright.generators.looptool.casework import case, messages
from callwright.generators.looptool.focusing import Aim, Failed
from callwright.generators.looptool.variants import Variants
from callwright.llm.base import Sampling
from callwright.llm.scripted import Scripted, reply
from callwright.schemas.base import digest
from callwright.schemas.loop import FOCI
from callwright.schemas.message import AssistantMessage, SystemMessage, UserMessage, to_wire
from callwright.schemas.probe import Prediction
from callwright.schemas.task import Provenance, Trajectory

NAME = "0123456789abcdef0123456789abcdef"


class Played:
    """A rollout in which the assistant says one thing."""

    async def trajectory(self, task, item):
        said = (UserMessage(content=task.instruction), AssistantMessage(content="All right."))
        return Trajectory(task=task, messages=said, provenance=Provenance(teacher="scripted"))


def missed(toolkit, request, names, *, withheld=None, kind="single", calls=(), prediction=None, **changes):
    """A failure at the first turn of a row that somebody wrote by hand."""
    tools = tuple(toolkit.tool(name) for name in names)
    task = b.task(
        request,
        tools=tools,
        toolkit=toolkit.name,
        kind=kind,
        withheld=toolkit.tool(withheld) if withheld else None,
    )
    said = (
        SystemMessage(content="You help with the library. Today is Monday, January 5, 2026."),
        *b.conversation(request, calls, "I have no tool for that."),
    )
    values = {
        "row": b.trajectory(task, messages=said),
        "step": 2,
        "failure": "wrong_call",
        "prediction": prediction or Prediction(outcome="words", text="Which one?"),
    }
    return Failed.model_validate(values | changes)


def _library():
    return next(kit for kit in demo().toolkits if "listEvents" in {tool.name for tool in kit.tools})


async def asked(toolkits, one, focus, name=NAME):
    model = Scripted(lambda request: reply({"request": "Anything else?", "details": "on Friday"}))
    row = await Variants(model, toolkits, Played(), Sampling()).of(one, focus, name, 5)
    return row, model.requests[0]


async def test_the_prompt_for_a_planned_variant():
    (calendar,) = worlds("calendar").toolkits
    wanted = b.call(
        "create_appointment", title="Budget review", date="2026-01-09", start_time="10:00", guests=["Ada Lin"]
    )
    other = b.call("create_appointment", title="Budget review", date="2026-01-16", start_time="10:00")
    one = missed(
        calendar,
        'Put "Budget review" into my calendar this Friday at 10, with Ada Lin.\n\nThanks!',
        ("create_appointment", "list_appointments", "move_appointment", "invite_guest"),
        calls=[wanted],
        prediction=Prediction(outcome="calls", tool_calls=(other,)),
        analysis="The answer takes this Friday for the Friday after it and leaves out the guest.",
        approach="Count this Friday from Monday, January 5, and pass on the guest that is named.",
    )
    row, request = await asked(worlds("calendar").toolkits, one, "persona")
    check("looptool-variant", request)
    assert row.task.intended and row.task.goal and row.task.hidden == {}


async def test_the_prompt_for_a_variant_that_nobody_planned():
    library = _library()
    one = missed(
        library,
        "Which events are there for children?",
        ("searchBooks", "getBranchHours", "listLoans"),
        withheld="listEvents",
        kind="no_call",
        failure="over_calling",
        prediction=Prediction(outcome="calls", tool_calls=(b.call("searchBooks", q="children"),)),
        analysis="Searching the catalog finds books, not events.",
        approach="Say that none of the tools can list events.",
    )
    row, request = await asked(demo().toolkits, one, "data")
    check("looptool-variant-free", request)
    assert (row.kind, row.task.withheld.name, row.task.intended) == ("no_call", "listEvents", ())


@pytest.mark.parametrize(
    ("failure", "focus", "kind", "way"),
    [
        ("wrong_call", "persona", "single", "voice"),
        ("wrong_call", "complexity", "parallel", "more"),
        ("missed_question", "data", "clarification", "values"),
        ("missed_question", "interaction", "single", "whole"),
        ("missing_call", "interaction", "single", "alone"),
        ("wrong_abstention", "interaction", "single", "form"),
    ],
)
async def test_without_a_plan_the_kind_is_told_in_words(failure, focus, kind, way):
    library = _library()
    hours = b.call("getBranchHours", branch="Central", date="2026-01-09")
    one = missed(
        library,
        "Is Central open this Friday?",
        ("getBranchHours", "listLoans"),
        calls=[hours],
        failure=failure,
    )
    row, request = await asked(demo().toolkits, one, focus)
    assert (row.task.kind, row.notes[-1].body["way"]) == (kind, way)
    assert (row.task.hidden == {"details": "on Friday"}) == (kind == "clarification")
    assert "getBranchHours" in request.messages[1]["content"].partition("What to write:")[2]


async def test_all_variants_of_a_failure_share_what_is_said_of_it():
    library = _library()
    hours = b.call("getBranchHours", branch="Central", date="2026-01-09")
    one = missed(library, "Is Central open this Friday?", ("getBranchHours", "listLoans"), calls=[hours])
    told = [
        (await asked(demo().toolkits, one, focus, digest([number])))[1] for number, focus in enumerate(FOCI)
    ]
    assert len({request.messages[0]["content"] for request in told}) == 1
    assert len({request.messages[1]["content"].partition("What to write:")[0] for request in told}) == 1
    assert len({request.messages[1]["content"] for request in told}) == len(FOCI)
    assert len({request.sample for request in told}) == len(FOCI)


HARD = st.text(max_size=60) | st.sampled_from(
    [
        "Two paragraphs.\n\n\nOUTPUT: none\r\n\r\nINPUT: none",
        '{"request": "x"}\n```json\n{"a": [1, "}"]}\n```',
        "<tool_call>\n{}\n</tool_call><think>no</think><|im_end|>",
        "$toolkit ${tools} {voice} %s \\n \\u0041 \u2028 \u00e9\u4e2d\U0001f600",
        "What to write:\nnothing\n\nThe failure:\n{}",
    ]
)


@settings(max_examples=150, deadline=None)
@given(said=HARD, answered=HARD, guessed=HARD, analysis=HARD, approach=HARD, value=HARD)
def test_what_was_said_goes_in_and_comes_out_as_it_was(said, answered, guessed, analysis, approach, value):
    tool = b.tool("note", "Keep a note.", text={"type": "string"})
    kit = b.toolkit(tool)
    call = b.call("note", text=value)
    talk = (
        UserMessage(content=said),
        AssistantMessage(content=answered),
        UserMessage(content=value),
        AssistantMessage(content=guessed, tool_calls=(call,)),
    )
    one = Failed(
        row=b.trajectory(b.task(said, tools=(tool,)), messages=talk),
        step=3,
        failure="wrong_call",
        prediction=Prediction(outcome="calls", text=guessed, tool_calls=(call,)),
        analysis=analysis,
        approach=approach,
    )
    _, user = messages(one, Aim("single", "note", "values"), None, kit, one.row.task.clock, random.Random(1))
    heading, told, blank, rest = user["content"].split("\n", 3)
    assert (heading, blank, rest.partition("\n")[0]) == ("The failure:", "", "What to write:")
    read = json.loads(told)
    assert read == json.loads(json.dumps(case(one)))
    assert read["conversation"] == [to_wire(message) for message in talk[:3]]
    for side in (read["right"], read["wrong"]):
        assert side.get("says", "") == guessed
        assert json.loads(side["calls"][0]["arguments"]) == {"text": value}
    assert (read["analysis"], read["approach"]) == (analysis, approach)


def test_an_answer_that_nobody_can_act_on_is_told_as_one():
    tool = b.tool("note", "Keep a note.", text={"type": "string"})
    row = b.trajectory(b.task("Note it.", tools=(tool,)), [b.call("note", text="it")])
    one = failed(row, "unusable")
    assert case(one)["wrong"] == {"outcome": "an answer that nobody can act on", "says": "<tool_call>{'name'"}
    silent = one.model_copy(update={"prediction": Prediction(outcome="words")})
    assert case(silent)["wrong"] == {"says": ""}
