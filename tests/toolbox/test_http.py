"""Calls to a real server on the loopback, and to the many that must not be asked."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

import builders as b
import pytest
from aiohttp import web

from callwright.errors import UsageError
from callwright.schemas.message import ToolCall
from callwright.schemas.tool import OpenAPIBinding, Place
from callwright.toolbox.http import HttpToolbox

CLOCK = dt.date(2026, 3, 10)
SECRET = "Bearer s3cret/token+42"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """A server that answers with what a test says, and remembers what it was asked."""

    def __init__(self, handler: Handler | web.Response | None = None) -> None:
        self._answer = handler
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def targets(self) -> list[str]:
        return [target for _, target, _, _ in self.seen]

    async def __aenter__(self) -> Api:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        # aiohttp's server reads a multipart form once only, and a test wants to.
        body = b"" if request.content_type == "multipart/form-data" else await request.read()
        self.seen.append((request.method, request.raw_path, headers, body))
        if callable(self._answer):
            return await self._answer(request)
        given = self._answer or web.json_response({"ok": True})
        return web.Response(body=given.body, status=given.status, headers=given.headers)


def get(location="query", name="q", *, path="/items", server=None, method="GET", content_type=None, **words):
    """A tool with the one argument, of any type."""
    return b.tool("act", "Do it.").model_copy(
        update={
            "parameters": {"type": "object", "properties": {name: {}}},
            "binding": OpenAPIBinding(
                method=method,
                path=path,
                server=server,
                places={name: Place(location=location, name=name, **words)},
                content_type=content_type,
            ),
        }
    )


@asynccontextmanager
async def toolbox(*hosts, **words):
    box = HttpToolbox(hosts, **{"allow_private": True} | words)
    try:
        yield box
    finally:
        await box.close()


async def call(box, tool, *, kit="kit", arguments=None):
    session = box.open([tool], toolkit=kit, seed=7, clock=CLOCK, item="single/0")
    written = json.dumps(arguments or {}, ensure_ascii=False)
    observation = await session.call(ToolCall(id="call_1", name="act", arguments=written))
    assert observation.trust == "real"
    assert await session.end() is None
    return observation


async def ask(api, tool=None, *, hosts=(), arguments=None, **words):
    """One call of the tool at the server, which is on the list."""
    tool = tool or get()
    async with toolbox(api.host, *hosts, **words) as box:
        bound = tool.binding.model_copy(update={"server": tool.binding.server or f"http://{api.host}"})
        return await call(box, tool.model_copy(update={"binding": bound}), arguments=arguments)


def error_of(observation):
    return json.loads(observation.content)["error"]


def text(body, media_type, **words):
    return web.Response(body=body, headers={"Content-Type": media_type}, **words)


def redirect(location, status=302):
    return web.Response(status=status, headers={"Location": location})


async def test_an_answer_is_the_observation_with_its_status():
    async with Api(web.json_response({"name": "Zoë", "n": [1, None]}, status=201)) as api:
        observation = await ask(api, arguments={"q": "a b&c=ü"})
    assert (observation.status, observation.content) == (201, '{"name": "Zoë", "n": [1, null]}')
    assert (observation.media_type, observation.cut) == ("application/json", False)
    method, target, headers, body = api.seen[0]
    assert (method, target, body) == ("GET", "/items?q=a%20b%26c%3D%C3%BC", b"")
    assert headers["host"] == api.host and "authorization" not in headers and "cookie" not in headers


async def test_what_an_argument_says_arrives_as_it_was_encoded():
    async with Api() as api:
        await ask(api, get("path", "id", path="/v1/items/{id}"), arguments={"id": "../admin?x#y/%2e"})
        await ask(api, get(), arguments={"q": ["a", "b,c"]})
        await ask(api, get(), arguments={"q": []})
        await ask(api, get("query", "f", style="deepObject"), arguments={"f": {"a": "1", "b": None}})
    assert api.targets == [
        "/v1/items/..%2Fadmin%3Fx%23y%2F%252e",
        "/items?q=a&q=b%2Cc",
        "/items",
        "/items?f%5Ba%5D=1",
    ]


async def test_arguments_that_cannot_be_sent_are_answered_without_asking():
    async with Api() as api:
        header = await ask(api, get("header", "x-tag"), arguments={"x-tag": "a\r\nX-Admin: 1"})
        climbing = await ask(api, get("path", "id", path="/items/{id}"), arguments={"id": ".."})
        media = await ask(api, get("body", content_type="application/xml"), arguments={"q": 1})
        unknown = await ask(api, get(), arguments={"z": 1})
        missing = await ask(api, get("path", "id", path="/items/{id}"))
    assert [one.status for one in (header, climbing, media, unknown, missing)] == [400, 400, 415, 400, 400]
    assert error_of(header).startswith("invalid_argument: x-tag goes into a header")
    assert error_of(media).startswith("unsupported_media_type: ")
    assert api.seen == []


async def test_a_header_beyond_ascii_arrives():
    async with Api() as api:
        await ask(api, get("header", "x-tag"), arguments={"x-tag": ["Zoë", "日本"]})
    assert api.seen[0][2]["x-tag"] == "Zoë,日本"


async def test_nothing_is_asked_until_the_host_is_allowed():
    async with Api() as api, toolbox() as box:
        observation = await call(box, get(server="https://api.example.com"))
    assert observation.status == 403
    assert error_of(observation) == (
        "host_not_allowed: api.example.com may not be asked; to allow it, add it to the recipe "
        "(hosts: [api.example.com])"
    )
    assert api.seen == []


async def test_only_the_port_and_address_on_the_list_are_asked():
    async with Api() as allowed, Api() as other, toolbox(allowed.host) as box:
        for server in (other.host, f"127.0.0.2:{allowed.port}", f"localhost:{allowed.port}", "2130706433"):
            observation = await call(box, get(server=f"http://{server}"))
            assert (observation.status, error_of(observation)[:15]) == (403, "blocked_address")
    assert allowed.seen == other.seen == []


async def test_a_server_on_this_machine_needs_to_be_allowed_twice():
    async with Api() as api:
        observation = await ask(api, allow_private=False)
    assert observation.status == 403
    assert error_of(observation).endswith("allow_private in the recipe opens it")
    assert api.seen == []


async def test_writes_are_off_until_their_method_is_allowed():
    async with Api() as api:
        tool = get("body", "name", method="POST", content_type="application/json")
        refused = await ask(api, tool, arguments={"name": "Zoë"})
        assert api.seen == []
        sent = await ask(api, tool, arguments={"name": "Zoë"}, methods=["get", "post"])
    assert refused.status == 405 and error_of(refused).endswith("add it to the recipe (http_methods: [POST])")
    assert sent.succeeded
    method, _, headers, body = api.seen[0]
    assert (method, headers["content-type"], body) == ("POST", "application/json", '{"name":"Zoë"}'.encode())


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "multipart/form-data"])
async def test_a_server_reads_the_fields_of_a_form(media_type):
    read = []

    async def handle(request):
        read.append([(name, value) for name, value in (await request.post()).items()])
        return web.Response(status=204)

    async with Api(handle) as api:
        tool = get("body", 'na"me', method="POST", content_type=media_type)
        observation = await ask(api, tool, arguments={'na"me': ["Zoë & co\r\n", "2"]}, methods=["POST"])
    assert (observation.status, observation.content) == (204, '{"status": 204}')
    shown = 'na"me' if "urlencoded" in media_type else "na%22me"
    assert [(name.replace('"', "%22") if "%" in shown else name, value) for name, value in read[0]] == [
        (shown, "Zoë & co\r\n"),
        (shown, "2"),
    ]


async def test_a_relative_server_needs_an_address_from_the_recipe():
    async with Api() as api, toolbox(api.host, servers={"here": f"http://{api.host}/v2/"}) as box:
        found = await call(box, get(server="/api/v3"), kit="here")
        missing = await call(box, get(server="/api/v3"), kit="kit")
        nothing = await call(box, get(server=None), kit="kit")
    assert found.succeeded and api.targets == ["/v2/items"]
    assert missing.status == nothing.status == 503
    assert (
        error_of(missing)
        == error_of(nothing)
        == (
            "no_server: the document of kit names no whole server address; add one to the recipe "
            "(server: https://...)"
        )
    )


@pytest.mark.parametrize("server", ["ftp://127.0.0.1:1/", "http://u:p4ss@{host}/", "file:///etc/passwd"])
async def test_a_server_of_another_kind_or_with_credentials_is_not_asked(server):
    async with Api() as api:
        observation = await ask(api, get(server=server.format(host=api.host)))
    assert observation.status in (403, 503)
    assert "p4ss" not in observation.content and api.seen == []


async def test_redirects_are_followed_and_checked_at_every_hop():
    async def handle(request):
        if request.path == "/end":
            return web.json_response({"end": 1})
        return redirect("/end?x=%2F" if request.path == "/next" else "next", 307)

    async with Api(handle) as api:
        observation = await ask(api)
    assert observation.content == '{"end": 1}'
    assert api.targets == ["/items", "/next", "/end?x=%2F"]


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://127.0.0.1:1/", "blocked_address"),
        ("http://127.0.0.2:{port}/", "blocked_address"),
        ("http://localhost:{port}/", "blocked_address"),
        ("http://[::1]:{port}/", "blocked_address"),
        ("http://[::ffff:7f00:1]:{port}/", "blocked_address"),
        ("http://0.0.0.0:{port}/", "blocked_address"),
        ("http://2130706433:{port}/", "blocked_address"),
        ("http://0x7f.1:{port}/", "blocked_address"),
        ("http://169.254.169.254/latest/meta-data/", "blocked_address"),
        ("//169.254.169.254/", "blocked_address"),
        ("https://example.com/", "host_not_allowed"),
        ("file:///etc/passwd", "invalid_url"),
        ("gopher://127.0.0.1:{port}/", "invalid_url"),
        ("http://user:pw@127.0.0.1:{port}/", "invalid_url"),
        ("http://[half/", "invalid_redirect"),
        ("http://a:99999999/", "invalid_url"),
    ],
)
async def test_a_redirect_elsewhere_is_an_observation_and_never_a_request(location, code):
    async def handle(request):
        return redirect(location.format(port=api.port))

    async with Api(handle) as api:
        observation = await ask(api)
    assert error_of(observation).startswith(f"{code}: ")
    assert observation.status == (502 if code == "invalid_redirect" else 403)
    assert len(api.seen) == 1


async def test_a_redirect_to_another_server_on_this_machine_is_not_followed():
    async with Api() as inner, Api(redirect(f"http://{inner.host}/admin")) as api:
        observation = await ask(api)
    assert error_of(observation).startswith("blocked_address: ")
    assert inner.seen == []


async def test_a_redirect_in_circles_ends():
    async with Api(redirect("/items")) as api:
        observation = await ask(api, redirects=2)
    assert observation.status == 502
    assert error_of(observation) == "too_many_redirects: the server redirects more than 2 times"
    assert len(api.seen) == 3


async def test_credentials_and_other_headers_do_not_follow_to_another_server(monkeypatch):
    monkeypatch.setenv("KIT_KEY", SECRET)
    async with Api() as other, Api(redirect(f"http://{other.host}/")) as api:
        tool = get("header", "x-tag")
        observation = await ask(
            api, tool, hosts=[other.host], headers_env={"Authorization": "KIT_KEY"}, arguments={"x-tag": "1"}
        )
    assert observation.succeeded
    assert api.seen[0][2]["authorization"] == SECRET and api.seen[0][2]["x-tag"] == "1"
    assert "authorization" not in other.seen[0][2] and "x-tag" not in other.seen[0][2]


async def test_a_write_that_is_redirected_becomes_a_read_or_is_sent_whole():
    async def handle(request):
        target = {"/a": 302, "/b": 303, "/c": 307}.get(request.path)
        return redirect("/end", target) if target else web.json_response({})

    async with Api(handle) as api:
        for path in ("/a", "/b", "/c"):
            tool = get("body", path=path, method="POST", content_type="application/json")
            await ask(api, tool, arguments={"q": 1}, methods=["POST"])
    ends = [
        (method, body, headers.get("content-type"))
        for method, path, headers, body in api.seen
        if path == "/end"
    ]
    assert ends == [("GET", b"", None), ("GET", b"", None), ("POST", b'{"q":1}', "application/json")]


def names(*answers):
    """A resolver that gives the answers in turn, and the hosts that it was asked for."""
    asked: list[str] = []

    async def resolve(host):
        asked.append(host)
        return [answers[min(len(asked), len(answers)) - 1]]

    return resolve, asked


async def test_a_name_that_leads_inside_is_not_asked():
    for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1"):
        resolve, _ = names(address)
        async with (
            Api() as api,
            toolbox("api.example:" + str(api.port), allow_private=False, resolve=resolve) as box,
        ):
            observation = await call(box, get(server=f"http://api.example:{api.port}"))
        assert observation.status == 403
        assert error_of(observation).startswith("blocked_address: api.example leads to ")
        assert api.seen == []


async def test_the_address_that_was_checked_is_the_one_that_is_used():
    resolve, asked = names("127.0.0.1", "127.0.0.2")
    async with Api() as api, toolbox(f"api.example:{api.port}", resolve=resolve) as box:
        observation = await call(box, get(server=f"http://api.example:{api.port}"))
    assert observation.succeeded
    assert asked == ["api.example"]
    assert api.seen[0][2]["host"] == f"api.example:{api.port}"


async def test_a_name_that_is_bound_anew_is_checked_anew():
    resolve, asked = names("127.0.0.1", "169.254.169.254")
    async with Api(redirect("/next")) as api, toolbox(f"api.example:{api.port}", resolve=resolve) as box:
        observation = await call(box, get(server=f"http://api.example:{api.port}"))
    assert error_of(observation).startswith("blocked_address: api.example leads to 169.254.169.254")
    assert (len(asked), len(api.seen)) == (2, 1)


async def test_the_name_and_not_the_address_is_what_tls_asks_for():
    hello = asyncio.get_running_loop().create_future()

    async def listen(reader, writer):
        hello.set_result(await reader.read(4096))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    resolve, _ = names("127.0.0.1")
    async with server, toolbox(f"api.example:{port}", resolve=resolve) as box:
        observation = await call(box, get(server=f"https://api.example:{port}"))
    assert b"api.example" in hello.result()
    assert observation.status == 502 and error_of(observation).startswith("connection_failed: ")


async def test_no_proxy_of_the_environment_is_used(monkeypatch):
    async with Api() as proxy, Api() as api:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{proxy.host}")
        assert (await ask(api)).succeeded
    assert proxy.seen == [] and len(api.seen) == 1


async def test_cookies_of_a_server_do_not_come_back():
    async with (
        Api(web.json_response({}, headers={"Set-Cookie": "sid=1; Path=/"})) as api,
        toolbox(api.host) as box,
    ):
        for _ in range(2):
            await call(box, get(server=f"http://{api.host}"))
    assert ["cookie" in headers for _, _, headers, _ in api.seen] == [False, False]


async def test_credentials_are_read_at_the_time_of_the_call_and_win_over_arguments(monkeypatch):
    tool = get("header", "x-api-key")
    async with Api() as api, toolbox(api.host, headers_env={"X-API-Key": "KIT_KEY"}) as box:
        bound = tool.binding.model_copy(update={"server": f"http://{api.host}"})
        for value in ("first-value", "second-value"):
            monkeypatch.setenv("KIT_KEY", value)
            await call(box, tool.model_copy(update={"binding": bound}), arguments={"x-api-key": "forged"})
    assert [headers["x-api-key"] for _, _, headers, _ in api.seen] == ["first-value", "second-value"]


@pytest.mark.parametrize("value", [None, "  ", "key\r\nX: 1", "schlüssel"])
async def test_a_variable_that_is_missing_or_cannot_be_sent_is_an_error_of_the_recipe(monkeypatch, value):
    monkeypatch.delenv("KIT_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("KIT_KEY", value)
    async with Api() as api:
        with pytest.raises(UsageError, match="KIT_KEY.* set it") as caught:
            await ask(api, headers_env={"Authorization": "KIT_KEY"})
    assert value is None or not value.strip() or value not in str(caught.value)
    assert api.seen == []


async def test_a_host_that_is_not_allowed_never_gets_as_far_as_the_credentials(monkeypatch):
    monkeypatch.delenv("KIT_KEY", raising=False)
    async with toolbox("a.example", headers_env={"Authorization": "KIT_KEY"}) as box:
        observation = await call(box, get(server="https://b.example"))
    assert error_of(observation).startswith("host_not_allowed: ")


@pytest.mark.parametrize(
    "answer",
    [
        web.json_response({"headers": {"Authorization": SECRET}, SECRET: ["s3cret/token+42", {"a": SECRET}]}),
        text(
            json.dumps({"a": SECRET}).replace("/", "\\/").replace("s3", "\\u0073\\u0033"), "application/json"
        ),
        text(f"Hello {SECRET}!", "text/plain"),
        text("x" * 15_990 + SECRET, "text/plain"),
        text(f'{{"s3cret/token+42": 1, "{SECRET}": 1, "{SECRET}": 2}}', "application/json", status=500),
        redirect("ftp://s3cret%2Ftoken%2B42/"),
    ],
)
async def test_a_secret_that_a_server_repeats_is_redacted(monkeypatch, answer):
    monkeypatch.setenv("KIT_KEY", SECRET)
    async with Api(answer) as api:
        observation = await ask(api, headers_env={"Authorization": "KIT_KEY"})
    assert api.seen[0][2]["authorization"] == SECRET
    for piece in ("s3cret", "token+42", "token%2B42"):
        assert piece not in observation.content


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b'{"a": 1', "application/json"),
        (b"{'a': 1}", "application/json"),
        (b'{"a": NaN}', "application/problem+json"),
        (b'{"a": 1, "a": 2}', "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"<html>", "application/json"),
        (b"1" * 5000, "application/json"),
        (b"[" * 100_000 + b"]" * 100_000, "application/json"),
        (b"[" * 900 + b"]" * 900, "application/json"),
        (rb'"\ud800"', "application/json"),
    ],
)
async def test_json_that_is_none_is_a_bad_gateway(body, media_type):
    async with Api(text(body, media_type)) as api:
        observation = await ask(api)
    assert observation.status == 502
    assert error_of(observation).startswith(
        "invalid_json: the server's answer with status 200 is called JSON and is none: "
    )
    assert len(error_of(observation)) <= 400


async def test_text_is_shown_as_text_and_cut():
    async with Api(text("ü" * 20_000, "text/csv; charset=utf-8")) as api:
        long = await ask(api)
    async with Api(text("Zoë".encode("latin-1"), "text/plain; charset=ISO-8859-1", status=404)) as api:
        short = await ask(api)
    async with Api(text(b"a\xff", "text/plain; charset=unicode_escape")) as api:
        odd = await ask(api)
    assert (len(long.content), long.cut, long.media_type) == (16_000, True, "text/plain")
    assert (short.status, short.content, short.cut) == (404, "Zoë", False)
    assert odd.content == "a\ufffd"


async def test_an_error_page_keeps_its_status():
    async with Api(text("<html><body>Bad Gateway</body></html>", "text/html", status=502)) as api:
        observation = await ask(api)
    assert (observation.status, observation.media_type) == (502, "text/plain")
    assert observation.content == "<html><body>Bad Gateway</body></html>"


async def test_other_media_are_told_by_type_and_size():
    async with Api(text(b"\x89PNG" + bytes(1000), "image/png")) as api:
        observation = await ask(api)
    assert json.loads(observation.content) == {"media_type": "image/png", "size_bytes": 1004}


async def test_a_large_json_answer_is_cut_on_its_structure():
    async with Api(web.json_response([{"n": n} for n in range(5000)])) as api:
        observation = await ask(api)
    assert observation.cut and set(json.loads(observation.content)) == {"cut", "result"}


async def test_a_head_request_is_told_by_its_status():
    async with Api() as api:
        observation = await ask(api, get(method="HEAD"))
    assert (observation.status, observation.content) == (200, '{"status": 200}')


async def test_no_more_of_a_huge_answer_is_read_than_allowed():
    sent = 0

    async def handle(request):
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while sent < 50_000_000:
            await response.write(b" " * 65_536)
            sent += 65_536
        return response

    async with Api(handle) as api:
        observation = await ask(api, max_bytes=100_000)
    assert observation.status == 502
    assert error_of(observation) == "too_large: the answer is larger than 100000 bytes"
    assert sent < 50_000_000


async def test_a_bomb_counts_by_what_it_unpacks_to():
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    async with Api(
        web.Response(body=bomb, headers={"Content-Encoding": "gzip", "Content-Type": "text/plain"})
    ) as api:
        observation = await ask(api, max_bytes=100_000)
    assert error_of(observation).startswith("too_large: ")


@pytest.mark.parametrize("headers_first", [True, False])
async def test_a_slow_server_is_given_up_on(headers_first):
    async def handle(request):
        if headers_first:
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b" ")
                await asyncio.sleep(0.05)
        await asyncio.sleep(30)
        return web.Response()

    started = time.monotonic()
    async with Api(handle) as api:
        observation = await ask(api, call_s=0.3)
    assert time.monotonic() - started < 5
    assert observation.status == 504
    assert error_of(observation) == "timeout: the server did not answer within 0.3 s"


async def test_a_name_that_takes_too_long_is_given_up_on():
    async def resolve(host):
        await asyncio.sleep(30)
        return ["127.0.0.1"]

    async with toolbox("a.example", call_s=0.2, resolve=resolve) as box:
        observation = await call(box, get(server="https://a.example"))
    assert observation.status == 504


async def test_a_server_that_is_not_there_is_a_bad_gateway():
    async with Api() as api:
        pass
    refused = await ask(api)
    async with toolbox("no-such-host.invalid") as box:
        unknown = await call(box, get(server="https://no-such-host.invalid"))
    for observation in (refused, unknown):
        assert observation.status == 502
        assert error_of(observation).startswith("connection_failed: there is no answer from the server (")


async def aborted(request):
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize(("method", "tries"), [("GET", 2), ("POST", 1), ("PATCH", 1)])
async def test_only_a_read_is_tried_again_and_once(method, tries):
    async with Api(aborted) as api:
        observation = await ask(api, get(method=method), methods=["GET", "POST", "PATCH"])
    assert observation.status == 502
    assert len(api.seen) == tries


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nContent-Type: application/json\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"",
    ],
)
async def test_an_answer_that_is_no_http_is_a_bad_gateway(raw):
    async def listen(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, toolbox(host) as box:
        observation = await call(box, get(server=f"http://{host}"))
    assert observation.status == 502
    assert "\n" not in error_of(observation) and len(error_of(observation)) < 400


async def test_many_calls_at_once_are_answered_each():
    async def handle(request):
        await asyncio.sleep(0.05)
        return web.json_response({"q": request.query["q"]})

    async with Api(handle) as api, toolbox(api.host) as box:
        tool = get(server=f"http://{api.host}")
        found = await asyncio.gather(*(call(box, tool, arguments={"q": str(n)}) for n in range(50)))
    assert [json.loads(one.content)["q"] for one in found] == [str(n) for n in range(50)]


async def test_arguments_that_are_no_json_are_answered_like_anywhere():
    async with toolbox() as box:
        session = box.open([get()], toolkit="kit", seed=7, clock=CLOCK, item="single/0")
        observation = await session.call(ToolCall(id="c", name="act", arguments="{"))
    assert observation.status == 400


@pytest.mark.parametrize(
    "words",
    [
        {"hosts": ["https://a.example"]},
        {"servers": {"kit": "/v1"}},
        {"servers": {"kit": "ftp://a.example"}},
        {"servers": {"kit": "https://user:pw@a.example"}},
        {"servers": {"kit": "https://a.example?key=1"}},
        {"headers_env": {"Host": "X"}},
        {"headers_env": {"a b": "X"}},
        {"methods": ["CONNECT"]},
    ],
)
def test_settings_that_cannot_be_used_are_errors_of_the_recipe(words):
    with pytest.raises(UsageError) as caught:
        HttpToolbox(**{"hosts": []} | words)
    assert "pw" not in str(caught.value) and "\n" not in str(caught.value)
