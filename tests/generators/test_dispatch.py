"""Calls that go wrong, over the toolboxes: each has its observation, and the conversation goes on."""

import datetime as dt
import json
from contextlib import asynccontextmanager

import builders as b
import pytest
from aiohttp import web

from callwright.generators.toolalpaca.episodes import Episodes
from callwright.llm.base import Sampling
from callwright.llm.scripted import Scripted, call, reply, say
from callwright.schemas.tool import OpenAPIBinding, Place, WorldBinding
from callwright.toolbox.base import MAX_CHARACTERS
from callwright.toolbox.http import HttpToolbox
from callwright.toolbox.simulated import SimulatedToolbox
from callwright.toolbox.world import WorldToolbox

BOOK = b.tool("book_tour", "Book a guided tour.").model_copy(
    update={
        "parameters": {
            "type": "object",
            "properties": {
                "hall": {"type": "string"},
                "language": {"type": "string", "enum": ["en", "fr"]},
                "seats": {"type": "integer"},
                "diet": {"type": "string", "enum": ["none", "vegan"]},
            },
            "required": ["hall", "language", "seats"],
        },
        "binding": OpenAPIBinding(
            method="POST",
            path="/halls/{hall}/tours",
            places={
                "hall": Place(location="path", name="hall"),
                "language": Place(location="query", name="language"),
                "seats": Place(location="body", name="seats"),
                "diet": Place(location="body", name="diet"),
            },
            content_type="application/json",
        ),
    }
)
HOLD = b.tool("place_hold", "Reserve a book.").model_copy(
    update={
        "parameters": {
            "type": "object",
            "properties": {
                "book_id": {"type": "string"},
                "branch": {"type": "string", "enum": ["main_street", "riverside"]},
            },
            "required": ["book_id"],
        },
        "binding": WorldBinding(world="library", function="place_hold"),
    }
)
LOANS = b.tool("list_loans", "List loans.", limit={"type": "integer"}).model_copy(
    update={"binding": WorldBinding(world="library", function="list_loans")}
)
TOUR = {"hall": "north", "language": "en", "seats": 2}


async def serve(request):
    """The tours' server: each hall has a fault of its own."""
    hall = request.match_info["hall"]
    status = {"closed": 404, "full": 409, "broken": 500, "down": 503}.get(hall, 201)
    if hall == "archive":
        return web.json_response([{"tour": number, "text": "t" * 50} for number in range(2_000)], status=201)
    return web.json_response({"tour": 7} if status == 201 else {"error": f"{hall}: no tour"}, status=status)


