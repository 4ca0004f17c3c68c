"""Real HTTP APIs run the calls of OpenAPI tools: off until a host is allowed, never a way into a private network."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import socket
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from callwright.errors import UsageError
from callwright.schemas.message import Observation, ToolCall
from callwright.schemas.tool import OpenAPIBinding, Tool, Toolkit
from callwright.sources.headers import NOTHING, Credentials, redacted, secrets_in
from callwright.sources.media import is_json
from callwright.toolbox.addresses import Guard, Resolve, lookup
from callwright.toolbox.base import MAX_CHARACTERS, Session, checked_arguments, observed, problem
from callwright.toolbox.refused import Refused
from callwright.toolbox.requests import Request, request_of
from callwright.values.canonical import parse_json

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ACCEPT = "application/json, text/*;q=0.5, */*;q=0.1"
_CHARSETS = frozenset({"utf-8", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "utf-16"})
"""What a server may call its text. Python knows codecs besides that are no character sets, and slow ones."""
_IN_LOCATION = "%:/?#[]@!$&'()*+,;=~"
_SHOWN_CHARACTERS = 400


class HttpToolbox:
    """Sends calls to the servers that their tools' documents name. The toolbox keeps no cookies and no connections."""

    def __init__(
        self,
        hosts: Collection[str],
        *,
        servers: Mapping[str, str] | None = None,
        call_s: float = 30.0,
        max_bytes: int = 5_000_000,
        headers_env: Mapping[str, str] | None = None,
        methods: Collection[str] = ("GET", "HEAD"),
        redirects: int = 3,
        allow_private: bool = False,
        resolve: Resolve = lookup,
    ) -> None:
        """
        Args:
            hosts: What may be asked: `api.example.com` (on the scheme's own port) or `host:port`; none, nothing.
            servers: Toolkit -> the address that its paths are put behind, instead of its document's.
            call_s: Seconds for one call, redirects and body included.
            max_bytes: The largest answer that is read, after decompression.
            headers_env: Header -> the environment variable that holds its value. It is read at the time of the
                call, and sent to the tool's own server only.
            methods: What may be sent. Anything but GET and HEAD changes things on a real server.
            redirects: At most so many are followed; each is checked like the first address.
            allow_private: Whether a host on the list may be on this machine or in a private network.
            resolve: Finds a host's addresses.

        Raises:
            UsageError: An entry of one of these cannot be used.
        """
        self._guard = Guard(hosts, allow_private=allow_private, resolve=resolve)
        self._servers = {toolkit: _checked_server(toolkit, url) for toolkit, url in (servers or {}).items()}
        self._credentials = Credentials(headers_env or {})
        self._methods = frozenset(map(_checked_method, methods))
        self._call_s = call_s
        self._max_bytes = max_bytes
        self._redirects = redirects
        self._client: aiohttp.ClientSession | None = None

    def open(self, tools: Sequence[Tool], *, toolkit: str, seed: int, clock: dt.date, item: str) -> Session:
        return _HttpSession(self, tools, toolkit)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    def check(self, toolkit: Toolkit) -> None:
        """Make sure that some call of a toolkit's tools could go out.

        Raises:
            UsageError: None could: the first reason why.
        """
        reasons: list[Refused] = []
        for tool in toolkit.tools:
            if isinstance(tool.binding, OpenAPIBinding):
                try:
                    self._server(tool.binding, toolkit.name)
                    return
                except Refused as refused:
                    reasons.append(refused)
        if reasons:
            raise UsageError(f"no call of {toolkit.name} could go out: {reasons[0]}")

    async def send(self, binding: OpenAPIBinding, arguments: dict[str, Any], toolkit: str) -> Observation:
        """What the tool's server answers, or why it could not be asked.

        Raises:
            UsageError: An environment variable that a header is taken from is not set.
        """
        secrets = NOTHING
        try:
            request, url = self._prepared(binding, arguments, toolkit)
            credentials = self._credentials.read()
            secrets = secrets_in(credentials.values())
            async with asyncio.timeout(self._call_s):
                return await self._fetch(request, url, credentials, secrets)
        except Refused as refused:
            status, message = refused.status, str(refused)
        except TimeoutError:
            status, message = 504, f"timeout: the server did not answer within {self._call_s:g} s"
        except (aiohttp.ClientError, OSError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            status, message = 502, f"connection_failed: there is no answer from the server ({reason})"
        return problem(status, redacted(message, secrets)[:_SHOWN_CHARACTERS], "real")

    def _prepared(
        self, binding: OpenAPIBinding, arguments: dict[str, Any], toolkit: str
    ) -> tuple[Request, URL]:
        server = self._server(binding, toolkit)
        request = request_of(binding, arguments)
        # Already encoded: a second pass would resolve and re-write what an argument says.
        return request, URL(f"{server.origin()}{server.raw_path.rstrip('/')}{request.target}", encoded=True)

    def _server(self, binding: OpenAPIBinding, toolkit: str) -> URL:
        """The server that a tool's calls go to.

        Raises:
            Refused: They may not go there, or not with this method.
        """
        method = binding.method.upper()
        if method not in self._methods:
            allowed = ", ".join(sorted(self._methods)) or "nothing"
            raise Refused(
                405,
                "method_not_allowed",
                f"the tool sends {method}, and only {allowed} may be sent; to allow it, add it to the recipe "
                f"(http_methods: [{method}])",
            )
        server = self._servers.get(toolkit) or _documented_server(binding.server, toolkit)
        self._guard.check(server)
        return server

    async def _fetch(
        self, request: Request, url: URL, credentials: Mapping[str, str], secrets: re.Pattern[str]
    ) -> Observation:
        origin, method, body = url.origin(), request.method, request.body
        headers = {"Accept": _ACCEPT, **_without(request.headers, credentials), **credentials}
        for _ in range(self._redirects + 1):
            async with self._opened().request(
                method, url, headers=headers, data=body, allow_redirects=False
            ) as response:
                location = response.headers.get("Location")
                if response.status not in _REDIRECTS or location is None:
                    return _observation(response, await self._read(response), secrets)
                url = _joined(url, location)
                if (response.status == 303 and method != "HEAD") or (
                    response.status in (301, 302) and method == "POST"
                ):
                    method, body = "GET", None
                    headers.pop("Content-Type", None)
            self._guard.check(url)
            if url.origin() != origin:
                kept = {"Accept", "Content-Type"}
                headers = {name: value for name, value in headers.items() if name in kept}
        raise Refused(502, "too_many_redirects", f"the server redirects more than {self._redirects} times")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        data = bytearray()
        async for chunk in response.content.iter_any():
            data += chunk
            if len(data) > self._max_bytes:
                raise Refused(502, "too_large", f"the answer is larger than {self._max_bytes} bytes")
        return bytes(data)

    def _opened(self) -> aiohttp.ClientSession:
        if self._client is None or self._client.closed:
            self._client = aiohttp.ClientSession(
                # A connection of its own for each request: none is open that was not checked for it, and no write
                # is lost on one that the server has just given up.
                connector=aiohttp.TCPConnector(
                    resolver=_Resolver(self._guard), use_dns_cache=False, force_close=True
                ),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._client


class _HttpSession:
    def __init__(self, toolbox: HttpToolbox, tools: Sequence[Tool], toolkit: str) -> None:
        self._toolbox = toolbox
        self._tools = tools
        self._toolkit = toolkit

    async def call(self, call: ToolCall) -> Observation:
        checked = checked_arguments(call, self._tools, "real")
        if isinstance(checked, Observation):
            return checked
        tool, arguments = checked
        assert isinstance(tool.binding, OpenAPIBinding)
        return await self._toolbox.send(tool.binding, arguments, self._toolkit)

    async def end(self) -> str | None:
        """What a server holds cannot be seen."""
        return None


class _Resolver(AbstractResolver):
    """Connections go to the addresses that the guard saw: there is no second look-up that could say otherwise."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._guard.addresses(host)
        ]

    async def close(self) -> None:
        """It holds nothing."""


def _observation(response: aiohttp.ClientResponse, data: bytes, secrets: re.Pattern[str]) -> Observation:
    """The server's answer, as far as a model can be shown it."""
    status, media_type = response.status, response.content_type.lower()
    if not data:
        return observed(status, {"status": status}, "real")
    if is_json(media_type):
        try:
            return observed(status, redacted(parse_json(data.decode("utf-8-sig")), secrets), "real")
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
            message = f"the server's answer with status {status} is called JSON and is none: {reason}"
            raise Refused(502, "invalid_json", message) from None
    if media_type.startswith("text/"):
        charset = (response.charset or "").lower()
        text = data.decode(charset if charset in _CHARSETS else "utf-8", errors="replace")
        # Redacted before it is cut, or the half of a secret might be left.
        text = redacted(text, secrets)
        return Observation(
            content=text[:MAX_CHARACTERS],
            status=status,
            trust="real",
            media_type="text/plain",
            cut=len(text) > MAX_CHARACTERS,
        )
    return observed(status, {"media_type": media_type, "size_bytes": len(data)}, "real")


def _joined(url: URL, location: str) -> URL:
    try:
        # As it was written: signatures of addresses do not survive another spelling of the same.
        return url.join(URL(quote(location.strip(), safe=_IN_LOCATION), encoded=True))
    except ValueError:
        raise Refused(502, "invalid_redirect", "the server redirects to what is no address") from None


def _documented_server(written: str | None, toolkit: str) -> URL:
    try:
        url = URL(written or "")
        if url.absolute and not (url.raw_query_string or url.raw_fragment):
            return url
    except ValueError:
        pass
    raise Refused(
        503,
        "no_server",
        f"the document of {toolkit} names no whole server address; add one to the recipe "
        "(server: https://...)",
    )


def _without(headers: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Headers but those of these names, however they are spelled."""
    lowered = {name.lower() for name in names}
    return {name: value for name, value in headers.items() if name.lower() not in lowered}


def _checked_server(toolkit: str, text: str) -> URL:
    try:
        url = URL(text)
        fits = url.scheme in ("http", "https") and url.raw_host and not (url.raw_user or url.raw_password)
    except ValueError:
        fits = None
    if not fits or url.raw_query_string or url.raw_fragment:
        raise UsageError(
            f"server: the address of {toolkit} must be one such as https://api.example.com/v1, without user, "
            "query and fragment"
        )
    return url


def _checked_method(name: str) -> str:
    if name.upper() not in METHODS:
        raise UsageError(f"http_methods: {name!r} is none of {', '.join(sorted(METHODS))}")
    return name.upper()
