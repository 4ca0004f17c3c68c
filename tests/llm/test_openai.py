import asyncio
import datetime as dt
import socket
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import format_datetime
from typing import Any

import loopback as lb
import pytest

from callwright.errors import ModelError, ReplyError, UsageError
from callwright.llm.base import Completion, Request, Sampling
from callwright.llm.endpoint import LONGEST_WAIT_S, retry_after_s
from callwright.llm.openai import OpenAIChat
from llm.builders import SCHEMA, TOOL, chat, question

OK = lb.text_reply("fine")


@asynccontextmanager
async def connected(
    responder: Any, *, server: dict[str, Any] | None = None, **fields: Any
) -> AsyncIterator[tuple[OpenAIChat, lb.Loopback]]:
    async with lb.Loopback(responder, **server or {}) as loopback:
        model = chat(loopback, **fields)
        try:
            yield model, loopback
        finally:
            await model.close()


async def ask_once(responder: Any, request: Request | None = None, **fields: Any) -> Completion:
    async with connected(responder, **fields) as (model, _):
        return await model.complete(request or question())


async def test_a_text_comes_back_with_its_cost():
    answer = await ask_once(lb.text_reply("fine", prompt_tokens=11, completion_tokens=2))
    assert (answer.text, answer.finish_reason) == ("fine", "stop")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11, 2)


async def test_the_body_holds_what_was_asked_and_nothing_else():
    async with connected(OK) as (model, server):
        asked = question(
            tools=(TOOL,), variables={"secret_plan": 1}, sampling=Sampling(temperature=0.5, max_tokens=9)
        )
        await model.complete(asked)
        await model.complete(question(reply_schema=SCHEMA, sampling=Sampling(logprobs=True)))
    assert server.bodies[0] == {
        "model": "toy",
        "messages": list(asked.messages),
        "tools": [TOOL],
        "tool_choice": "auto",
        "temperature": 0.5,
        "max_tokens": 9,
    }
    assert server.bodies[1]["logprobs"] is True
    assert server.bodies[1]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "test_question", "schema": SCHEMA, "strict": True},
    }
    assert "tools" not in server.bodies[1] and "guided_json" not in server.bodies[1]


async def test_argument_text_of_a_call_is_kept_raw():
    raw = '{"a": 1.0,  "b":"\\u00e9"'
    answer = await ask_once(lb.call_reply("lookup", raw), question(tools=(TOOL,)))
    assert answer.tool_calls[0].arguments == raw
    assert answer.finish_reason == "tool_calls"


async def test_calls_without_an_id_get_one_that_is_always_the_same():
    calls = [
        {"type": "function", "function": {"name": "lookup", "arguments": {}}},
        {"id": "x", "type": "function", "function": {"name": "lookup", "arguments": {"a": 1}}},
        {"id": "x", "type": "function", "function": {"name": "lookup", "arguments": None}},
    ]
    answer = await ask_once(lb.completion({"tool_calls": calls}), question(tools=(TOOL,)))
    assert [call.id for call in answer.tool_calls] == ["call_1", "x", "call_3"]
    assert [call.arguments for call in answer.tool_calls] == ["{}", '{"a": 1}', ""]


async def test_log_probabilities_are_read():
    tokens = [{"token": "a", "logprob": -0.25, "top_logprobs": []}, {"token": "b", "logprob": -1.5}]
    answer = await ask_once(lb.text_reply("ab", logprobs={"content": tokens}))
    assert answer.logprobs == (-0.25, -1.5)


async def test_an_answer_that_was_cut_off_is_reported_and_no_error():
    answer = await ask_once(lb.text_reply("<tool_call>{", finish_reason="length"), question(tools=(TOOL,)))
    assert answer.finish_reason == "length"


