import asyncio
import json
from pathlib import Path
from typing import Any

import loopback as lb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.errors import ModelError, ReplyError, StoreError
from callwright.llm.base import Completion, Model, Request, Sampling, Usage, request_key
from callwright.llm.journal import Journal
from callwright.llm.journaled import Journaled, is_refusal
from callwright.llm.replies import ask
from callwright.llm.scripted import Scripted, reply, say
from callwright.schemas.base import digest
from callwright.schemas.message import ToolCall
from callwright.schemas.version import LedgerEntry
from llm.builders import SCHEMA, TOOL, chat, question

COMPLETIONS = st.builds(
    Completion,
    text=st.text(),
    tool_calls=st.lists(st.builds(ToolCall, id=st.text(), name=st.text(), arguments=st.text())).map(tuple),
    parsed=st.none()
    | st.dictionaries(st.text(), st.integers() | st.floats(allow_nan=False, allow_infinity=False)),
    finish_reason=st.sampled_from(["stop", "tool_calls", "length", "content_filter"]),
    usage=st.builds(Usage, prompt_tokens=st.integers(0), completion_tokens=st.integers(0)),
    logprobs=st.none() | st.lists(st.floats(allow_nan=False, allow_infinity=False)).map(tuple),
)


@settings(deadline=None)  # the machine may be busy
@given(given=COMPLETIONS)
def test_an_answer_is_the_same_before_and_after_the_journal(
    tmp_path_factory: pytest.TempPathFactory, given: Completion
):
    path = tmp_path_factory.mktemp("trip") / "calls.jsonl"
    asked = question()

    async def trip(model: Model) -> Completion:
        with Journal(path) as journal:
            return await Journaled(model, journal).complete(asked)

    first = asyncio.run(trip(Scripted([given])))
    again = asyncio.run(trip(Scripted([])))
    assert first == again == given.model_copy(update={"key": request_key(Scripted([]), asked)})


async def test_a_question_is_asked_once_and_written_before_it_is_used(tmp_path: Path):
    with Journal(tmp_path / "calls.jsonl") as journal:
        inner = Scripted([say("fine", usage=Usage(prompt_tokens=5, completion_tokens=2))])
        model = Journaled(inner, journal)
        asked = question(item="item-1")
        answer = await model.complete(asked)
        kept = LedgerEntry.model_validate(journal.get(answer.key))
        assert (kept.purpose, kept.model, kept.item) == ("test.question", "scripted", "item-1")
        assert (kept.prompt_tokens, kept.completion_tokens) == (5, 2)
        assert kept.key == answer.key == digest(kept.request)
        assert await model.complete(asked.model_copy(update={"item": "item-2"})) == answer
        assert len(inner.requests) == 1
        assert model.stats == {
            "asked": 1,
            "answered_from_journal": 1,
            "prompt_tokens": 5,
            "completion_tokens": 2,
        }


async def test_an_earlier_run_is_asked_next_and_its_answer_is_copied(tmp_path: Path):
    with Journal(tmp_path / "one.jsonl") as one, Journal(tmp_path / "two.jsonl") as two:
        first = await Journaled(Scripted([say("fine")]), one).complete(question())
        model = Journaled(Scripted([]), two, earlier=one.get)
        assert await model.complete(question()) == await model.complete(question()) == first
        assert model.stats == {"answered_from_store": 1, "answered_from_journal": 1}
        assert list(two) == list(one)


async def test_the_same_question_of_many_is_under_way_once(tmp_path: Path):
    with Journal(tmp_path / "calls.jsonl") as journal:
        inner = Scripted([say("fine")], latency_s=0.01)
        model = Journaled(inner, journal)
        answers = await asyncio.gather(*(model.complete(question(item=str(n))) for n in range(20)))
        assert {answer.text for answer in answers} == {"fine"}
        assert (len(inner.requests), model.stats["shared"], len(journal)) == (1, 19, 1)


async def test_a_failure_reaches_all_who_wait_and_is_not_kept(tmp_path: Path):
    with Journal(tmp_path / "calls.jsonl") as journal:
        model = Journaled(Scripted([ModelError("down"), say("fine")], latency_s=0.01), journal)
        failed = await asyncio.gather(*(model.complete(question()) for _ in range(3)), return_exceptions=True)
        assert [type(error) for error in failed] == [ModelError] * 3
        assert len(journal) == 0
        assert (await model.complete(question())).text == "fine"


async def test_an_answer_that_cannot_be_used_is_written_down_and_refused_again(tmp_path: Path):
    refused = ReplyError("raw_call_text", "the answer holds '<tool_call>': as text")
    with Journal(tmp_path / "calls.jsonl") as journal:
        first, again = Journaled(Scripted([refused]), journal), Journaled(Scripted([]), journal)
        for model in (first, again):
            with pytest.raises(
                ReplyError, match="^raw_call_text: the answer holds '<tool_call>': as text$"
            ) as caught:
                await model.complete(question())
            assert caught.value.code == "raw_call_text"
        assert (first.stats, again.stats) == (
            {"asked": 1, "prompt_tokens": 0, "completion_tokens": 0},
            {"answered_from_journal": 1},
        )
        [entry] = journal
        assert is_refusal(entry) and LedgerEntry.model_validate(entry).purpose == "test.question"


