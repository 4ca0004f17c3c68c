"""HTTP to one server: bytes there, bytes back, and a name for everything that can go wrong between."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

from callwright.errors import UsageError
from callwright.llm.cap import Outcome

LONGEST_WAIT_S = 120.0
"""A server that asks for more patience than this is asked again after so long all the same."""
_CONNECT_S = 10.0
_METRICS_S = 5.0
_MOST_METRICS_BYTES = 4 * 2**20
MOST_REPLY_BYTES = 64 * 2**20
"""The largest reply that is read, after decompression: log-probabilities of a long prompt take a tenth of it."""
_SHORTEST_SECRET = 12
_SHOWN_CHARACTERS = 400


class Trouble(Exception):
    """One try that failed and may be repeated."""

    def __init__(
        self, reason: str, message: str, *, wait_s: float = 0.0, outcome: Outcome = "neither"
    ) -> None:
        super().__init__(message)
        self.reason = reason
        """Under which it is counted."""
        self.wait_s = wait_s
        """What the server asked for."""
        self.outcome = outcome
        self.address = ""
        """Of the endpoint that was tried."""


@dataclass(frozen=True)
class Reply:
    status: int
    data: bytes
    retry_after: str | None = None
    location: str = ""
    date: str | None = None
    """The server's clock, as its Date header tells it."""

    def message(self) -> str:
        """What the server says about an error: the message of OpenAI's error form, else the text as it is."""
        try:
            payload = json.loads(self.data)
            error = payload.get("error", payload)
            found = error.get("message") or error.get("detail") if isinstance(error, dict) else error
        except (ValueError, AttributeError, RecursionError):
            found = None
        text = found if isinstance(found, str) else self.data.decode(errors="replace")
        return " ".join(text.split())[:_SHOWN_CHARACTERS]


class Endpoint:
    """The pool of connections to one base URL. The API key leaves in a header and comes back in nothing."""

    def __init__(self, base_url: str, key: str, timeout_s: float) -> None:
        """
        Raises:
            UsageError: `base_url` is no plain HTTP address, or the key cannot be sent.
        """
        self.base_url = _checked_url(base_url)
        self._key = _checked_key(key)
        self._timeout_s = timeout_s
        self._client: aiohttp.ClientSession | None = None

    async def post(self, path: str, body: bytes) -> Reply:
        """The server's reply, whatever its status.

        Raises:
            Trouble: There is none: `timeout`, `unreachable` (no connection), `connection` (it broke) or `too_large`.
        """
        return await self._reply("POST", self.base_url + path, body)

    async def post_beside(self, path: str, body: bytes) -> Reply:
        """As `post`, to what vLLM serves beside `/v1`."""
        return await self._reply("POST", self._beside(path), body)

    async def get(self, path: str) -> Reply:
        """As `post`, without a body."""
        return await self._reply("GET", self.base_url + path)

    async def _reply(self, method: str, address: str, body: bytes | None = None) -> Reply:
        try:
            async with self._session().request(method, address, data=body, allow_redirects=False) as response:
                data = self._redacted(await _read(response))
                headers = response.headers
                location = self._redacted(headers.get("Location", "").encode()).decode()
                return Reply(response.status, data, headers.get("Retry-After"), location, headers.get("Date"))
        except aiohttp.ConnectionTimeoutError as error:
            raise Trouble("unreachable", f"no connection within {_CONNECT_S:g} s") from error
        except TimeoutError as error:
            message = f"no answer within {self._timeout_s:g} s"
            raise Trouble("timeout", message, outcome="overloaded") from error
        except aiohttp.ClientConnectorError as error:
            raise Trouble("unreachable", str(error)) from error
        except (aiohttp.ClientError, OSError) as error:
            message = f"the connection broke ({error or type(error).__name__})"
            raise Trouble("connection", message) from error

    async def models(self) -> list[str] | None:
        """The ids of the server's models, or None when it does not say."""
        try:
            async with self._session().get(f"{self.base_url}/models", allow_redirects=False) as response:
                payload = json.loads(self._redacted(await _read(response)))
            return sorted(str(model["id"]) for model in payload["data"])
        except (aiohttp.ClientError, OSError, Trouble, ValueError, KeyError, TypeError, RecursionError):
            return None

    async def metrics(self) -> str | None:
        """The server's metrics as text; None when it has none or does not answer."""
        address = self._beside("/metrics")
        patience = aiohttp.ClientTimeout(total=_METRICS_S)
        try:
            async with self._session().get(address, allow_redirects=False, timeout=patience) as response:
                if response.status != 200:
                    return None
                return (await response.content.read(_MOST_METRICS_BYTES)).decode()
        except (aiohttp.ClientError, OSError, ValueError):
            return None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _beside(self, path: str) -> str:
        return self.base_url.removesuffix("/v1") + path

    def _redacted(self, data: bytes) -> bytes:
        """Some servers repeat the key in their errors. Placeholders, such as EMPTY or x, are no secrets but words."""
        secret = len(self._key) >= _SHORTEST_SECRET
        return data.replace(self._key.encode(), b"[api key]") if secret else data

    def _session(self) -> aiohttp.ClientSession:
        if self._client is None or self._client.closed:
            headers = {"Content-Type": "application/json"}
            if self._key:
                headers["Authorization"] = f"Bearer {self._key}"
            self._client = aiohttp.ClientSession(
                # Below the 5 s after which uvicorn, and so vLLM, drops an idle connection under our hands.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=4.0),
                timeout=aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=_CONNECT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=headers,
            )
        return self._client


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body of a reply.

    Raises:
        Trouble: `too_large`.
    """
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > MOST_REPLY_BYTES:
            raise Trouble("too_large", f"the reply is larger than {MOST_REPLY_BYTES} bytes")
    return bytes(data)


def retry_after_s(header: str | None) -> float:
    """The seconds that a Retry-After header asks for, as a number or a date; 0 when it says nothing."""
    if header is None:
        return 0.0
    try:
        wait_s = float(header)
    except ValueError:
        try:
            wait_s = parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return 0.0
    return min(wait_s, LONGEST_WAIT_S) if wait_s > 0 else 0.0


def _checked_url(text: str) -> str:
    try:
        url = urlsplit(text)
        host, secrets = url.hostname, url.username or url.password or url.query
    except ValueError:
        host = secrets = None
    if not host or url.scheme not in ("http", "https"):
        raise UsageError(f"base_url must be an address such as http://127.0.0.1:8000/v1, not {text!r}")
    if secrets:
        raise UsageError("base_url must hold no user, password or query; put the key into a variable")
    return text.rstrip("/")


def _checked_key(key: str) -> str:
    key = key.strip()
    if not (key.isascii() and key.isprintable()):
        raise UsageError("the API key has characters that cannot be sent; set its environment variable again")
    return key
