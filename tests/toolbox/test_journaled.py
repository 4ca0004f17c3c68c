"""Calls that go out are written down, and are never sent twice blindly."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callwright.errors import InterruptedCallError
from callwright.llm.journal import Journal
from callwright.schemas.message import Observation, ToolCall
from callwright.sources.callables import read_callables
from callwright.toolbox.base import Session
from callwright.toolbox.journaled import JournaledToolbox
from callwright.toolbox.python import PythonToolbox

TOOLS = '''
import time
from pathlib import Path

count = 0

def note(folder: str, word: str) -> int:
    """Notes a word down; the number of words that this process has noted."""
    global count
    count += 1
    with Path(folder, "noted.txt").open("a") as file:
        file.write(word + "\\n")
    return count

def written(folder: str) -> int:
    """How many lines the journal has while this call is under way."""
    return len(Path(folder, "calls.jsonl").read_text().splitlines())

def hang(folder: str) -> int:
    """Never answers."""
    note(folder, "hang")
    time.sleep(600)
    return 0
'''


class Sitting:
    """One run's journal and toolbox over the functions above; what an earlier sitting wrote is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tools.py").write_text(TOOLS, encoding="utf-8")
        self.toolkit, _ = read_callables("tools.py", base=folder)
        self.journal = Journal(folder / "calls.jsonl")
        self.toolbox = JournaledToolbox(PythonToolbox(base=folder), self.journal)

    def open(self, item: str = "toolalpaca/single/0") -> Session:
        return self.toolbox.open(
            self.toolkit.tools, toolkit="tools", seed=7, clock=dt.date(2026, 3, 10), item=item
        )

    async def end(self) -> None:
        await self.toolbox.close()
        self.journal.close()

    @property
    def noted(self) -> list[str]:
        """The words that really reached a function."""
        path = self.folder / "noted.txt"
        return path.read_text(encoding="utf-8").split() if path.exists() else []


@pytest.fixture
async def first(tmp_path: Path) -> AsyncIterator[Sitting]:
    sitting = Sitting(tmp_path)
    yield sitting
    await sitting.end()


async def call(session: Session, folder: Path, name: str = "note", **arguments: str) -> Observation:
    given = json.dumps({"folder": str(folder), **arguments})
    return await session.call(ToolCall(id="c", name=name, arguments=given))


def entries(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]


async def test_the_intent_is_written_before_the_call_and_the_observation_after(first: Sitting):
    during = await call(first.open(), first.folder, "written")
    assert during.content == "1"
    intent, answer = entries(first.folder)
    assert intent["call"]["name"] == "written" and intent["key"].endswith("/0/intent")
    assert answer["observation"] == during.model_dump(mode="json")
    assert answer["key"].endswith("/0/observation")


async def test_a_finished_call_is_read_back_and_not_sent_again(first: Sitting):
    before = await call(first.open(), first.folder, word="a")
    await first.end()
    second = Sitting(first.folder)
    again = await call(second.open(), first.folder, word="a")
    await second.end()
    assert again == before
    assert second.noted == ["a"]


async def test_a_call_of_which_only_the_intent_is_known_is_not_sent_again(first: Sitting):
    under_way = asyncio.create_task(call(first.open(), first.folder, "hang"))
    while not first.noted:
        await asyncio.sleep(0.01)
    under_way.cancel()
    await asyncio.wait([under_way])
    await first.end()
    second = Sitting(first.folder)
    with pytest.raises(InterruptedCallError, match="hang was sent, and its answer is not known") as caught:
        await call(second.open(), first.folder, "hang")
    await second.end()
    assert caught.value.code == "interrupted_call"
    assert second.noted == ["hang"]


async def test_nothing_new_is_asked_in_a_session_that_knows_nothing_of_its_earlier_calls(first: Sitting):
    await call(first.open(), first.folder, word="a")
    await first.end()
    second = Sitting(first.folder)
    session = second.open()
    await call(session, first.folder, word="a")
    with pytest.raises(InterruptedCallError, match="the session of its earlier calls has ended"):
        await call(session, first.folder, word="b")
    await second.end()
    assert second.noted == ["a"]


async def test_a_conversation_that_went_another_way_is_not_answered_from_the_journal(first: Sitting):
    await call(first.open(), first.folder, word="a")
    with pytest.raises(InterruptedCallError, match="went another way than before"):
        await call(first.open(), first.folder, word="b")
    assert first.noted == ["a"]


async def test_the_same_call_of_another_conversation_or_another_turn_is_another_call(first: Sitting):
    session = first.open()
    answers = [await call(session, first.folder, word="a") for _ in range(2)]
    answers.append(await call(first.open("toolalpaca/single/1"), first.folder, word="a"))
    answers.append(await call(first.open("toolalpaca/single/0#1"), first.folder, word="a"))
    assert [answer.content for answer in answers] == ["1", "2", "1", "1"]
    assert first.noted == ["a"] * 4
