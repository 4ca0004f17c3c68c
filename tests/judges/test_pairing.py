import json

import builders as b
import pytest
from made import codes

from callwright.judges.pairing import Pairing
from callwright.schemas.message import AssistantMessage, Observation, ToolMessage, UserMessage

TOOL = b.tool().model_copy(
    update={"returns": {"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]}}
)
USER = UserMessage(content="Show me event e1.")
ANSWER = AssistantMessage(content="Done.")


def asked(*ids):
    return AssistantMessage(tool_calls=tuple(b.call(id=one, event_id="e1") for one in ids))


def result(id="c1", name="get_event", body=None, **fields):
    content = body if isinstance(body, str) else json.dumps(body if body is not None else {"price": 5})
    return ToolMessage(tool_call_id=id, name=name, observation=Observation(content=content, **fields))


def ruled(*messages):
    return codes([Pairing()], b.trajectory(b.task(tools=[TOOL]), messages=[USER, *messages, ANSWER]))


@pytest.mark.parametrize(
    "messages",
    [
        (asked("c1"), result()),
        (asked("c1", "c2"), result("c2"), result("c1")),
        (asked("c1"), result(), asked("c2"), result("c2")),
        (asked("c1"), result(body={"error": "No such event."}, status=404)),
        (asked("c1"), result(body="%PDF", media_type="application/pdf")),
        (),
    ],
)
def test_paired_calls_and_documented_answers_pass(messages):
    assert ruled(*messages) == []


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ((asked("c1"),), "unpaired_call"),
        ((asked("c1", "c2"), result("c1")), "unpaired_call"),
        ((asked("c1"), ANSWER, result()), "unpaired_call"),
        ((result(),), "unpaired_result"),
        ((asked("c1"), result("c9"), result()), "unpaired_result"),
        ((asked("c1"), result(name="other")), "unpaired_result"),
        ((asked("c1"), result(), result()), "unpaired_result"),
        ((asked("c1"), result(), asked("c1"), result()), "repeated_call_id"),
        ((asked("c1"), result(body={"price": "free"})), "observation_schema"),
        ((asked("c1"), result(body={})), "observation_schema"),
        ((asked("c1"), result(body="oops")), "observation_schema"),
    ],
)
def test_each_fault_of_pairing_has_its_code(messages, code):
    assert code in ruled(*messages)


def test_a_call_at_the_very_end_is_unpaired():
    assert codes([Pairing()], b.trajectory(b.task(tools=[TOOL]), messages=[USER, asked("c1")])) == [
        "unpaired_call"
    ]
