import json

import builders as b
import pytest
from made import verdicts

from callwright.judges.equality import Equality
from callwright.schemas.message import (
    AssistantMessage,
    Observation,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from callwright.schemas.task import IntendedCall

NUMBER, TEXT = {"type": "number"}, {"type": "string"}


def returning(tool, **properties):
    return tool.model_copy(update={"returns": {"type": "object", "properties": properties}})


CONVERT = b.tool("convert", value=NUMBER, source_unit=TEXT, target_unit=TEXT)
LISTED = b.tool("list_books", query=TEXT, limit={"type": "integer", "default": 10})
HOLD = b.tool("place_hold", book_id=TEXT, branch={"type": "string", "default": "main"})
TRIP = returning(
    b.tool("plan_trip", place=TEXT),
    duration_minutes={"type": "integer"},
    distance={"type": "number", "description": "How far it is, in km."},
    fare={"type": "number"},
    high={"type": "integer", "description": "In degrees Celsius."},
    stops={"type": "integer"},
)
TOOLS = (CONVERT, LISTED, HOLD, TRIP)
STATE = "5" * 32


def meant(name, means=False, changes=False, **arguments):
    return IntendedCall(name=name, arguments=arguments, means=means, changes=changes)


def row(answer, *calls, said="Please.", intended=None, goal=STATE, state=STATE, trust="executed"):
    """A row of (tool, arguments, body); what was meant is what was called, unless told otherwise."""
    messages = [SystemMessage(content="Today is January 5."), UserMessage(content=said)]
    for number, (name, arguments, body) in enumerate(calls):
        call = ToolCall(id=f"c{number}", name=name, arguments=json.dumps(arguments))
        status = 409 if isinstance(body, dict) and "error" in body else 200
        seen = Observation(content=json.dumps(body), trust=trust, status=status)
        messages += [
            AssistantMessage(tool_calls=(call,)),
            ToolMessage(tool_call_id=call.id, name=name, observation=seen),
        ]
    wanted = [meant(name, **arguments) for name, arguments, _ in calls] if intended is None else intended
    task = b.task(said, tools=TOOLS, intended=tuple(wanted), goal=goal)
    made = b.trajectory(task, messages=[*messages, AssistantMessage(content=answer)])
    return made.model_copy(update={"state": state})


def against(made):
    return [one.code for one in verdicts([Equality()], made) if one.outcome != "pass"]


# What was meant

HELD = ("place_hold", {"book_id": "bk-1"}, {"id": "hold-1", "status": "waiting"})
OTHER = ("place_hold", {"book_id": "bk-2"}, {"id": "hold-2", "status": "waiting"})
FOUND = ("list_books", {"query": "snow"}, [{"id": "bk-1", "title": "Embers Under Snow"}])
WANTED = [meant("list_books", means=True, query="snow"), meant("place_hold", changes=True, book_id="bk-1")]


def test_what_was_meant_was_done():
    assert against(row("Done.", FOUND, HELD, intended=WANTED)) == []


def test_another_way_to_what_is_needed_is_as_good():
    assert against(row("Done.", HELD, intended=WANTED)) == []
    other = ("list_books", {"query": "embers"}, FOUND[2])
    assert against(row("Done.", other, HELD, intended=WANTED)) == []


def test_an_argument_at_its_default_may_be_written_out():
    held = ("place_hold", {"book_id": "bk-1", "branch": "main"}, HELD[2])
    assert against(row("Done.", FOUND, held, intended=WANTED)) == []


def test_a_call_that_was_meant_and_not_made_fails():
    assert against(row("Done.", FOUND, intended=WANTED)) == ["missing_call"]
    assert against(row("Done.", intended=WANTED)) == ["missing_call"]


def test_a_call_with_another_value_is_not_the_one_that_was_meant():
    assert against(row("Done.", FOUND, OTHER, intended=WANTED)) == ["missing_call", "extra_call"]


def test_the_same_end_does_not_excuse_a_change_that_nobody_asked_for():
    assert against(row("Done.", FOUND, OTHER, HELD, intended=WANTED)) == ["extra_call"]


def test_a_change_that_is_made_twice_fails():
    again = (HELD[0], {"book_id": "BK-1", "branch": "main"}, {"id": "hold-1", "status": "ready"})
    assert against(row("Done.", FOUND, HELD, again, intended=WANTED)) == ["extra_call"]


def test_a_refused_try_is_no_change():
    refused = ("place_hold", {"book_id": "bk-2"}, {"error": "It is not lent out."})
    assert against(row("Done.", FOUND, refused, HELD, intended=WANTED)) == []


def test_another_end_state_fails():
    assert against(row("Done.", FOUND, HELD, intended=WANTED, state="6" * 32)) == ["goal_not_reached"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": None}, "unseen_state"),
        ({"goal": None}, "unseen_state"),
        ({"trust": "simulated"}, "not_computed"),
        ({"intended": []}, "no_goal"),
    ],
)
def test_what_cannot_be_compared_is_undecided(changes, code):
    made = row("Done.", FOUND, HELD, **({"intended": WANTED} | changes))
    ruled = verdicts([Equality()], made)
    assert [(one.code, one.outcome) for one in ruled] == [(code, "undecided")]


