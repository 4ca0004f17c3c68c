import datetime as dt
import json

import builders as b
import pytest
from made import demo

from callwright.errors import GenerationError, ReplyError
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
ENDS = reply({"asked": False, "reply": ""})


def answers(text):
    """The simulated user was asked, and says this."""
    return reply({"asked": True, "reply": text})


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
    _, model = await played(task, say("Which kind?"), answers("General."), ASK, SERVED, say("Done."))
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
    asked = [say("Which kind?"), answers(" A general one. "), say("Which day?"), answers("March 14.")]
    row, model = await played(task, *asked, bought, served, served, say("Sold out."))
    assert roles(row)[1:6] == ["user", "assistant", "user", "assistant", "user"]
    assert row.kind == "clarification"
    user = model.requests[1]
    assert user.purpose == "toolalpaca.user"
    assert "a general ticket" in user.messages[0]["content"]
    assert user.messages[1]["content"] == "You: I want a ticket.\nAssistant: Which kind?"
    assert row.messages[3].content == "A general one."


async def test_after_two_replies_the_user_has_nothing_more_to_say():
    task = given("I want a ticket.", kind="clarification", hidden={"details": "a general ticket"})
    row, _ = await played(
        task, say("Kind?"), answers("General."), say("Day?"), answers("Any."), say("Really?")
    )
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
        await played(task, say("Which kind?"), answers("  "))
    assert caught.value.code == "silent_user"


async def test_too_many_steps_stop_the_conversation():
    lines = [line for day in (14, 15, 16) for line in (hours_on(day), SERVED)]
    row, _ = await played(given(), *lines, max_steps=2)
    assert row.stopped == "step_limit"
    assert len(row.tool_calls) == 3


def hours_on(day):
    return call("getMuseumHours", {"startDate": f"2026-03-{day}"})


async def test_the_same_call_with_the_same_result_is_a_loop_at_the_third_time():
    row, _ = await played(given(), ASK, SERVED, hours_on(15), SERVED, ASK, SERVED, ASK, SERVED)
    assert row.stopped == "loop"
    assert len(row.tool_calls) == 4


async def test_the_same_call_with_other_results_is_no_loop():
    polled = [reply({"status": 200, "body": LISTED[:1] * count}) for count in (1, 2, 3)]
    row, _ = await played(given(), ASK, polled[0], ASK, polled[1], ASK, polled[2], say("From 9 am."))
    assert row.stopped == "answered"


# A user in the middle of a conversation


async def test_what_a_call_has_left_open_is_asked_and_answered_in_the_middle():
    script = [ASK, SERVED, say("Mornings or afternoons?"), answers("Mornings."), hours_on(15), SERVED]
    row, model = await played(given(), *script, say("From 9 am."))
    assert roles(row)[-5:] == ["assistant", "user", "assistant", "tool", "assistant"]
    assert (row.stopped, row.kind) == ("answered", "multi_step")
    user = next(request for request in model.requests if request.purpose == "toolalpaca.user")
    assert "nothing more" in user.messages[0]["content"]
    # The person has seen what the two said, and neither calls nor their results.
    assert user.messages[1]["content"] == f"You: {given().instruction}\nAssistant: Mornings or afternoons?"


async def test_an_answer_that_ends_with_an_offer_is_no_question():
    row, model = await played(given(), ASK, SERVED, say("From 9 am. Anything else?"), ENDS)
    assert (row.stopped, row.messages[-1].content) == ("answered", "From 9 am. Anything else?")
    assert len(model.requests) == 4


async def test_what_planned_tasks_hide_is_told_by_its_name():
    task = given("I want a ticket.", kind="clarification", hidden={"ticketType": "general"})
    _, model = await played(task, say("Which kind?"), answers("General."), say("I cannot."))
    assert "have not said yet: ticket type: general\n" in model.requests[1].messages[0]["content"]


# Turns that nobody can act on

