"""The services of docker-compose.yml by hand: they find each other, a build gets through, checks tell the truth."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import loopback as lb
import pytest
from prefect_server import DEADLINE_S
from stack import Stack
from teacher import museum_teacher
from workshops import TOOLS, museum_recipe, written

from callwright.flows.versions import ours
from callwright.store import Store


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    found = Stack(tmp_path)
    try:
        yield found
    finally:
        await found.remove()


async def test_a_night_under_docker_compose(stack: Stack, tmp_path: Path):
    assert not await stack.healthy("postgres") and not await stack.healthy("redis")
    await stack.start_postgres()
    await stack.start("redis")
    await stack.finish("migrate")
    server = await stack.start("server")
    assert not await stack.healthy("services"), "the server alone was taken for its services"
    services = await stack.start("services")
    worker = await stack.start("worker")
    await refuses_strangers(stack)

    async with lb.Loopback(museum_teacher) as teacher:
        (tmp_path / "recipes" / "museum.yaml").write_bytes((TOOLS / "museum.yaml").read_bytes())
        body = museum_recipe(teacher.base_url, size=20) | {"tools": [{"openapi": "museum.yaml"}]}
        written(body, tmp_path / "recipes" / "recipe.yaml")
        await stack.finish("deploy")
        [deployment] = await stack.ask("deployments/filter")
        assert (
            deployment["version"] == ours() and deployment["schedules"][0]["schedule"]["cron"] == "0 2 * * *"
        )
        await stack.due()
        await stack.ended_as(1, "COMPLETED", still=worker)
        assert teacher.count > 0
    with Store.open(tmp_path / "data" / "warehouse", write=False, wait_s=30) as store:
        assert [version.name for version in store.versions("museum")] == ["museum@1"]
    assert (tmp_path / "data" / "exports" / "museum@1" / "trl" / "README.md").exists()
    await told(stack)
    for name in ("server", "services", "worker"):
        assert "Traceback" not in (log := (tmp_path / f"{name}.log").read_text(encoding="utf-8")), log[-3000:]
    assert '"ok"' in await stack.finish("callwright", "doctor", "--json")

    # What is stopped is no longer healthy, and nothing else is taken for it.
    await services.end()
    async with asyncio.timeout(DEADLINE_S):
        while await stack.healthy("services"):
            await asyncio.sleep(0.5)
    assert await stack.healthy("server") and await stack.healthy("worker")
    await worker.end(signal.SIGTERM)
    await server.end(signal.SIGTERM)
    assert not await stack.healthy("server") and not await stack.healthy("worker")


async def refuses_strangers(stack: Stack) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{stack.api}/deployments/filter", json={}) as answer,
    ):
        assert answer.status == 401


async def told(stack: Stack) -> None:
    """An event goes from the worker to the server, through Redis to the services, and into PostgreSQL."""
    wanted = {"filter": {"event": {"name": ["callwright.version.created"]}}}
    async with asyncio.timeout(60):
        while (await stack.ask("events/filter", wanted))["total"] < 1:
            await asyncio.sleep(0.2)
