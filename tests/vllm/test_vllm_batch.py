"""`engine: batch` with the real `run_batch`: four questions of different kinds in one round."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path

import pytest
from vllm_server import MODEL, PYTHON, environment

from callwright.errors import ReplyError
from callwright.llm.base import Completion, Request, Sampling
from callwright.llm.batch import BatchChat
from callwright.schemas.recipe import BatchModel

TEMPLATE = Path(__file__).parents[2] / "src" / "callwright" / "llm" / "hermes.jinja"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def asked(text: str, **more: object) -> Request:
    messages = ({"role": "user", "content": text},)
    return Request.model_validate(
        {"purpose": "suite.ask", "messages": messages, "sampling": Sampling(max_tokens=40), **more}
    )


async def test_one_round_answers_every_kind_of_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    command = (
        f"{shlex.quote(str(PYTHON))} -m vllm.entrypoints.openai.run_batch -i {{input}} -o {{output}} "
        f"--model {shlex.quote(str(MODEL))} --served-model-name smollm2 --dtype float32 --enforce-eager "
        "--max-model-len 2048 --enable-auto-tool-choice --tool-call-parser hermes --tool-strict-level parameter "
        f"--chat-template {shlex.quote(str(TEMPLATE))}"
    )
    chat = BatchChat(BatchModel(engine="batch", model="smollm2", command=command), tmp_path / "batch")
    schema = {
        "type": "object",
        "properties": {"size": {"type": "string", "enum": ["small", "large"]}},
        "required": ["size"],
        "additionalProperties": False,
    }
    questions = (
        asked("Say hello."),
        asked("Is an ant small or large?", reply_schema=schema),
        asked("What is the weather in Lima?", tools=(WEATHER,), tool_choice="get_weather"),
        asked("word " * 3000),
    )
    try:
        answers = await asyncio.gather(*map(chat.complete, questions), return_exceptions=True)
    finally:
        await chat.close()
    plain, structured, called, too_long = answers
    assert isinstance(plain, Completion) and plain.text and plain.usage.completion_tokens > 0
    assert isinstance(structured, Completion)
    assert json.loads(structured.text) in ({"size": "small"}, {"size": "large"})
    assert isinstance(called, Completion)
    assert [call.name for call in called.tool_calls] == ["get_weather"]
    assert isinstance(too_long, ReplyError) and too_long.code == "context_overflow", too_long
    assert chat.stats["rounds"] == 1 and chat.stats["answered"] == 4
