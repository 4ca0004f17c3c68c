"""Mending before judging: each rule with what it mends, and what looks like it and stays as it is."""

import builders as b
import loopback as lb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import codes, demo_rows
from teacher import museum_teacher, purpose
from workshops import museum

from callwright.engine.build import build
from callwright.judges.hygiene import Hygiene
from callwright.judges.normaliser import normalise
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
LOOP = "I will look again. " * 4


def step(number=1, event="e1", body="{}", content="", **fields):
    call = b.call(id=f"c{number}", event_id=event)
    observation = Observation(content=body, **fields)
    return AssistantMessage(content=content, tool_calls=(call,)), ToolMessage(
        tool_call_id=call.id, name=call.name, observation=observation
    )


def row(*messages):
    return b.trajectory(messages=(SYSTEM, USER, *messages))


def mends_of(*messages):
    """What was mended: (code, action, step) of each."""
    _, mends = normalise(row(*messages))
    return [(mend.code, mend.action, mend.step) for mend in mends]


ASKED = (AssistantMessage(content="Which event?"), UserMessage(content="e1"))


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        # unanswered_user
        ((*step(), ANSWER, UserMessage(content="Thanks!")), [("unanswered_user", "trim", 5)]),
        ((ANSWER, UserMessage(content="Thanks!")), [("unanswered_user", "trim", 3)]),
        ((*step(), UserMessage(content="Well?")), []),
        ((*ASKED, *step(), ANSWER), []),
        # padding
        ((*step(), AssistantMessage(content=" It costs $5.\n")), [("padding", "trim", 4)]),
        ((*step(), AssistantMessage(content="One.\n \n\n\nTwo.")), [("padding", "trim", 4)]),
        ((*step(), AssistantMessage(content="One.\n\nTwo.\nThree.")), []),
        ((*step(body=' {"note": "\\n\\n\\n"} '), ANSWER), []),
        # leaked_reasoning
        ((AssistantMessage(content="<think>Easy.</think>It costs $5."),), [("leaked_reasoning", "trim", 2)]),
        ((*step(content="<think>Look\nfirst.</think>"), ANSWER), [("leaked_reasoning", "trim", 2)]),
        ((AssistantMessage(content="<think>It costs $5."),), []),
        ((AssistantMessage(content="I think it costs $5."),), []),
        # repeated_call
        ((*step(1), *step(2), ANSWER), [("repeated_call", "zero_mask", 4)]),
        (
            (*step(1), *step(2), *step(3), ANSWER),
            [("repeated_call", "zero_mask", 4), ("repeated_call", "zero_mask", 6)],
        ),
        ((*step(1, body='{"status": "waiting"}'), *step(2, body='{"status": "ready"}'), ANSWER), []),
        ((*step(1), *step(2, "e2"), ANSWER), []),
        # looping_text
        ((*step(content=LOOP), ANSWER), [("padding", "trim", 2), ("looping_text", "zero_mask", 2)]),
        ((*step(), AssistantMessage(content=LOOP.strip() + " Done.")), []),
        ((UserMessage(content=LOOP.strip() + " Please."), ANSWER), []),
        ((*step(content="I will look again. I will look again."), ANSWER), []),
    ],
)
def test_each_rule_mends_its_own_fault_and_nothing_that_looks_like_it(messages, expected):
    assert mends_of(*messages) == expected


@pytest.mark.parametrize(
    "messages",
    [
        (*step(), ANSWER, UserMessage(content="Thanks!")),
        (*step(), AssistantMessage(content=" It costs $5.\n\n\n\n")),
        (*step(1), *step(2), ANSWER),
        (*step(content=LOOP.strip() + " Now."), ANSWER),
    ],
)
def test_what_failed_passes_once_it_is_mended(messages):
    found, _ = normalise(row(*messages))
    assert codes([Hygiene(max_calls=3)], found) == []


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ((*step(1), *step(2), ANSWER), "repeated_call"),
        ((*step(content=LOOP + "Now."), ANSWER), "looping_text"),
        ((ANSWER, UserMessage(content="Thanks!")), "truncated_end"),
    ],
)
def test_what_is_mended_was_a_fault_before(messages, code):
    assert code in codes([Hygiene(max_calls=3)], row(*messages))


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ((*step(), AssistantMessage(content=LOOP + "Done.")), "looping_text"),
        ((*step(), AssistantMessage(content="<think>It costs $5.")), "leaked_reasoning"),
        ((*step(), AssistantMessage(content="Easy.</think>It costs $5.")), "leaked_reasoning"),
        ((*step(), AssistantMessage(content="Die Tür kostet Пять.")), "mixed_script"),
        ((*step(), UserMessage(content="Well?")), "truncated_end"),
        ((*step(status=500), ANSWER), "ends_in_error"),
    ],
)
def test_what_no_rule_can_mend_still_drops_the_row(messages, code):
    found, _ = normalise(row(*messages))
    assert code in codes([Hygiene()], found)


