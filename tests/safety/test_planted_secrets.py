"""Secrets are planted wherever a build comes by, and looked for in everything that it leaves behind."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import duckdb
import loopback as lb
import mcp_http
import pyarrow.parquet as pq
import pytest
import yaml
from aiohttp import web
from command import ended, started
from harbor import Harbor

from callwright.engine.build import build
from callwright.engine.exports import export_view
from callwright.engine.recipes import check_recipe, load_recipe
from callwright.engine.tools import read_sources, source_of
from callwright.engine.workshop import Workshop
from callwright.errors import CallwrightError, UsageError
from callwright.report.page import write_report
from callwright.schemas.recipe import ViewName
from callwright.store import Store
from callwright.values.secrets import REDACTED, find_credential, redact

# Put together here, so that no scanner takes this file for a leak.
OF_THE_ENVIRONMENT = {
    "OPENAI_API_KEY": "canary-of-the-model-4f1c9d07",
    "HARBOR_TOKEN": "Bearer canary-of-the-harbor-8be2",
    "HF_TOKEN": "canary-of-the-hub-17aa53",
    "AWS_SECRET_ACCESS_KEY": "canary-of-the-cloud-90dd41",
}
IN_A_RESULT = "AKIA" + "CANARY7" + "RESULT890"
IN_A_TEXT = "xoxb-" + "4815162342-canarytext"
IN_ARGUMENTS = "hf_" + "canaryArguments1" * 2
IN_AN_ANSWER = "sk-" + "canary-answer-" + "a1B2" * 6
OF_A_FUNCTION = "-----BEGIN " + "PRIVATE KEY-----\nMIIcanaryfunction0123\n-----END " + "PRIVATE KEY-----"
PLANTED = {
    **{name: value.removeprefix("Bearer ") for name, value in OF_THE_ENVIRONMENT.items()},
    "result": IN_A_RESULT,
    "text": IN_A_TEXT,
    "arguments": IN_ARGUMENTS,
    "answer": IN_AN_ANSWER,
    "function": "MIIcanaryfunction0123",
}

LEAKY = f'''
import os


def get_settings(name: str) -> dict:
    """Get the settings of a ferry.

    Args:
        name: The name of the ferry.
    """
    print(os.environ)
    return {{"name": name, "environment": dict(os.environ), "key": {OF_A_FUNCTION!r}}}
'''


class LeakyHarbor(Harbor):
    """Repeats the request's headers, and has secrets of its own."""

    async def _notice(self, request: web.Request) -> web.Response:
        await self._note(request)
        token = request.headers.get("Authorization", "none")
        return web.Response(text=f"You are {token}. The desk's token is {IN_A_TEXT}.")

    async def _ferries(self, request: web.Request) -> web.Response:
        await self._note(request)
        return web.json_response([{"name": IN_A_RESULT}, {"name": request.headers.get("Authorization")}])


class LeakyTeacher:
    """Serves a clean row first, and then rows with a secret in each of the places where one can be."""

    def __init__(self) -> None:
        self.requests = 0

    def __call__(self, body: lb.Body) -> lb.Answer:
        self.requests += 1
        if self.requests == 1:
            return lb.error_reply(500, f"who is {OF_THE_ENVIRONMENT['OPENAI_API_KEY']}?")
        if "tools" not in body:
            if "asked" in json.dumps(body["response_format"]):
                return lb.json_reply({"asked": False, "reply": ""})
            return lb.json_reply(
                {"request": f"What is it like at Oban on 2026-05-{self.requests % 28 + 1:02}?", "details": ""}
            )
        last = body["messages"][-1]
        names = [tool["function"]["name"] for tool in body["tools"]]
        if last["role"] == "tool":
            said = last["content"]
            if '"high"' in said:
                tide = json.loads(said)
                return lb.text_reply(f"High water is {tide['high']} and low water is {tide['low']}.")
            return lb.text_reply(f"I was told {said[:200]}; use {IN_AN_ANSWER} for it.")
        day = last["content"].rpartition(" ")[2].strip("?")
        if "getTide" in names:
            return lb.call_reply("getTide", json.dumps({"port": "Oban", "day": day}))
        if "readNotice" in names:
            return lb.call_reply("readNotice", json.dumps({"port": "Oban"}))
        if "listFerries" in names:
            return lb.call_reply("listFerries", json.dumps({"port": "Oban", "note": IN_ARGUMENTS}))
        return lb.call_reply("get_settings", json.dumps({"name": IN_ARGUMENTS}))


