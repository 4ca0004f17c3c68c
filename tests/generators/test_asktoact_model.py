"""AskToAct with a language model in the teacher's seat: what it is asked, and what of its answers is refused."""

from __future__ import annotations

from typing import Any

import pytest
from builders import call, task, tool, toolkit
from dialogues import Blocks
from test_asktoact import conversation_of
from test_prompts import check

from callwright.generators.asktoact.explore import Clarifications
from callwright.generators.base import Explored
from callwright.llm.base import Request, Sampling
from callwright.llm.scripted import Scripted, reply
from callwright.schemas.recipe import AskToAct

TEXT = {"type": "string"}
BOOK = tool(
    "book_trip",
    "Book a trip.",
    city={**TEXT, "description": "Where to."},
    day={**TEXT, "format": "date", "description": "The first day."},
    traveller={**TEXT, "description": "Full name of the traveller."},
)
REQUEST = "Please book Ada Weber a trip to Lima on March 14."
ROW = conversation_of(
    task(REQUEST, tools=[BOOK], toolkit="museum"),
    call("book_trip", city="Lima", day="2026-03-14", traveller="Ada Weber"),
)
SLIPS = {
    "redundant": ("Who is going?", "You have told me that: it is Ada Weber."),
    "irrelevant": ("Do you collect stamps?", "That has nothing to do with it."),
    "missed": ("I have all that I need and go ahead.", "No, the destination is still unknown."),
    "misread": ("So it is Cusco.", "No, you wrote Lima."),
    "confirmed": ("Let me check that.", "It is as you said."),
}


def good(request: Request) -> Any:
    """A model that does its work well."""
    match request.purpose:
        case "asktoact.importance":
            return reply({"i1": 5, "i2": 2, "i3": 2})
        case "asktoact.rewrite":
            return reply({"request": "Please book Ada Weber a trip on March 14."})
        case "asktoact.question":
            return reply({"question": "Where would you like to go?"})
        case "asktoact.user":
            told = request.messages[1]["content"]
            return reply(
                {"message": "Why do you ask?" if "Do not answer yet" in told else "To Lima, please."}
            )
        case "asktoact.slip":
            told = request.messages[1]["content"]
            kind = next(kind for kind, start in OPENINGS.items() if start in told)
            return reply(dict(zip(("mistake", "correction"), SLIPS[kind], strict=True)))
        case _:
            return reply({"turns": [["i1"]]})


OPENINGS = {
    "redundant": "you ask for something that the person has told you",
    "irrelevant": "you ask for something that none of the tools",
    "missed": "you believe that you have all",
    "misread": "you take the person's last answer",
    "confirmed": "there is none this time",
}


async def made(answer: Any = good, judge: Any = good, **chosen: Any) -> tuple[Explored, Scripted, Scripted]:
    model, reviewer = Scripted(answer), Scripted(judge)
    settings = {
        "from": "a@1",
        "error_share": 0.0,
        "confirm_share": 0.0,
        "control_share": 0.0,
        "styles": ["terse"],
    }
    method = Clarifications(
        model,
        reviewer,
        Blocks([ROW]),
        [toolkit(BOOK)],
        AskToAct.model_validate(settings | chosen),
        7,
        synonyms={},
        sampling=Sampling(),
    )
    [one] = await method.explore("00000")
    return one, model, reviewer


def only(kind: str) -> dict[str, Any]:
    return {"confirm_share": 1.0} if kind == "confirmed" else {"error_share": 1.0}


def instead(purpose: str, **value: Any) -> Any:
    return lambda request: reply(value) if request.purpose == purpose else good(request)


async def test_a_dialogue_by_a_model_and_every_prompt_of_it():
    one, model, reviewer = await made()
    assert (one.code, one.part) == ("", "clean")
    assert one.trajectory is not None
    assert [each.content for each in one.trajectory.messages[1:4]] == [
        "Please book Ada Weber a trip on March 14.",
        "Where would you like to go?",
        "To Lima, please.",
    ]
    asked = {
        request.purpose.removeprefix("asktoact."): request
        for request in (*model.requests, *reviewer.requests)
    }
    assert list(asked) == ["importance", "rewrite", "question", "user", "review"]
    for name, request in asked.items():
        check(f"asktoact-{name}", request)
    assert all(not request.variables for request in model.requests)


@pytest.mark.parametrize("kind", SLIPS)
async def test_the_prompt_for_a_slip(kind: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Clarifications, "_fits", lambda self, part, *given: part == kind)
    monkeypatch.setattr(Clarifications, "_wrong", lambda self, row, found: {"i1": "Cusco"})
    one, model, _ = await made(**only(kind))
    assert (one.code, one.part) == ("", kind)
    slip = next(request for request in model.requests if request.purpose == "asktoact.slip")
    check(f"asktoact-slip-{kind}", slip)
    assert one.trajectory is not None
    [message] = [each for each in one.trajectory.turns() if each.spans]
    assert [message.content[each.start : each.end] for each in message.spans] == list(SLIPS[kind])


async def test_who_puts_off_is_asked_again():
    one, model, _ = await made(styles=["evasive"], judge=instead("asktoact.review", turns=[["i1"], ["i1"]]))
    assert one.code == ""
    again = [each for each in model.requests if each.purpose == "asktoact.question"][1]
    assert "Ask once more" in again.messages[1]["content"]


@pytest.mark.parametrize(
    ("purpose", "value", "code"),
    [
        ("asktoact.importance", {"i1": 1, "i2": 2, "i3": 1}, "nothing_matters"),
        ("asktoact.rewrite", {"request": "Book Ada Weber a trip to LIMA on March 14."}, "value_left"),
        ("asktoact.rewrite", {"request": "Please book a trip on March 14."}, "value_lost"),
        ("asktoact.rewrite", {"request": "Please book Ada Weber a trip on March 14 to Peru."}, "fact_added"),
        ("asktoact.rewrite", {"request": "Book Ada Weber a trip on March 14 for 3 nights."}, "fact_added"),
        ("asktoact.question", {"question": "Tell me where to."}, "no_question"),
        ("asktoact.question", {"question": "Is it Lima?"}, "value_told"),
        ("asktoact.question", {"question": "Do you mean Cusco?"}, "fact_added"),
        ("asktoact.user", {"message": "Somewhere warm."}, "value_lost"),
        ("asktoact.user", {"message": "To Lima with Bob Stone."}, "fact_added"),
    ],
)
async def test_what_a_model_gets_wrong_is_dropped_with_its_reason(
    purpose: str, value: dict[str, Any], code: str
):
    one, _, _ = await made(instead(purpose, **value))
    assert (one.gate, one.code) == ("masking", code)


async def test_an_evasive_user_who_tells_is_dropped():
    one, _, _ = await made(instead("asktoact.user", message="Lima, but why?"), styles=["evasive"])
    assert one.code == "value_told"


@pytest.mark.parametrize("turns", [[["v1"]], [["i1", "other"]], [[]]])
async def test_a_question_that_a_judge_reads_otherwise_drops_the_row(turns: list[list[str]]):
    one, _, _ = await made(judge=instead("asktoact.review", turns=turns))
    assert (one.gate, one.code) == ("review", "wrong_question") or turns == [["v1"]]
    assert one.code in ("wrong_question", "reply_schema")


async def test_one_question_to_the_judge_for_a_dialogue():
    _, _, reviewer = await made()
    assert len(reviewer.requests) == 1
