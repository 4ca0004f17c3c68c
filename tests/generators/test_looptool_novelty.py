"""What counts as a copy: of which, by what, and what does not."""

from __future__ import annotations

import builders as b
import pytest

from callwright.generators.looptool.novelty import Novelty, calls_of
from callwright.schemas.message import AssistantMessage, UserMessage
from callwright.values.words import COPY

TEXT = {"type": "string"}
BOOK = b.tool("book_trip", "Book a trip.", city=TEXT, day=TEXT)
LIST = b.tool("list_trips", "List trips.").model_copy(
    update={"parameters": {"type": "object", "properties": {"city": TEXT, "limit": {"type": "integer"}}}}
)
LONG = "Please find me a quiet place by the lake where two old friends can talk over a long lunch on Sunday"


def row(request, *calls):
    return b.trajectory(b.task(request, tools=(BOOK, LIST)), calls)


def trip(city="Lima", day="2026-03-14", **fields):
    return b.call("book_trip", city=city, day=day, **fields)


SEED = row("A trip to Lima on March 14, please.", trip())


@pytest.mark.parametrize(
    "request_",
    [
        "A trip to Lima on March 14, please.",
        "a TRIP  to lima\non march 14, please",
    ],
)
def test_a_request_that_is_spelt_almost_like_another_is_a_copy(request_):
    told = Novelty(0.9).among(row(request_, trip("Oslo")), [("its seed", SEED)])
    assert told == "the request of its seed"
    assert Novelty(0.9, [SEED]).against_protected(row(request_, trip("Oslo"))).startswith("the request of")
    assert Novelty(0.9, texts={"q7": SEED.task.instruction}).against_protected(row(request_)) == (
        "the request of the protected q7"
    )


def test_the_same_calls_are_a_copy_in_whatever_words_and_order():
    words = "My cousin has never seen the Andes; could you take care of that for the fourteenth?"
    two = row("Both, please.", trip(), trip("Oslo", id="call_2"))
    turned = row(words, trip("Oslo"), trip(id="call_2"))
    assert Novelty(0.9).among(row(words, trip()), [("variant 3", SEED)]) == "the calls of variant 3"
    assert Novelty(0.9).among(turned, [("variant 3", two)]) == "the calls of variant 3"
    assert Novelty(0.9, [two]).against_protected(turned).startswith("the calls of the protected row")


def test_other_calls_in_other_words_are_none():
    other = row(
        "My aunt wants to see the fjords on May 2. Could you arrange that?", trip("Oslo", "2026-05-02")
    )
    assert Novelty(0.9).among(other, [("its seed", SEED)]) == ""
    assert Novelty(0.9, [SEED], {"q7": LONG}).against_protected(other) == ""
    assert Novelty(0.9).against_protected(other) == ""


def test_calls_without_any_argument_tell_nothing():
    one = row("What have I booked so far?", b.call("list_trips"))
    other = row("Where am I going this year? Show me everything.", b.call("list_trips"))
    assert calls_of(one) == calls_of(other) == ()
    assert Novelty(0.9).among(other, [("its seed", one)]) == ""
    assert calls_of(row("Half of it.", trip(), b.call("list_trips"))) != ()


def test_calls_that_cannot_be_read_are_like_none():
    broken = trip().model_copy(update={"arguments": '{"city": '})
    assert calls_of(row("A trip.", broken)) == ()
    assert calls_of(row("A trip.", b.call("no_such_tool", x=1))) == ()


def test_thirteen_words_of_a_protected_text_are_too_many_wherever_they_are_said():
    words = LONG.split()
    shared = " ".join(words[2 : 2 + COPY]).upper()
    known = Novelty(0.9, texts={"q7": LONG})
    mine = f"It is about my sister and her dog. {shared} -- and we have so much else to tell you first!"
    assert known.against_protected(row(mine)) == f"{COPY} words of the protected q7"
    fewer = " ".join(words[2 : 1 + COPY])
    assert known.against_protected(row(f"It is about my sister. {fewer}, or so I was told by her.")) == ""
    later = b.trajectory(
        b.task("Something else entirely."),
        messages=(
            UserMessage(content="Something else entirely."),
            AssistantMessage(content="What?"),
            UserMessage(content=mine),
        ),
    )
    assert known.against_protected(later) == f"{COPY} words of the protected q7"


def test_what_is_alike_enough_is_the_recipes():
    near = row("A trip to Cusco on March 15, please.", trip("Cusco"))
    assert Novelty(0.5).among(near, [("its seed", SEED)]) == "the request of its seed"
    assert Novelty(0.99).among(near, [("its seed", SEED)]) == ""
