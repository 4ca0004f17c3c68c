"""The tools of an MCP server become a toolkit; here is the one place where a connection to such a server is made."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shlex
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.session import IncomingMessage
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from callwright.errors import SourceError
from callwright.schemas.tool import McpBinding, Refusal, Toolkit
from callwright.sources.headers import NOTHING, redacted, secrets_in
from callwright.sources.problems import Unusable, shown
from callwright.sources.tool_list import read_tool_list
from callwright.sources.vetting import vet

LAST_WORDS_BYTES = 4_000
"""What is kept of a server's stderr, however much it writes."""
MAX_REPLY_BYTES = 16 * 2**20
"""The largest reply of a server over HTTP that is read."""
_TIMEOUT = httpx2.Timeout(30.0, read=300.0)
"""Seconds, as the library's own client has them; calls have shorter ones of ours."""
_LAUNCHERS = ("node", "npx", "python", "python3", "uvx")
"""Programs that run the server named by their first argument."""

# The library logs the traceback of each message that it cannot read; the errors raised here say what happened.
logging.getLogger("mcp").addHandler(logging.NullHandler())


@dataclass
class Connection:
    """A server that answers."""

    client: Client
    unreadable: int = 0
    """Messages so far that were no JSON-RPC, such as lines that a server prints to its stdout."""
    secrets: re.Pattern[str] = NOTHING
    """The credentials that are sent: to be taken out of whatever the server says."""


async def read_mcp(
    server: str,
    *,
    name: str | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 30,
) -> tuple[Toolkit, tuple[Refusal, ...]]:
    """The toolkit of a running MCP server, or of one that is started for it, and what had to be left out.

    Args:
        server: The URL of a streamable HTTP server, or the command line of one that speaks over stdio. No shell
            reads it.
        name: The toolkit's name; made of what the server calls itself unless given.
        headers: As in `connect`.
        timeout_s: Seconds until the server must have answered, and again until it must have listed its tools.

    Raises:
        SourceError: The server does not answer, has no tools, or describes itself in words that instruct a model.
    """
    origin = origin_of(server)
    async with connect(server, timeout_s, headers) as connection:
        entries = await listed(connection, origin, timeout_s)
        told, secrets = connection.client.server_info, connection.secrets
    if not entries:
        raise SourceError(f"{origin}: the MCP server lists no tools")
    title = redacted((told.title or told.name if told else "").strip(), secrets) or origin
    description = redacted((told.description if told else None) or "", secrets)
    try:
        vet(title, description)
    except Unusable as error:
        raise SourceError(f"{origin}: {error.code} in what the server says about itself: {error}") from None
    return toolkit_of(entries, server, name=name, title=title, description=description)


def toolkit_of(
    entries: list[dict[str, Any]],
    server: str,
    *,
    name: str | None = None,
    title: str = "",
    description: str = "",
) -> tuple[Toolkit, tuple[Refusal, ...]]:
    """What `listed` gave, read like any other list of functions and bound to the server."""
    return read_tool_list(
        {"tools": entries, "title": title, "description": description},
        origin_of(server),
        name=name,
        bind=lambda written: McpBinding(server=server, tool=written),
    )


async def listed(connection: Connection, origin: str, timeout_s: float) -> list[dict[str, Any]]:
    """Every tool that a server lists, by name, whatever order it lists them in.

    Raises:
        SourceError: It does not list them, or not within `timeout_s` seconds.
    """
    entries: list[dict[str, Any]] = []
    cursor: str | None = None
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                page = await connection.client.list_tools(cursor=cursor)
                for tool in page.tools:
                    hints = tool.annotations
                    entries.append(
                        {
                            "name": tool.name,
                            "title": tool.title or (hints.title if hints else None),
                            "description": tool.description,
                            "inputSchema": tool.input_schema,
                            "outputSchema": tool.output_schema,
                        }
                    )
                cursor = page.next_cursor
                if cursor is None:
                    entries = redacted(entries, connection.secrets)
                    return sorted(entries, key=lambda entry: str(entry["name"]))
    except TimeoutError:
        raise SourceError(f"{origin}: the MCP server did not list its tools within {timeout_s:g} s") from None
    except (MCPError, ValidationError, RuntimeError) as error:
        reason = redacted(_line(error), connection.secrets)
        raise SourceError(f"{origin}: the MCP server does not list its tools: {reason}") from error