def test_a_row_that_needs_no_call_and_has_none_passes():
    assert against(row("Hello!", intended=[])) == []


def test_a_tool_that_is_not_offered_breaks_nothing():
    made = row("Done.", FOUND, HELD, intended=WANTED)
    fewer = made.task.model_copy(update={"tools": (LISTED,)})
    assert against(made.model_copy(update={"task": fewer})) == ["missing_call"]


# What came back is told

POUNDS = ("convert", {"value": 7.25, "source_unit": "pounds", "target_unit": "ounces"})
OUNCES = {"value": 7.25, "source_unit": "pounds", "result": 116.0, "result_unit": "ounces"}


@pytest.mark.parametrize(
    "answer", ["It is 116 ounces.", "7.25 pounds weigh 116 ounces.", "That's 116.", "About 116.2 ounces."]
)
def test_the_number_that_was_computed_is_told(answer):
    assert against(row(answer, (*POUNDS, OUNCES))) == []


@pytest.mark.parametrize(
    "answer", ["It is 7.25.", "Done.", "It is 118 ounces.", "7.25 pounds are 7.25 pounds."]
)
def test_a_number_that_is_not_told_fails(answer):
    assert "result_not_told" in against(row(answer, (*POUNDS, OUNCES)))


BOOKS = [
    {"id": "bk-1", "title": "Embers Under Snow", "due": "2026-03-14", "at": "15:00", "copies": 3},
    {"id": "bk-2", "title": "Snow Country", "due": "2026-03-20", "at": "16:30", "copies": 0},
    {"id": "bk-3", "title": "Winter Birds", "due": "2026-04-01", "at": "09:00", "copies": 7},
    {"id": "bk-4", "title": "Long Nights", "due": "2026-04-02", "at": "10:00", "copies": 7},
]
SEARCH = ("list_books", {"query": "snow"})


@pytest.mark.parametrize(
    ("books", "answer"),
    [
        (BOOKS, 'There is "Embers Under Snow".'),
        (BOOKS, "There are 4 of them."),
        (BOOKS, "One is due on March 14."),
        (BOOKS, "You can come at 3 pm."),
        (BOOKS, "No, but Snow Country is there."),
        (BOOKS, "Nothing by that name but Embers Under Snow, Snow Country, and 2 more."),
        (BOOKS, "I see Embers Under Snow, Snow Country, Winter Birds, and one more."),
        (BOOKS, "Done. There are Embers Under Snow, Snow Country, and two others. Winter Birds is held."),
        (BOOKS, "We have Embers Under Snow, and 3 more copies of it."),
        ([], "There are no such books."),
        ([], "I couldn't find any."),
        ([], "The search came back empty."),
        ([], "That gave 0 books."),
    ],
)
def test_an_answer_that_tells_a_list(books, answer):
    assert against(row(answer, (*SEARCH, books), said="Is there a book about snow?")) == []


