"""One endpoint looked over: is it there, has it the model, does it call tools, keep schemas, and take long prompts?"""

from __future__ import annotations

import json
import os
import time
from email.utils import parsedate_to_datetime

from callwright.errors import ModelError, ReplyError, UsageError
from callwright.llm.base import Request, Sampling
from callwright.llm.endpoint import Endpoint, Reply, Trouble
from callwright.llm.openai import OpenAIChat
from callwright.llm.wire import card_of
from callwright.schemas.checkup import Finding
from callwright.schemas.recipe import OpenAIModel

SKEW_S = 60.0
"""Seconds that two clocks may differ."""
_PATIENCE_S = 60.0
_TOOL = {
    "type": "function",
    "function": {
        "name": "get_opening_hours",
        "description": "Opening hours of a museum on one day.",
        "parameters": {
            "type": "object",
            "properties": {"museum": {"type": "string"}, "date": {"type": "string", "format": "date"}},
            "required": ["museum", "date"],
            "additionalProperties": False,
        },
    },
}
_VERDICT = {
    "type": "object",
    "properties": {"verdict": {"enum": ["true", "false"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}
_CHECKS = ("model", "clock", "context", "tool_calls", "json_schema")


async def check_endpoint(
    role: str, config: OpenAIModel, needed: int, *, schemas: bool = True
) -> list[Finding]:
    """All findings about a model with one address.

    Args:
        role: `teacher`, `judge` or `student`, for the findings.
        config: The model; of several addresses, the first is looked at.
        needed: Tokens of prompt and answer that a long request of the recipe takes.
        schemas: Whether it will be asked for replies by a schema.
    """
    return await _Checkup(role, config, needed, schemas).findings()


class _Checkup:
    def __init__(self, role: str, config: OpenAIModel, needed: int, schemas: bool) -> None:
        self._role = role
        self._config = config.model_copy(
            update={
                "retries": 1,
                "timeout_s": min(config.timeout_s, _PATIENCE_S),
                "base_url": config.base_url[:1],
            }
        )
        self._needed = needed
        self._schemas = schemas
        self._where = f"{role} {config.base_url[0]}"

    async def findings(self) -> list[Finding]:
        config = self._config
        try:
            endpoint = Endpoint(config.base_url[0], os.environ.get(config.api_key_env, ""), config.timeout_s)
        except UsageError as error:
            return [Finding.fault("endpoint", self._where, str(error)), *self._unknown(_CHECKS)]
        try:
            reply = await endpoint.get("/models")
        except Trouble as trouble:
            told = (
                f"nothing answers ({trouble}); start the server, or correct base_url of models.{self._role}"
            )
            return [Finding.fault("endpoint", self._where, told), *self._unknown(_CHECKS)]
        finally:
            await endpoint.close()
        wrong = self._refused(reply)
        if wrong:
            return [
                Finding.fault("endpoint", self._where, wrong),
                self._clock(reply),
                *self._unknown(_without("clock")),
            ]
        found = [Finding.ok("endpoint", self._where, "answers"), self._clock(reply)]
        try:
            card = card_of(reply.data, config.model)
        except KeyError:
            offered = ", ".join(sorted(card["id"] for card in json.loads(reply.data)["data"])) or "none"
            told = f"has no model {config.model!r}; set models.{self._role}.model to one that it offers: {offered}"
            return [
                *found,
                Finding.fault("model", self._where, told),
                *self._unknown(_without("clock", "model")),
            ]
        if card is None:
            found.append(Finding.skipped("model", self._where, "the server lists no models"))
        else:
            found.append(Finding.ok("model", self._where, f"serves {config.model}"))
        chat = OpenAIChat(config)
        try:
            found.append(await self._context(chat, (card or {}).get("max_model_len")))
            found.append(await self._calls(chat))
            if self._schemas:
                found.append(await self._schema(chat))
        finally:
            await chat.close()
        return found

    def _refused(self, reply: Reply) -> str | None:
        if reply.status in (401, 403):
            return (
                f"answers HTTP {reply.status} ({reply.message()}); set {self._config.api_key_env} to a key "
                f"that may use {self._config.model}"
            )
        if reply.status >= 500:
            return f"answers HTTP {reply.status} ({reply.message()}); look at the server's log, or ask its operator"
        if reply.status >= 300 and reply.status != 405:
            return (
                f"answers HTTP {reply.status} to /models; correct base_url, for most servers it ends in /v1"
            )
        return None

    def _clock(self, reply: Reply) -> Finding:
        return clock_finding(self._where, reply.date)

    async def _context(self, chat: OpenAIChat, told: object) -> Finding:
        needed, start = self._needed, "start the server with a longer one (vLLM: --max-model-len)"
        if isinstance(told, int):
            if told < needed:
                return Finding.fault(
                    "context",
                    self._where,
                    f"the context is {told} tokens, and long requests of this recipe take about {needed}; {start}, "
                    "offer fewer tools, or lower max_tokens",
                )
            return Finding.ok("context", self._where, f"{told} tokens, about {needed} are needed")
        # The server does not say, so it is tried: a word and a space are at least one token.
        text = "word " * max(1, needed - self._config.max_tokens)
        asked = Request(
            purpose="doctor.context",
            messages=({"role": "user", "content": text},),
            sampling=Sampling(max_tokens=self._config.max_tokens),
        )
        try:
            await chat.complete(asked)
        except ReplyError as error:
            if error.code == "context_overflow":
                return Finding.fault(
                    "context",
                    self._where,
                    f"long requests of this recipe take about {needed} tokens, and the server refuses one "
                    f"({error.message}); {start}, offer fewer tools, or lower max_tokens",
                )
            return Finding.skipped(
                "context", self._where, f"the server refused the request that tries it ({error.message})"
            )
        except ModelError as error:
            return Finding.skipped("context", self._where, str(error))
        return Finding.ok("context", self._where, f"takes requests of about {needed} tokens")

    async def _calls(self, chat: OpenAIChat) -> Finding:
        asked = Request(
            purpose="doctor.tool_calls",
            messages=(
                {"role": "system", "content": "Answer with a tool call wherever a tool serves the request."},
                {"role": "user", "content": "When is the Harbour Museum open on 2031-05-02?"},
            ),
            tools=(_TOOL,),
            sampling=Sampling(max_tokens=self._config.max_tokens),
        )
        parser = (
            "start it with the tool-call parser of its model "
            "(vLLM: --enable-auto-tool-choice --tool-call-parser NAME)"
        )
        try:
            answer = await chat.complete(asked)
        except ReplyError as error:
            if error.code == "raw_call_text":
                return Finding.fault(
                    "tool_calls", self._where, f"the server passes tool calls on as text; {parser}"
                )
            return Finding.fault(
                "tool_calls", self._where, f"a request with a tool is refused ({error.message}); {parser}"
            )
        except ModelError as error:
            return Finding.fault("tool_calls", self._where, f"a request with a tool fails ({error})")
        if not answer.tool_calls:
            if _TOOL["function"]["name"] in answer.text:  # type: ignore[index]
                return Finding.fault(
                    "tool_calls", self._where, f"the server passes tool calls on as text; {parser}"
                )
            said = " ".join(answer.text.split())[:60]
            return Finding.fault(
                "tool_calls",
                self._where,
                f"asked for what a tool does, the model answers {said!r}; choose a model that calls tools, or {parser}",
            )
        try:
            json.loads(answer.tool_calls[0].arguments)
        except ValueError:
            return Finding.fault(
                "tool_calls", self._where, f"the arguments of a tool call are no JSON; {parser}"
            )
        return Finding.ok("tool_calls", self._where, "come as tool calls")

    async def _schema(self, chat: OpenAIChat) -> Finding:
        # Nothing in the words asks for JSON, so an answer that is some was held to the schema.
        asked = Request(
            purpose="doctor.json_schema",
            messages=({"role": "user", "content": "Is seven a prime number?"},),
            reply_schema=_VERDICT,
            sampling=Sampling(max_tokens=self._config.max_tokens),
        )
        todo = (
            "replies are then asked for in words and more of them are dropped; use a server that takes "
            "response_format: json_schema, such as vLLM"
        )
        try:
            answer = await chat.complete(asked)
        except ModelError as error:
            return Finding.fault(
                "json_schema", self._where, f"a request with a reply schema fails ({error}); {todo}"
            )
        if chat.stats["fallback_response_format"] or chat.stats["fallback_schema"]:
            return Finding.fault("json_schema", self._where, f"the server knows no reply schemas; {todo}")
        try:
            kept = json.loads(answer.text).get("verdict") in ("true", "false")
        except (ValueError, AttributeError):
            kept = False
        if not kept:
            return Finding.fault(
                "json_schema", self._where, f"the server does not keep a reply to its schema; {todo}"
            )
        return Finding.ok("json_schema", self._where, "replies keep their schema")

    def _unknown(self, checks: tuple[str, ...]) -> list[Finding]:
        left = [one for one in checks if one != "json_schema" or self._schemas]
        return [
            Finding.skipped(one, self._where, "cannot be told before the fault above is put right")
            for one in left
        ]


def clock_finding(where: str, date: str | None) -> Finding:
    """Whether a server's clock, by its Date header, and this machine's agree."""
    try:
        theirs = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Finding.skipped("clock", where, "the server does not tell the time")
    ahead = time.time() - theirs
    if abs(ahead) <= SKEW_S:
        return Finding.ok("clock", where, "agrees with this machine's")
    told = (
        f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's; let both "
        "follow a time server (NTP), or schedules and certificates go wrong"
    )
    return Finding.fault("clock", where, told)


def _without(*names: str) -> tuple[str, ...]:
    return tuple(one for one in _CHECKS if one not in names)
