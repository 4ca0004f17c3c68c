"""How likely an answer is to a model behind vLLM's server, whose replies are written here as it writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import loopback as lb
import pytest

from callwright.errors import BudgetError, ModelError, ReplyError
from callwright.llm.base import Request, Sampling, Scorer
from callwright.llm.budget import Purse, cost_of
from callwright.llm.journal import Journal
from callwright.llm.journaled import Journaled
from callwright.llm.scripted import Scripted, say
from callwright.schemas.recipe import Budget
from callwright.schemas.version import LedgerEntry
from llm.builders import TOOL, chat, question

ANSWER = {"role": "assistant", "content": "It opens at nine."}
CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "lookup", "arguments": '{"q": "hours"}'}}
    ],
}


@dataclass
class Vllm:
    """A server that reads a conversation in ChatML, a word or a sign a token, and finds long tokens unlikely."""

    begins: str = "<|im_start|>assistant\n"
    """How the template asks for an answer."""
    ends: str = "<|im_end|>\n"
    tells: Callable[[list[Any]], Any] = lambda listed: listed
    """What becomes of `prompt_logprobs` in the reply."""
    vocabulary: dict[str, int] = field(default_factory=dict)

    def tokenize(self, body: lb.Body) -> lb.Answer:
        assert body["add_generation_prompt"] is True
        tokens = self.tokens(self.rendered(body) + self.begins)
        return {
            "count": len(tokens),
            "max_model_len": 4096,
            "tokens": [i for i, _ in tokens],
            "token_strs": None,
        }

    def chat(self, body: lb.Body) -> lb.Answer:
        if "prompt_logprobs" not in body:
            return lb.text_reply("fine")
        assert body["add_generation_prompt"] is False and body["max_tokens"] == 1
        tokens = self.tokens(self.rendered(body))
        listed: list[Any] = [
            {str(i): {"logprob": -len(text) / 8, "rank": 1, "decoded_token": text}} for i, text in tokens
        ]
        reply = lb.text_reply("\n", finish_reason="length", prompt_tokens=len(tokens), completion_tokens=1)
        return reply | {"prompt_logprobs": self.tells([None, *listed[1:]]), "prompt_token_ids": None}

    def rendered(self, body: lb.Body) -> str:
        tools = "".join(f"{one['function']['name']}\n" for one in body.get("tools", ()))
        return tools + "".join(map(self.message, body["messages"]))

    def message(self, message: dict[str, Any]) -> str:
        calls = "".join(f"<tool_call>{one['function']['arguments']}" for one in message.get("tool_calls", ()))
        return f"<|im_start|>{message['role']}\n{message['content']}{calls}{self.ends}"

    def tokens(self, text: str) -> list[tuple[int, str]]:
        found = re.findall(r"<\|\w+\|>|\n+|\w+|\W", text)
        return [(self.vocabulary.setdefault(one, 100 + len(self.vocabulary)), one) for one in found]


def serve(vllm: Vllm, **more: Any) -> lb.Loopback:
    return lb.Loopback(vllm.chat, tokenizer=vllm.tokenize, **more)


def likely(*tokens: str) -> tuple[float, ...]:
    return tuple(-len(one) / 8 for one in tokens)


SAID = likely("It", " ", "opens", " ", "at", " ", "nine", ".", "<|im_end|>")


async def scored(vllm: Vllm, request: Request | None = None, answer: dict[str, Any] | None = None) -> Any:
    async with serve(vllm) as server:
        model = chat(server)
        try:
            return await model.score(request or question(), answer or ANSWER)
        finally:
            await model.close()


async def test_the_tokens_of_the_answer_are_scored_and_the_one_that_ends_the_turn():
    assert await scored(Vllm()) == SAID


async def test_calls_are_scored_behind_the_tools_that_were_offered():
    found = await scored(Vllm(), question(tools=(TOOL,)), CALL)
    assert found == likely(*re.findall(r"\w+|\W", '<tool_call>{"q": "hours"}'), "<|im_end|>")


async def test_the_body_holds_the_conversation_with_its_answer_and_nothing_that_samples():
    async with serve(Vllm()) as server:
        model = chat(server)
        asked = question(tools=(TOOL,), sampling=Sampling(temperature=0.9, max_tokens=77, logprobs=True))
        await model.score(asked, ANSWER)
        await model.close()
        [body] = server.bodies
    assert body == {
        "model": "toy",
        "tools": [TOOL],
        "messages": [*asked.messages, ANSWER],
        "add_generation_prompt": False,
        "prompt_logprobs": 0,
        "temperature": 0.0,
        "max_tokens": 1,
    }
    assert model.stats == {"requests": 2, "answered": 1}


async def test_a_prompt_whose_end_grows_together_with_the_answer_is_told_from_one_that_is_not_there():
    """`<think>\\n` asks for thoughts; an answer without any begins `<think>\\n\\n`, which is one token."""
    thinking = Vllm(begins="<|im_start|>assistant\n\n")
    assert await scored(thinking) == (*likely("\n"), *SAID)
    assert await scored(Vllm(begins="<|im_start|>assistant\n<think>\n")) is None
    assert await scored(Vllm(begins="<|im_start|>assistant\nIt opens at nine.<|im_end|>\n")) is None


async def test_a_template_without_an_end_of_turn_is_scored_to_the_last_token():
    assert await scored(Vllm(ends="")) == SAID[:-1]


@pytest.mark.parametrize(
    "unable",
    [
        {"tokenizer": None},
        {"tokenizer": lambda body: lb.error_reply(422, "body.prompt: Field required")},
        {"tokenizer": lambda body: lb.error_reply(403, "forbidden")},
        {"tells": lambda listed: None},
        {"chat": lambda body: lb.error_reply(400, "Unrecognized request argument supplied: prompt_logprobs")},
        {"chat": lambda body: lb.error_reply(422, "add_generation_prompt: Extra inputs are not permitted")},
    ],
    ids=lambda unable: next(iter(unable)),
)
async def test_a_server_that_cannot_score_is_asked_once(unable: dict[str, Any]):
    vllm = Vllm(tells=unable.get("tells", lambda listed: listed))
    responder = unable.get("chat", vllm.chat)
    async with lb.Loopback(responder, tokenizer=unable.get("tokenizer", vllm.tokenize)) as server:
        model = chat(server)
        assert await model.score(question(), ANSWER) is None
        sent = model.stats["requests"]
        assert [await model.score(question(str(number)), ANSWER) for number in range(3)] == [None] * 3
        assert model.stats["fallback_prompt_logprobs"] == 1 and model.stats["requests"] == sent
        await model.close()


async def test_an_answer_that_a_server_refuses_says_nothing_about_the_next():
    def refused(body: lb.Body) -> lb.Answer:
        if body["messages"][-1] == CALL:
            return lb.error_reply(400, "Expecting ',' delimiter: line 1 column 9 (char 8)")
        return vllm.chat(body)

    vllm = Vllm()
    async with lb.Loopback(refused, tokenizer=vllm.tokenize) as server:
        model = chat(server)
        with pytest.raises(ReplyError, match="request_refused"):
            await model.score(question(), CALL)
        assert await model.score(question(), ANSWER) == SAID
        await model.close()


async def test_a_conversation_that_does_not_fit_is_refused_by_name():
    async with lb.Loopback(lb.CONTEXT_OVERFLOW, tokenizer=Vllm().tokenize) as server:
        model = chat(server)
        with pytest.raises(ReplyError, match="context_overflow"):
            await model.score(question(), ANSWER)
        await model.close()


async def test_what_may_pass_is_waited_out_as_for_any_request():
    vllm = Vllm()
    answers = lb.in_turn(lb.too_many(), lb.Reset(), lb.TRUNCATED_JSON)
    left = 3

    def troubled(body: lb.Body) -> lb.Answer:
        nonlocal left
        left -= 1
        return answers(body) if left >= 0 else vllm.chat(body)

    async with lb.Loopback(troubled, tokenizer=vllm.tokenize) as server:
        model = chat(server)
        assert await model.score(question(), ANSWER) == SAID
        assert model.stats["retries"] == 3
        await model.close()


async def test_a_reply_in_another_form_is_no_score():
    broken = Vllm(tells=lambda listed: [None, {"5": {"rank": 1}}])
    async with serve(broken) as server:
        model = chat(server, retries=1)
        with pytest.raises(ModelError, match="prompt_logprobs has another form"):
            await model.score(question(), ANSWER)
        await model.close()


# Written down


async def test_a_score_is_asked_once_and_read_back_without_the_server(tmp_path: Path):
    with Journal(tmp_path / "calls.jsonl") as journal:
        async with serve(Vllm()) as server:
            model = Journaled(chat(server), journal)
            first = await model.score(question(), ANSWER)
            other = await model.score(question(), CALL)
            again = await model.score(question(sample=3, sampling=Sampling(temperature=1.0)), ANSWER)
            assert (first, again) == (SAID, SAID) and other != SAID
            assert (model.stats["asked"], model.stats["answered_from_journal"], server.count) == (2, 1, 2)
            await model.close()
        resumed = Journaled(chat(server), journal)
        assert await resumed.score(question(), ANSWER) == SAID
        entry = LedgerEntry.model_validate(next(iter(journal)))
        assert entry.request["messages"][-1] == ANSWER and entry.purpose == "test.question"


async def test_a_score_and_a_completion_of_one_conversation_are_two_questions(tmp_path: Path):
    with Journal(tmp_path / "calls.jsonl") as journal:
        async with serve(Vllm()) as server:
            model = Journaled(chat(server), journal)
            await model.score(question(sampling=Sampling(max_tokens=1)), ANSWER)
            ended = question(messages=(*question().messages, ANSWER), sampling=Sampling(max_tokens=1))
            assert (await model.complete(ended)).text == "fine"
            assert model.stats["asked"] == 2
            await model.close()


async def test_that_nothing_can_be_told_is_written_down_too_and_costs_nothing(tmp_path: Path):
    purse = Purse(Budget(requests=1, tokens=5000))
    with Journal(tmp_path / "calls.jsonl") as journal:
        async with lb.Loopback(Vllm().chat) as server:
            model = Journaled(chat(server), journal, purse=purse)
            for number in range(3):
                assert await model.score(question(str(number)), ANSWER) is None
            await model.close()
        resumed = Journaled(chat(server), journal)
        assert await resumed.score(question("1"), ANSWER) is None
        assert len(journal) == 3 and sum(cost_of(one).tokens for one in journal) == 0


async def test_a_score_is_paid_for_by_the_length_of_the_conversation(tmp_path: Path):
    with Journal(tmp_path / "calls.jsonl") as journal:
        async with serve(Vllm()) as server:
            model = Journaled(chat(server), journal, purse=Purse(Budget(requests=1)))
            assert await model.score(question(), ANSWER) == SAID
            with pytest.raises(BudgetError):
                await model.score(question(), CALL)
            assert cost_of(next(iter(journal))).prompt_tokens > 50
            await model.close()


async def test_a_refused_score_is_refused_again(tmp_path: Path):
    with Journal(tmp_path / "calls.jsonl") as journal:
        async with lb.Loopback(lb.CONTEXT_OVERFLOW, tokenizer=Vllm().tokenize) as server:
            model = Journaled(chat(server), journal)
            for _ in range(2):
                with pytest.raises(ReplyError, match="context_overflow"):
                    await model.score(question(), ANSWER)
            assert server.count == 1
            await model.close()


async def test_who_can_score_is_told_by_its_type(tmp_path: Path):
    plain = Scripted([say("fine")])
    assert isinstance(chat("http://127.0.0.1:9/v1"), Scorer) and not isinstance(plain, Scorer)
    with Journal(tmp_path / "calls.jsonl") as journal:
        assert await Journaled(plain, journal).score(question(), ANSWER) is None
        assert len(journal) == 0
        # A replay has no model that could score; what was told is read back.
        async with serve(Vllm()) as server:
            model = Journaled(chat(server), journal)
            await model.score(question(), ANSWER)
            await model.close()
        assert await Journaled(Scripted([], id=model.id), journal).score(question(), ANSWER) == SAID