def written(folder: Path, harbor: Harbor, server: lb.Loopback) -> Path:
    """A recipe over the leaky tools, each toolkit with one of them so that each is called."""
    (folder / "leaky.py").write_text(LEAKY, encoding="utf-8")
    whole = yaml.safe_load((Path(__file__).parents[1] / "data" / "harbor.yaml").read_text(encoding="utf-8"))
    tools: list[dict[str, Any]] = [{"python": "leaky.py"}]
    for path in ("/tides/{port}", "/notice", "/ferries"):
        name = path.strip("/").partition("/")[0]
        document = whole | {"paths": {path: whole["paths"][path]}}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        tools.append(
            harbor.source(openapi=f"{name}.yaml", name=name, headers={"Authorization": "HARBOR_TOKEN"})
        )
    recipe = {
        "dataset": "leaky",
        "size": 3,
        "tools": tools,
        "models": {
            "teacher": {"engine": "openai", "base_url": server.base_url, "model": "toy", "in_flight": 1}
        },
        "methods": {"toolalpaca": {"offered": [1, 1]}},
        "mix": {"single": 1.0},
        "accept": {"rung": "L0"},
    }
    path = folder / "leaky.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return path


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Everything that lies in a folder, as text: bytes as they are, tables by their values."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        name = str(path.relative_to(folder))
        yield name, path.read_bytes().decode("utf-8", "replace")
        if path.suffix == ".parquet":
            yield f"{name} (values)", str(pq.read_table(path).to_pylist())
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                for (table,) in connection.execute("SHOW TABLES").fetchall():
                    yield f"{name} {table}", str(connection.execute(f'SELECT * FROM "{table}"').fetchall())


def leaks(folder: Path, *also: str) -> list[str]:
    found = [*texts(folder), *(("what was said", text) for text in also)]
    return [f"{place}: {name}" for place, text in found for name, secret in PLANTED.items() if secret in text]


def export_everything(data: Path, name: str, out: Path) -> set[str]:
    """The views that could be written; one that needs something else says so."""
    done = set()
    for view in get_args(ViewName):
        try:
            export_view(data, name, view, out / view)
            done.add(view)
        except CallwrightError as error:
            assert not any(secret in str(error) for secret in PLANTED.values())
    with Store.open(data, write=False) as store:
        write_report(store, store.version(name), out / "report.html")
    return done


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OF_THE_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


async def test_no_secret_is_left_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    teacher = LeakyTeacher()
    async with (
        LeakyHarbor() as harbor,
        lb.Loopback(teacher, key=OF_THE_ENVIRONMENT["OPENAI_API_KEY"]) as server,
    ):
        recipe = written(tmp_path, harbor, server)
        built = await build(Workshop.of(load_recipe(recipe), tmp_path), tmp_path / "data")
    assert built.version.statistics.rows == 3
    # Every tool was called, and what they gave away was redacted before anybody saw it.
    assert {path.partition("?")[0] for path in harbor.asked} >= {"GET /notice", "GET /tides/Oban"}
    [calls] = (tmp_path / "data").rglob("calls.jsonl")
    assert {"get_settings", "readNotice", "getTide"} <= set(
        re.findall(r"\w+", calls.read_text(encoding="utf-8"))
    )
    [journal] = (tmp_path / "data").rglob("journal.jsonl")
    assert journal.read_text(encoding="utf-8").count(REDACTED) >= 4
    done = export_everything(tmp_path / "data", built.version.name, tmp_path / "out")
    assert {"trl", "openai", "hermes", "review"} <= done
    (tmp_path / "leaky.py").unlink()
    assert leaks(tmp_path, caplog.text, *capfd.readouterr()) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
async def test_no_secret_is_left_behind_by_the_command_line_and_prefect(tmp_path: Path):
    teacher = LeakyTeacher()
    async with (
        LeakyHarbor() as harbor,
        lb.Loopback(teacher, key=OF_THE_ENVIRONMENT["OPENAI_API_KEY"]) as server,
    ):
        recipe = written(tmp_path, harbor, server)
        process = await started(
            "build", recipe, "--data", tmp_path / "data", cwd=tmp_path, **OF_THE_ENVIRONMENT
        )
        code, out, err = await ended(process)
    assert code == 0, err
    assert (tmp_path / "data" / "prefect").is_dir() or "PREFECT_HOME" in os.environ
    (tmp_path / "leaky.py").unlink()
    assert leaks(tmp_path, out, err) == []


def asking(key: str, address: str = "http://x/v1") -> dict[str, Any]:
    teacher = {"engine": "openai", "base_url": address, "model": "m", "api_key_env": key}
    return {"models": {"teacher": teacher}}


