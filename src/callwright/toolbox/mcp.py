"""MCP servers run the calls: each conversation has connections, and over stdio server processes, of its own."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    PARSE_ERROR,
    CallToolResult,
    ContentBlock,
    ResourceLink,
    TextContent,
    TextResourceContents,
)
from pydantic import ValidationError

from callwright.errors import GenerationError, SourceError
from callwright.schemas.message import Observation, ToolCall, Trust
from callwright.schemas.tool import McpBinding, Tool
from callwright.sources.headers import Credentials, redacted
from callwright.sources.mcp import Connection, connect, listed, origin_of, toolkit_of
from callwright.toolbox.base import MAX_CHARACTERS, Session, checked_arguments, observed, problem
from callwright.values.canonical import parse_json

TRUST: Trust = "real"
_STATUS = {INVALID_PARAMS: 400, PARSE_ERROR: 502}
"""JSON-RPC's codes as HTTP's; any other is the server's own failure."""


class McpToolbox:
    """Opens a session for each conversation; a server is started or reached at the first call of its tools."""

    def __init__(
        self,
        call_s: float = 60.0,
        start_s: float = 30.0,
        headers_env: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """
        Args:
            call_s: Seconds that one call may take; after that the server is given up, and answers 504.
            start_s: Seconds until a server must have answered, and again until it must have listed its tools.
            headers_env: Toolkit -> header -> the environment variable that holds its value. It is read when a
                connection is made, and sent to the toolkit's own server only.

        Raises:
            UsageError: A header cannot be set.
        """
        self._credentials = {toolkit: Credentials(one) for toolkit, one in (headers_env or {}).items()}
        self._call_s = call_s
        self._start_s = start_s
        self._held: set[_Held] = set()

    def open(self, tools: Sequence[Tool], *, toolkit: str, seed: int, clock: dt.date, item: str) -> Session:
        credentials = self._credentials.get(toolkit) or Credentials({})
        return McpSession(tools, credentials, self._call_s, self._start_s, self._held)

    async def close(self) -> None:
        """Let go of the servers of sessions that were not ended."""
        await _let_go(list(self._held))


class McpSession:
    def __init__(
        self,
        tools: Sequence[Tool],
        credentials: Credentials,
        call_s: float,
        start_s: float,
        held: set[_Held],
    ) -> None:
        """`held` is everything that the toolbox has to let go of, should this session not be ended."""
        self._tools = tools
        self._credentials = credentials
        self._call_s = call_s
        self._start_s = start_s
        self._held = held
        self._mine: list[_Held] = []
        self._current: dict[str, _Held] = {}

    async def call(self, call: ToolCall) -> Observation:
        """
        Raises:
            GenerationError: `toolbox_unreachable`: the server cannot be started or reached; `tools_changed`: it
                documents a tool of this conversation otherwise than when the tools were read.
            UsageError: An environment variable that a header is taken from is not set.
        """
        checked = checked_arguments(call, self._tools, TRUST)
        if isinstance(checked, Observation):
            return checked
        tool, arguments = checked
        held = self._hold(_binding(tool).server)
        return await self._ask(held, await held.connection(), tool, arguments)

    async def end(self) -> str | None:
        """Stop the servers of this conversation; what state they leave, nobody can see."""
        mine, self._mine, self._current = self._mine, [], {}
        await _let_go(mine)
        return None

    def _hold(self, server: str) -> _Held:
        """The connection to a server; a new one where there is none, or where it was lost."""
        held = self._current.get(server)
        if held is None or not held.is_up:
            bound = [tool for tool in self._tools if _is_bound(tool, server)]
            held = _Held(server, bound, self._credentials.read(), self._start_s)
            self._current[server] = held
            self._mine.append(held)
            self._held.add(held)
            held.task.add_done_callback(lambda _: self._held.discard(held))
        return held

    async def _ask(
        self, held: _Held, connection: Connection, tool: Tool, arguments: dict[str, Any]
    ) -> Observation:
        unreadable, secrets = connection.unreadable, connection.secrets
        try:
            async with asyncio.timeout(self._call_s):
                result = await connection.client.call_tool(_binding(tool).tool, arguments)
        except TimeoutError:
            held.let_go()
            if connection.unreadable > unreadable:
                return problem(502, "The server's answer was no JSON-RPC message.", TRUST)
            return problem(504, f"The server did not answer within {self._call_s:g} s.", TRUST)
        except MCPError as error:
            text = redacted(str(error), secrets) or "The server failed without saying why."
            refusal = observed(_STATUS.get(error.code, 500), {"error": text}, TRUST)
            return await self._missing(held, connection, tool) or refusal
        except ValidationError:
            return problem(502, "The server's answer was no result of a tool.", TRUST)
        except RuntimeError as error:
            # The library holds structured content against the output schema, and says so in many lines.
            reason = redacted(str(error).splitlines()[0], secrets)
            return problem(502, f"The server's answer was invalid: {reason}", TRUST)
        if result.is_error:
            return await self._missing(held, connection, tool) or _failure(result, secrets)
        return _answer(tool, result, secrets)

    async def _missing(self, held: _Held, connection: Connection, tool: Tool) -> Observation | None:
        """What a failed call is due to, where that is not the call: the server has stopped, or lost the tool.

        JSON-RPC's codes do not tell these from a refusal, but a server that lists its tools is there.
        """
        try:
            gone = await _gone(connection, held.server, held.tools, self._start_s)
        except SourceError:
            held.let_go()
            return problem(502, "The server stopped before it answered.", TRUST)
        name = _binding(tool).tool
        return problem(410, f"The server no longer has the tool {name}.", TRUST) if name in gone else None


class _Held:
    """A connection in the hands of a task of its own: calls come from any task, but one has to open and close it."""

    def __init__(
        self, server: str, tools: Sequence[Tool], headers: Mapping[str, str], start_s: float
    ) -> None:
        self.server = server
        self.tools = tools
        self._headers = headers
        self._start_s = start_s
        self._settled = asyncio.Event()
        self._let_go = asyncio.Event()
        self._connection: Connection | None = None
        self._failure: GenerationError | None = None
        self.task = asyncio.create_task(self._run())

    @property
    def is_up(self) -> bool:
        return not self.task.done() and not self._let_go.is_set()

    async def connection(self) -> Connection:
        """The connection, once the server has answered.

        Raises:
            GenerationError: It did not, or not as it should.
        """
        await self._settled.wait()
        if self._connection is None:
            raise self._failure or GenerationError(
                "toolbox_unreachable", f"{origin_of(self.server)}: was given up"
            )
        return self._connection

    def let_go(self) -> None:
        if not self._settled.is_set():
            self.task.cancel()  # once; a second time would break off the library's own shutdown
        self._let_go.set()

    async def _run(self) -> None:
        try:
            async with connect(self.server, self._start_s, self._headers) as connection:
                if gone := await _gone(connection, self.server, self.tools, self._start_s):
                    raise GenerationError(
                        "tools_changed",
                        f"{origin_of(self.server)}: the server no longer has {', '.join(gone)}; read its tools again",
                    )
                self._connection = connection
                self._settled.set()
                await self._let_go.wait()
        except GenerationError as error:
            self._failure = error
        except SourceError as error:
            self._failure = GenerationError("toolbox_unreachable", str(error))
        finally:
            self._settled.set()


async def _let_go(helds: Sequence[_Held]) -> None:
    for held in helds:
        held.let_go()
    if helds:
        # `wait` leaves them running when it is cancelled itself, so that no server outlives its shutdown.
        done, _ = await asyncio.wait([held.task for held in helds])
        for task in done:
            if not task.cancelled():
                task.result()


async def _gone(connection: Connection, server: str, tools: Sequence[Tool], timeout_s: float) -> list[str]:
    """The names of the tools that a server does not list, or no longer.

    Raises:
        GenerationError: It documents one of the others otherwise than when the tools were read.
        SourceError: It lists none at all.
    """
    names = {_binding(tool).tool for tool in tools}
    entries = [one for one in await listed(connection, origin_of(server), timeout_s) if one["name"] in names]
    found = toolkit_of(entries, server)[0].tools if entries else ()
    now = {_binding(tool).tool: _documentation(tool) for tool in found}
    present = {entry["name"] for entry in entries}
    for tool in tools:
        name = _binding(tool).tool
        if name in present and now.get(name) != _documentation(tool):
            raise GenerationError(
                "tools_changed",
                f"{origin_of(server)}: documents {name} otherwise than when it was read; read its tools again",
            )
    return sorted(names - present)


def _documentation(tool: Tool) -> tuple[Any, ...]:
    return tool.description, tool.parameters, tool.returns


def _is_bound(tool: Tool, server: str) -> bool:
    return isinstance(tool.binding, McpBinding) and tool.binding.server == server


def _binding(tool: Tool) -> McpBinding:
    assert isinstance(tool.binding, McpBinding)
    return tool.binding


def _failure(result: CallToolResult, secrets: re.Pattern[str]) -> Observation:
    text = _text(result.content, secrets) or "The tool failed without saying why."
    return observed(400, {"error": text}, TRUST)


def _answer(tool: Tool, result: CallToolResult, secrets: re.Pattern[str]) -> Observation:
    """Structured content where it is documented, or all there is; else what the content says."""
    if result.structured_content is not None and (tool.returns is not None or not result.content):
        try:
            return observed(200, redacted(result.structured_content, secrets), TRUST)
        except (ValueError, RecursionError):
            return problem(502, "The server's answer holds a value that JSON does not have.", TRUST)
    if not result.content:
        return observed(200, {"status": 200}, TRUST)
    if len(result.content) == 1 and isinstance(result.content[0], TextContent):
        try:
            body = redacted(parse_json(result.content[0].text), secrets)
            if isinstance(body, dict | list):
                return observed(200, body, TRUST)
        except (ValueError, RecursionError):
            pass  # words, not JSON
    return _plain(_text(result.content, secrets))


def _plain(text: str) -> Observation:
    if len(text) <= MAX_CHARACTERS:
        return Observation(content=text, trust=TRUST, media_type="text/plain")
    kept = MAX_CHARACTERS - 100
    note = f"[cut: the first {kept:,} of {len(text):,} characters]"
    return Observation(content=f"{text[:kept]}\n{note}", trust=TRUST, media_type="text/plain", cut=True)


def _text(blocks: Sequence[ContentBlock], secrets: re.Pattern[str]) -> str:
    return str(redacted("\n".join(_shown(block) for block in blocks), secrets))


def _shown(block: ContentBlock) -> str:
    """A part of an answer as text; bytes are told by their type and size."""
    if isinstance(block, TextContent):
        return block.text
    if isinstance(block, ResourceLink):
        return f"[{block.mime_type or 'resource'}: {block.uri}]"
    if block.type != "resource":
        return _bytes(block.mime_type, block.data)
    if isinstance(block.resource, TextResourceContents):
        return block.resource.text
    return _bytes(block.resource.mime_type, block.resource.blob)


def _bytes(media_type: str | None, base64: str) -> str:
    return f"[{media_type or 'application/octet-stream'}, {len(base64.rstrip('=')) * 3 // 4:,} bytes]"