BROKEN = {
    "a call as text": ReplyError("raw_call_text", "the answer holds '<tool_call>' as text"),
    "half a character": ReplyError("malformed_reply", "half a character"),
    "no JSON": call("getMuseumHours", "{"),
    "a list": call("getMuseumHours", '[{"startDate": "2026-03-14"}]'),
    "nothing": say(" "),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_a_turn_that_nobody_can_act_on_is_asked_for_once_more(broken):
    row, model = await played(given(), broken, ASK, SERVED, say("From 9 am."))
    assert roles(row) == ["system", "user", "assistant", "tool", "assistant"]
    first, second = model.requests[:2]
    assert "Your last attempt at this turn was discarded" in second.messages[0]["content"]
    assert second.messages[1:] == first.messages[1:]
    assert (second.purpose, second.tools) == (first.purpose, first.tools)
    assert "discarded" not in model.requests[3].messages[0]["content"]
    assert not any("discarded" in message.content for message in row.messages)


async def test_a_call_that_is_text_twice_loses_the_conversation_with_its_reason():
    with pytest.raises(ReplyError) as caught:
        await played(given(), *[BROKEN["a call as text"]] * 2)
    assert caught.value.code == "raw_call_text"


async def test_a_request_that_is_refused_is_not_asked_again():
    with pytest.raises(ReplyError) as caught:
        await played(given(), ReplyError("context_overflow", "too long"))
    assert caught.value.code == "context_overflow"


async def test_rules_are_not_asked_again():
    model = Scripted([BROKEN["no JSON"], ASK, SERVED], reads_variables=True)
    rows = Episodes(model, SimulatedToolbox(model), [MUSEUM], Sampling(), 1)
    row = await rows.trajectory(given(), "single/0")
    assert [message.observation.status for message in row.observations()][0] == 400
    assert not any("discarded" in request.messages[0]["content"] for request in model.requests)


async def test_a_turn_that_was_cut_off_stops_the_conversation():
    row, _ = await played(given(), say("The museum is", finish_reason="length"))
    assert (row.stopped, row.messages[-1].content) == ("length", "The museum is")


async def test_a_call_that_cannot_run_is_shown_as_the_server_would():
    broken = [BROKEN["no JSON"]] * 2
    row, _ = await played(given(), *broken, ASK, SERVED, say("From 9 am."))
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


# Conversations that begin with given messages


async def finished(task, messages, *script, max_steps=5, reads_variables=False):
    """What a script makes of a conversation that has begun."""
    model = Scripted(script, reads_variables=reads_variables)
    episodes = Episodes(model, SimulatedToolbox(model), [MUSEUM], Sampling(), max_steps)
    return await episodes.finish(task, messages, "finish/0"), model


async def test_a_conversation_is_played_on_from_a_turn_whose_calls_are_still_to_be_made():
    whole, _ = await played(given(), ASK, SERVED, hours_on(15), SERVED, say("From 9 am."))
    other = whole.messages[4].model_copy(update={"tool_calls": hours_on(16).tool_calls})
    row, model = await finished(given(), (*whole.messages[:4], other), SERVED, SERVED, say("From 9 am."))
    # The first call is made again, the second for the first time; then the assistant is asked.
    assert [request.purpose for request in model.requests] == [
        "toolbox.server",
        "toolbox.server",
        "toolalpaca.assistant",
    ]
    assert row.messages[:4] == whole.messages[:4]
    assert row.tool_calls[1].arguments == hours_on(16).tool_calls[0].arguments
    assert row.tool_calls[1].id == whole.tool_calls[1].id  # the turn's own, and not the model's
    assert (roles(row), row.stopped) == (roles(whole), "answered")


async def test_whole_turns_are_played_on_from_too():
    whole, _ = await played(given(), ASK, SERVED, say("From 9 am."))
    row, _ = await finished(given(), whole.messages[:4], SERVED, say("From 9 am."))
    assert row.id == whole.id


async def test_words_that_are_given_are_the_end_or_a_question():
    task = given("I want a ticket.", kind="clarification", hidden={"details": "a general ticket"})
    begun, _ = await played(task, say("Which kind?"), answers("General."), say("No."))
    row, _ = await finished(task, begun.messages[:3], answers("General."), say("I cannot."))
    assert [message.content for message in row.messages[2:]] == ["Which kind?", "General.", "I cannot."]
    row, model = await finished(task, (*begun.messages[:2], begun.messages[-1]))
    assert (roles(row), model.requests) == (["system", "user", "assistant"], [])


async def test_replies_and_steps_that_are_given_count():
    task = given("I want a ticket.", kind="clarification", hidden={"details": "a general ticket"})
    asked = [say("Kind?"), answers("General."), say("Day?"), answers("Any."), say("Really?")]
    begun, _ = await played(task, *asked)
    row, model = await finished(task, begun.messages)
    assert (row.id, model.requests) == (begun.id, [])
    lines = [line for day in (14, 15, 16) for line in (hours_on(day), SERVED)]
    begun, _ = await played(given(), *lines, max_steps=2)
    row, _ = await finished(given(), begun.messages[:7], SERVED, SERVED, SERVED, max_steps=2)
    assert (row.id, row.stopped) == (begun.id, "step_limit")


async def test_a_call_that_is_answered_otherwise_when_it_is_made_again_ends_it():
    whole, _ = await played(given(), ASK, SERVED, say("From 9 am."))
    with pytest.raises(GenerationError) as caught:
        await finished(given(), whole.messages[:4], reply({"status": 200, "body": []}))
    assert caught.value.code == "replay_differs"


async def test_rules_finish_nothing_that_was_not_planned():
    whole, _ = await played(given(), ASK, SERVED, say("From 9 am."))
    with pytest.raises(GenerationError) as caught:
        await finished(given(), whole.messages[:4], reads_variables=True)
    assert caught.value.code == "no_plan"
