import datetime as dt
import json

import jsonschema_rs
import pytest
from made import demo

from callwright.errors import GenerationError
from callwright.schemas.tool import Reply, Tool, Toolkit
from callwright.toolbox.base import answered
from callwright.toolbox.offline import RuleServer, is_query

CLOCK = dt.date(2026, 3, 10)
MUSEUM, LIBRARY = demo().toolkits


class Server:
    """One episode's server that remembers what it answered."""

    def __init__(self, toolkit, seed=5):
        self.toolkit, self.seed, self.history = toolkit, seed, []

    def __call__(self, tool, /, **arguments):
        server = RuleServer(self.toolkit, self.seed, CLOCK, self.history)
        status, body = server.answer(self.toolkit.tool(tool), arguments)
        self.history.append({"tool": tool, "arguments": arguments, "status": status, "body": body})
        return status, body


def made_toolkit(tool):
    return Toolkit(name="kit", title="Kit", tools=(tool,))


EVENT = {
    "name": "Mask Making",
    "location": "Map Room",
    "eventDescription": "Make a mask",
    "dates": ["2026-04-01", "2026-04-08"],
    "price": 12,
}


def test_the_same_calls_get_the_same_answers():
    def conversation(seed):
        ask = Server(MUSEUM, seed)
        first = ask("listSpecialEvents")
        return (
            first,
            ask("getSpecialEvent", eventId=first[1][0]["eventId"]),
            ask("createSpecialEvent", **EVENT),
        )

    assert conversation(5) == conversation(5)
    assert conversation(5) != conversation(6)


def test_an_id_that_was_listed_is_known_with_all_that_was_told():
    ask = Server(MUSEUM)
    _, events = ask("listSpecialEvents")
    for event in events:
        status, shown = ask("getSpecialEvent", eventId=event["eventId"])
        assert status == 200
        assert shown == event


def test_an_id_that_was_never_given_out_is_not_found():
    ask = Server(MUSEUM)
    status, body = ask("getSpecialEvent", eventId="3be6453c-03eb-4357-ae5a-984a0e574a54")
    assert (status, body["error"].startswith("No special event with event id")) == (404, True)


def test_what_was_created_is_known_later_and_an_update_echoes_what_was_set():
    ask = Server(MUSEUM)
    status, created = ask("createSpecialEvent", **EVENT)
    assert (status, {name: created[name] for name in EVENT}) == (201, EVENT)
    _, updated = ask("updateSpecialEvent", eventId=created["eventId"], name="Masks", price=15)
    assert updated == {**created, "name": "Masks", "price": 15}
    _, shown = ask("getSpecialEvent", eventId=created["eventId"])
    assert shown == updated


def test_an_empty_reply_is_its_status_and_an_image_its_media_type_and_size():
    ask = Server(MUSEUM)
    _, created = ask("createSpecialEvent", **EVENT)
    status, body = ask("deleteSpecialEvent", eventId=created["eventId"])
    observed = answered(MUSEUM.tool("deleteSpecialEvent"), status, body, "simulated")
    assert (observed.status, observed.content) == (204, '{"status": 204}')
    _, ticket = ask("buyMuseumTickets", ticketType="general", ticketDate="2026-03-14")
    status, body = ask("getTicketCode", ticketId=ticket["ticketId"])
    assert (status, body["media_type"], body["size_bytes"] > 0) == (200, "image/png", True)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("toolkit", "name", "arguments"),
    [
        (MUSEUM, "getMuseumHours", {"startDate": "2026-04-01"}),
        (MUSEUM, "listSpecialEvents", {"startDate": "2026-04-01", "endDate": "2026-04-20", "limit": 4}),
        (MUSEUM, "createSpecialEvent", EVENT),
        (MUSEUM, "buyMuseumTickets", {"ticketType": "general", "ticketDate": "2026-03-14"}),
        (LIBRARY, "searchBooks", {"genre": "romance", "limit": 3}),
        (LIBRARY, "listEvents", {"from": "2026-04-01", "audience": "children"}),
        (LIBRARY, "listLoans", {"format": "ebook"}),
        (LIBRARY, "listHolds", {"status": "in_transit", "pickupBranch": "maple_grove"}),
        (LIBRARY, "getBranchHours", {"branch": "central", "date": "2026-04-01"}),
    ],
)
def test_an_answer_has_the_documented_shape(toolkit, name, arguments, seed):
    _, body = Server(toolkit, seed)(name, **arguments)
    jsonschema_rs.Draft202012Validator(toolkit.tool(name).returns, validate_formats=True).validate(body)