async def test_whoever_only_looks_asks_again_what_could_not_be_used(tmp_path: Path):
    with Journal(tmp_path / "calls.jsonl") as journal:
        model = Journaled(
            Scripted([ReplyError("raw_call_text", "no"), say("fine")]), journal, keep_refusals=False
        )
        with pytest.raises(ReplyError):
            await model.complete(question())
        assert (await model.complete(question())).text == "fine"


async def test_one_who_leaves_does_not_take_the_answer_with_him(tmp_path: Path):
    with Journal(tmp_path / "calls.jsonl") as journal:
        model = Journaled(Scripted([say("fine")], latency_s=0.02), journal)
        first, second = (asyncio.create_task(model.complete(question())) for _ in range(2))
        await asyncio.sleep(0.005)
        first.cancel()
        assert (await second).text == "fine"
        assert first.cancelled()


async def test_when_all_leave_the_question_is_called_off_and_can_be_asked_again(tmp_path: Path):
    with Journal(tmp_path / "calls.jsonl") as journal:
        model = Journaled(Scripted([say("late"), say("fine")], latency_s=0.02), journal)
        waiting = asyncio.create_task(model.complete(question()))
        await asyncio.sleep(0.005)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert (await model.complete(question())).text == "fine"
        assert model.stats["asked"] == 1


async def test_a_bad_answer_is_paid_for_once_and_read_back_on_resume(tmp_path: Path):
    asked = question(reply_schema=SCHEMA)
    with Journal(tmp_path / "calls.jsonl") as journal:
        assert (await ask(Journaled(Scripted([say("no"), reply({"n": 1})]), journal), asked)).parsed == {
            "n": 1
        }
        assert len(journal) == 2
        assert (await ask(Journaled(Scripted([]), journal), asked)).parsed == {"n": 1}
        await_bad = Journaled(Scripted([say("no"), say("no")]), journal)
        with pytest.raises(ReplyError):
            await ask(await_bad, asked.model_copy(update={"sample": 1}))
        assert len(journal) == 4


async def test_an_entry_of_another_version_is_said_to_be_one(tmp_path: Path):
    with Journal(tmp_path / "calls.jsonl") as journal:
        journal.append({"key": request_key(Scripted([]), question()), "answer": "?"})
        with pytest.raises(StoreError, match="not written by this version"):
            await Journaled(Scripted([]), journal).complete(question())


async def test_the_api_key_is_in_no_journal(tmp_path: Path):
    key = "sk-very-secret-key"
    echo: lb.Responder = lambda body: lb.text_reply(f"I saw {key}")  # noqa: E731
    async with lb.Loopback(echo, key=key) as server:
        with Journal(tmp_path / "calls.jsonl") as journal:
            model = Journaled(chat(server, api_key=key), journal)
            assert (await model.complete(question())).text == "I saw [api key]"
            await model.close()
            assert key not in journal.path.read_text() and key not in json.dumps(list(journal))


LM = Scripted([], id="openai:toy")
RULES = Scripted([], id="offline-rules:1", reads_variables=True)
BASE = question(variables={"a": 1}, item="one")


@pytest.mark.parametrize(
    "change",
    [
        {"messages": ({"role": "user", "content": "other"},)},
        {"tools": (TOOL,)},
        {"reply_schema": SCHEMA},
        {"sampling": Sampling(temperature=0.1)},
        {"sampling": Sampling(max_tokens=5)},
        {"sampling": Sampling(logprobs=True)},
        {"sample": 1},
    ],
)
def test_what_decides_an_answer_is_in_the_key(change: dict[str, Any]):
    for model in (LM, RULES):
        assert request_key(model, BASE.model_copy(update=change)) != request_key(model, BASE)


def test_the_key_names_the_model_and_neither_the_item_nor_the_urgency():
    for change in ({"item": "two"}, {"urgency": 5}):
        other: Request = BASE.model_copy(update=change)
        assert request_key(LM, other) == request_key(LM, BASE)
    assert request_key(LM, BASE) != request_key(Scripted([], id="openai:big"), BASE)


@pytest.mark.parametrize("change", [{"purpose": "test.other"}, {"variables": {"a": 2}}])
def test_purpose_and_variables_decide_for_rules_only(change: dict[str, Any]):
    other = BASE.model_copy(update=change)
    assert request_key(LM, other) == request_key(LM, BASE)
    assert request_key(RULES, other) != request_key(RULES, BASE)
