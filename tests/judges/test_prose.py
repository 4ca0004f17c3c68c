import datetime as dt

import builders as b
import pytest
from made import codes

from callwright.judges.prose import Prose
from callwright.schemas.message import (
    AssistantMessage,
    Observation,
    SystemMessage,
    ToolMessage,
    UserMessage,
)

BODY = (
    '{"events": [{"id": "ev-174411", "name": "Night Tour", "day": "2026-03-14", "opens": "18:30", "price": 12.5},'
    ' {"id": "ev-2", "name": "Silk Talk", "day": "2026-03-21", "opens": "09:00", "price": 30},'
    ' {"id": "ev-3", "name": "Jazz", "day": "2026-04-01", "opens": "10:00", "price": 7}],'
    ' "mail": "desk@example.org", "at": "2026-05-02T16:45:00Z"}'
)


def ruled(answer):
    call = b.call("list_events", "c1")
    messages = [
        SystemMessage(content="Today is Tuesday, March 10, 2026."),
        UserMessage(content="What is on for four people in March?"),
        AssistantMessage(tool_calls=(call,)),
        ToolMessage(tool_call_id="c1", name="list_events", observation=Observation(content=BODY)),
        AssistantMessage(content=answer),
    ]
    return codes([Prose()], b.trajectory(b.task(clock=dt.date(2026, 3, 10)), messages=messages))


@pytest.mark.parametrize(
    "answer",
    [
        "The Night Tour (ev-174411) is on March 14 at 6:30 pm for $12.50.",
        'There are 3 events. One of them is called "Jazz".',
        "I found three events: Night Tour and 2 more.",
        "All of them together cost $49.50.",
        "Today is March 10, and Silk Talk is next on Saturday, March 21st, 2026.",
        "Write to desk@example.org. For four people, this one is best, first of all.",
        "It closes on May 2 at 4:45 pm.",
        "Which day do you have in mind?",
    ],
)
def test_facts_that_were_shown_or_can_be_computed_pass(answer):
    assert ruled(answer) == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("It costs $13.", "unsupported_number"),
        ("There are five events.", "unsupported_number"),
        ("Night Tour and 8 more.", "unsupported_number"),
        ("It is on March 15.", "unsupported_date"),
        ("It is on March 14, 2027.", "unsupported_date"),
        ("It is on the day after tomorrow.", "unsupported_date"),
        ("It opens at 6 pm.", "unsupported_time"),
        ("It opens at 12:30.", "unsupported_time"),
        ("Your code is ev-174412.", "unsupported_id"),
        ("Your code is ev-17441.", "unsupported_id"),
        ("Your code is B2X.", "unsupported_id"),
        ('It is called "Day Tour".', "unsupported_name"),
        ('It is called "Night To".', "unsupported_name"),
        ("Write to office@example.org.", "unsupported_address"),
        ("See https://www.example.com/tour for more.", "unsupported_address"),
    ],
)
def test_each_fact_from_nowhere_has_its_code(answer, code):
    assert code in ruled(answer)
