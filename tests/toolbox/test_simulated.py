import datetime as dt
import json

import builders as b
import pytest

from callwright.errors import GenerationError, ReplyError
from callwright.llm.scripted import Scripted, reply, say
from callwright.schemas.message import ToolCall
from callwright.schemas.tool import Reply
from callwright.toolbox.simulated import SimulatedToolbox

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
        reply({"status": 200, "body": {"price": 12}}), reply({"status": 404, "body": {"error": "gone"}})
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
    session, _ = opened(reply({"status": 500, "body": {"anything": True}}))
    assert (await session.call(GOOD)).status == 500


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
