"""Several endpoints behind one client: real servers that are slow, fail, go away and come back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import loopback as lb
import pytest

from callwright.errors import ModelError, UsageError
from callwright.llm.openai import OpenAIChat
from llm.builders import chat, question

OK = lb.text_reply("fine")


@asynccontextmanager
async def connected(*servers: lb.Loopback, **fields: Any) -> AsyncIterator[OpenAIChat]:
    async with AsyncExitStack() as stack:
        for server in servers:
            await stack.enter_async_context(server)
        model = chat(servers, **{"rest_s": 0.1} | fields)
        try:
            yield model
        finally:
            await model.close()


async def many(model: OpenAIChat, count: int) -> None:
    """All of them to their end, so that none goes on after the model was closed; then the first error."""
    asked = (model.complete(question(str(number))) for number in range(count))
    for outcome in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def test_endpoints_share_the_work_and_the_total_in_flight():
    servers = [lb.Loopback(OK, latency_s=0.01) for _ in range(3)]
    async with connected(*servers, in_flight=6) as model:
        await many(model, 90)
    assert sum(server.count for server in servers) == 90
    assert all(24 <= server.count <= 36 for server in servers)
    assert [server.most_at_once for server in servers] == [2, 2, 2]


async def test_the_quick_one_does_what_the_slow_one_leaves():
    slow, quick = lb.Loopback(OK, latency_s=0.3), lb.Loopback(OK, latency_s=0.01)
    async with connected(slow, quick, in_flight=4) as model:
        started = time.monotonic()
        await many(model, 40)
        assert time.monotonic() - started < 1.2  # shared evenly it would take 20 / 2 * 0.3 = 3 s
    assert quick.count >= 30


async def test_an_endpoint_that_is_not_there_costs_nothing_but_its_rest():
    gone, there = lb.Loopback(OK), lb.Loopback(OK, latency_s=0.005)
    async with connected(gone, there, in_flight=8, retries=0, rest_s=30) as model:
        await gone.__aexit__(None, None, None)
        await many(model, 60)
    assert there.count == 60
    assert model.stats["retries"] == 0
    assert 1 <= model.stats["moved"] <= 4  # those that were under way with it; afterwards it rests


@pytest.mark.parametrize(
    "fault", [lb.error_reply(503, "engine died"), lb.Reset(), lb.HTML_200], ids=["503", "reset", "a page"]
)
async def test_an_endpoint_that_keeps_failing_is_left_alone(fault: lb.Answer):
    broken, well = lb.Loopback(fault), lb.Loopback(OK, latency_s=0.005)
    async with connected(broken, well, in_flight=4, rest_s=30) as model:
        await many(model, 60)
    assert well.count == 60
    assert broken.count <= 6


async def test_an_endpoint_that_comes_back_gets_its_part_again():
    restarted, steady = lb.Loopback(OK, latency_s=0.005), lb.Loopback(OK, latency_s=0.005)
    async with connected(restarted, steady, in_flight=4, rest_s=0.05) as model:
        await restarted.__aexit__(None, None, None)
        await many(model, 20)
        assert (restarted.count, steady.count) == (0, 20)
        async with restarted:
            await asyncio.sleep(0.3)
            await many(model, 60)
            assert restarted.count >= 20


async def test_all_of_them_gone_is_an_error_that_names_them_all():
    servers = lb.Loopback(OK), lb.Loopback(OK)
    async with connected(*servers, retries=1) as model:
        for server in servers:
            await server.__aexit__(None, None, None)
        with pytest.raises(ModelError, match="nothing answers at .*start the server") as caught:
            await many(model, 4)
    assert all(server.base_url in str(caught.value) for server in servers)


async def test_the_last_one_that_fails_is_named_by_its_address():
    gone, broken = lb.Loopback(OK), lb.Loopback(lb.error_reply(500, "CUDA out of memory"))
    async with connected(gone, broken, retries=2) as model:
        await gone.__aexit__(None, None, None)
        with pytest.raises(ModelError, match="failed 3 times .*CUDA out of memory") as caught:
            await model.complete(question())
    assert str(caught.value).startswith(broken.base_url)


async def test_one_that_is_overloaded_gets_less_and_nothing_is_lost():
    small = lb.Loopback(lambda body: lb.too_many("0.01") if small.at_once > 2 else OK, latency_s=0.01)
    large = lb.Loopback(OK, latency_s=0.01)
    async with connected(small, large, in_flight=16, retries=20) as model:
        await many(model, 300)
        assert model.slots.limits[0].limit < model.slots.limits[1].limit == 16
    assert large.count > 150


async def test_a_wrong_key_at_one_endpoint_is_said_and_not_passed_over():
    strict = lb.Loopback(OK, key="sk-other")
    async with connected(lb.Loopback(OK), strict) as model:
        with pytest.raises(ModelError, match="HTTP 401") as caught:
            await many(model, 2)
    assert strict.base_url in str(caught.value)


async def test_urgent_requests_overtake_those_that_wait():
    async with connected(server := lb.Loopback(OK, latency_s=0.01), in_flight=1) as model:
        urgencies = [0, 0, 0, 5, 2, 5]
        await asyncio.gather(
            *(model.complete(question(f"{n}", urgency=urgency)) for n, urgency in enumerate(urgencies))
        )
    assert [body["messages"][-1]["content"] for body in server.bodies] == ["0", "3", "5", "4", "1", "2"]


async def test_connections_are_kept_and_used_again():
    async with connected(server := lb.Loopback(OK, latency_s=0.005), in_flight=4) as model:
        await many(model, 40)
    assert len(server.peers) <= 5  # four, and one more where the look at the metrics held one


def test_one_wrong_address_of_several_is_refused_before_anything_starts():
    with pytest.raises(UsageError, match="base_url must be an address"):
        chat(["http://127.0.0.1:8000/v1", "127.0.0.1:8001/v1"])
