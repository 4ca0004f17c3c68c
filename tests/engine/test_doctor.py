"""Misconfigurations, planted one at a time, against a real server on the loopback: each is found, and nothing else."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import aiohttp
import duckdb
import loopback as lb
import pytest
from aiohttp import web
from workshops import museum_recipe, written

from callwright.engine import doctor
from callwright.engine.doctor import examine
from callwright.schemas.checkup import Finding
from callwright.store import Store

CALL = lb.call_reply("get_opening_hours", '{"museum": "Harbour Museum", "date": "2031-05-02"}')
PLAIN = lb.text_reply("Yes, seven is a prime number.")


def well(body: lb.Body) -> lb.Answer:
    if "tools" in body:
        return CALL
    return lb.json_reply({"verdict": "true"}) if "response_format" in body else PLAIN


class Clock(lb.Loopback):
    """A server whose clock is off by so many seconds."""

    def __init__(self, *, off_s: float, **settings: Any) -> None:
        super().__init__(well, **settings)
        self.off_s = off_s

    async def _list_models(self, request: web.Request) -> web.StreamResponse:
        reply = await super()._list_models(request)
        reply.headers["Date"] = formatdate(time.time() + self.off_s, usegmt=True)
        return reply


@pytest.fixture(autouse=True)
def _no_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


def recipe(folder: Path, base_url: str, changes: dict[str, Any] | None = None, **teacher: Any) -> Path:
    return written(museum_recipe(base_url, **teacher) | (changes or {}), folder / "recipe.yaml")


def faults(found: list[Finding]) -> dict[str, str]:
    for one in found:
        assert "\n" not in one.message
    return {one.check: one.message for one in found if one.outcome == "fault"}


async def looked_at(folder: Path, server: lb.Loopback, **changes: Any) -> list[Finding]:
    async with server:
        return await examine(recipe(folder, server.base_url, **changes), [], folder / "data")


async def test_nothing_is_wrong_with_what_is_right(tmp_path: Path):
    with Store.open(tmp_path / "data", write=True):
        pass
    server = lb.Loopback(well)
    server.cards["toy"] = {"max_model_len": 32_768}
    found = await looked_at(tmp_path, server)
    assert faults(found) == {}
    assert {one.check for one in found if one.outcome == "ok"} == set(
        "data packages store prefect recipe tools endpoint model clock context tool_calls json_schema".split()
    )


async def test_a_server_that_does_not_tell_its_context_is_tried(tmp_path: Path):
    assert faults(await looked_at(tmp_path, lb.Loopback(well))) == {}


SERVERS: dict[str, tuple[str, Callable[[], lb.Loopback], str]] = {
    "wrong model": ("model", lambda: lb.Loopback(well, models=["other"]), "offers: other"),
    "key": ("endpoint", lambda: lb.Loopback(well, key="sk-something-long"), "OPENAI_API_KEY"),
    "call as text": (
        "tool_calls",
        lambda: lb.Loopback(lambda body: lb.RAW_CALL if "tools" in body else well(body)),
        "--tool-call-parser",
    ),
    "call as bare JSON": (
        "tool_calls",
        lambda: lb.Loopback(
            lambda body: (
                lb.json_reply({"name": "get_opening_hours", "parameters": {}})
                if "tools" in body
                else well(body)
            )
        ),
        "--tool-call-parser",
    ),
    "calls refused": (
        "tool_calls",
        lambda: lb.Loopback(
            lambda body: (
                lb.error_reply(400, '"auto" tool choice requires --enable-auto-tool-choice')
                if "tools" in body
                else well(body)
            )
        ),
        "--enable-auto-tool-choice",
    ),
    "no calls": (
        "tool_calls",
        lambda: lb.Loopback(lambda body: PLAIN if "tools" in body else well(body)),
        "choose a model that calls tools",
    ),
    "context refused": (
        "context",
        lambda: lb.Loopback(lambda body: lb.CONTEXT_OVERFLOW if len(json.dumps(body)) > 9000 else well(body)),
        "--max-model-len",
    ),
    "no schemas": ("json_schema", lambda: lb.Loopback(lb.without_schemas(well)), "response_format"),
    "schemas ignored": (
        "json_schema",
        lambda: lb.Loopback(lambda body: CALL if "tools" in body else PLAIN),
        "response_format",
    ),
    "clock ahead": ("clock", lambda: Clock(off_s=600), "behind the server's"),
    "clock behind": ("clock", lambda: Clock(off_s=-600), "ahead of the server's"),
}


@pytest.mark.parametrize("planted", SERVERS)
async def test_what_is_planted_in_a_server_is_found_and_nothing_else(
    tmp_path: Path, planted: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    check, server, word = SERVERS[planted]
    found = faults(await looked_at(tmp_path, server()))
    assert list(found) == [check]
    assert word in found[check]


async def test_a_small_context_that_the_server_tells_of(tmp_path: Path):
    server = lb.Loopback(well)
    server.cards["toy"] = {"max_model_len": 2048}
    found = faults(await looked_at(tmp_path, server))
    assert list(found) == ["context"]
    assert "2048 tokens" in found["context"]


async def test_no_endpoint(tmp_path: Path):
    found = await examine(recipe(tmp_path, "http://127.0.0.1:9/v1"), [], tmp_path / "data")
    assert list(faults(found)) == ["endpoint"]
    assert {one.check for one in found if one.outcome == "skipped"} >= {"model", "tool_calls", "context"}


async def test_each_address_of_a_list_is_looked_at(tmp_path: Path):
    async with lb.Loopback(well) as server:
        body = museum_recipe(server.base_url)
        body["models"]["teacher"]["base_url"] = [server.base_url, "http://127.0.0.1:9/v1"]
        path = written(body, tmp_path / "recipe.yaml")
        [found] = [one for one in await examine(path, [], tmp_path / "data") if one.outcome == "fault"]
    assert (found.check, found.where) == ("endpoint", "teacher http://127.0.0.1:9/v1")


async def test_a_data_folder_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    found = faults(await examine(None, [], tmp_path / "file" / "data"))
    assert list(found) == ["data"]
    assert "--data" in found["data"]


async def test_looking_leaves_nothing_behind(tmp_path: Path):
    await examine(None, [], tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def checksum(data: bytes) -> bytes:
    """What DuckDB writes before the first block of a file."""
    total = 5381
    for place in range(8, 4096, 8):
        total ^= int.from_bytes(data[place : place + 8], "little") * 0xBF58476D1CE4E5B9 % 2**64
    return total.to_bytes(8, "little")


async def test_a_damaged_store(tmp_path: Path):
    with Store.open(tmp_path, write=True):
        pass
    path = tmp_path / "callwright.duckdb"
    path.write_bytes(path.read_bytes()[:12] + b"\xff" + path.read_bytes()[13:])
    assert list(faults(await examine(None, [], tmp_path))) == ["store"]


async def test_a_store_of_a_newer_duckdb(tmp_path: Path):
    with Store.open(tmp_path, write=True):
        pass
    path = tmp_path / "callwright.duckdb"
    data = bytearray(path.read_bytes())
    assert data[8:12] == b"DUCK" and data[:8] == checksum(data)
    data[12:20] = (999).to_bytes(8, "little")  # the version of the storage
    data[:8] = checksum(data)
    path.write_bytes(data)
    found = faults(await examine(None, [], tmp_path))
    assert list(found) == ["store"]
    assert "one version on all machines" in found["store"]


@pytest.mark.parametrize(
    ("name", "there", "asked"),
    [("duckdb", "2.0.0", "!=2.0.0"), ("sqlalchemy", "2.1.9", "<2.1"), ("fastapi", "0.151.0", "<0.151")],
)
async def test_packages_that_must_not_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, there: str, asked: str
):
    installed = doctor.version
    monkeypatch.setattr(doctor, "version", lambda one: there if one == name else installed(one))
    found = faults(await examine(None, [], tmp_path))
    assert list(found) == ["packages"]
    assert f"{name} {there}, not " in found["packages"] and asked in found["packages"]


async def test_a_store_of_an_earlier_callwright_is_left_as_it_is(tmp_path: Path):
    with Store.open(tmp_path, write=True):
        pass
    path = tmp_path / "callwright.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM migrations WHERE number > 1")
    before = path.read_bytes()
    found = await examine(None, [], tmp_path)
    assert faults(found) == {}
    [told] = [one.message for one in found if one.check == "store"]
    assert told.startswith("has schema 1, ") and told.endswith("brings it up to date")
    assert path.read_bytes() == before


async def test_a_store_of_a_newer_callwright(tmp_path: Path):
    with Store.open(tmp_path, write=True):
        pass
    with duckdb.connect(str(tmp_path / "callwright.duckdb")) as connection:
        connection.execute("INSERT INTO migrations VALUES (99, 'm099', now()::TIMESTAMP)")
    found = faults(await examine(None, [], tmp_path))
    assert list(found) == ["store"]
    assert "upgrade callwright" in found["store"]


async def test_prefect_that_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    found = faults(await examine(None, [], tmp_path))
    assert list(found) == ["prefect"]
    assert "PREFECT_API_URL" in found["prefect"]


async def test_an_address_that_is_another_server_than_prefects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with lb.Loopback(well) as server:
        monkeypatch.setenv("PREFECT_API_URL", server.base_url)
        found = faults(await examine(None, [], tmp_path))
    assert list(found) == ["prefect"]


@asynccontextmanager
async def prefect(redirect: str = "") -> AsyncIterator[tuple[str, list[str]]]:
    """The address of what answers as Prefect's server with a password does, and the paths that were asked for."""
    asked: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.path)
        if redirect:
            return web.Response(status=307, headers={"Location": redirect})
        if request.path == "/api/health":
            return web.json_response(True)
        right = request.headers.get("Authorization") == aiohttp.encode_basic_auth("ada", "right")
        return web.json_response(3, status=200 if right else 401)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api", asked
    finally:
        await runner.cleanup()


