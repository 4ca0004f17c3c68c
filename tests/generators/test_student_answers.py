import builders as b
import pytest

from callwright.errors import ReplyError
from callwright.generators.looptool.answers import asks, failure_of, is_right, prediction_of
from callwright.generators.looptool.decisions import decisions
from callwright.llm.base import Completion
from callwright.llm.scripted import call, say
from callwright.schemas.message import AssistantMessage, UserMessage
from callwright.values.thoughts import spoken

TOOLS = (b.tool("get_event"), b.tool("buy_ticket", event_id={"type": "string"}, kind={"type": "string"}))
GET, OTHER = b.call(event_id="e1"), b.call(event_id="e2")
BUY = b.call("buy_ticket", "call_2", event_id="e1", kind="general")


def at(*label, content=""):
    """The decision of a row whose first turn makes these calls, or says this."""
    given = b.task(tools=TOOLS)
    if label:
        return next(decisions(b.trajectory(given, label)))
    said = (UserMessage(content=given.instruction), AssistantMessage(content=content))
    return next(decisions(b.trajectory(given, messages=said)))


def asking():
    """A decision where the label asks and the user answers."""
    messages = (
        UserMessage(content="Buy a ticket."),
        AssistantMessage(content="Which event is it?"),
        UserMessage(content="Event e1."),
        *b.conversation("", [GET])[1:],
    )
    first = next(decisions(b.trajectory(b.task(tools=TOOLS), messages=messages)))
    assert first.asks
    return first


ABSTAINS = at(content="Nothing here can do that.")


def made(*calls):
    return prediction_of(Completion(tool_calls=calls, finish_reason="tool_calls"))


def said(text):
    return prediction_of(say(text))


# What an answer is


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (call("get_event", {"event_id": "e1"}), "calls"),
        (call("no_such_tool", {}), "calls"),
        (call("get_event", {}).model_copy(update={"text": "One moment."}), "calls"),
        (say("Which event?"), "words"),
        (say("<think>They did not say which.</think>\n\nWhich event?"), "words"),
        (say("They did not say which.</think>Which event?"), "words"),
        (say(""), "unparsable"),
        (say(" \n"), "unparsable"),
        (say("<think>They did not say which."), "unparsable"),
        (say("<think>Nothing to say.</think>"), "unparsable"),
        (say("I cannot", finish_reason="content_filter"), "unparsable"),
        (call("get_event", "{"), "unparsable"),
        (call("get_event", ""), "unparsable"),
        (call("get_event", '["e1"]'), "unparsable"),
        (call("get_event", '{"event_id": "e1", "event_id": "e2"}'), "unparsable"),
        (call("get_event", '{"event_id": NaN}'), "unparsable"),
        (call("get_event", '{"event_id": "e1"} and more'), "unparsable"),
        (ReplyError("raw_call_text", "a call as text"), "unparsable"),
        (ReplyError("malformed_reply", "half a character"), "unparsable"),
        (say("The event is", finish_reason="length"), "truncated"),
        (say("", finish_reason="length"), "truncated"),
        (call("get_event", "{}").model_copy(update={"finish_reason": "length"}), "truncated"),
        (ReplyError("context_overflow", "9000 tokens"), "refused"),
        (ReplyError("request_refused", "HTTP 400"), "refused"),
    ],
)
def test_what_an_answer_is(answer, outcome):
    assert prediction_of(answer).outcome == outcome


def test_one_broken_call_makes_an_answer_unreadable():
    assert made(GET, BUY.model_copy(update={"arguments": "{"})).outcome == "unparsable"


def test_an_answer_is_kept_as_it_came():
    answer = say("<think>Hm.</think>Which?", logprobs=(-0.1, -0.2), key="k1")
    kept = prediction_of(answer)
    assert (kept.text, kept.logprobs, kept.key) == (answer.text, answer.logprobs, "k1")
    assert "9000 tokens" in prediction_of(ReplyError("context_overflow", "9000 tokens")).text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Which?", "Which?"),
        ("<think>a</think> Which?", "Which?"),
        ("a\n</think>\n\nWhich?", "Which?"),
        ("<think>a</think>b</think>c", "c"),
        ("I see. <think>Really?", "I see."),
    ],
)
def test_thoughts_are_not_said(text, words):
    assert spoken(text) == words


