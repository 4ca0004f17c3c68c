import builders as b
import pytest
from made import codes

from callwright.judges.hygiene import Hygiene
from callwright.schemas.message import (
    AssistantMessage,
    Observation,
    SystemMessage,
    ToolMessage,
    UserMessage,
)

SYSTEM = SystemMessage(content="You are an assistant. Today is Tuesday, March 10, 2026.")
USER = UserMessage(content="Show me event e1.")
ANSWER = AssistantMessage(content="It costs $5.")


def step(number=1, event="e1", body="{}", **fields):
    call = b.call(id=f"c{number}", event_id=event)
    observation = Observation(content=body, **fields)
    return AssistantMessage(tool_calls=(call,)), ToolMessage(
        tool_call_id=call.id, name=call.name, observation=observation
    )


def ruled(*messages, stopped="answered"):
    row = b.trajectory(messages=messages).model_copy(update={"stopped": stopped})
    return codes([Hygiene(max_calls=3)], row)


@pytest.mark.parametrize(
    "middle",
    [
        step(),
        (*step(1), *step(2, "e2")),
        (AssistantMessage(content="Which event?"), UserMessage(content="e1"), *step()),
        (*step(1, body='{"status": "waiting"}'), *step(2, body='{"status": "ready"}')),
        (*step(1, "e9", '{"error": "No such event."}', status=404), *step(2)),
    ],
)
def test_a_clean_conversation_passes(middle):
    assert ruled(SYSTEM, USER, *middle, ANSWER) == []


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ((USER, *step(), ANSWER), "wrong_order"),
        ((SYSTEM, ANSWER, USER, ANSWER), "wrong_order"),
        ((SYSTEM, USER, USER, ANSWER), "wrong_order"),
        ((SYSTEM, USER, ANSWER, ANSWER), "wrong_order"),
        ((SYSTEM, USER, SYSTEM, ANSWER), "wrong_order"),
        ((SYSTEM, USER, AssistantMessage(content=" "), UserMessage(content="Hm?"), ANSWER), "void_turn"),
        ((SYSTEM, UserMessage(content=""), ANSWER), "void_turn"),
        ((SYSTEM, USER, *step()), "truncated_end"),
        ((SYSTEM, USER, *step(), AssistantMessage(content="It costs the")), "truncated_end"),
        ((SYSTEM, USER, *step(), AssistantMessage(content="It costs $5,")), "truncated_end"),
        ((SYSTEM, USER, *step(body="{}", status=500), ANSWER), "ends_in_error"),
        ((SYSTEM, USER, *step(1), *step(2), ANSWER), "repeated_call"),
        ((SYSTEM, USER, *(m for n in range(4) for m in step(n, f"e{n}")), ANSWER), "too_many_steps"),
        ((SYSTEM, USER, *step(), AssistantMessage(content="Lorem ipsum dolor.")), "fallback_text"),
        ((SYSTEM, USER, *step(), AssistantMessage(content="Dear [your name], done.")), "fallback_text"),
        ((SYSTEM, USER, *step(), AssistantMessage(content="TODO: answer.")), "fallback_text"),
        ((SYSTEM, USER, *step(), AssistantMessage(content="As an AI model, I can't.")), "fallback_text"),
        ((SYSTEM, USER, *step(), AssistantMessage(content="The price is NaN.")), "fallback_text"),
        ((SYSTEM, UserMessage(content="Hello {{name}}."), ANSWER), "fallback_text"),
        ((SYSTEM, USER, *step(), AssistantMessage(content="<tool_call>{}</tool_call>")), "raw_call_text"),
        ((SYSTEM, USER, *step(), AssistantMessage(content="[TOOL_CALLS] get")), "raw_call_text"),
        ((SYSTEM, USER, *step(), AssistantMessage(content="I will look again. " * 4)), "looping_text"),
    ],
)
def test_each_fault_of_hygiene_has_its_code(messages, code):
    assert code in ruled(*messages)


@pytest.mark.parametrize(
    ("stopped", "code"),
    [("step_limit", "too_many_steps"), ("loop", "looping_calls"), ("length", "truncated_end")],
)
def test_a_conversation_that_was_stopped_is_dropped_for_what_stopped_it(stopped, code):
    assert ruled(SYSTEM, USER, *step(), ANSWER, stopped=stopped) == [code]


QUESTION = AssistantMessage(content="Which event?")


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ((ANSWER,), "never_called"),
        ((QUESTION,), "only_asked"),
        ((QUESTION, UserMessage(content="e1"), ANSWER), "only_asked"),
    ],
)
def test_a_conversation_without_a_call_is_dropped_where_calls_were_wanted(messages, code):
    assert ruled(SYSTEM, USER, *messages) == [code]


def test_a_conversation_without_a_call_is_right_where_none_was_wanted():
    row = b.trajectory(b.task(kind="no_call"), messages=(SYSTEM, USER, ANSWER))
    assert codes([Hygiene()], row) == []


def test_as_many_steps_as_are_allowed_are_kept():
    steps = [message for number in range(5) for message in step(number, f"e{number}")]
    row = b.trajectory(messages=(SYSTEM, USER, *steps, ANSWER))
    assert codes([Hygiene(max_calls=5)], row) == []
    assert codes([Hygiene(max_calls=4)], row) == ["too_many_steps"]


@pytest.mark.parametrize(
    "text",
    [
        "Put milk on my todo list.",
        "Is my nan allowed in for free?",
        "The names in the list [of guests] are right.",
        "It is an undefinable feeling.",
        "Use the function keys, then press the <Enter> key.",
        "Ha ha ha ha, that was fun!",
    ],
)
def test_harmless_words_are_no_fallback(text):
    assert ruled(SYSTEM, UserMessage(content=text), *step(), ANSWER) == []


def test_arguments_in_another_order_are_the_same_call():
    tool = ("search", "c1"), ("search", "c2")
    first = b.call(*tool[0], a=1, b=2)
    second = b.call(*tool[1], b=2, a=1)
    messages = [SYSTEM, USER]
    for call in (first, second):
        messages += [
            AssistantMessage(tool_calls=(call,)),
            ToolMessage(tool_call_id=call.id, name=call.name, observation=Observation(content="{}")),
        ]
    assert ruled(*messages, ANSWER) == ["repeated_call"]