@asynccontextmanager
async def connect(
    server: str, start_s: float, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Connection]:
    """A connection to an MCP server. A server that was started for it is stopped at the end, with its children.

    Enter and leave it in one task: the library's cancel scopes ask for that.

    Args:
        server: As in `read_mcp`.
        start_s: Seconds until the server must have answered for the first time.
        headers: Header -> its value, sent with every request to a server over HTTP, and to no other origin.

    Raises:
        SourceError: The server cannot be started or reached, or the connection broke.
    """
    origin = origin_of(server)
    parameters = None if _is_url(server) else _command(server)
    secrets = secrets_in((headers or {}).values())
    statuses: list[int] = []
    connection: Connection
    inner: Exception | None = None

    async def hear(message: IncomingMessage) -> None:
        connection.unreadable += isinstance(message, Exception)

    try:
        async with AsyncExitStack() as stack:
            stderr, last_words = stack.enter_context(_stderr())
            if parameters:
                transport = stdio_client(parameters, stderr)
            else:
                transport = streamable_http_client(
                    server, http_client=await stack.enter_async_context(_http_client(headers or {}, statuses))
                )
            connection = Connection(Client(transport, message_handler=hear, cache=None), secrets=secrets)
            try:
                async with asyncio.timeout(start_s):
                    await stack.enter_async_context(connection.client)
            except TimeoutError:
                raise SourceError(
                    f"{origin}: the MCP server did not answer within {start_s:g} s; {_advice(last_words, statuses)}"
                ) from None
            except Exception as error:
                # What a stranger's server can make the library raise has no common base.
                verb = "started" if parameters else "reached"
                reason = redacted(_line(error), secrets)
                raise SourceError(
                    f"{origin}: the MCP server cannot be {verb}: {reason}; {_advice(last_words, statuses)}"
                ) from error
            try:
                yield connection
            except Exception as error:
                inner = error
                raise
    except ExceptionGroup as group:
        # The library's task groups wrap whatever was raised inside of them.
        if inner is not None:
            raise inner from None
        reason = redacted(_line(group), secrets)
        raise SourceError(f"{origin}: the connection to the MCP server broke: {reason}") from group


def _http_client(headers: Mapping[str, str], statuses: list[int]) -> httpx2.AsyncClient:
    """What asks servers over HTTP: no proxy and no password of the environment, and replies of a bounded size.

    The library follows redirects within the server's own origin only. `statuses` gets those of the replies.
    """

    async def note(response: httpx2.Response) -> None:
        statuses.append(response.status_code)

    return httpx2.AsyncClient(
        timeout=_TIMEOUT,
        trust_env=False,
        headers={**headers, "Accept-Encoding": "identity"},
        event_hooks={"response": [note, _bounded]},
    )


async def _bounded(response: httpx2.Response) -> None:
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding != "identity":
        # Nobody asked for it, and what it unpacks to can be a thousand times as large.
        raise httpx2.DecodingError(
            f"the reply is packed ({encoding[:40]}), refused", request=response.request
        )
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    """The bytes of a reply, up to a limit. A stream of events is one reply."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_REPLY_BYTES
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise httpx2.StreamError(f"the reply is larger than {MAX_REPLY_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def origin_of(server: str) -> str:
    """A server's name for messages and records: its host, or its program without the place where that lies."""
    if _is_url(server):
        try:
            return urlsplit(server).hostname or "server"
        except ValueError as error:
            raise SourceError(f"{shown(server)}: no URL of an MCP server: {error}") from None
    words = _words(server)
    program = Path(words[0]).name
    if program in _LAUNCHERS:
        named = next((word for word in words[1:] if not word.startswith("-")), "")
        program = Path(named).name if re.fullmatch(r"[\w@./+-]+", named) else program
    return program


def _is_url(server: str) -> bool:
    return server.startswith(("http://", "https://"))


def _words(server: str) -> list[str]:
    try:
        words = shlex.split(server)
    except ValueError as error:
        raise SourceError(f"{shown(server)}: no command line of an MCP server: {error}") from None
    if not words:
        raise SourceError("the command line of an MCP server is empty; give a program or a URL")
    return words


def _command(server: str) -> StdioServerParameters:
    """The program that is meant. Bytes that are no UTF-8 make a message unreadable, and nothing more."""
    program, *arguments = _words(server)
    # Programs of our own environment count too; a program with a folder in its name is only where it says.
    found = shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))
    if program == "python":
        found = sys.executable
    if found is None:
        raise SourceError(
            f"{Path(program).name}: there is no such program on the PATH or beside {Path(sys.executable).name}; "
            "install the MCP server, or give its URL"
        )
    return StdioServerParameters(command=found, args=arguments, encoding_error_handler="replace")


@contextmanager
def _stderr() -> Iterator[tuple[TextIO, bytearray]]:
    """What takes all that a server writes to its stderr, so that it never blocks, and the last of it."""
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    kept = bytearray()

    def read() -> None:
        kept.extend(os.read(reading, 65_536))
        del kept[:-LAST_WORDS_BYTES]

    loop.add_reader(reading, read)
    try:
        with os.fdopen(writing, "w", encoding="utf-8") as file:
            yield file, kept
    finally:
        loop.remove_reader(reading)
        os.close(reading)


def _advice(last_words: bytearray, statuses: list[int]) -> str:
    """What may help: the last line that a server wrote to its stderr often says it, or a status."""
    if statuses and statuses[-1] in (401, 403):
        return (
            f"it answers {statuses[-1]}: name the environment variable that holds its credentials in the recipe, such "
            "as headers: {Authorization: MCP_AUTH}, or set it again"
        )
    lines = last_words.decode("utf-8", "replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"its last words: {said[:200]}" if said else "try its command or URL by hand"


def _line(error: BaseException) -> str:
    """The first thing that went wrong, in one line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(str(step) for step in first['loc']) or 'answer'}: {first['msg']}"
    return (str(error).splitlines() or [""])[0] or type(error).__name__
