"""A real HTTP server on the loopback that speaks OpenAI's chat format, and fails in every way a test asks for."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web

Body = dict[str, Any]


@dataclass(frozen=True)
class Status:
    """Answers with this status, text and headers; a 200 may hold a body that is broken on purpose."""

    code: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(frozen=True)
class Reset:
    """Drops the connection without a reply."""


@dataclass(frozen=True)
class CutOff:
    """Promises a body and drops the connection half way."""


@dataclass(frozen=True)
class Hang:
    """Never answers."""


@dataclass(frozen=True)
class Drip:
    """Sends the reply in `pieces`, with a pause before each."""

    reply: Body
    pieces: int = 5
    pause_s: float = 0.02


Answer = Body | Status | Reset | CutOff | Hang | Drip
Responder = Callable[[Body], Answer]


@dataclass(frozen=True)
class Seen:
    """A request as it came in."""

    body: Body
    headers: Mapping[str, str]
    raw: bytes
    """The body as it was sent."""


class Loopback:
    """`async with Loopback(responder) as server:` then talk to `server.base_url`."""

    def __init__(
        self,
        responder: Responder | Answer,
        *,
        models: Iterable[str] = ("toy",),
        key: str | None = None,
        latency_s: float = 0.0,
        metrics: Answer | Callable[[], Answer] | None = None,
        tokenizer: Responder | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """With a `key`, requests without it get a 401. An answer instead of a responder is given always."""
        self.responder: Responder = responder if callable(responder) else lambda body: responder
        self.models = list(models)
        self.key = key
        self.latency_s = latency_s
        self.metrics = metrics
        self.metrics_read = 0
        self.tokenizer = tokenizer
        """What answers at vLLM's `/tokenize`, beside `/v1`; nobody when it is None."""
        self.cards: dict[str, Body] = {}
        """What `/v1/models` says of a model besides its name."""
        self.host = host
        self.port = port
        """Where it listens; a free one is found when it is 0."""
        self.seen: list[Seen] = []
        self.peers: set[int] = set()
        """The client's port of each connection that brought a request."""
        self.machines: Counter[str] = Counter()
        """Requests by the client's address."""
        self.at_once = 0
        self.most_at_once = 0

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}/v1"

    @property
    def bodies(self) -> list[Body]:
        return [seen.body for seen in self.seen]

    @property
    def count(self) -> int:
        return len(self.seen)

    async def __aenter__(self) -> Loopback:
        """The port stays the same when it is entered again."""
        self._closing = asyncio.Event()
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._list_models)
        app.router.add_post("/tokenize", self._tokenize)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        await self._runner.cleanup()

    async def _list_models(self, request: web.Request) -> web.StreamResponse:
        listed = [
            {"id": name, "object": "model", "created": 0, "owned_by": "loopback"} | self.cards.get(name, {})
            for name in self.models
        ]
        refused = self._refused(request)
        return await self._send(request, refused or {"object": "list", "data": listed})

    async def _tokenize(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        answer = error_reply(404, "Not Found") if self.tokenizer is None else self.tokenizer(body)
        return await self._send(request, answer)

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        self.metrics_read += 1
        answer = self.metrics() if callable(self.metrics) else self.metrics
        return await self._send(request, Status(404) if answer is None else answer)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if request.transport is not None:
            machine, port = request.transport.get_extra_info("peername")[:2]
            self.peers.add(port)
            self.machines[machine] += 1
        self.seen.append(Seen(body, dict(request.headers), await request.read()))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.latency_s)
            return await self._send(request, self._answer(request, body))
        finally:
            self.at_once -= 1

    def _refused(self, request: web.Request) -> Status | None:
        given = request.headers.get("Authorization", "")
        if self.key is not None and given != f"Bearer {self.key}":
            return error_reply(401, f"Incorrect API key provided: {given.removeprefix('Bearer ')}")
        return None

    def _answer(self, request: web.Request, body: Body) -> Answer:
        refused = self._refused(request)
        if refused is not None:
            return refused
        if body["model"] not in self.models:
            return error_reply(404, f"The model `{body['model']}` does not exist.")
        return self.responder(body)

    async def _send(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        match answer:
            case Status():
                return web.Response(
                    status=answer.code,
                    text=answer.text,
                    headers=dict(answer.headers),
                    content_type=answer.content_type,
                )
            case Drip():
                return await self._drip(request, answer)
            case Hang():
                await self._closing.wait()
                _drop(request)
            case Reset():
                _drop(request)
            case CutOff():
                response = web.StreamResponse(headers={"Content-Length": "1000"})
                await response.prepare(request)
                await response.write(b'{"choices": [')
                _drop(request)
                return response
            case _:
                return web.json_response(answer)
        return web.Response(status=500)

    async def _drip(self, request: web.Request, drip: Drip) -> web.StreamResponse:
        data = json.dumps(drip.reply).encode()
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Content-Length": str(len(data))}
        )
        await response.prepare(request)
        size = -(-len(data) // drip.pieces)
        for start in range(0, len(data), size):
            await asyncio.sleep(drip.pause_s)
            await response.write(data[start : start + size])
        return response


def _drop(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def completion(
    message: Body,
    *,
    finish_reason: str = "stop",
    prompt_tokens: int = 7,
    completion_tokens: int = 3,
    **choice: Any,
) -> Body:
    """A whole reply around one message."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "toy",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": None} | message,
                "finish_reason": finish_reason,
                "logprobs": None,
            }
            | choice
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }


def text_reply(text: str, **fields: Any) -> Body:
    return completion({"content": text}, **fields)


def json_reply(value: Any, **fields: Any) -> Body:
    return text_reply(json.dumps(value), **fields)


def call_reply(name: str, arguments: str, *, id: str | None = "call_a", **fields: Any) -> Body:
    """One tool call; the argument text is sent as it is given."""
    call: Body = {"type": "function", "function": {"name": name, "arguments": arguments}}
    if id is not None:
        call["id"] = id
    return completion({"tool_calls": [call]}, **({"finish_reason": "tool_calls"} | fields))


def error_reply(code: int, message: str, **headers: str) -> Status:
    """An error in OpenAI's form; header names are written with underscores."""
    text = json.dumps({"error": {"message": message, "type": "error", "param": None, "code": code}})
    return Status(code, text, {name.replace("_", "-"): value for name, value in headers.items()})


def too_many(retry_after: str = "0.05") -> Status:
    return error_reply(429, "Rate limit reached", Retry_After=retry_after)


TRUNCATED_JSON = Status(200, '{"id": "chatcmpl-1", "choices": [{"index": 0, "mess')
MALFORMED_JSON = Status(200, "{'choices': []}")
HTML = Status(502, "<html><body>Bad Gateway</body></html>", content_type="text/html")
HTML_200 = Status(200, "<html><body>Welcome</body></html>", content_type="text/html")
EMPTY_CHOICES: Body = {"id": "chatcmpl-1", "object": "chat.completion", "choices": []}
RAW_CALL = text_reply('<tool_call>\n{"name": "lookup", "arguments": {}}\n</tool_call>')
CONTEXT_OVERFLOW = error_reply(
    400, "This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens."
)


def in_turn(*answers: Answer) -> Responder:
    """Gives the answers one after another; the last one stays."""
    waiting = iter(answers)
    last: list[Answer] = []

    def respond(body: Body) -> Answer:
        answer = next(waiting, None)
        if answer is not None:
            last[:] = [answer]
        return last[0]

    return respond


def without_schemas(responder: Responder) -> Responder:
    """A server that does not know `response_format`."""

    def respond(body: Body) -> Answer:
        if "response_format" in body:
            return error_reply(400, "Unknown field: response_format of type json_schema is not supported")
        return responder(body)

    return respond
