"""What an endpoint says of the model that it serves, so that another one under the same name is noticed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import loopback as lb
import pytest

from callwright.errors import ModelError
from callwright.llm.openai import OpenAIChat
from llm.builders import chat


@pytest.fixture
async def server() -> AsyncIterator[lb.Loopback]:
    async with lb.Loopback(lb.text_reply("fine"), models=("toy", "other")) as running:
        yield running


async def said(model: OpenAIChat) -> str:
    try:
        return await model.identity()
    finally:
        await model.close()


async def test_a_server_that_gets_other_weights_is_another_student(server: lb.Loopback):
    server.cards["toy"] = {"root": "/models/round-1", "parent": None, "max_model_len": 4096}
    first = await said(chat(server))
    assert first == await said(chat(server)) == "toy (root /models/round-1)"
    server.cards["toy"]["created"] = 17  # it was started anew
    assert await said(chat(server)) == first
    server.cards["toy"]["root"] = "/models/round-2"
    assert await said(chat(server)) == "toy (root /models/round-2)"
    server.cards["toy"] = {"root": "/adapters/3", "parent": "base"}
    assert await said(chat(server)) == "toy (root /adapters/3, parent base)"


async def test_a_server_that_says_nothing_but_the_name(server: lb.Loopback):
    assert await said(chat(server)) == "toy"
    server.cards["toy"] = {"root": "toy"}
    assert await said(chat(server)) == "toy"


async def test_a_server_without_the_model_is_refused_and_says_what_it_has(server: lb.Loopback):
    with pytest.raises(ModelError, match="it has no model 'gone'; it offers: other, toy"):
        await said(chat(server, model="gone"))


async def test_endpoints_that_differ_are_both_named(server: lb.Loopback):
    async with lb.Loopback(lb.text_reply("fine")) as second:
        assert await said(chat([server, second])) == "toy"
        second.cards["toy"] = {"root": "/models/b"}
        assert await said(chat([server, second])) == "toy | toy (root /models/b)"


async def test_a_server_that_is_not_there_has_no_identity():
    async with lb.Loopback(lb.text_reply("fine")) as gone:
        pass
    with pytest.raises(ModelError, match="nothing answers at"):
        await said(chat(gone))


async def test_a_key_that_is_refused_is_said_to_be(server: lb.Loopback):
    async with lb.Loopback(lb.text_reply("fine"), key="right") as locked:
        assert await said(chat(locked, api_key="right")) == "toy"
        with pytest.raises(ModelError, match="set OPENAI_API_KEY to a key"):
            await said(chat(locked, api_key="wrong"))
