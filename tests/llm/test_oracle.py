"""OpenAI's own package judges what we send, and reads the same replies as we do."""

import loopback as lb
import openai
import pytest
from openai.types.chat import completion_create_params
from pydantic import TypeAdapter

from callwright.llm.base import Sampling
from callwright.schemas.message import AssistantMessage, Observation, ToolCall, ToolMessage, to_wire
from llm.builders import SCHEMA, TOOL, chat, question

BODIES = TypeAdapter(completion_create_params.CompletionCreateParamsNonStreaming)

CONVERSATION = (
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Look it up."},
    to_wire(AssistantMessage(tool_calls=(ToolCall(id="call_1", name="lookup", arguments="{}"),))),
    to_wire(ToolMessage(tool_call_id="call_1", name="lookup", observation=Observation(content='{"a": 1}'))),
)
REQUESTS = {
    "text": question(),
    "tools": question(tools=(TOOL,), sampling=Sampling(temperature=0.7)),
    "schema": question(reply_schema=SCHEMA),
    "logprobs": question(sampling=Sampling(logprobs=True)),
    "conversation": question(messages=CONVERSATION, tools=(TOOL,)),
}
REPLIES = {
    "text": lb.text_reply("grüße \U0001f600"),
    "call": lb.call_reply("lookup", '{"a":  1.0}'),
    "two calls": lb.completion(
        {
            "content": "both",
            "tool_calls": [
                {"id": f"call_{n}", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
                for n in "ab"
            ],
        },
        finish_reason="tool_calls",
    ),
    "cut off": lb.text_reply("half", finish_reason="length"),
    "filtered": lb.text_reply("", finish_reason="content_filter"),
    "logprobs": lb.text_reply(
        "a",
        logprobs={
            "content": [{"token": "a", "bytes": [97], "logprob": -0.5, "top_logprobs": []}],
            "refusal": None,
        },
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_our_bodies_are_what_the_package_would_send(name: str):
    async with lb.Loopback(lb.text_reply("fine")) as server:
        model = chat(server)
        await model.complete(REQUESTS[name])
        await model.close()
        ours = server.bodies[0]
        BODIES.validate_python(ours)
        assert (
            ours.keys() <= completion_create_params.CompletionCreateParamsNonStreaming.__annotations__.keys()
        )
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="x", max_retries=0) as official:
            await official.chat.completions.create(**ours)
        assert server.bodies[1] == ours


@pytest.mark.parametrize("name", REPLIES)
async def test_we_read_a_reply_as_the_package_does(name: str):
    async with lb.Loopback(REPLIES[name]) as server:
        model = chat(server)
        ours = await model.complete(question(tools=(TOOL,)))
        await model.close()
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="x", max_retries=0) as official:
            theirs = await official.chat.completions.create(
                model="toy", messages=[{"role": "user", "content": "hello"}]
            )
            assert [listed.id async for listed in official.models.list()] == ["toy"]
    choice, usage = theirs.choices[0], theirs.usage
    assert usage is not None
    assert ours.text == (choice.message.content or "")
    assert [(c.id, c.name, c.arguments) for c in ours.tool_calls] == [
        (c.id, c.function.name, c.function.arguments)
        for c in choice.message.tool_calls or ()
        if c.type == "function"
    ]
    assert ours.finish_reason == choice.finish_reason
    assert (ours.usage.prompt_tokens, ours.usage.completion_tokens) == (
        usage.prompt_tokens,
        usage.completion_tokens,
    )
    content = choice.logprobs.content if choice.logprobs else None
    assert ours.logprobs == (None if content is None else tuple(token.logprob for token in content))
