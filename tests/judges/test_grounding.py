import datetime as dt

import builders as b
import pytest
from made import codes, verdicts

from callwright.judges.grounding import Grounded
from callwright.schemas.message import (
    AssistantMessage,
    Observation,
    SystemMessage,
    ToolMessage,
    UserMessage,
)

LISTED = b.tool("list", limit={"type": "integer", "default": 10}).model_copy(update={"name": "list_events"})
BOOK = b.tool(
    "book",
    eventId={"type": "string"},
    day={"type": "string"},
    seats={"type": "integer"},
    quiet={"type": "boolean"},
)
GOLD = {"eventId": "ev-17", "day": "2026-03-14", "seats": 2, "quiet": False}
SAID = "Two seats for the tour this Saturday, without a quiet room."


def row(said=SAID, shown='[{"eventId": "ev-17", "name": "Tour"}]', listing=None, answer="Done.", **changes):
    first = b.call("list_events", "c1", **(listing or {}))
    second = b.call("book", "c2", **(GOLD | changes))
    task = b.task(said, tools=[LISTED, BOOK], clock=dt.date(2026, 3, 10))
    messages = [
        SystemMessage(content="Today is Tuesday, March 10, 2026. The office is in room ev-99."),
        UserMessage(content=said),
        AssistantMessage(tool_calls=(first,)),
        ToolMessage(tool_call_id="c1", name="list_events", observation=Observation(content=shown)),
        AssistantMessage(content="I see ev-55 too.", tool_calls=(second,)),
        ToolMessage(tool_call_id="c2", name="book", observation=Observation(content='{"code": "zz-1"}')),
        AssistantMessage(content=answer),
    ]
    return b.trajectory(task, messages=messages)


def test_values_from_the_user_and_from_earlier_results_pass_with_evidence():
    (verdict,) = verdicts([Grounded()], row())
    assert verdict.outcome == "pass"
    assert [(one["path"], one["derivation"], one["source"]) for one in verdict.evidence] == [
        ("/eventId", "verbatim", 3),
        ("/day", "relative_date", 1),
        ("/seats", "number_words", 1),
        ("/quiet", "boolean_cue", 1),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"eventId": "ev-18"},
        {"eventId": "ev-1"},
        {"eventId": "ev-55"},
        {"eventId": "ev-99"},
        {"eventId": "zz-1"},
        {"day": "2026-03-15"},
        {"seats": 3},
        {"eventId": ["ev-17", "ev-18"]},
    ],
)
def test_a_value_from_nowhere_fails(changes):
    assert codes([Grounded()], row(**changes)) == ["ungrounded_argument"]


def test_the_assistants_own_words_the_system_message_and_later_results_prove_nothing():
    for identity in ("ev-55", "ev-99", "zz-1"):
        (verdict,) = verdicts([Grounded()], row(eventId=identity))
        assert (verdict.step, verdict.outcome) == (4, "fail")


@pytest.mark.parametrize("value", [True, None])
def test_a_boolean_without_a_cue_is_undecided(value):
    (verdict,) = verdicts([Grounded()], row(said=SAID.replace(", without a quiet room", ""), quiet=value))
    assert (verdict.outcome, verdict.code) == ("undecided", "no_cue")


def test_a_default_needs_no_words_and_any_other_value_does():
    assert codes([Grounded()], row(listing={"limit": 10})) == []
    assert codes([Grounded()], row(listing={"limit": 11})) == ["ungrounded_argument"]


def test_a_synonym_counts_only_where_it_is_declared():
    synonyms = {("eventId", '"ev-18"'): ("the tour",)}
    assert codes([Grounded(synonyms)], row(eventId="ev-18")) == []
    assert codes([Grounded(synonyms)], row(eventId="ev-19")) == ["ungrounded_argument"]