@pytest.mark.parametrize("seed", range(10))
def test_dates_lie_in_the_window_that_was_asked_for(seed):
    ask = Server(MUSEUM, seed)
    _, events = ask("listSpecialEvents", startDate="2026-04-01", endDate="2026-04-09")
    assert all("2026-04-01" <= day <= "2026-04-09" for event in events for day in event["dates"])
    assert all(event["dates"] == sorted(set(event["dates"])) for event in events)
    _, hours = ask("getMuseumHours", startDate="2026-04-01", limit=3)
    assert [one["date"] for one in hours] == ["2026-04-01", "2026-04-02", "2026-04-03"]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_limit_is_kept(seed, limit):
    assert 1 <= len(Server(MUSEUM, seed)("listSpecialEvents", limit=limit)[1]) <= limit
    assert 1 <= len(Server(LIBRARY, seed)("searchBooks", genre="travel", limit=limit)[1]) <= limit


@pytest.mark.parametrize("seed", range(10))
def test_filters_and_queries_match_what_comes_back(seed):
    ask = Server(LIBRARY, seed)
    _, loans = ask("listLoans", format="ebook")
    assert {one["format"] for one in loans} == {"ebook"}
    _, books = ask("searchBooks", q="What the Tide Forgives")
    assert [one["title"] for one in books] == ["What the Tide Forgives"]
    _, books = ask("searchBooks", genre="romance")
    assert {one["genre"] for one in books} == {"romance"}


@pytest.mark.parametrize("seed", range(10))
def test_entries_of_a_list_have_names_and_ids_of_their_own(seed):
    _, events = Server(MUSEUM, seed)("listSpecialEvents")
    assert len({one["name"] for one in events}) == len({one["eventId"] for one in events}) == len(events)


def test_a_reply_that_the_documentation_does_not_describe_is_refused():
    tool = Tool(
        name="read_note",
        description="Read a note.",
        parameters={"type": "object", "properties": {}},
        returns={"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    )
    with pytest.raises(GenerationError) as caught:
        Server(made_toolkit(tool))("read_note")
    assert caught.value.code == "offline_no_value"


def test_a_documented_example_fills_what_the_schema_leaves_open():
    tool = Tool(
        name="read_note",
        description="Read a note.",
        parameters={"type": "object", "properties": {}},
        returns={"type": "object", "properties": {"text": {"type": "string"}, "count": {"type": "integer"}}},
        reply=Reply(examples=({"text": "Buy milk", "count": 3},)),
    )
    assert Server(made_toolkit(tool))("read_note")[1]["text"] == "Buy milk"


def test_a_count_beside_a_list_is_its_length():
    row = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    tool = Tool(
        name="list_notes",
        description="List notes.",
        parameters={"type": "object", "properties": {}},
        returns={
            "type": "object",
            "properties": {"count": {"type": "integer"}, "results": {"type": "array", "items": row}},
            "required": ["count", "results"],
        },
    )
    _, body = Server(made_toolkit(tool))("list_notes")
    assert body["count"] == len(body["results"]) > 0


@pytest.mark.parametrize("seed", range(5))
def test_no_answer_holds_placeholder_text(seed):
    ask = Server(MUSEUM, seed)
    _, events = ask("listSpecialEvents")
    text = json.dumps([events, ask("createSpecialEvent", **EVENT)])
    assert not any(word in text.lower() for word in ("string", "lorem", "todo", "example text", "null"))


@pytest.mark.parametrize(
    ("words", "found"), [("q", True), ("query", True), ("keyword", True), ("question", False)]
)
def test_a_query_is_known_by_its_name(words, found):
    assert is_query(words) is found
