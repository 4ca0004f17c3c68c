"""Any endpoint that speaks OpenAI's chat format: asked politely, patiently, and never beyond what it takes."""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from callwright.errors import ModelError, ReplyError
from callwright.llm.base import Completion, Request
from callwright.llm.cap import Outcome, Slots
from callwright.llm.endpoint import Endpoint, Reply, Trouble, retry_after_s
from callwright.llm.pressure import EVERY_S, Pressure
from callwright.llm.refusals import REFUSED, overflows, refusal
from callwright.llm.wire import (
    BrokenReply,
    answer_logprobs,
    body_of,
    card_of,
    completion_of,
    prompt_body,
    prompt_logprobs_of,
    prompt_tokens_of,
    score_body,
)
from callwright.schemas.recipe import OpenAIModel

_LONGEST_BACKOFF_S = 30.0
_QUICK_TRIES = 3
_PATIENCE_FOR_OUR_TURN = 4
_RETRIED = frozenset({408, 409, 425, 429})
_SCHEMA = re.compile(r"response_format|schema|grammar", re.IGNORECASE)
_UNKNOWN = re.compile(
    r"prompt[_ ]?logprobs|add_generation_prompt|field required|extra inputs|(?:unknown|unrecognized|unsupported) \w+",
    re.IGNORECASE,
)
"""What servers say that know no tokenizing of messages, or no log-probabilities of prompts."""

T = TypeVar("T")


class _SchemaRefusedError(Exception):
    """The server does not take this JSON Schema, or none at all."""

    def __init__(self, *, for_good: bool) -> None:
        self.for_good = for_good


class _ScoreRefusedError(Exception):
    """The server does not tell the log-probabilities of a prompt."""


class _MovedError(Exception):
    """The endpoint rests, and others take its requests over."""