@asynccontextmanager
async def server():
    app = web.Application()
    app.router.add_post("/halls/{hall}/tours", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def played_server(request):
    """The same server, played by a model."""
    hall = json.loads(request.messages[-1]["content"])["arguments"]["hall"]
    status = {"closed": 404, "full": 409, "broken": 500, "down": 503}.get(hall, 201)
    if hall == "archive":
        body = [{"tour": number, "text": "t" * 50} for number in range(2_000)]
        return reply({"status": status, "body": body})
    body = {"tour": 7} if status == 201 else {"error": f"{hall}: no tour"}
    return reply({"status": status, "body": body})


async def conversation(box, script, tools):
    """A conversation in which the assistant says the script's lines; `box` None is a simulated server."""
    lines = iter(script)

    def line(request):
        return played_server(request) if request.purpose == "toolbox.server" else next(lines)

    model = Scripted(line)
    episodes = Episodes(model, box or SimulatedToolbox(model), [b.toolkit(*tools)], Sampling(), 5)
    row = await episodes.trajectory(b.task(tools=tools, clock=dt.date(2026, 3, 10)), "single/0")
    assert next(lines, None) is None
    return row


async def over(box, lines, tools, good):
    """The observation of a call that goes wrong; the conversation goes on with a good one and is answered."""
    row = await conversation(box, [*lines, good, say("It is done.")], tools)
    first, second = (message.observation for message in row.observations())
    assert second.succeeded
    assert row.stopped == "answered"
    return first


def tour(**changes):
    kept = {name: value for name, value in (TOUR | changes).items() if value is not None}
    return [call("book_tour", kept)]


def text(arguments):
    """Arguments as they are, twice: what nobody can read is asked for once more."""
    return [call("book_tour", arguments)] * 2


TABLE = {
    "unknown tool": ([call("book_tuor", TOUR)], 404, "There is no tool named book_tuor"),
    "no JSON": (text('{"hall": '), 400, "not valid JSON"),
    "a list": (text("[1, 2]"), 400, "must be one JSON object"),
    "required, in the path": (tour(hall=None), 400, "hall"),
    "required, in the query": (tour(language=None), 400, "language"),
    "required, in the body": (tour(seats=None), 400, "seats"),
    "wrong type": (tour(seats="many"), 400, '"many" is not of type "integer"'),
    "a number as text": (tour(seats="2"), 400, '"2" is not of type "integer"'),
    "not listed, in the query": (tour(language="xx"), 400, '"xx" is not one of'),
    "not listed, in the body": (tour(diet="meat"), 400, '"meat" is not one of'),
    "unknown argument": (tour(colour="red"), 400, "Unknown parameters: colour"),
    "404": (tour(hall="closed"), 404, "closed: no tour"),
    "409": (tour(hall="full"), 409, "full: no tour"),
    "500": (tour(hall="broken"), 500, "broken: no tour"),
    "503": (tour(hall="down"), 503, "down: no tour"),
    "a long body": (tour(hall="archive"), 201, "entries"),
}


@pytest.mark.parametrize(("lines", "status", "words"), TABLE.values(), ids=TABLE)
async def test_a_simulated_server_answers_and_the_conversation_goes_on(lines, status, words):
    check(await over(None, lines, [BOOK], call("book_tour", TOUR)), status, words)


@pytest.mark.parametrize(("lines", "status", "words"), TABLE.values(), ids=TABLE)
async def test_a_real_server_answers_and_the_conversation_goes_on(lines, status, words):
    async with server() as host:
        box = HttpToolbox([host], servers={"museum": f"http://{host}"}, methods=["POST"], allow_private=True)
        bound = BOOK.binding.model_copy(update={"live": "museum"})
        tool = BOOK.model_copy(update={"binding": bound})
        try:
            check(await over(box, lines, [tool], call("book_tour", TOUR)), status, words)
        finally:
            await box.close()


def check(observation, status, words):
    assert observation.status == status
    assert words in said(observation)
    assert len(observation.content) <= MAX_CHARACTERS + 200
    assert observation.cut == (status == 201)


def said(observation):
    """What an observation says is wrong, or all of it; what was cut is JSON still."""
    body = json.loads(observation.content)
    return body.get("error", observation.content) if isinstance(body, dict) else observation.content


@pytest.mark.parametrize(
    ("lines", "status", "words"),
    [
        ([call("hold_book", {})], 404, "Available tools: place_hold, list_loans"),
        ([call("place_hold", "{")] * 2, 400, "not valid JSON"),
        ([call("place_hold", "3")] * 2, 400, "must be one JSON object"),
        ([call("place_hold", {"branch": "riverside"})], 400, "book_id"),
        ([call("place_hold", {"book_id": 7})], 400, 'is not of type "string"'),
        ([call("place_hold", {"book_id": "bk-1", "branch": "moon"})], 400, '"moon" is not one of'),
        ([call("place_hold", {"book_id": "bk-1"})], 404, "bk-1"),
    ],
)
async def test_a_world_answers_and_the_conversation_goes_on(lines, status, words):
    observation = await over(WorldToolbox(), lines, [HOLD, LOANS], call("list_loans", {"limit": 3}))
    assert (observation.status, words in said(observation)) == (status, True)
