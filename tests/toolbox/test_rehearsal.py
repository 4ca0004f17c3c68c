import datetime as dt

import pytest
from made import demo

from callwright.engine.tools import load_world
from callwright.schemas.tool import McpBinding, OpenAPIBinding, PythonBinding, WorldBinding
from callwright.toolbox.rehearsal import Rehearsal, can_rehearse
from callwright.worlds import world_class

CLOCK = dt.date(2026, 3, 10)
LIBRARY = load_world("library")
SUGGEST = {"title": "Rope and Salt", "author": "Ada Moss"}


def rehearsal(toolkit=LIBRARY, seed=3):
    return Rehearsal(toolkit, seed, CLOCK)


def test_a_world_answers_a_rehearsal_as_it_will_answer_the_conversation():
    world = world_class("library")(3, CLOCK)
    tried = rehearsal()
    assert tried.call(LIBRARY.tool("suggest_book"), SUGGEST) == world.call("suggest_book", SUGGEST)
    assert tried.call(LIBRARY.tool("suggest_book"), SUGGEST) == world.call("suggest_book", SUGGEST)
    assert tried.call(LIBRARY.tool("list_loans"), {}) == world.call("list_loans", {})
    assert [one["status"] for one in tried.history] == [200, 409, 200]
    assert tried.history[0]["arguments"] == SUGGEST


def test_a_peek_is_answered_like_a_call_and_leaves_nothing_behind():
    tried = rehearsal()
    before = tried.state_hash()
    peeked = tried.peek(LIBRARY.tool("suggest_book"), SUGGEST)
    assert (tried.state_hash(), tried.history) == (before, [])
    assert tried.call(LIBRARY.tool("suggest_book"), SUGGEST) == peeked
    assert tried.state_hash() != before


def test_the_same_seed_rehearses_the_same_and_another_seed_something_else():
    lists = [rehearsal(seed=seed).call(LIBRARY.tool("list_loans"), {}) for seed in (3, 3, 4)]
    assert lists[0] == lists[1] != lists[2]


def test_rules_play_a_server_and_remember_what_was_made():
    museum = demo().toolkits[0]
    tried = rehearsal(museum)
    made = {
        "name": "Night of Lamps",
        "location": "Main Hall",
        "eventDescription": "Lamps.",
        "dates": ["2026-04-01"],
        "price": 12,
    }
    status, event = tried.call(museum.tool("createSpecialEvent"), made)
    assert status < 300
    assert (
        tried.call(museum.tool("getSpecialEvent"), {"eventId": event["eventId"]})[1]["name"] == made["name"]
    )
    assert tried.state_hash() is None


def test_a_peek_at_rules_is_not_remembered():
    museum = demo().toolkits[0]
    tried = rehearsal(museum)
    tried.peek(museum.tool("getMuseumHours"), {"startDate": "2026-04-01"})
    assert tried.history == []


@pytest.mark.parametrize(
    ("binding", "may"),
    [
        (None, True),
        (WorldBinding(world="library", function="list_loans"), True),
        (OpenAPIBinding(method="GET", path="/events"), True),
        (OpenAPIBinding(method="GET", path="/events", live="museum"), False),
        (PythonBinding(module="shop.py", function="buy"), False),
        (McpBinding(server="https://example.org/mcp", tool="buy"), False),
    ],
)
def test_what_reaches_something_real_is_never_rehearsed(binding, may):
    tool = LIBRARY.tool("list_loans").model_copy(update={"binding": binding})
    assert can_rehearse(tool) is may
