"""Every shape in which a model may wrap a reply, for every purpose that asks for JSON: read, or asked for once more."""

import json

import builders as b
import pytest
from made import demo
from test_episodes import MUSEUM, given

from callwright.errors import ReplyError
from callwright.generators.base import Slot
from callwright.generators.toolalpaca.episodes import Episodes
from callwright.generators.toolalpaca.instructions import Instructions
from callwright.llm.base import Sampling
from callwright.llm.scripted import Scripted, say
from callwright.toolbox.simulated import SimulatedToolbox


async def instruction(model):
    slot = Slot(method="toolalpaca", kind="clarification", attempt=0, seed=7)
    task = await Instructions(model, demo().toolkits, Sampling()).task(slot)
    return {"request": task.instruction, "details": task.hidden["details"]}


async def user(model):
    task = given(kind="clarification", hidden={"details": "on Friday"})
    episodes = Episodes(model, SimulatedToolbox(model), [MUSEUM], Sampling(), 5)
    row = await episodes.trajectory(task, "clarification/0")
    return {"asked": True, "reply": row.messages[3].content}


async def server(model):
    toolbox = SimulatedToolbox(model)
    session = toolbox.open([b.tool()], toolkit="museum", seed=7, clock=given().clock, item="single/0")
    observation = await session.call(b.call(event_id="e1"))
    return {"status": observation.status, "body": json.loads(observation.content)}


# Purpose -> who asks and says what they understood, and a reply that is right; braces and quotes stand in its texts.
PURPOSES = {
    "toolalpaca.instruction": (instruction, {"request": 'Is "Maps {II}" on?', "details": "on [May] 2"}),
    "toolalpaca.user": (user, {"asked": True, "reply": 'The one called "{Tides}", please.'}),
    "toolbox.server": (server, {"status": 200, "body": {"halls": [{"name": "a } b", "open": [9, 17]}]}}),
}

READ = {
    "plain": "{}",
    "spaced": "\n  {}\n\n",
    "fenced": "```json\n{}\n```",
    "fenced, no language": "```\n{}\n```",
    "prefixed": "Sure! Here is the JSON that you asked for:\n\n{}",
    "text after": "{}\n\nI hope that this helps. [end]",
    "thought before": "<think>What about {x: 1}?</think>{}",
    "all of it": "Of course:\n```json\n{}\n```\nLet me know!",
}


def line_for(purpose, *lines):
    """A model that replies to one purpose in turn, and to the assistant's with a question at first."""
    waiting, turns = iter(lines), iter([say("Which day?"), say("It is closed.")])
    return Scripted(lambda request: next(waiting) if request.purpose == purpose else next(turns))


def asked(model, purpose):
    return [request for request in model.requests if request.purpose == purpose]


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("shape", READ)
async def test_a_wrapped_reply_is_read_at_once(purpose, shape):
    ask, value = PURPOSES[purpose]
    wrapped = READ[shape].replace("{}", json.dumps(value, indent=1 if shape == "fenced" else None))
    model = line_for(purpose, say(wrapped))
    assert await ask(model) == value
    assert len(asked(model, purpose)) == 1


def truncated(value):
    return say(json.dumps(value)[:-3])


def cut_off(value):
    return say(json.dumps(value)[:-3], finish_reason="length")


def wrong_type(value):
    return say(json.dumps([value]))


def wrong_leaf(value):
    return say(json.dumps(dict.fromkeys(value, {"n": 1})))


def extra_key(value):
    return say(json.dumps(value | {"explanation": "because"}))


def missing_key(value):
    return say(json.dumps(dict(list(value.items())[1:])))


def python(value):
    return say(repr(value))


def prose(value):
    return say("I would rather not.")


def empty(value):
    return say("")


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize(
    "broken",
    [truncated, cut_off, wrong_type, wrong_leaf, extra_key, missing_key, python, prose, empty],
    ids=lambda value: value.__name__,
)
async def test_a_broken_reply_is_asked_for_once_more_and_then_refused(purpose, broken):
    ask, value = PURPOSES[purpose]
    model = line_for(purpose, broken(value), say(json.dumps(value)))
    assert await ask(model) == value
    first, second = asked(model, purpose)
    assert second.messages[: len(first.messages)] == first.messages
    assert "Your answer cannot be used" in second.messages[-1]["content"]
    with pytest.raises(ReplyError) as caught:
        await ask(line_for(purpose, broken(value), broken(value)))
    assert caught.value.code in ("unparsable_reply", "reply_schema", "truncated_reply")