@pytest.mark.parametrize(
    ("books", "answer", "code"),
    [
        (BOOKS, "I looked.", "result_not_told"),
        (BOOKS, "There are no books.", "result_not_told"),
        (BOOKS[:1], "I couldn't find any book about Embers Under Snow.", "result_denied"),
        (BOOKS, "Embers Under Snow, Snow Country, and 3 more.", "wrong_count"),
        (BOOKS, "Embers Under Snow, Snow Country, and 1 more.", "wrong_count"),
        (BOOKS, "Embers Under Snow, Snow Country, and seven more.", "wrong_count"),
        ([], "Here you are.", "result_not_told"),
        ([], "I found some.", "result_not_told"),
    ],
)
def test_an_answer_that_does_not_tell_a_list_as_it_is(books, answer, code):
    made = row(answer, (*SEARCH, books), said="Is there a book called Embers Under Snow?")
    assert against(made) == [code]


def test_a_reading_is_the_one_that_was_meant_however_it_is_written():
    read = ("list_books", {"query": "Snow", "limit": 10}, BOOKS)
    assert against(row("I looked.", read, intended=[meant("list_books", query="snow")])) == [
        "result_not_told"
    ]


def test_a_list_that_only_leads_to_something_need_not_be_told():
    assert against(row("Done.", FOUND, HELD, intended=WANTED)) == []


# Units

JOURNEY = (
    "plan_trip",
    {"place": "Oslo"},
    {"duration_minutes": 30, "distance": 12.5, "fare": 9, "high": 21, "stops": 4},
)


@pytest.mark.parametrize(
    "answer",
    [
        "It takes 30 minutes.",
        "It takes half an hour, 0.5 hours.",
        "It takes 1800 seconds.",
        "It is 12.5 km, or 7.77 miles.",
        "It is 12,500 meters.",
        "The fare is $9.",
        "It gets 21 degrees warm.",
        "It gets 21° Celsius warm, 69.8 degrees Fahrenheit.",
        "There are 4 stops in the 30-minute ride.",
        "You said 20 minutes.",
        "It is good for 4 days.",  # a number without a unit of its own may be called what it is
    ],
)
def test_a_quantity_in_its_own_unit_or_converted(answer):
    assert "unit_mismatch" not in against(row(answer, JOURNEY, said="I have 20 minutes."))


@pytest.mark.parametrize(
    "answer",
    [
        "It takes 30 hours.",
        "It takes 30 seconds.",
        "It is 12.5 miles.",
        "It is 12.5 kg.",
        "The fare is €9.",
        "The fare is £9.",
        "It gets 21 degrees Fahrenheit warm.",
        "It gets 21° Fahrenheit warm.",
        "It gets 21°F warm.",
        "You said 20 hours.",
    ],
)
def test_a_quantity_in_another_unit_fails(answer):
    assert against(row(answer, JOURNEY, said="I have 20 minutes.")) == ["unit_mismatch"]


def test_each_number_has_the_unit_that_is_named_after_it():
    given = ("convert", {"value": 5, "source_unit": "kilometers", "target_unit": "miles"})
    body = {"value": 5.0, "source_unit": "kilometers", "result": 3.11, "result_unit": "miles"}
    assert against(row("5 kilometers are 3.11 miles.", (*given, body))) == []
    assert against(row("5 miles are 3.11 miles.", (*given, body))) == ["unit_mismatch"]
    assert against(row("5 kilometers are 3.11 kilometers.", (*given, body))) == ["unit_mismatch"]


def test_money_is_in_the_currency_that_the_call_was_given():
    paid = ("plan_trip", {"place": "Oslo", "currency": "EUR"}, {"fare": 9})
    assert against(row("The fare is €9.", paid)) == []
    assert against(row("The fare is £9.", paid)) == ["unit_mismatch"]
