"""A server with a fixed latency and next to no cost of its own, so that what is measured is the client.

It speaks just enough HTTP/1.1 for keep-alive clients and answers every POST with the same chat completion.

Run: python benchmarks/lean_server.py LATENCY_S [SHARE_OF_ERRORS]
It prints its port, ends with its standard input, and prints at the end the seconds from the first request to the last
answer.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time

BODY = json.dumps(
    {
        "id": "x",
        "object": "chat.completion",
        "model": "toy",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "A fine day."}}
        ],
        "usage": {"prompt_tokens": 20, "completion_tokens": 4, "total_tokens": 24},
    }
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(BODY),
    BODY,
)
ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
ABSENT = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Lean(asyncio.Protocol):
    """One connection; requests on it come one after another."""

    def __init__(self, latency_s: float, errors: float) -> None:
        self._latency_s = latency_s
        self._errors = errors
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(body) >= length:
            self._buffer = body[length:]
            if head.startswith(b"GET"):  # a client that looks for metrics draws no error of another's
                self._send(ABSENT)
                return
            SPAN.setdefault("first", time.perf_counter())
            answer = ERROR if _CHANCE.random() < self._errors else ANSWER
            asyncio.get_running_loop().call_later(self._latency_s, self._send, answer)

    def _send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)
            SPAN["last"] = time.perf_counter()


SPAN: dict[str, float] = {}
_CHANCE = random.Random(7)


async def main() -> None:
    latency_s = float(sys.argv[1])
    errors = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Lean(latency_s, errors), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(SPAN.get("last", 0.0) - SPAN.get("first", 0.0), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
