"""Small pieces that the tests of this folder are built from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loopback import Loopback

from callwright.llm.base import Request
from callwright.llm.openai import OpenAIChat
from callwright.schemas.recipe import OpenAIModel

TOOL = {
    "type": "function",
    "function": {
        "name": "lookup",
        "description": "Looks up",
        "parameters": {"type": "object", "properties": {}},
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}

OWN = ("max_in_flight", "api_key", "rest_s", "metrics_every_s")
"""What the client takes beside its part of the recipe."""


def question(text: str = "hello", **fields: Any) -> Request:
    messages = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": text})
    return Request(**{"purpose": "test.question", "messages": messages} | fields)


def chat(server: Loopback | str | Sequence[Loopback], **fields: Any) -> OpenAIChat:
    """A client that waits milliseconds where a real one waits seconds."""
    own = {name: fields.pop(name) for name in OWN if name in fields}
    servers = [server] if isinstance(server, Loopback | str) else server
    base_url = [one if isinstance(one, str) else one.base_url for one in servers]
    settings = {"engine": "openai", "base_url": base_url, "model": "toy", "timeout_s": 5.0} | fields
    return OpenAIChat(OpenAIModel.model_validate(settings), **{"api_key": "", "backoff_s": 0.01} | own)