async def test_a_password_that_prefect_does_not_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with prefect() as (address, _):
        monkeypatch.setenv("PREFECT_API_URL", address)
        monkeypatch.setenv("PREFECT_API_AUTH_STRING", "ada:right")
        assert faults(await examine(None, [], tmp_path)) == {}
        for wrong in ("ada:wrong", ""):
            monkeypatch.setenv("PREFECT_API_AUTH_STRING", wrong)
            found = faults(await examine(None, [], tmp_path))
            assert list(found) == ["prefect"]
            assert "HTTP 401" in found["prefect"] and "PREFECT_API_AUTH_STRING" in found["prefect"]
            assert "wrong" not in found["prefect"]


async def test_a_password_does_not_follow_a_redirect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with prefect() as (other, asked), prefect(redirect=f"{other}/health") as (address, _):
        monkeypatch.setenv("PREFECT_API_URL", address)
        monkeypatch.setenv("PREFECT_API_AUTH_STRING", "ada:right")
        found = faults(await examine(None, [], tmp_path))
    assert list(found) == ["prefect"] and "HTTP 307" in found["prefect"]
    assert asked == []


async def test_a_missing_extra_of_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CALLWRIGHT_DASK", "2")
    monkeypatch.setitem(sys.modules, "prefect_dask", None)
    body = museum_recipe() | {"models": {"teacher": {"engine": "offline"}}}
    found = faults(await examine(written(body, tmp_path / "r.yaml"), [], tmp_path / "data"))
    assert list(found) == ["extra"]
    assert (
        found["extra"].startswith("CALLWRIGHT_DASK needs prefect_dask")
        and "callwright[dask]" in found["extra"]
    )