@pytest.mark.parametrize("marker", ["<tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "<function="])
async def test_a_call_that_comes_as_text_names_the_servers_parser(marker: str):
    with pytest.raises(ReplyError, match="tool-call-parser") as caught:
        await ask_once(lb.text_reply(f"Well. {marker}..."), question(tools=(TOOL,)))
    assert caught.value.code == "raw_call_text"


async def test_markers_are_plain_text_when_no_tools_were_offered():
    assert (await ask_once(lb.RAW_CALL)).text.startswith("<tool_call>")


async def test_half_a_character_concerns_one_request_only():
    with pytest.raises(ReplyError, match="malformed_reply"):
        await ask_once(lb.text_reply("\ud83d"))


FAULTS = {
    "429": lb.too_many(),
    "408": lb.error_reply(408, "slow"),
    "409": lb.error_reply(409, "conflict"),
    "5xx": lb.error_reply(500, "boom"),
    "5xx (502, HTML)": lb.HTML,
    "5xx (503)": lb.error_reply(503, "busy", Retry_After="0.01"),
    "5xx (504)": lb.error_reply(504, "late"),
    "connection": lb.Reset(),
    "connection (half a body)": lb.CutOff(),
    "broken_body": lb.TRUNCATED_JSON,
    "broken_body (malformed)": lb.MALFORMED_JSON,
    "broken_body (HTML)": lb.HTML_200,
    "broken_body (list)": lb.Status(200, "[]"),
    "broken_body (NaN)": lb.Status(200, '{"choices": NaN}'),
    "broken_body (error in 200)": lb.Status(200, '{"error": {"message": "engine died"}}'),
    "empty_choices": lb.EMPTY_CHOICES,
    "aborted": lb.text_reply("half", finish_reason="abort"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_that_passes_is_retried_and_counted(name: str):
    async with connected(lb.in_turn(FAULTS[name], FAULTS[name], OK)) as (model, server):
        assert (await model.complete(question())).text == "fine"
    assert server.count == 3
    assert model.stats == {
        "requests": 3,
        "answered": 1,
        "retries": 2,
        f"retry_{name.split()[0]}": 2,
    }


async def test_a_fault_that_stays_ends_with_one_line_that_names_the_endpoint():
    async with connected(lb.error_reply(500, "CUDA out of memory"), retries=2) as (model, server):
        with pytest.raises(ModelError, match="failed 3 times.*HTTP 500 .CUDA out of memory") as caught:
            await model.complete(question())
        assert server.base_url in str(caught.value)
        assert "\n" not in str(caught.value)
    assert server.count == 3


async def test_a_hanging_server_times_out():
    async with connected(lb.in_turn(lb.Hang(), OK), timeout_s=0.1) as (model, _):
        assert (await model.complete(question())).text == "fine"
    assert model.stats["retry_timeout"] == 1


async def test_a_slow_drip_is_waited_for_and_an_endless_one_is_not():
    assert (await ask_once(lb.Drip(OK))).text == "fine"
    with pytest.raises(ModelError, match="no answer within 0.1 s"):
        await ask_once(lb.Drip(OK, pieces=50), timeout_s=0.1, retries=1)


async def test_a_page_that_is_no_api_points_at_the_base_url():
    with pytest.raises(ModelError, match="ends in /v1"):
        await ask_once(lb.HTML_200, retries=1)


async def test_a_server_that_is_not_there_is_named_quickly():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    model = chat(base_url, retries=50)
    with pytest.raises(ModelError, match="nothing answers at http.*start the server") as caught:
        await model.complete(question())
    await model.close()
    assert base_url in str(caught.value)
    assert model.stats["requests"] == 3


async def test_a_wrong_key_is_refused_at_once_and_never_shown():
    key = "sk-very-secret-key"
    async with connected(OK, server={"key": "sk-other"}, api_key=key) as (model, server):
        with pytest.raises(ModelError, match="set OPENAI_API_KEY") as caught:
            await model.complete(question())
    assert server.count == 1
    assert key not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert server.seen[0].headers["Authorization"] == f"Bearer {key}"


async def test_the_key_comes_from_the_named_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MY_KEY", "  sk-mine\n")
    async with connected(OK, server={"key": "sk-mine"}, api_key_env="MY_KEY", api_key=None) as (model, _):
        assert (await model.complete(question())).text == "fine"


async def test_a_wrong_model_name_is_answered_with_the_right_ones():
    async with connected(OK, model="tyo", server={"models": ["toy", "big"]}) as (model, server):
        with pytest.raises(ModelError, match="no model 'tyo'; it offers: big, toy"):
            await model.complete(question())
    assert server.count == 1


async def test_a_wrong_path_points_at_the_base_url():
    async with lb.Loopback(OK) as server:
        model = chat(server.base_url.removesuffix("/v1"))
        with pytest.raises(ModelError, match="ends in /v1"):
            await model.complete(question())
        await model.close()


async def test_a_redirect_is_not_followed():
    moved = lb.Status(307, headers={"Location": "http://elsewhere.test/"})
    with pytest.raises(ModelError, match="redirects to http://elsewhere.test/"):
        await ask_once(moved)


LONG_PROMPT = "The decoder prompt (length 5000) is longer than the maximum model length of 4096."


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lb.CONTEXT_OVERFLOW, "context_overflow"),
        (lb.error_reply(400, LONG_PROMPT), "context_overflow"),
        (lb.error_reply(400, "Invalid schema for function 'lookup'"), "request_refused"),
        (lb.error_reply(422, "no such role"), "request_refused"),
    ],
)
async def test_a_refused_request_is_not_repeated(answer: lb.Status, code: str):
    async with connected(answer) as (model, server):
        with pytest.raises(ReplyError) as caught:
            await model.complete(question())
    assert caught.value.code == code
    assert server.count == 1


async def test_a_server_without_a_call_parser_is_told_how_to_start():
    answer = lb.error_reply(400, '"auto" tool choice requires --enable-auto-tool-choice to be set')
    with pytest.raises(ModelError, match="takes no tool calls") as caught:
        await ask_once(answer, question(tools=(TOOL,)))
    assert not isinstance(caught.value, ReplyError)


async def test_a_server_without_schemas_is_told_in_words_from_then_on():
    async with connected(lb.without_schemas(lambda body: lb.json_reply({"n": 1}))) as (model, server):
        asked = question("count", reply_schema=SCHEMA)
        await asyncio.gather(*(model.complete(asked) for _ in range(3)))
        await model.complete(asked)
        await model.complete(question("plain"))
    assert model.stats["fallback_response_format"] == 1
    stated = server.bodies[-2]
    assert "response_format" not in stated
    assert stated["messages"][-1]["content"].startswith("count\n\nAnswer with one JSON value")
    assert '"additionalProperties":false' in stated["messages"][-1]["content"]
    assert server.bodies[-1]["messages"][-1]["content"] == "plain"


async def test_a_schema_that_the_server_cannot_take_is_told_in_words_for_that_request():
    refused = lb.error_reply(400, "The provided JSON schema contains features not supported by xgrammar.")
    async with connected(lb.in_turn(refused, lb.json_reply({"n": 1}))) as (model, server):
        for _ in range(2):
            await model.complete(question(reply_schema=SCHEMA))
    assert ["response_format" in body for body in server.bodies] == [True, False, True]
    assert model.stats["fallback_schema"] == 1


@pytest.mark.parametrize("url", ["127.0.0.1:8000/v1", "ftp://host/v1", "", "http://[::1/v1"])
def test_an_address_that_is_none_is_refused_before_anything_starts(url: str):
    with pytest.raises(UsageError, match="base_url must be an address"):
        chat(url)


@pytest.mark.parametrize("url", ["http://me:sk-secret@host/v1", "http://host/v1?key=sk-secret"])
def test_credentials_do_not_belong_into_the_address(url: str):
    with pytest.raises(UsageError) as caught:
        chat(url)
    assert "sk-secret" not in str(caught.value)


def test_a_key_that_cannot_be_sent_is_not_shown():
    with pytest.raises(UsageError) as caught:
        chat("http://host/v1", api_key="sk-secret\nX-Other: 1")
    assert "sk-secret" not in str(caught.value)


async def test_retry_after_is_honoured():
    async with connected(lb.in_turn(lb.too_many("0.3"), OK)) as (model, _):
        started = time.monotonic()
        await model.complete(question())
        assert time.monotonic() - started >= 0.3


def test_retry_after_is_read_as_seconds_and_as_a_date():
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30)
    assert retry_after_s("1.5") == 1.5
    assert 25 < retry_after_s(format_datetime(soon, usegmt=True)) <= 30
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after_s("86400") == LONGEST_WAIT_S
    assert [retry_after_s(text) for text in (None, "", "soon", "-1", "nan")] == [0.0] * 5