def test_a_script_that_the_user_writes_is_no_mixture():
    answer = AssistantMessage(content="Событие стоит 5 долларов.")
    spoken = b.trajectory(messages=(SYSTEM, UserMessage(content="Покажи e1."), *step(), answer))
    seen = row(*step(body='{"name": "Ночь ламп"}'), AssistantMessage(content="It is Ночь ламп."))
    assert normalise(spoken) == (spoken, ())
    assert normalise(seen) == (seen, ())
    assert codes([Hygiene()], spoken) == codes([Hygiene()], seen) == []


def test_what_was_thought_becomes_the_turns_reasoning():
    turn = AssistantMessage(
        content="<think> First. </think>\n\nIt <think>Second.</think>costs $5.", reasoning="Old."
    )
    found, _ = normalise(row(turn))
    assert found.messages[-1] == AssistantMessage(content="It costs $5.", reasoning="Old.\nFirst.\nSecond.")


def test_a_masked_turn_keeps_its_words_and_weighs_nothing():
    found, _ = normalise(row(*step(1), *step(2), ANSWER))
    masked = found.messages[4]
    assert masked == step(2)[0].model_copy(update={"train": False, "weight": 0.0})
    assert [turn.train for turn in found.turns()] == [True, False, True]


def test_a_masked_turn_is_still_judged_for_what_it_says():
    turn, result = step(content=LOOP + "[your name]")
    found, mends = normalise(row(turn, result, ANSWER))
    assert [mend.code for mend in mends] == ["looping_text"]
    assert codes([Hygiene()], found) == ["fallback_text"]


def test_tools_and_system_messages_stay_letter_by_letter():
    system = SystemMessage(content="  Be kind.\n\n\n\nAlways. ")
    turn, result = step(body='  {"a": "<think>no</think>"}  ')
    given_row = b.trajectory(messages=(system, USER, turn, result, ANSWER))
    assert normalise(given_row) == (given_row, ())


def test_what_the_teacher_makes_is_clean_already():
    for made in demo_rows(20):
        assert normalise(made) == (made, ())


async def test_what_was_mended_is_counted_in_the_version(tmp_path):
    def thinking_aloud(body):
        answer = museum_teacher(body)
        words = answer["choices"][0]["message"].get("content")
        return (
            lb.text_reply(f"<think>Let me see.</think> {words}")
            if purpose(body) == "assistant" and words
            else answer
        )

    async with lb.Loopback(thinking_aloud) as server:
        built = await build(museum(server.base_url, size=10), tmp_path)
    mended = built.version.statistics.mended
    assert set(mended) == {"trim leaked_reasoning", "trim padding"}
    assert mended["trim leaked_reasoning"] == mended["trim padding"] >= 10


async def test_a_version_of_clean_rows_says_that_nothing_was_mended(tmp_path):
    async with lb.Loopback(museum_teacher) as server:
        built = await build(museum(server.base_url, size=10), tmp_path)
    assert built.version.statistics.mended == {}


WORDS = st.sampled_from(
    [
        "It costs $5.",
        " padded ",
        "a\n\n\n\nb",
        "<think>x</think>",
        "<think>y",
        LOOP,
        "",
        "Событие",
        "done,",
        "</think>",
    ]
)
TURNS = st.one_of(
    WORDS.map(lambda text: (UserMessage(content=text),)),
    WORDS.map(lambda text: (AssistantMessage(content=text),)),
    st.builds(
        lambda n, event, body, text: step(n, event, body, text),
        st.integers(1, 9),
        st.sampled_from(["e1", "e2"]),
        st.sampled_from(["{}", '{"a": 1}']),
        WORDS,
    ),
)


@given(st.lists(TURNS, max_size=8))
def test_normalising_twice_is_normalising_once(turns):
    once, mends = normalise(row(*(message for turn in turns for message in turn)))
    assert normalise(once) == (once, ())
    assert bool(mends) == (once.messages != (SYSTEM, USER, *(m for turn in turns for m in turn)))


@given(st.lists(TURNS, max_size=8))
def test_mending_never_brings_a_fault(turns):
    before = row(*(message for turn in turns for message in turn))
    assert set(codes([Hygiene()], normalise(before)[0])) <= set(codes([Hygiene()], before)) | {"void_turn"}