@pytest.mark.parametrize(("extra", "module"), [("embed", "sentence_transformers"), ("train", "trl")])
async def test_a_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: str, module: str):
    monkeypatch.setitem(sys.modules, module, None)
    body = museum_recipe() | {"models": {"teacher": {"engine": "offline"}}}
    if extra == "embed":
        body |= {"duplicates": {"encoder": "minilm"}}
    else:
        (tmp_path / "small").mkdir()
        body["models"]["student"] = {"engine": "local", "model": "small"}
        held_out = {"toolkits": ["museum"], "rows": 8}
        body["loop"] = {"rows": 8, "held_out": held_out, "training": {"hook": "trl"}}
    found = faults(await examine(written(body, tmp_path / "r.yaml"), [], tmp_path / "data"))
    assert list(found) == ["extra"]
    assert module in found["extra"] and f"callwright[{extra}]" in found["extra"]


async def test_a_missing_program_and_a_recipe_that_cannot_be_read(tmp_path: Path):
    body = museum_recipe() | {"models": {"teacher": {"engine": "offline"}}}
    batch = {"engine": "batch", "model": "toy", "command": "no-such-program -i {input} -o {output}"}
    path = written(body | {"models": {"teacher": batch}}, tmp_path / "batch.yaml")
    assert list(faults(await examine(path, [], tmp_path))) == ["program"]
    path = written(body | {"sise": 3}, tmp_path / "bad.yaml")
    assert "sise" in faults(await examine(path, [], tmp_path))["recipe"]
    path = written(body | {"tools": [{"openapi": "gone.yaml"}]}, tmp_path / "gone.yaml.recipe")
    assert list(faults(await examine(path, [], tmp_path))) == ["tools"]