def sending(header: str) -> dict[str, Any]:
    return {"tools": [{"openapi": "x.yaml", "toolbox": "http", "hosts": ["x"], "headers": {"A": header}}]}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (asking(IN_AN_ANSWER), "api_key_env"),
        (asking("canary-of-no-shape"), "api_key_env"),
        (sending(IN_ARGUMENTS), "headers.A"),
        (sending("canary of no shape"), "headers.A"),
        ({"tools": [{"mcp": f"server --token {IN_A_TEXT}"}]}, "tools.0.mcp"),
        ({"tools": [{"mcp": "https://ada:canary@mcp.example.org/mcp"}]}, "tools.0.mcp"),
        ({"tools": [{"mcp": "https://mcp.example.org/mcp?a=1&token=canary"}]}, "headers: {Authorization"),
        ({"tools": [{"mcp": "https://mcp.example.org/mcp?api_key=canary"}]}, "headers: {Authorization"),
        ({"tools": [{"mcp": "server --api-key canary4711canary4711"}]}, "(--api-key); write a script"),
        ({"tools": [{"mcp": "env NEWS_TOKEN=canary4711canary4711 server"}]}, "(NEWS_TOKEN); write a script"),
        ({"tools": [{"mcp": "npx remote 'https://x.org/mcp?token=canary'"}]}, "(token); write a script"),
        (asking("KEY", "http://ada:canary-4711@127.0.0.1:9/v1"), "models.teacher.base_url"),
    ],
)
def test_a_recipe_that_holds_a_secret_is_refused_and_not_repeated(
    tmp_path: Path, change: dict[str, Any], place: str
):
    body = {"dataset": "x", "size": 3, "tools": [{"world": "travel"}]} | change
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    with pytest.raises(UsageError, match="environment variable") as caught:
        load_recipe(path)
    assert place in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("secret", [IN_A_RESULT, IN_A_TEXT, IN_ARGUMENTS, IN_AN_ANSWER, OF_A_FUNCTION])
def test_redacted_json_is_json(secret: str):
    for depth in range(3):
        value: Any = {"before": 1, "it is": f"take {secret} now", "after": [2]}
        text = json.dumps(value)
        for _ in range(depth):
            value = {"inner": text}
            text = json.dumps(value)
        cleaned = redact(text)
        assert REDACTED in cleaned and "canary" not in cleaned.lower()
        inner = json.loads(cleaned)
        for _ in range(depth):
            inner = json.loads(inner["inner"])
        assert inner["before"] == 1 and inner["after"] == [2]
        assert inner["it is"].startswith("take ")
    assert redact(f"take {secret} now") == f"take {REDACTED} now"
    assert redact("nothing to hide") == "nothing to hide"


@pytest.mark.parametrize(
    "server",
    [
        "https://mcp.example.org/mcp?version=2&tokens=4096",
        "server --token-limit 4096 --max-tokens=8192 --token canary",
        "server --token-file /run/secrets/canary4711canary4711 --secret ./keys/canary4711",
        "server --password",
        "server 'unclosed",
    ],
)
def test_a_server_that_is_handed_no_secret_is_not_refused(server: str):
    assert find_credential(server) is None


def test_a_server_named_on_the_command_line_is_held_to_the_same():
    with pytest.raises(UsageError, match=r"^mcp.example.org: .*\(token\)") as caught:
        read_sources(source_of("mcp:https://mcp.example.org/mcp?token=canary"), Path())
    assert "canary" not in str(caught.value)


async def test_a_secret_for_an_mcp_server_is_left_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    with mcp_http.running(OF_THE_ENVIRONMENT["HARBOR_TOKEN"]) as (url, _):
        body = {
            "dataset": "box",
            "size": 3,
            "tools": [{"mcp": url, "headers": {"Authorization": "HARBOR_TOKEN"}}],
            "mix": {"single": 1.0},
        }
        recipe = tmp_path / "box.yaml"
        recipe.write_text(yaml.safe_dump(body), encoding="utf-8")
        workshop = Workshop.of(load_recipe(recipe), tmp_path)
        built = await build(workshop, tmp_path / "data")
        monkeypatch.setenv("ANOTHER_NAME", OF_THE_ENVIRONMENT["HARBOR_TOKEN"])
        source = body["tools"][0] | {"headers": {"Authorization": "ANOTHER_NAME"}}
        renamed = check_recipe(body | {"tools": [source]}, "box")
        # Where a secret comes from decides no row.
        assert Workshop.of(renamed, tmp_path).digest == workshop.digest
        monkeypatch.delenv("HARBOR_TOKEN")
        with pytest.raises(UsageError, match="environment variable HARBOR_TOKEN, which is not set; set it"):
            Workshop.of(load_recipe(recipe), tmp_path)
    assert built.version.statistics.by_tool == {"get_programme": 3}
    [calls] = (tmp_path / "data").rglob("calls.jsonl")
    assert {"get_badge", "read_note"} <= set(re.findall(r"\w+", calls.read_text(encoding="utf-8")))
    assert {"trl", "openai"} <= export_everything(tmp_path / "data", built.version.name, tmp_path / "out")
    assert leaks(tmp_path, caplog.text) == []
