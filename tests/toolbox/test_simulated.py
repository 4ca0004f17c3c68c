import asyncio
import datetime as dt
import json

import builders as b
import pytest

from callwright.errors import GenerationError, ReplyError
from callwright.llm.base import request_key
from callwright.llm.scripted import Scripted, reply, say
from callwright.schemas.message import ToolCall
from callwright.schemas.tool import Reply
from callwright.toolbox.simulated import MEMORY_CHARACTERS, SimulatedToolbox

CLOCK = dt.date(2026, 3, 10)
TOOL = b.tool(event_id={"type": "string"}, seats={"type": "integer"}).model_copy(
    update={
        "returns": {"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]},
        "reply": Reply(status=200, examples=({"price": 5},)),
    }
)
GOOD = b.call(event_id="e1", seats=2)


def opened(*script):
    model = Scripted(script)
    session = SimulatedToolbox(model).open([TOOL], toolkit="museum", seed=7, clock=CLOCK, item="single/0")
    return session, model


def error_of(observation):
    return json.loads(observation.content)["error"]


async def test_a_valid_answer_is_the_observation():
    session, model = opened(reply({"status": 200, "body": {"price": 12}}))
    observation = await session.call(GOOD)
    assert (observation.status, observation.content) == (200, '{"price": 12}')
    assert observation.trust == "simulated"
    (request,) = model.requests
    assert request.purpose == "toolbox.server"
    assert "2026-03-10" in request.messages[0]["content"]


async def test_earlier_calls_are_told_to_the_model():
    session, model = opened(
        reply({"status": 200, "body": {"price": 12}}),
        *[reply({"status": 404, "body": {"error": "gone"}})] * 2,
    )
    await session.call(GOOD)
    second = await session.call(b.call(event_id="e2", seats=2))
    assert second.status == 404
    told = [message["content"] for message in model.requests[1].messages[1:]]
    assert [json.loads(one).get("body") for one in told] == [None, {"price": 12}, None]
    assert model.requests[1].variables["history"][0]["body"] == {"price": 12}


async def test_a_body_of_the_wrong_shape_is_asked_for_once_more():
    session, model = opened(
        reply({"status": 200, "body": {"price": "free"}}), reply({"status": 200, "body": {"price": 0}})
    )
    observation = await session.call(GOOD)
    assert observation.content == '{"price": 0}'
    assert "breaks the documented shape" in model.requests[1].messages[-1]["content"]


async def test_a_second_body_of_the_wrong_shape_ends_the_conversation():
    wrong = reply({"status": 200, "body": {"cost": 3}})
    session, model = opened(wrong, wrong)
    with pytest.raises(GenerationError) as caught:
        await session.call(GOOD)
    assert caught.value.code == "invalid_observation"
    assert len(model.requests) == 2


async def test_an_error_needs_no_documented_shape():
    session, _ = opened(*[reply({"status": 500, "body": {"anything": True}})] * 2)
    assert (await session.call(GOOD)).status == 500


# A failed answer is put to the vote


def answer(status, number=0):
    body = {"price": number} if 200 <= status < 300 else {"error": f"answer {number}"}
    return reply({"status": status, "body": body})


@pytest.mark.parametrize(
    ("statuses", "winner"),
    [
        ((200,), 0),
        ((400, 400), 1),
        ((400, 404, 400), 2),
        ((400, 404, 404), 2),
        ((400, 200), 1),
        ((500, 503, 201), 2),
        ((400, 401, 402, 403, 404, 405), 0),
    ],
)
async def test_the_first_resample_that_succeeds_or_repeats_a_status_wins(statuses, winner):
    session, model = opened(*(answer(status, number) for number, status in enumerate(statuses)))
    observation = await session.call(GOOD)
    assert observation.status == statuses[winner]
    assert json.loads(observation.content) in ({"price": winner}, {"error": f"answer {winner}"})
    assert len(model.requests) == len(statuses) <= 6
    # Each resample is a question of its own to the ledger, or it would be given the first answer again.
    assert len({request_key(model, request) for request in model.requests}) == len(statuses)
    assert len({json.dumps(request.messages) for request in model.requests}) == 1


async def test_a_resample_of_the_wrong_shape_is_asked_for_once_more():
    wrong = reply({"status": 200, "body": {"cost": 3}})
    session, model = opened(answer(400), wrong, answer(200, 7))
    assert (await session.call(GOOD)).content == '{"price": 7}'
    assert [request.sample for request in model.requests] == [0, 1, 1]


async def test_rules_are_not_put_to_the_vote():
    model = Scripted([answer(404)], reads_variables=True)
    session = SimulatedToolbox(model).open([TOOL], toolkit="museum", seed=7, clock=CLOCK, item="single/0")
    assert (await session.call(GOOD)).status == 404


# Memory lasts for an episode


def told(request):
    return [message["content"] for message in request.messages[1:]]


async def test_what_one_call_made_is_seen_by_the_next_and_not_by_the_next_episode():
    model = Scripted(lambda request: answer(200, 4711))
    toolbox = SimulatedToolbox(model)
    for item in ("single/0", "single/1"):
        session = toolbox.open([TOOL], toolkit="museum", seed=7, clock=CLOCK, item=item)
        await session.call(GOOD)
        await session.call(b.call(event_id="e2", seats=1))
    seen = ["4711" in " ".join(told(request)) for request in model.requests]
    assert seen == [False, True, False, True]


async def test_two_episodes_at_once_never_see_each_other():
    model = Scripted(lambda request: answer(200, sum(map(ord, told(request)[-1]))), latency_s=0.001)
    toolbox = SimulatedToolbox(model)

    async def episode(name):
        session = toolbox.open([TOOL], toolkit="museum", seed=7, clock=CLOCK, item=name)
        return [await session.call(b.call(event_id=f"{name}{n}", seats=n)) for n in range(4)]

    await asyncio.gather(episode("rose"), episode("oak"))
    assert len(model.requests) == 8
    for request in model.requests:
        said = " ".join(told(request))
        assert ("rose" in said) != ("oak" in said)


async def test_what_does_not_fit_the_memory_is_forgotten_from_the_oldest_on_and_the_model_is_told():
    model = Scripted(lambda request: reply({"status": 200, "body": {"price": 1, "note": "n" * 5_000}}))
    session = SimulatedToolbox(model).open([TOOL], toolkit="museum", seed=7, clock=CLOCK, item="single/0")
    for number in range(7):
        await session.call(b.call(event_id=f"e{number}", seats=number))
    *_, last = model.requests
    kept = [json.loads(one)["arguments"]["event_id"] for one in told(last) if "arguments" in one]
    assert kept == ["e2", "e3", "e4", "e5", "e6"]
    assert sum(map(len, told(last)[:-1])) <= MEMORY_CHARACTERS
    assert (
        "The first 2 of the 6 exchanges of this session are no longer shown." in last.messages[0]["content"]
    )
    assert "no longer shown" not in model.requests[3].messages[0]["content"]


async def test_an_answer_that_is_larger_than_is_shown_is_remembered_as_it_was_shown():
    model = Scripted(lambda request: reply({"status": 200, "body": {"price": 1, "notes": ["n" * 99] * 999}}))
    session = SimulatedToolbox(model).open([TOOL], toolkit="museum", seed=7, clock=CLOCK, item="single/0")
    shown = await session.call(GOOD)
    await session.call(GOOD)
    assert shown.cut
    assert json.loads(told(model.requests[1])[1])["body"] == json.loads(shown.content)["result"]


async def test_a_reply_that_is_no_json_is_refused_after_a_second_try():
    session, _ = opened(say("hello"), say("hello again"))
    with pytest.raises(ReplyError):
        await session.call(GOOD)


@pytest.mark.parametrize(
    ("call", "status", "words"),
    [
        (b.call("get_evnt", event_id="e1", seats=2), 404, "no tool named get_evnt"),
        (ToolCall(id="c", name="get_event", arguments="{"), 400, "not valid JSON"),
        (ToolCall(id="c", name="get_event", arguments="[]"), 400, "one JSON object"),
        (b.call(event_id="e1", seats=2, color="red"), 400, "Unknown parameters: color"),
        (b.call(event_id="e1"), 400, "seats"),
        (b.call(event_id="e1", seats="two"), 400, "seats"),
    ],
)
async def test_a_call_that_cannot_run_is_answered_without_a_model(call, status, words):
    session, model = opened()
    observation = await session.call(call)
    assert observation.status == status
    assert words in error_of(observation)
    assert model.requests == []
