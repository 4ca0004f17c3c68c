"""Builds whose teacher is an endpoint: a real server on the loopback that works, fails, and comes back."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema_rs
import loopback as lb
import pyarrow.parquet as pq
import pytest
from teacher import museum_teacher, purpose, with_faults
from workshops import museum

from callwright.engine.build import Built, build
from callwright.engine.exports import export_view
from callwright.engine.progress import read_statuses
from callwright.errors import ModelError
from callwright.store import Store


async def built_with(responder: lb.Responder, data: Path, **changes: Any) -> tuple[Built, lb.Loopback]:
    async with lb.Loopback(responder) as server:
        return await build(museum(server.base_url, **changes), data), server


def exported_rows(data: Path, folder: Path) -> list[dict[str, Any]]:
    export_view(data, "museum", "trl", folder)
    files = sorted(folder.glob("**/portable/*.parquet")) or sorted(folder.rglob("*.parquet"))
    return [row for path in files if "portable" in str(path) for row in pq.read_table(path).to_pylist()]


async def test_a_build_survives_a_bad_day_and_every_exported_row_is_valid(tmp_path: Path):
    built, server = await built_with(with_faults(museum_teacher), tmp_path / "data")
    statistics = built.version.statistics
    assert statistics.by_kind == museum().recipe.quotas()
    assert server.count > built.asked  # what met trouble was asked again
    counts = {(drop.gate, drop.code): drop.count for drop in statistics.drops}
    assert statistics.by_purpose["toolalpaca.assistant"].refused >= 1
    assert counts["selection", "other_kind"] >= 1
    assert statistics.attempts == statistics.rows + sum(counts.values())
    asked_again = [body for body in server.bodies if "cannot be used" in body["messages"][-1]["content"]]
    assert {purpose(body) for body in asked_again} == {"instruction"}
    rows = exported_rows(tmp_path / "data", tmp_path / "out")
    assert len(rows) == 40
    for row in rows:
        check_row(json.loads(row["messages"]), json.loads(row["tools"]))


def check_row(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> None:
    """Roles in order, calls answered under their ids, arguments valid, text values from what was said before."""
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}
    assert [message["role"] for message in messages[:2]] == ["system", "user"]
    assert messages[-1]["role"] == "assistant" and messages[-1]["content"]
    visible, waiting = "", {}
    for message in messages:
        for call in message.get("tool_calls") or ():
            arguments = call["function"]["arguments"]
            arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
            jsonschema_rs.validate(schemas[call["function"]["name"]], arguments, validate_formats=True)
            assert set(arguments) <= set(schemas[call["function"]["name"]]["properties"])
            for name in ("name", "location", "eventDescription", "email", "eventId", "ticketId"):
                assert str(arguments.get(name, "")) in visible
            waiting[call["id"]] = call["function"]["name"]
        if message["role"] == "tool":
            assert waiting.pop(message["tool_call_id"]) == message["name"]
        if message["role"] in ("user", "tool"):
            visible += message["content"]
    assert not waiting


async def test_how_many_are_in_flight_and_what_fails_on_the_way_do_not_change_the_version(tmp_path: Path):
    steady, server = await built_with(museum_teacher, tmp_path / "one", in_flight=1)
    assert server.most_at_once == 1
    seen = 0

    def shaky(body: lb.Body) -> lb.Answer:
        nonlocal seen
        seen += 1
        return lb.too_many() if seen % 9 == 0 else museum_teacher(body)

    crowded, server = await built_with(shaky, tmp_path / "two", in_flight=32)
    assert 1 < server.most_at_once <= 32
    assert crowded.version.id == steady.version.id
    assert crowded.asked == steady.asked == steady.version.statistics.requests


async def test_another_size_asks_only_for_its_new_rows(tmp_path: Path):
    await built_with(museum_teacher, tmp_path)
    more, server = await built_with(museum_teacher, tmp_path, size=50)
    assert (more.version.name, more.version.statistics.rows) == ("museum@2", 50)
    assert server.count == more.asked < more.version.statistics.requests / 2


async def test_the_ledger_holds_every_call_and_no_variable_of_ours(tmp_path: Path):
    built, server = await built_with(museum_teacher, tmp_path, size=8)
    with Store.open(tmp_path, write=False) as store:
        calls = list(store.calls("openai:toy"))
        used = {key for _, body, _ in store.rows(built.version) for key in body["provenance"]["calls"]}
    assert len(calls) == server.count == built.asked
    assert used <= {call["key"] for call in calls}
    statistics = built.version.statistics
    assert sum(call["prompt_tokens"] for call in calls) == statistics.prompt_tokens
    by_purpose = {purpose: spent.requests for purpose, spent in statistics.by_purpose.items()}
    assert by_purpose == Counter(call["purpose"] for call in calls)
    for name in ("requests", "prompt_tokens", "completion_tokens"):
        assert sum(getattr(spent, name) for spent in statistics.by_purpose.values()) == getattr(
            statistics, name
        )
    assert all("variables" not in call["request"] for call in calls)
    assert Counter(call["purpose"] for call in calls).keys() >= {
        "toolalpaca.instruction",
        "toolalpaca.assistant",
    }


async def test_an_endpoint_that_goes_down_in_the_middle_loses_nothing(tmp_path: Path):
    whole, _ = await built_with(museum_teacher, tmp_path / "whole")
    async with lb.Loopback(museum_teacher) as server:
        answers = 0

        def failing(body: lb.Body) -> lb.Answer:
            nonlocal answers
            answers += 1
            return museum_teacher(body) if answers <= 60 else lb.error_reply(503, "no more")

        server.responder = failing
        workshop = museum(server.base_url, retries=1)
        with pytest.raises(
            ModelError, match=r"failed 2 times .*503 .*run again to go on where it stopped"
        ) as caught:
            await build(workshop, tmp_path / "data")
        assert caught.value.exit_code == 4
        assert read_statuses(tmp_path / "data")[0]["state"] == "stopped"
        server.responder = museum_teacher
        resumed = await build(workshop, tmp_path / "data")
    assert resumed.version.id == whole.version.id
    assert resumed.asked == whole.asked - 60


@pytest.mark.parametrize(
    ("server", "changes", "message"),
    [
        ({"key": "right"}, {"api_key_env": "NO_SUCH_KEY"}, r"HTTP 401 .*set NO_SUCH_KEY to a key"),
        ({"models": ["llama", "qwen"]}, {}, r"it has no model 'toy'; it offers: llama, qwen"),
    ],
    ids=["wrong key", "wrong model"],
)
async def test_a_server_that_refuses_us_stops_the_build_with_advice(
    tmp_path: Path, server: dict[str, Any], changes: dict[str, Any], message: str
):
    async with lb.Loopback(museum_teacher, **server) as endpoint:
        with pytest.raises(ModelError, match=message) as caught:
            await build(museum(endpoint.base_url, **changes), tmp_path)
    assert caught.value.exit_code == 4


async def test_nobody_at_the_address_stops_the_build_with_advice(tmp_path: Path):
    with pytest.raises(ModelError, match="nothing answers at http://127.0.0.1:9/v1 .*start the server"):
        await build(museum(), tmp_path)