def test_a_question_in_a_thought_is_none():
    assert asks("Which day?") and asks("どの日ですか？") and asks("Let me see. Which? Thanks.")
    assert not asks("<think>Which day?</think>Done.")
    assert not asks("Tell me more.")


@pytest.mark.parametrize(
    "offer",
    [
        "I can't do that. Is there anything else I can do for you?",
        "Done. Anything else you need?",
        "No tool does that.\nHow else can I help?",
        "Something else that I could look up?",
    ],
)
def test_an_offer_is_no_question(offer):
    assert not asks(offer)
    assert asks(f"Which event is it? {offer}")
    assert asks("Should anything else be in the note?")


# Whether it is right


def test_calls_are_right_in_any_order_with_or_without_words():
    decision = at(GET, BUY)
    assert is_right(decision, made(GET, BUY)) and is_right(decision, made(BUY, GET))
    spoken_too = Completion(text="One moment.", tool_calls=(GET, BUY))
    assert is_right(decision, prediction_of(spoken_too))


@pytest.mark.parametrize(
    "answer", [made(GET), made(GET, BUY, BUY), made(OTHER, BUY), said("Done."), said("Which?"), said("")]
)
def test_other_calls_and_words_are_wrong_where_calls_are_right(answer):
    assert not is_right(at(GET, BUY), answer)


def test_calls_that_were_cut_off_are_wrong():
    cut = Completion(tool_calls=(GET,), finish_reason="length")
    assert not is_right(at(GET), prediction_of(cut))


def test_a_question_is_right_where_the_label_asks():
    assert is_right(asking(), said("What is the event called?"))
    for answer in (said("I cannot do that."), made(GET), said(""), said("<think>Which?</think>Done.")):
        assert not is_right(asking(), answer)


def test_words_are_right_where_the_label_says_that_nothing_fits():
    assert is_right(ABSTAINS, said("I have no tool for that.")) and is_right(ABSTAINS, said("Anything else?"))
    assert not is_right(ABSTAINS, made(GET)) and not is_right(ABSTAINS, said(" "))


# How it is wrong


@pytest.mark.parametrize(
    ("decision", "answer", "failure"),
    [
        (at(GET), made(OTHER), "wrong_call"),
        (at(GET), made(BUY), "wrong_call"),
        (at(GET), made(b.call("no_such_tool")), "wrong_call"),
        (at(GET, BUY), made(OTHER), "wrong_call"),
        (at(GET), made(OTHER, BUY), "wrong_call"),
        (at(GET, BUY), made(BUY), "missing_call"),
        (at(GET, GET), made(GET), "missing_call"),
        (at(GET), made(GET, BUY), "extra_call"),
        (at(GET), made(GET, GET), "extra_call"),
        (at(GET, BUY), made(BUY, OTHER, GET), "extra_call"),
        (asking(), made(GET), "missed_question"),
        (asking(), said("Done."), "missed_question"),
        (ABSTAINS, made(GET), "over_calling"),
        (at(GET), said("I cannot do that."), "wrong_abstention"),
        (at(GET), said("Which event?"), "wrong_abstention"),
        (at(GET), said(""), "unusable"),
        (ABSTAINS, said(""), "unusable"),
        (asking(), prediction_of(say("Which", finish_reason="length")), "unusable"),
        (at(GET), prediction_of(ReplyError("raw_call_text", "a call as text")), "unusable"),
        (at(GET), prediction_of(ReplyError("context_overflow", "too long")), "unusable"),
    ],
)
def test_how_an_answer_is_wrong(decision, answer, failure):
    assert failure_of(decision, answer) == failure


@pytest.mark.parametrize(
    ("decision", "answer"), [(at(GET), made(GET)), (asking(), said("Which?")), (ABSTAINS, said("No."))]
)
def test_a_right_answer_has_no_failure(decision, answer):
    with pytest.raises(ValueError, match="is right"):
        failure_of(decision, answer)
