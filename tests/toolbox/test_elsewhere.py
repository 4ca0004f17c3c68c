import asyncio
import datetime as dt
import os
import signal

import pytest

from callwright.errors import JudgeError
from callwright.schemas.message import ToolCall
from callwright.toolbox.elsewhere import WorldsElsewhere
from callwright.toolbox.world import WorldToolbox
from callwright.worlds import NAMES, world_class
from callwright.worlds.base import toolkit_of

CLOCK = dt.date(2026, 3, 10)
LIBRARY = toolkit_of(world_class("library")).tools


def opened(toolbox, tools=LIBRARY, seed=7):
    return toolbox.open(tools, toolkit="library", seed=seed, clock=CLOCK, item="test")


def call(name, text="{}"):
    return ToolCall(id="c1", name=name, arguments=text)


@pytest.fixture(scope="module")
def elsewhere():
    worlds = WorldsElsewhere()
    yield worlds
    asyncio.run(worlds.close())


@pytest.mark.parametrize("name", NAMES)
async def test_every_world_answers_the_same_in_another_process(name, elsewhere):
    tools = toolkit_of(world_class(name)).tools
    here, there = opened(WorldToolbox(), tools), opened(elsewhere, tools)
    for tool in tools:
        made = call(tool.name)  # refused where something is required, which has to be the same as well
        assert await here.call(made) == await there.call(made)
    assert await here.end() == await there.end()


async def test_what_one_call_changes_the_next_one_sees(elsewhere):
    session = opened(elsewhere)
    books = await session.call(call("search_books", '{"query": "Riverbone"}'))
    book = books.content.split('"id": "')[1].split('"')[0]
    before = await session.end()
    held = await session.call(call("place_hold", f'{{"book_id": "{book}", "branch": "main_street"}}'))
    again = await session.call(call("place_hold", f'{{"book_id": "{book}", "branch": "main_street"}}'))
    assert (held.status, again.status) == (200, 409)
    assert await session.end() != before


async def test_conversations_share_nothing(elsewhere):
    first, second = opened(elsewhere), opened(elsewhere)
    book = (await first.call(call("search_books", '{"query": "Riverbone"}'))).content.split('"')[3]
    hold = call("place_hold", f'{{"book_id": "{book}", "branch": "main_street"}}')
    assert (await first.call(hold)).status == (await second.call(hold)).status == 200


@pytest.mark.parametrize(
    ("made", "status", "words"),
    [
        (call("place_order"), 404, "no tool named place_order"),
        (call("search_books", "{"), 400, "not valid JSON"),
        (call("search_books", '{"colour": "red"}'), 400, "Unknown parameters: colour"),
        (call("search_books", '{"limit": "ten"}'), 400, "limit"),
    ],
)
async def test_a_call_that_does_not_fit_is_refused_before_it_is_made(made, status, words, elsewhere):
    session = opened(elsewhere)
    answer = await session.call(made)
    assert (answer.status, words in answer.content) == (status, True)
    assert await session.end() is None
    assert answer == await opened(WorldToolbox()).call(made)


async def test_a_process_that_dies_is_an_error_and_the_next_call_has_a_new_one(elsewhere):
    session = opened(elsewhere)
    first = await session.call(call("list_fines"))
    process = elsewhere._child.pid
    os.kill(process, signal.SIGKILL)
    with pytest.raises(JudgeError, match=r"has died \(exit status -9\)"):
        await session.call(call("list_fines"))
    assert await opened(elsewhere).call(call("list_fines")) == first
    assert elsewhere._child.pid != process


async def test_closing_ends_the_process():
    worlds = WorldsElsewhere()
    await opened(worlds).call(call("list_fines"))
    child = worlds._child
    await worlds.close()
    await worlds.close()
    assert child.returncode == -signal.SIGKILL


def test_one_event_loop_after_another_may_ask():
    worlds = WorldsElsewhere()
    first, second = (asyncio.run(opened(worlds).call(call("list_fines"))) for _ in range(2))
    asyncio.run(worlds.close())
    assert first == second


async def test_many_may_ask_at_once(elsewhere):
    seeds = range(6)
    made = [opened(elsewhere, seed=seed).call(call("list_fines")) for seed in seeds]
    expected = [await opened(WorldToolbox(), seed=seed).call(call("list_fines")) for seed in seeds]
    assert await asyncio.gather(*made) == expected
    assert len({one.content for one in expected}) > 1
