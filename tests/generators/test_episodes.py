import datetime as dt
import json

import builders as b
import pytest
from made import demo

from callwright.errors import GenerationError
from callwright.generators.conversing import in_full
from callwright.generators.toolalpaca.episodes import Episodes
from callwright.llm.base import Sampling
from callwright.llm.scripted import Scripted, call, reply, say
from callwright.toolbox.simulated import SimulatedToolbox

MUSEUM = demo().toolkits[0]
CLOCK = dt.date(2026, 3, 10)
LISTED = [{"date": "2026-03-14", "timeOpen": "09:00", "timeClose": "17:00"}]
SERVED = reply({"status": 200, "body": LISTED})
ASK = call("getMuseumHours", {"startDate": "2026-03-14"})


def given(instruction="When is the museum open on March 14?", **changes):
    tools = [MUSEUM.tool(name) for name in ("getMuseumHours", "listSpecialEvents", "buyMuseumTickets")]
    return b.task(instruction, tools=tools, toolkit=MUSEUM.name, clock=CLOCK, **changes)


async def played(task, *script, max_steps=5):
    """The conversation that a script of the assistant's and the server's lines makes, in their order."""
    model = Scripted(script)
    episodes = Episodes(model, SimulatedToolbox(model), [MUSEUM], Sampling(), max_steps)
    return await episodes.trajectory(task, "single/0"), model


def roles(row):
    return [message.role for message in row.messages]


async def test_a_call_is_run_and_its_answer_told():
    row, model = await played(given(), ASK, SERVED, say(" From 9 am to 5 pm. "))
    assert roles(row) == ["system", "user", "assistant", "tool", "assistant"]
    assert (row.stopped, row.kind) == ("answered", "single")
    assert row.messages[0].content.endswith(("2026.", "missing."))
    assert json.loads(row.messages[3].content) == LISTED
    assert row.messages[-1].content == "From 9 am to 5 pm."
    assert [request.purpose for request in model.requests] == [
        "toolalpaca.assistant",
        "toolbox.server",
        "toolalpaca.assistant",
    ]


async def test_call_ids_are_nine_letters_and_digits_and_repeatable():
    first, _ = await played(given(), ASK, SERVED, say("Done."))
    second, _ = await played(given(), ASK, SERVED, say("Done."))
    (made,) = first.tool_calls
    assert len(made.id) == 9
    assert made.id.isalnum()
    assert first.id == second.id
    assert first.messages[3].tool_call_id == made.id


async def test_the_guidance_shapes_the_request_and_stays_out_of_the_row():
    row, model = await played(given(), say("Which day?"))
    sent = model.requests[0].messages[0]["content"]
    assert "How you work:" in sent
    assert "How you work:" not in row.messages[0].content


async def test_the_more_has_been_said_the_more_urgent_a_request_is():
    task = given("I want a ticket.", kind="clarification", hidden={"details": "a general ticket"})
    _, model = await played(task, say("Which kind?"), say("General."), ASK, SERVED, say("Done."))
    talk = [request.urgency for request in model.requests if request.purpose != "toolbox.server"]
    assert talk == sorted(set(talk)) and talk[0] > 0  # a task's own request has no urgency
    _, model = await played(given(), ASK, SERVED, ASK, SERVED, say("Done."))
    assert [request.urgency for request in model.requests] == [2, 3, 4, 5, 6]


async def test_a_language_model_gets_no_variables_and_no_plan():
    _, model = await played(given(plan={}), ASK, SERVED, say("Done."))
    assert all(request.variables == {} for request in model.requests if request.purpose != "toolbox.server")


async def test_a_question_is_answered_by_who_knows():
    task = given("I want a ticket.", kind="clarification", hidden={"details": "a general ticket"})
    bought = call("buyMuseumTickets", {"ticketType": "general", "ticketDate": "2026-03-14"})
    served = reply({"status": 404, "body": {"error": "sold out"}})
    script = [say("Which kind?"), say("A general one."), say("Which day?"), say("March 14."), bought, served]
    row, model = await played(task, *script, say("Sold out."))
    assert roles(row)[1:6] == ["user", "assistant", "user", "assistant", "user"]
    assert row.kind == "clarification"
    user = model.requests[1]
    assert user.purpose == "toolalpaca.user"
    assert "a general ticket" in user.messages[0]["content"]
    assert user.messages[1]["content"] == "You: I want a ticket.\nAssistant: Which kind?"


async def test_after_two_replies_the_user_has_nothing_more_to_say():
    task = given("I want a ticket.", kind="clarification", hidden={"details": "a general ticket"})
    row, _ = await played(task, say("Kind?"), say("General."), say("Day?"), say("Any."), say("Really?"))
    assert roles(row).count("user") == 3
    assert row.kind == "no_call"


async def test_words_without_a_question_end_the_conversation():
    task = given("I want a ticket.", kind="clarification", hidden={"details": "a general ticket"})
    row, _ = await played(task, say("I cannot do that."))
    assert roles(row) == ["system", "user", "assistant"]


async def test_a_question_to_somebody_who_hides_nothing_is_the_end():
    row, _ = await played(given(), say("Which day do you mean?"))
    assert (roles(row)[-1], row.stopped) == ("assistant", "answered")


async def test_a_silent_user_is_refused():
    task = given("I want a ticket.", kind="clarification", hidden={"details": "x"})
    with pytest.raises(GenerationError) as caught:
        await played(task, say("Which kind?"), say("  "))
    assert caught.value.code == "silent_user"


async def test_too_many_steps_stop_the_conversation():
    lines = [line for _ in range(3) for line in (ASK, SERVED)]
    row, _ = await played(given(), *lines, max_steps=2)
    assert row.stopped == "step_limit"
    assert len(row.tool_calls) == 3


async def test_a_turn_that_was_cut_off_stops_the_conversation():
    row, _ = await played(given(), say("The museum is", finish_reason="length"))
    assert (row.stopped, row.messages[-1].content) == ("length", "The museum is")


async def test_a_call_that_cannot_run_is_shown_as_the_server_would():
    row, _ = await played(given(), call("getMuseumHours", "{"), ASK, SERVED, say("From 9 am."))
    assert [message.observation.status for message in row.observations()] == [400, 200]
    assert row.tool_calls[0].arguments == "{"


async def test_the_row_knows_its_teacher_its_prompts_and_its_calls():
    row, _ = await played(given(), ASK.model_copy(update={"key": "k1"}), SERVED, say("Done.", key="k2"))
    assert row.provenance.teacher == "scripted"
    assert row.provenance.calls == ("k1", "k2")
    assert set(row.provenance.prompts) == {
        "toolalpaca.instruction",
        "toolalpaca.assistant",
        "toolalpaca.user",
    }


def test_today_is_written_in_full():
    assert in_full(CLOCK) == "Tuesday, March 10, 2026"
