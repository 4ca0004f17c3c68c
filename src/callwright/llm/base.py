"""The seam to models: a typed request in, a completion out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, Protocol, runtime_checkable

from callwright.schemas.base import Record, digest
from callwright.schemas.message import ToolCall

FinishReason = Literal["stop", "tool_calls", "length", "content_filter"]


class Sampling(Record):
    temperature: float = 0.0
    max_tokens: int = 1024
    logprobs: bool = False


class Request(Record):
    """One question to a model. Rendered text comes from prompt files; variables never reach a model."""

    purpose: str
    """`room.question`, such as `toolalpaca.instruction`."""
    messages: tuple[dict[str, Any], ...]
    """OpenAI-style chat messages; the system message first and byte-stable, so that prefix caches hit."""
    tools: tuple[dict[str, Any], ...] = ()
    """Offered tools in OpenAI's form; the model answers with native tool calls."""
    tool_choice: str = "auto"
    """`auto`; `required`: some call must be made; `none`: the tools are shown, and none may be called; or the name of
    the tool that must be called."""
    reply_schema: dict[str, Any] | None = None
    """JSON Schema that the answer must satisfy; None for free text or calls."""
    variables: Mapping[str, Any] = {}
    """What the offline answerer words. JSON values only."""
    sampling: Sampling = Sampling()
    sample: int = 0
    """Which of several samples of the same question this is; from the item's identity, never from its arrival."""
    item: str = ""
    """Whose question it is, for the ledger; not in the key."""
    urgency: int = 0
    """Who comes first where requests queue; not in the key. In a conversation it is how much has been said, so that
    conversations end before new ones begin; judges stand above all generators, at 1000."""


class Usage(Record):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Completion(Record):
    """A model's answer, raw, with what it cost."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    parsed: Any = None
    """The value of `text` when a reply schema was asked for and satisfied."""
    finish_reason: FinishReason = "stop"
    usage: Usage = Usage()
    logprobs: tuple[float, ...] | None = None
    """Log-probability of each generated token, when asked for."""
    key: str = ""
    """The ledger's name for the call that gave this answer; empty where nothing keeps a ledger."""


class Model(Protocol):
    """Anything that answers requests."""

    id: str
    """Engine and model; for rules, also their digest. Part of every key."""

    reads_variables: bool
    """True for rules that word a plan; a language model sees the rendered messages only."""

    stats: Counter[str]
    """What befell its requests; names that begin with `retry_` or `fallback_` count troubles that were overcome."""

    async def complete(self, request: Request) -> Completion:
        """Answer one request.

        Raises:
            ModelError: The endpoint failed for good.
            ReplyError: The answer does not have the shape that was asked for.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """A model that can also say how likely an answer of somebody else's is to it; `isinstance` tells who can."""

    async def score(self, request: Request, answer: Mapping[str, Any]) -> tuple[float, ...] | None:
        """Log-probability of each token of an answer to a request, the one that ends the turn included.

        Args:
            request: Its sampling does not matter.
            answer: An assistant's message in OpenAI's chat format.

        Returns:
            None where the model, or its server, cannot tell.

        Raises:
            ModelError: The endpoint failed for good.
            ReplyError: The request does not fit the model's context.
        """
        ...


def decisive(model: Model, request: Request) -> dict[str, Any]:
    """All that decides the answer to a question, and nothing that does not."""
    parts: dict[str, Any] = {
        "model": model.id,
        "messages": list(request.messages),
        "tools": list(request.tools),
        "reply_schema": request.reply_schema,
        "sampling": request.sampling.model_dump(),
        "sample": request.sample,
    }
    if request.tool_choice != "auto":
        parts["tool_choice"] = request.tool_choice
    if model.reads_variables:
        parts |= {"purpose": request.purpose, "variables": dict(request.variables)}
    return parts


def request_key(model: Model, request: Request) -> str:
    """The ledger's name for a question: the digest of what decides its answer."""
    return digest(decisive(model, request))