class OpenAIChat:
    """One model behind one endpoint or several, which share its requests.

    `stats` counts `requests` (HTTP requests sent), `answered` (or refused for what the one request asks),
    `retries` and `retry_<reason>` for each reason, `fallback_response_format` (the server knows no schemas, so
    they are stated in words from then on), `fallback_schema` (it refused the schema of one request),
    `fallback_prompt_logprobs` (it cannot score; see `score`) and `moved` (sent again at once, to another endpoint).
    """

    reads_variables = False

    def __init__(
        self,
        config: OpenAIModel,
        *,
        max_in_flight: int | None = None,
        api_key: str | None = None,
        backoff_s: float = 0.5,
        rest_s: float = 2.0,
        metrics_every_s: float = EVERY_S,
    ) -> None:
        """The key comes from the variable that `config.api_key_env` names, unless it is given.

        Raises:
            UsageError: An address is no plain HTTP address, or the key cannot be sent.
        """
        key = os.environ.get(config.api_key_env, "") if api_key is None else api_key
        self.id = f"openai:{config.model}"
        self.stats: Counter[str] = Counter()
        self._config = config
        self._endpoints = [Endpoint(url, key, config.timeout_s) for url in config.base_url]
        self.slots = Slots(max_in_flight or config.in_flight, len(self._endpoints), rest_s=rest_s)
        self._pressures = [
            Pressure(endpoint, limit, metrics_every_s)
            for endpoint, limit in zip(self._endpoints, self.slots.limits, strict=True)
        ]
        self._backoff_s = backoff_s
        self._native_schemas = True
        self._native_scores = True
        self._jitter = random.Random()

    async def complete(self, request: Request) -> Completion:
        """Answer one request; every trouble that may pass is waited out.

        Raises:
            ModelError: An endpoint refuses us, or none is there, or the last one kept failing after every retry.
            ReplyError: `context_overflow`, `request_refused`, `raw_call_text` or `malformed_reply`; it concerns
                this request only.
        """
        native = self._native_schemas
        while True:
            body = body_of(request, self._config.model, native_schema=native)
            schema_sent = native and request.reply_schema is not None
            ask = partial(self._answer, body=body, request=request, schema_sent=schema_sent)
            try:
                return await self._patiently(partial(self._try, ask, request.urgency))
            except _SchemaRefusedError as refused:
                self._fall_back(refused.for_good)
                native = False

    async def score(self, request: Request, answer: Mapping[str, Any]) -> tuple[float, ...] | None:
        """Log-probability of each token of an answer, by vLLM's `prompt_logprobs`.

        Two requests; the server reads the whole prompt, whatever its cache holds of it.

        Returns:
            None where the server knows no such thing, which is found out once (`fallback_prompt_logprobs`); callers
            then make do with the log-probabilities of generated tokens. None also where the model's chat template
            does not write an answer behind the prompt that asks for one.

        Raises:
            ModelError: As in `complete`.
            ReplyError: `context_overflow` or `request_refused`, such as for an answer whose arguments are no JSON.
        """
        if not self._native_scores:
            return None
        ask = partial(self._scored, request=request, answer=answer)
        try:
            return await self._patiently(partial(self._try, ask, request.urgency))
        except _ScoreRefusedError:
            if self._native_scores:  # many requests may learn it at once; that counts once
                self._native_scores = False
                self.stats["fallback_prompt_logprobs"] += 1
            return None

    async def identity(self) -> str:
        """What the endpoints themselves say that they serve, in a short text: the model's name, and where vLLM's
        server tells them its weights (`root`) and, for an adapter, its base (`parent`).

        New weights under an old path are not seen. Endpoints that differ are all named.

        Raises:
            ModelError: No endpoint answers, or one does not have the model.
        """
        found = [await self._patiently(partial(self._card, endpoint)) for endpoint in self._endpoints]
        return " | ".join(sorted(set(found)))

    async def close(self) -> None:
        """Let go of connections."""
        self.slots.close()
        for pressure, endpoint in zip(self._pressures, self._endpoints, strict=True):
            await pressure.close()
            await endpoint.close()

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` comes to in the end; every trouble that may pass is waited out."""
        tries = 0
        while True:
            answered_before = self.stats["answered"]
            try:
                return await ask()
            except _MovedError:
                self.stats["moved"] += 1
            except Trouble as trouble:
                tries += 1
                if tries > self._patience(trouble, progress=self.stats["answered"] > answered_before):
                    raise self._given_up(trouble, tries) from trouble
                self.stats["retries"] += 1
                self.stats[f"retry_{trouble.reason}"] += 1
                await asyncio.sleep(self._wait_s(trouble, tries))

    async def _try(self, ask: Callable[[Endpoint], Awaitable[T]], urgency: int) -> T:
        """One try with whichever endpoint has room."""
        slot = await self.slots.acquire(urgency)
        endpoint = self._endpoints[slot.endpoint]
        self._pressures[slot.endpoint].watch()
        outcome: Outcome = "neither"
        pause_s = 0.0
        try:
            self.stats["requests"] += 1
            answer = await ask(endpoint)
            outcome = "answered"
        except Trouble as trouble:
            outcome, pause_s = trouble.outcome, trouble.wait_s
            trouble.address = endpoint.base_url
            # Too many requests are a matter of the limit: the endpoint is well.
            if trouble.reason != "429" and self.slots.failed(slot, gone=trouble.reason == "unreachable"):
                raise _MovedError from trouble
            raise
        except ReplyError:
            outcome = "answered"
            self.stats["answered"] += 1
            raise
        finally:
            self.slots.release(slot, outcome, pause_s=pause_s)
        self.stats["answered"] += 1
        return answer

    async def _answer(
        self, endpoint: Endpoint, body: bytes, request: Request, schema_sent: bool
    ) -> Completion:
        reply = await endpoint.post("/chat/completions", body)
        if reply.status != 200:
            raise _passing(reply) or await self._refusal(endpoint, reply, schema_sent)
        try:
            return completion_of(reply.data, request)
        except BrokenReply as error:
            raise Trouble(error.reason, str(error)) from error

    async def _scored(
        self, endpoint: Endpoint, request: Request, answer: Mapping[str, Any]
    ) -> tuple[float, ...] | None:
        name = self._config.model
        prompt = await endpoint.post_beside("/tokenize", prompt_body(request, name))
        if prompt.status != 200:
            raise _passing(prompt) or self._unscored(endpoint, prompt)
        self.stats["requests"] += 1
        reply = await endpoint.post("/chat/completions", score_body(request, name, answer))
        if reply.status != 200:
            raise _passing(reply) or self._unscored(endpoint, reply)
        try:
            listed = prompt_logprobs_of(reply.data)
            if listed is None:
                raise _ScoreRefusedError
            return answer_logprobs(listed, prompt_tokens_of(prompt.data))
        except BrokenReply as error:
            raise Trouble(error.reason, str(error)) from error

    def _unscored(self, endpoint: Endpoint, reply: Reply) -> Exception:
        """Whether a server refuses this one answer or knows no scoring at all."""
        said = reply.message()
        if reply.status in REFUSED and (overflows(said) or not _UNKNOWN.search(said)):
            return refusal(reply.status, said, endpoint.base_url)
        return _ScoreRefusedError()

    async def _card(self, endpoint: Endpoint) -> str:
        """What one endpoint says about the model."""
        self.stats["requests"] += 1
        try:
            reply = await endpoint.get("/models")
            trouble = _passing(reply)
            if trouble is not None:
                raise trouble
        except Trouble as trouble:
            trouble.address = endpoint.base_url
            raise
        name = self._config.model
        if reply.status in (401, 403):
            raise await self._refusal(endpoint, reply, schema_sent=False)
        try:
            card = card_of(reply.data, name) or {}
        except KeyError:
            raise ModelError(f"{endpoint.base_url}: {await self._what_is_there(endpoint)}") from None
        told = [f"{part} {card[part]}" for part in ("root", "parent") if card.get(part) not in (None, name)]
        return f"{name} ({', '.join(told)})" if told else name

    async def _refusal(self, endpoint: Endpoint, reply: Reply, schema_sent: bool) -> Exception:
        """What a status means that asking again would not change."""
        said = reply.message()
        if reply.status in REFUSED:
            return self._refused_request(endpoint, reply.status, said, schema_sent)
        hint = "correct base_url in the recipe"
        if reply.status in (401, 403):
            hint = f"set {self._config.api_key_env} to a key that may use the model {self._config.model!r}"
        elif reply.status == 404:
            hint = await self._what_is_there(endpoint)
        elif reply.location:
            hint += f", the server redirects to {reply.location}"
        return ModelError(f"{endpoint.base_url} answers HTTP {reply.status} ({said}): {hint}")

    def _refused_request(self, endpoint: Endpoint, status: int, said: str, schema_sent: bool) -> Exception:
        if schema_sent and _SCHEMA.search(said) and not overflows(said):
            return _SchemaRefusedError(for_good="response_format" in said)
        return refusal(status, said, endpoint.base_url)

    async def _what_is_there(self, endpoint: Endpoint) -> str:
        models = await endpoint.models()
        if models is None:
            return "correct base_url in the recipe; for most servers it ends in /v1"
        if self._config.model in models:
            return "the server lists the model but cannot chat with it; ask its operator"
        return f"it has no model {self._config.model!r}; it offers: {', '.join(models) or 'none'}"

    def _fall_back(self, for_good: bool) -> None:
        """Many requests may learn at once that the server knows no schemas; that counts once."""
        if for_good and self._native_schemas:
            self._native_schemas = False
            self.stats["fallback_response_format"] += 1
        elif not for_good:
            self.stats["fallback_schema"] += 1

    def _never_there(self, trouble: Trouble) -> bool:
        """Nothing ever answered at this address: far more likely a wrong one than a server that restarts."""
        return trouble.reason == "unreachable" and not self.stats["answered"]

    def _patience(self, trouble: Trouble, *, progress: bool) -> int:
        """How many retries this trouble is worth."""
        if self._never_there(trouble):
            return min(self._config.retries, _QUICK_TRIES - 1)
        if trouble.reason == "429" and progress:
            # Others get through meanwhile, so we are not refused, it is only not our turn.
            return _PATIENCE_FOR_OUR_TURN * self._config.retries
        return self._config.retries

    def _wait_s(self, trouble: Trouble, tries: int) -> float:
        longest = self._backoff_s if self._never_there(trouble) else _LONGEST_BACKOFF_S
        backoff = min(self._backoff_s * 2.0 ** min(tries - 1, 10), longest)
        # Jitter keeps a crowd that failed together from coming back together.
        jittered = backoff * self._jitter.uniform(0.5, 1.0)
        return max(jittered, trouble.wait_s + min(jittered, 0.1 * trouble.wait_s))

    def _given_up(self, trouble: Trouble, tries: int) -> ModelError:
        if self._never_there(trouble):
            addresses = ", ".join(self._config.base_url)
            return ModelError(
                f"nothing answers at {addresses} ({trouble}): start the server, or correct base_url in the recipe, "
                "and run again"
            )
        hint = "run again to go on where it stopped"
        if trouble.reason == "broken_body" and not self.stats["answered"]:
            hint = "correct base_url in the recipe; for most servers it ends in /v1"
        return ModelError(
            f"{trouble.address} failed {tries} times for one request, the last time: {trouble}; {hint}"
        )


def _passing(reply: Reply) -> Trouble | None:
    """The trouble that a status names, if it is one that passes."""
    if reply.status in _RETRIED:
        reason, overloaded = str(reply.status), reply.status == 429
    elif reply.status >= 500 and reply.status != 501:
        reason, overloaded = "5xx", True
    else:
        return None
    return Trouble(
        reason,
        f"HTTP {reply.status} ({reply.message()})",
        wait_s=retry_after_s(reply.retry_after),
        outcome="overloaded" if overloaded else "neither",
    )
