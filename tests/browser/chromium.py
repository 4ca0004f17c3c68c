"""Headless Chromium, driven over its own DevTools protocol: no driver and no download."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")


class Tab:
    """One open page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        """Everything that the browser told, oldest first."""

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the browser; its events meanwhile are kept."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            told = await self._receive()
            if told.get("id") == number:
                assert "error" not in told, told["error"]
                found: dict[str, Any] = told["result"]
                return found

    async def _receive(self) -> dict[str, Any]:
        told: dict[str, Any] = await self._socket.receive_json(timeout=120)
        if "method" in told:
            self.events.append(told)
        return told

    async def open(self, path: Path) -> None:
        """Load a file, and wait until its scripts have run."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send(f"{domain}.enable")
        await self.send("Page.navigate", url=path.as_uri())
        while not any(one["method"] == "Page.loadEventFired" for one in self.events):
            await self._receive()

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        found = await self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    async def click(self, selector: str) -> None:
        """Press the mouse where an element is."""
        at = await self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); "
            "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect(); "
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        await self.send("Input.dispatchMouseEvent", type="mouseMoved", x=at[0], y=at[1])
        # A chart follows the mouse from one frame to the next.
        await self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        for kind in ("mousePressed", "mouseReleased"):
            where = {"x": at[0], "y": at[1], "button": "left", "clickCount": 1}
            await self.send("Input.dispatchMouseEvent", type=kind, **where)

    async def choose(self, selector: str, value: str) -> None:
        """Choose an option of a list."""
        await self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.value = {json.dumps(value)};"
            " e.dispatchEvent(new Event('change')); })()"
        )

    async def picture(self, selector: str = "body") -> bytes:
        """A PNG of the page, or of one element."""
        found = await self.run(
            f"(() => {{ scrollTo(0, 0); const b = document.querySelector({json.dumps(selector)})"
            ".getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()"
        )
        clip = dict(zip(("x", "y", "width", "height"), found, strict=True)) | {"scale": 1}
        shot = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(shot["data"])

    @property
    def complaints(self) -> list[str]:
        """Exceptions, errors and refused requests."""
        return [
            json.dumps(one["params"])[:500]
            for one in self.events
            if one["method"] in ("Runtime.exceptionThrown", "Network.loadingFailed")
            or (one["method"] == "Log.entryAdded" and one["params"]["entry"]["level"] == "error")
        ]

    @property
    def asked_for(self) -> list[str]:
        """Addresses that the page loaded."""
        return [
            one["params"]["request"]["url"]
            for one in self.events
            if one["method"] == "Network.requestWillBeSent"
        ]


@asynccontextmanager
async def chromium(width: int = 1360, height: int = 900) -> AsyncIterator[Tab]:
    """A browser with one empty page."""
    assert PROGRAM, "Chromium is not installed; `make test-browser` installs it"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *_FLAGS,
            f"--window-size={width},{height}",
            f"--user-data-dir={profile}",
            "--remote-debugging-port=0",
            "about:blank",
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            env=os.environ | {"HOME": profile},
        )
        assert process.stderr is not None
        try:
            address = await asyncio.wait_for(_address(process.stderr), 120)
            reading = asyncio.create_task(process.stderr.read())  # a full pipe would stop the browser
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://{address}/json/list") as answer:
                    [page] = [one for one in await answer.json() if one["type"] == "page"]
                async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield Tab(socket)
            reading.cancel()
        finally:
            process.kill()
            await process.wait()


async def _address(stream: asyncio.StreamReader) -> str:
    """Host and port, which the browser tells when it listens."""
    while line := await stream.readline():
        text = line.decode(errors="replace")
        if "ws://" in text:
            return text.split("ws://", 1)[1].split("/", 1)[0]
    raise AssertionError("Chromium ended before it listened")
