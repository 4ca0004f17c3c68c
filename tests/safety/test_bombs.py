"""Small inputs that unpack to large ones, and deep ones: each is refused in one line, before it is built."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aiohttp import web

from callwright import documents
from callwright.documents import DocumentError, parse
from callwright.engine.recipes import load_recipe
from callwright.errors import CallwrightError, ModelError, SourceError, UsageError
from callwright.leaks.reading import read_items
from callwright.lint.linting import lint
from callwright.llm import endpoint
from callwright.llm.base import Request
from callwright.llm.openai import OpenAIChat
from callwright.schemas.recipe import OpenAIModel
from callwright.scoring import files, toolalpaca
from callwright.sources import mcp


def merged(levels: int) -> str:
    """Each mapping merges the one before it twice: 2 to the power of `levels` entries."""
    rest = (f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, levels))
    return "a0: &a0 {x: 1}\n" + "".join(rest)


def aliased(levels: int) -> str:
    rest = (f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, levels))
    return "a0: &a0 [x]\n" + "".join(rest)


BIG = "{" + ", ".join(f"k{n}: 1" for n in range(2_000)) + "}"

BOMBS = {
    "aliases": (aliased(12), "a bomb?"),
    "merge keys": (merged(60), "merge keys copy over"),
    "one large mapping merged often": (
        f"b: &b {BIG}\n" + "".join(f"m{n}: {{<<: *b}}\n" for n in range(200)),
        "merge keys copy over",
    ),
    "an alias of itself": ("a: &a [*a]", "refers to itself"),
    "deep YAML in brackets": ("a: " + "[" * 1_000_000, "levels deep"),
    "deep YAML in lines": ("- " * 1_000_000 + "x", "levels deep"),
    "deep JSON": ("[" * 1_000_000, "too deeply"),
    "deep JSON that ends": ("[" * 400 + "]" * 400, "levels deep"),
    "a number that cannot be written": ("a: 0x" + "f" * 20_000, "whole number"),
    "a number that cannot be read": ("a: " + "9" * 20_000, "limit"),
    "bytes": ("a: !!binary aGk=", "holds a bytes"),
    "a set": ("a: !!set {x}", "holds a set"),
    "a program": ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_document_is_refused_before_it_is_built(name: str):
    text, told = BOMBS[name]
    began = time.process_time()
    with pytest.raises(DocumentError, match=told) as caught:
        parse(text, "x.yaml")
    assert len(str(caught.value)) < 300 and str(caught.value).startswith("x.yaml:")
    assert time.process_time() - began < 5.0


def test_aliases_and_merge_keys_within_reason_are_read():
    text = "base: &base {a: 1, b: 2}\none: {<<: *base, b: 3}\ntwo: {<<: [*base, {c: 4}]}\n"
    assert parse(text, "x") == {
        "base": {"a": 1, "b": 2},
        "one": {"a": 1, "b": 3},
        "two": {"a": 1, "b": 2, "c": 4},
    }
    assert parse("[" * 190 + "]" * 190, "x")
    assert parse("- " * 190 + "x", "x")


@pytest.mark.parametrize("read", [documents.load, load_recipe], ids=["document", "recipe"])
def test_a_file_without_an_end_is_given_up_on(
    read: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(documents, "MAX_BYTES", 2**20)
    with pytest.raises(CallwrightError, match="/dev/zero: larger than 1 MiB, refused"):
        read(Path("/dev/zero"))


@pytest.mark.parametrize("read", [files.lines_of, toolalpaca.read_verdicts], ids=["lines", "whole"])
def test_nor_does_a_score_wait_for_a_line_to_end(
    read: Callable[[Path], Iterator[object]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(documents, "MAX_BYTES", 2**20)
    monkeypatch.setattr(files, "_LONGEST", 2**20)
    with pytest.raises(
        CallwrightError, match="/dev/zero:1: longer than 1048576 characters; one JSON object a"
    ):
        list(read(Path("/dev/zero")))


def packed(path: Path) -> Path:
    """A Parquet file of a few kilobytes with a column of 10 MB."""
    text = "x" * 1000
    table = pa.table({"messages": pa.array([text + str(n % 7) for n in range(10_000)])})
    pq.write_table(table, path, use_dictionary=False, compression="zstd", compression_level=9)
    assert path.stat().st_size < 100_000
    return path


@pytest.mark.parametrize("read", [lint, lambda path: list(read_items(path))], ids=["lint", "leaks"])
def test_a_packed_column_counts_by_what_it_unpacks_to(
    read: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(documents, "MAX_COLUMN_BYTES", 1_000_000)
    with pytest.raises(UsageError, match=r"its column messages unpacks to 10,0\d\d,\d\d\d bytes"):
        read(packed(tmp_path / "bomb.parquet"))


@asynccontextmanager
async def serving(answer: Callable[[], web.Response]) -> AsyncIterator[str]:
    """The address of a server that gives this answer to everything."""

    async def handle(_: web.Request) -> web.Response:
        return answer()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


PACKED = gzip.compress(json.dumps({"choices": [], "x": "x" * 20_000_000}).encode())


def gzipped() -> web.Response:
    return web.Response(body=PACKED, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})


async def test_a_model_s_reply_counts_by_what_it_unpacks_to(monkeypatch: pytest.MonkeyPatch):
    assert len(PACKED) < 30_000
    monkeypatch.setattr(endpoint, "MOST_REPLY_BYTES", 1_000_000)
    async with serving(gzipped) as address:
        config = OpenAIModel(engine="openai", base_url=(f"{address}/v1",), model="toy", retries=1)
        model = OpenAIChat(config, backoff_s=0.001)
        try:
            with pytest.raises(ModelError, match="the reply is larger than 1000000 bytes"):
                await model.complete(Request(purpose="x", messages=({"role": "user", "content": "Hi"},)))
            assert model.stats["retry_too_large"] == 1
        finally:
            await model.close()


async def test_a_packed_reply_of_an_mcp_server_is_refused():
    async with serving(gzipped) as address:
        with pytest.raises(SourceError, match=r"packed \(gzip\), refused"):
            await mcp.read_mcp(f"{address}/mcp", timeout_s=10)


async def test_a_large_reply_of_an_mcp_server_is_given_up_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mcp, "MAX_REPLY_BYTES", 100_000)
    body = json.dumps({"jsonrpc": "2.0", "id": 0, "result": {"x": "x" * 1_000_000}})
    async with serving(lambda: web.Response(text=body, content_type="application/json")) as address:
        with pytest.raises(SourceError, match="larger than 100000 bytes"):
            await mcp.read_mcp(f"{address}/mcp", timeout_s=10)


async def test_no_proxy_and_no_password_of_the_environment_reaches_an_mcp_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ada password open-sesame\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    asked: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request)
        return web.Response(status=500)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        with pytest.raises(SourceError):
            await mcp.read_mcp(f"http://127.0.0.1:{runner.addresses[0][1]}/mcp", timeout_s=10)
    finally:
        await runner.cleanup()
    assert asked and all("Authorization" not in one.headers for one in asked)
    assert all(one.headers["Accept-Encoding"] == "identity" for one in asked)