async def test_no_more_requests_are_in_flight_than_allowed():
    async with connected(OK, server={"latency_s": 0.01}, in_flight=64, max_in_flight=5) as (model, server):
        await asyncio.gather(*(model.complete(question(str(n))) for n in range(50)))
    assert server.most_at_once == 5
    assert server.count == 50


async def test_a_few_random_errors_cost_little_and_leave_the_cap_alone():
    """Every twentieth request fails: no collapse, and about that many requests more."""
    counted = iter(range(10_000))

    def respond(body: lb.Body) -> lb.Answer:
        number = next(counted)
        return lb.error_reply(500, "boom") if number % 20 == 7 else OK

    limits: list[int] = []
    async with connected(respond, server={"latency_s": 0.002}, in_flight=16) as (model, server):

        async def one(number: int) -> None:
            await model.complete(question(str(number)))
            limits.append(model.slots.limits[0].limit)

        await asyncio.gather(*(one(n) for n in range(400)))
    assert server.count <= 400 * 1.08
    assert min(limits) >= 8


async def test_the_cap_falls_to_what_the_server_takes_and_recovers():
    """The server takes 4 at once, then 32."""
    takes = 4
    server = lb.Loopback(lambda body: lb.too_many("0.01") if server.at_once > takes else OK, latency_s=0.005)
    async with server:
        model = chat(server, in_flight=32, retries=20)
        await asyncio.gather(*(model.complete(question(str(n))) for n in range(200)))
        assert model.slots.limits[0].limit <= 8
        wasted = server.count - 200
        takes = 32
        await asyncio.gather(*(model.complete(question(f"more {n}")) for n in range(600)))
        assert model.slots.limits[0].limit == 32
        assert server.count - wasted == 800
        await model.close()
    assert wasted < 150


@pytest.mark.parametrize(("key", "text"), [("sk-echo-0123456789", "got [api key]"), ("x", "got x")])
async def test_a_key_that_the_server_repeats_reaches_no_completion_unless_it_is_a_placeholder(
    key: str, text: str
):
    async with connected(lambda body: lb.text_reply(f"got {key}"), api_key=key) as (model, _):
        assert (await model.complete(question())).text == text
