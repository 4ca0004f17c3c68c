"""What we ask of vLLM's server, asked of a real one. A model of 135M parameters: forms are tested here, not wisdom."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import jsonschema_rs
import pytest
from vllm_server import MODEL, NAME, Server

from callwright.errors import ReplyError
from callwright.llm.base import Request, Sampling
from callwright.llm.openai import OpenAIChat
from callwright.llm.replies import ask
from callwright.schemas.recipe import OpenAIModel

PLACE = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 20},
        "days": {"type": "integer", "minimum": 1, "maximum": 9},
    },
    "required": ["city", "days"],
    "additionalProperties": False,
}
FORECAST = {
    "type": "function",
    "function": {"name": "get_forecast", "description": "Tell the weather of a city.", "parameters": PLACE},
}
HOURS = {
    "type": "function",
    "function": {
        "name": "get_hours",
        "description": "Tell when the museum is open.",
        "parameters": {
            "type": "object",
            "properties": {"day": {"type": "string", "maxLength": 12}},
            "required": ["day"],
        },
    },
}
SHORT = Sampling(max_tokens=80)


def question(text: str = "What will the weather be in Lisbon for 3 days?", **more: Any) -> Request:
    return Request(purpose="test.ask", messages=({"role": "user", "content": text},), sampling=SHORT, **more)


@pytest.fixture
async def model(server: Server) -> AsyncIterator[OpenAIChat]:
    config = OpenAIModel(engine="openai", base_url=server.base_url, model=NAME, in_flight=8, timeout_s=240)
    chat = OpenAIChat(config, api_key="")
    yield chat
    await chat.close()


async def test_a_plain_question_is_answered_and_counted(model: OpenAIChat) -> None:
    answer = await model.complete(question("Say hello."))
    assert answer.text.strip() and answer.finish_reason in ("stop", "length")
    assert answer.usage.prompt_tokens > 5 and answer.usage.completion_tokens > 0


async def test_the_same_question_at_temperature_zero_is_answered_the_same(model: OpenAIChat) -> None:
    first, second = [await model.complete(question("Name a color.")) for _ in range(2)]
    assert first.text == second.text


async def test_a_reply_schema_is_obeyed_by_the_decoder(model: OpenAIChat) -> None:
    answer = await ask(model, question("A city and a number of days, as JSON.", reply_schema=PLACE))
    assert jsonschema_rs.is_valid(PLACE, answer.parsed)
    assert model.stats["fallback_response_format"] == 0


@pytest.mark.parametrize("choice", ["get_forecast", "required"])
async def test_a_call_that_is_demanded_is_made_and_fits_the_schema(model: OpenAIChat, choice: str) -> None:
    answer = await model.complete(question(tools=(FORECAST, HOURS), tool_choice=choice))
    assert answer.tool_calls
    schemas = {"get_forecast": PLACE, "get_hours": HOURS["function"]["parameters"]}
    for call in answer.tool_calls:
        assert choice in ("required", call.name)
        if answer.finish_reason != "length":
            assert jsonschema_rs.is_valid(schemas[call.name], json.loads(call.arguments))


async def test_free_choice_ends_in_a_call_in_words_or_in_a_counted_refusal(model: OpenAIChat) -> None:
    """Free text through the Hermes parser: whatever a small model writes has a name."""
    try:
        answer = await model.complete(question(tools=(FORECAST, HOURS)))
    except ReplyError as error:
        assert error.code in ("raw_call_text", "malformed_reply")
    else:
        assert answer.tool_calls or answer.text.strip()


async def test_log_probabilities_come_with_each_token(model: OpenAIChat) -> None:
    asked = question("Say hello.").model_copy(update={"sampling": Sampling(max_tokens=6, logprobs=True)})
    answer = await model.complete(asked)
    assert answer.logprobs is not None
    assert len(answer.logprobs) == answer.usage.completion_tokens
    assert all(one <= 0.0 and math.isfinite(one) for one in answer.logprobs)


@pytest.mark.parametrize("text", ["Say hello.", "What is the capital of France?"])
async def test_a_greedy_answer_is_as_likely_when_it_is_read_as_when_it_is_written(
    model: OpenAIChat, text: str
) -> None:
    asked = question(text).model_copy(update={"sampling": Sampling(max_tokens=60, logprobs=True)})
    written = await model.complete(asked)
    read = await model.score(asked, {"role": "assistant", "content": written.text})
    assert written.logprobs and read and model.stats["fallback_prompt_logprobs"] == 0
    # An answer that was cut off has no end of its turn; the one that is read has.
    ended = 1 if written.finish_reason == "length" else 0
    assert len(read) == len(written.logprobs) + ended
    assert sum(read[: len(written.logprobs)]) == pytest.approx(sum(written.logprobs), abs=1e-3)


async def test_calls_are_scored_behind_their_tools_and_right_ones_are_likelier(model: OpenAIChat) -> None:
    def called(name: str, **arguments: Any) -> dict[str, Any]:
        function = {"name": name, "arguments": json.dumps(arguments)}
        return {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "a", "type": "function", "function": function}],
        }

    asked = question(tools=(FORECAST, HOURS))
    right = await model.score(asked, called("get_forecast", city="Lisbon", days=3))
    wrong = await model.score(asked, called("get_hours", day="zebra quartz"))
    assert right and wrong and 15 < len(right) < 60
    assert sum(right) / len(right) > sum(wrong) / len(wrong)


async def test_the_server_says_which_weights_it_serves(model: OpenAIChat) -> None:
    assert await model.identity() == f"{NAME} (root {MODEL})"


def test_several_samples_of_one_question_differ(server: Server) -> None:
    messages = [{"role": "user", "content": "Invent a name for a boat."}]
    body = {"messages": messages, "n": 4, "temperature": 1.2, "max_tokens": 12, "seed": 3}
    texts = [one["message"]["content"] for one in server.post("/v1/chat/completions", body)["choices"]]
    assert len(texts) == 4 and len(set(texts)) > 1


def test_a_label_can_be_scored_by_the_log_probabilities_of_the_prompt(server: Server) -> None:
    """The way to a label's perplexity: the target as the last assistant message, the boundary from /tokenize."""
    user = {"role": "user", "content": "What is the capital of France?"}

    def perplexity(label: str) -> float:
        messages = [user, {"role": "assistant", "content": label}]
        body = {"messages": messages, "add_generation_prompt": False, "max_tokens": 1, "prompt_logprobs": 0}
        listed = server.post("/v1/chat/completions", body)["prompt_logprobs"]
        start = server.post("/tokenize", {"messages": [user], "add_generation_prompt": True})["count"]
        scored = [next(iter(one.values()))["logprob"] for one in listed[start:]]
        return math.exp(-sum(scored) / len(scored))

    assert perplexity("Paris is the capital of France.") < perplexity("Blue seventeen of the under walk.")


