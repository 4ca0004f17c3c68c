"""The loop of rounds: everything at once, each result under its own call, nothing waits for what hangs."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import random
from typing import Any

import builders as b
import pytest
from virtual_clock import run_virtually

from callwright.generators.dag.runner import Played, run
from callwright.llm.base import Completion, Usage
from callwright.llm.scripted import Scripted, say
from callwright.schemas.message import Observation, SystemMessage, ToolCall, ToolMessage, UserMessage, to_wire
from callwright.toolbox.world import WorldToolbox
from callwright.worlds import world_class
from callwright.worlds.base import toolkit_of

TALK = (SystemMessage(content="Help."), UserMessage(content="Look all of it up."))
LIBRARY = toolkit_of(world_class("library"))


class Slow:
    """Answers each call after so many seconds; `hang` never does, `fail` raises."""

    def __init__(self, seconds: float | dict[str, float] = 0.1) -> None:
        self._seconds = seconds
        self.made: list[str] = []

    async def call(self, call: ToolCall) -> Observation:
        what = json.loads(call.arguments)["event_id"]
        self.made.append(what)
        await asyncio.sleep(1e9 if what == "hang" else self._wait(what))
        if what == "fail":
            raise RuntimeError("the server broke")
        return Observation(content=json.dumps({"of": what}), trust="executed")

    def _wait(self, what: str) -> float:
        return self._seconds if isinstance(self._seconds, float) else self._seconds[what]

    async def end(self) -> str | None:
        return None


def turn(*what: str, ids: bool = True) -> Completion:
    calls = [
        b.call(id=f"call{index:05d}{one[:4]}" if ids else "", event_id=one) for index, one in enumerate(what)
    ]
    return Completion(
        tool_calls=tuple(calls),
        finish_reason="tool_calls",
        usage=Usage(prompt_tokens=10, completion_tokens=4),
    )


def played(*lines: Completion, session: Any = None, **limits: Any) -> tuple[Played, float, Scripted]:
    model = Scripted(lines)
    job = run(model, session or Slow(), [b.tool()], TALK, **limits)
    found, seconds = run_virtually(job)
    return found, seconds, model


def contents(found: Played) -> list[tuple[str, Any, int]]:
    return [
        (one.tool_call_id, json.loads(one.content), one.observation.status)
        for one in found.messages
        if isinstance(one, ToolMessage)
    ]


def test_eight_calls_take_as_long_as_one():
    found, seconds, _ = played(turn(*"abcdefgh"), say("Done."))
    assert seconds < 1.5 * 0.1
    assert found.rounds == [8] and found.stopped == "answered"
    assert found.messages[-1].content == "Done."


def test_every_result_stands_under_its_own_call_whichever_ends_first():
    rng, transcripts = random.Random(4), set()
    for _ in range(10):
        waits = {what: rng.random() for what in "abcdef"}
        found, _, _ = played(turn(*"abcdef"), say("Done."), session=Slow(waits))
        assert [body["of"] for _, body, _ in contents(found)] == list("abcdef")
        transcripts.add(json.dumps([to_wire(one) for one in found.messages]))
    assert len(transcripts) == 1


def test_what_hangs_is_an_error_of_its_own_and_blocks_nothing():
    found, seconds, _ = played(turn("a", "hang", "b"), say("Done."), timeout_s=2.0)
    assert [status for *_, status in contents(found)] == [200, 504, 200]
    assert seconds == pytest.approx(2.0)


def test_what_fails_is_an_error_of_its_own():
    found, seconds, _ = played(turn("fail", "a"), say("Done."))
    assert [status for *_, status in contents(found)] == [500, 200]
    assert "the server broke" in contents(found)[0][1]["error"]
    assert seconds == pytest.approx(0.1)


def test_equal_calls_are_made_once_and_answered_each():
    session = Slow()
    found, _, _ = played(turn("a", "a", "b"), say("Done."), session=session)
    assert sorted(session.made) == ["a", "b"]
    assert [body["of"] for _, body, _ in contents(found)] == ["a", "a", "b"]
    assert len({id for id, _, _ in contents(found)}) == 3
    assert (found.calls, found.executed) == (3, 2)


def test_rounds_and_calls_have_limits_of_their_own():
    found, _, model = played(turn("a"), turn("b"), say("So far."), max_rounds=2)
    assert (found.rounds, found.stopped) == ([1, 1], "round_limit")
    assert [request.tool_choice for request in model.requests] == ["auto", "auto", "none"]
    found, _, _ = played(turn("a", "b", "c"), say("So far."), max_calls=2)
    assert [status for *_, status in contents(found)] == [200, 200, 429]
    assert (found.executed, found.stopped) == (2, "call_limit")


def test_a_call_beside_an_answer_is_made_and_the_answer_stands_alone():
    both = turn("a").model_copy(update={"text": "I'll look."})
    found, _, _ = played(both, say("Done."))
    assert [one.role for one in found.messages[2:]] == ["assistant", "tool", "assistant"]
    assert not found.messages[-1].tool_calls


def test_a_turn_that_was_cut_off_ends_the_conversation_and_calls_nothing():
    session = Slow()
    cut = turn("a").model_copy(update={"finish_reason": "length"})
    found, _, _ = played(cut, session=session)
    assert (found.stopped, session.made, found.rounds) == ("length", [], [])


def test_calls_without_ids_get_ids_of_their_own():
    found, _, _ = played(turn("a", "b", ids=False), turn("a", "b", ids=False), say("Done."))
    assert len({id for id, _, _ in contents(found)}) == 4


def test_tokens_are_added_up():
    found, _, _ = played(turn("a"), say("Done.", usage=Usage(prompt_tokens=30, completion_tokens=6)))
    assert (found.prompt_tokens, found.completion_tokens) == (40, 10)


async def test_a_world_runs_the_calls_of_a_round():
    tools = [LIBRARY.tool("list_loans"), LIBRARY.tool("list_holds")]
    session = WorldToolbox().open(tools, toolkit="library", seed=5, clock=dt.date(2026, 3, 10), item="x")
    calls = (
        ToolCall(id="a", name="list_loans", arguments="{}"),
        ToolCall(id="b", name="list_holds", arguments="{}"),
    )
    model = Scripted([Completion(tool_calls=calls, finish_reason="tool_calls"), say("There.")])
    found = await run(model, session, tools, TALK)
    assert [status for *_, status in contents(found)] == [200, 200]
    assert contents(found)[0][1] != contents(found)[1][1]
