"""The server that `data/harbor.yaml` documents, on the loopback: it counts what it is asked, and can hold one call."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from aiohttp import web

DOCUMENT = Path(__file__).parent / "data" / "harbor.yaml"


class Harbor:
    """`async with Harbor() as harbor:` then build with `harbor.source()`."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.hold_at = 0
        """The number of the call that gets no answer; none unless set."""
        self.held = asyncio.Event()
        """Set while a call waits for its answer in vain."""
        self._closing = asyncio.Event()

    @property
    def count(self) -> int:
        return self.asked.total()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._port}"

    def source(self, **changes: Any) -> dict[str, Any]:
        """The entry of a recipe's `tools` for this server."""
        given = {
            "openapi": str(DOCUMENT),
            "toolbox": "http",
            "hosts": [self.host],
            "server": f"http://{self.host}",
            "allow_private": True,
        }
        return given | changes

    async def __aenter__(self) -> Harbor:
        app = web.Application()
        app.router.add_get("/tides/{port}", self._tide)
        app.router.add_get("/ferries", self._ferries)
        app.router.add_get("/notice", self._notice)
        app.router.add_post("/bookings", self._book)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *raised: object) -> None:
        self._closing.set()
        await self._runner.cleanup()

    async def _note(self, request: web.Request) -> None:
        self.asked[f"{request.method} {request.raw_path}"] += 1
        if self.count == self.hold_at:
            self.held.set()
            await self._closing.wait()

    async def _tide(self, request: web.Request) -> web.Response:
        await self._note(request)
        port, day = request.match_info["port"], request.query["day"]
        high = 2 + len(port) + int(day[-2:]) / 10
        return web.json_response({"port": port, "high": round(high, 1), "low": round(high / 4, 1)})

    async def _ferries(self, request: web.Request) -> web.Response:
        await self._note(request)
        return web.json_response([{"name": f"Star of {request.query['port']}"}, {"name": "Gannet"}])

    async def _notice(self, request: web.Request) -> web.Response:
        await self._note(request)
        return web.Response(text=f"The quay of {request.query['port']} is closed for repairs.")

    async def _book(self, request: web.Request) -> web.Response:
        await self._note(request)
        return web.json_response({"seat": 12}, status=201)