def test_a_shared_beginning_is_found_in_the_prefix_cache(server: Server) -> None:
    system = "You are the assistant of a museum. " * 40
    hits = server.metric("vllm:prefix_cache_hits_total")
    for number in range(3):
        messages = [{"role": "system", "content": system}, {"role": "user", "content": f"Question {number}?"}]
        server.post("/v1/chat/completions", {"messages": messages, "max_tokens": 1})
    assert server.metric("vllm:prefix_cache_hits_total") - hits > 300


async def test_a_request_that_does_not_fit_is_refused_by_name(model: OpenAIChat) -> None:
    with pytest.raises(ReplyError, match="context_overflow"):
        await model.complete(question("museum " * 5000))


async def test_a_request_that_is_given_up_is_given_up_by_the_server_too(
    model: OpenAIChat, server: Server
) -> None:
    long = question("Count to a thousand.").model_copy(update={"sampling": Sampling(max_tokens=3500)})
    waiting = asyncio.create_task(model.complete(long))
    await _until(lambda: server.metric("vllm:num_requests_running") >= 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await _until(lambda: server.metric("vllm:num_requests_running") == 0)


async def test_many_at_once_are_all_answered(model: OpenAIChat) -> None:
    asked = [question(f"Say the number {number}.") for number in range(24)]
    answers = await asyncio.gather(*(model.complete(one) for one in asked))
    assert all(answer.text for answer in answers)
    assert model.stats["answered"] == 24 and model.stats["retries"] == 0


async def _until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.1)
