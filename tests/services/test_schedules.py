"""Schedules on a real Prefect server: what a night does, and what it does after a night that went wrong."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import loopback as lb
import pytest
from killing import asked, journaled
from prefect_server import DEADLINE_S, Group, Postgres, PrefectServer
from teacher import museum_teacher
from workshops import TOOLS, museum_recipe, written

from callwright.engine.build import build
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import RunBusyError, StoreError
from callwright.flows.versions import ours
from callwright.llm.journal import Journal
from callwright.store import Store

ROOT = Path(__file__).resolve().parents[2]

OLD, NEW = "Get upcoming museum operating hours.", "Get the hours in which the museum is open."
SIZE = 20
LATENCY_S, SLOW_S = 0.05, 10.0


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a database; empty for Prefect's own file."""
    if request.param == "sqlite":
        yield ""
        return
    cluster = Postgres()
    try:
        cluster.start()
        yield cluster.url
    finally:
        cluster.remove()


@pytest.fixture
def cluster() -> Iterator[Postgres]:
    found = Postgres()
    try:
        found.start()
        yield found
    finally:
        found.remove()


@pytest.fixture
async def teacher() -> AsyncIterator[lb.Loopback]:
    async with lb.Loopback(museum_teacher, latency_s=LATENCY_S) as server:
        yield server


def recipe_in(folder: Path, teacher: lb.Loopback, **changes: Any) -> Path:
    """A recipe whose tools lie beside it, so that they can change."""
    (folder / "museum.yaml").write_bytes((TOOLS / "museum.yaml").read_bytes())
    body = museum_recipe(teacher.base_url, size=SIZE, in_flight=4) | changes
    return written(body | {"tools": [{"openapi": "museum.yaml"}]}, folder / "recipe.yaml")


def made(folder: Path, dataset: str = "museum") -> list[str]:
    """The ids of the versions that are there, the first one first."""
    try:
        with Store.open(folder / "data", write=False, wait_s=30) as store:
            return [version.id for version in store.versions(dataset)]
    except StoreError:
        return []


async def until(true: Callable[[], Any], *, still: Group) -> None:
    """Wait for something that a process brings about."""
    async with asyncio.timeout(DEADLINE_S):
        while not true():
            assert still.process.returncode is None, "it ended"
            await asyncio.sleep(0.05)


async def build_died(folder: Path) -> None:
    """Wait until the process of the one run is gone: until then it holds the journal."""
    [path] = folder.glob("data/runs/*/journal.jsonl")
    async with asyncio.timeout(10):
        while True:
            try:
                Journal(path).close()
                return
            except RunBusyError:
                await asyncio.sleep(0.01)


async def asked_enough(teacher: lb.Loopback, *, still: Group) -> None:
    """Wait until a build is in the middle of its questions; from then on the teacher is in no hurry."""
    await until(lambda: teacher.count >= 25, still=still)
    teacher.latency_s = SLOW_S


async def plain(recipe: Path, folder: Path) -> str:
    """The id of the version that an undisturbed build makes, without Prefect."""
    workshop = Workshop.of(load_recipe(recipe), recipe.parent)
    return (await build(workshop, folder)).version.id


async def test_a_night_that_was_killed_is_finished_and_the_next_ones_make_their_delta(
    database: str, teacher: lb.Loopback, tmp_path: Path
):
    recipe = recipe_in(tmp_path, teacher)
    command = ("serve", recipe, "--interval", "15s", "--data", tmp_path / "data")
    async with PrefectServer(tmp_path, database).running() as server:
        serving = await server.callwright(*command)
        await asked_enough(teacher, still=serving)
        assert await serving.end() == -signal.SIGKILL
        teacher.latency_s = LATENCY_S
        await build_died(tmp_path)
        before, known = teacher.count, journaled(tmp_path)
        assert known and not made(tmp_path)

        serving = await server.callwright(*command)
        await until(lambda: made(tmp_path), still=serving)
        [first] = made(tmp_path)
        assert not known & asked(teacher.bodies[before:])
        total = teacher.count

        # A night on which nothing changed asks nothing and makes nothing.
        await server.ended_as(2, "COMPLETED", still=serving)
        assert (made(tmp_path), teacher.count) == ([first], total)

        tools = tmp_path / "museum.yaml"
        tools.write_text(tools.read_text(encoding="utf-8").replace(OLD, NEW), encoding="utf-8")
        await until(lambda: len(made(tmp_path)) == 2, still=serving)
        earlier, delta = asked(teacher.bodies[:total]), asked(teacher.bodies[total:])

        await server.ended_as(3, "COMPLETED", still=serving)
        assert await left_behind(server, 2) == {"museum-funnel", "museum-report", "museum-export-trl"}
        assert await serving.end(signal.SIGTERM) == 4
    total = teacher.count
    assert made(tmp_path) == [first, await plain(recipe, tmp_path / "plain")]
    assert delta == asked(teacher.bodies[total:]) - earlier
    assert (tmp_path / "data" / "exports" / "museum@2" / "trl" / "README.md").exists()


async def left_behind(server: PrefectServer, versions: int) -> set[str]:
    """The keys of the artifacts; there is an event for each version."""
    wanted = {"filter": {"event": {"name": ["callwright.version.created"]}}}
    async with asyncio.timeout(60):
        while (await server.ask("events/filter", wanted))["total"] < versions:
            await asyncio.sleep(0.2)
    events = (await server.ask("events/filter", wanted))["events"]
    assert sorted(event["payload"]["version"] for event in events) == ["museum@1", "museum@2"]
    return {artifact["key"] for artifact in await server.ask("artifacts/filter")}


async def test_a_worker_that_was_killed_is_followed_by_one_that_goes_on(
    database: str, teacher: lb.Loopback, tmp_path: Path
):
    recipe = recipe_in(tmp_path, teacher)
    place = {"CALLWRIGHT_RECIPE": str(recipe), "CALLWRIGHT_DATA": str(tmp_path / "data")}
    worker = ("worker", "start", "--pool", "callwright", "--type", "process")
    async with PrefectServer(tmp_path, database).running() as server:
        await server.done("work-pool", "create", "callwright", "--type", "process")
        await server.done("deploy", "--all", "--prefect-file", ROOT / "prefect.yaml", **place)
        working = await server.prefect(*worker)
        await server.due()
        await asked_enough(teacher, still=working)

        # What comes while a build is under way is cancelled.
        await server.due()
        await server.ended_as(1, "CANCELLED", still=working)
        await working.end()
        teacher.latency_s = LATENCY_S
        await build_died(tmp_path)
        before, known = teacher.count, journaled(tmp_path)
        assert known and not made(tmp_path)

        # Its slot is free again when its lease ends, or when somebody says that the run is dead.
        [dead] = [run for run in await server.runs() if run["state"]["type"] == "RUNNING"]
        await server.ask(f"flow_runs/{dead['id']}/set_state", {"state": {"type": "CRASHED"}, "force": True})
        working = await server.prefect(*worker)
        await server.due()
        await server.ended_as(1, "COMPLETED", still=working)
        assert not known & asked(teacher.bodies[before:])

        # Code decides rows, so a worker of another version builds nothing.
        total = teacher.count
        [deployment] = await server.ask("deployments/filter")
        assert deployment["version"] == deployment["parameters"]["version"] == ours()
        await server.due(version="0.0.9+older")
        [failed] = await server.ended_as(1, "FAILED", still=working)
        assert failed["state"]["message"].startswith(
            f"this worker runs callwright {ours()}, its schedule was made"
        )
        await working.end()
    assert teacher.count == total
    assert made(tmp_path) == [await plain(recipe, tmp_path / "plain")]


async def test_a_database_that_breaks_in_mid_run_costs_no_version(
    cluster: Postgres, teacher: lb.Loopback, tmp_path: Path
):
    recipe = recipe_in(tmp_path, teacher)
    hasty = {"PREFECT_CLIENT_MAX_RETRIES": "1", "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    async with PrefectServer(tmp_path, cluster.url).running() as server:
        command = ("serve", recipe, "--interval", "15s", "--data", tmp_path / "data")
        serving = await server.callwright(*command, **hasty)
        await asked_enough(teacher, still=serving)
        cluster.stop()
        teacher.latency_s = LATENCY_S
        log = tmp_path / "serve.log"
        await until(lambda: "is gone" in log.read_text(), still=serving)
        cluster.start()
        await until(lambda: "is back" in log.read_text(), still=serving)
        await until(lambda: made(tmp_path), still=serving)
        await server.ended_as(1, "COMPLETED", still=serving)
        assert await serving.end(signal.SIGTERM) == 4
    questions = [json.dumps(body, sort_keys=True) for body in teacher.bodies]
    assert len(made(tmp_path)) == 1
    assert len(questions) - len(set(questions)) <= 4, "more than was under way was asked twice"


async def test_a_build_of_the_command_line_outlives_its_server_s_database(
    cluster: Postgres, teacher: lb.Loopback, tmp_path: Path
):
    recipe = recipe_in(tmp_path, teacher)
    command = ("build", recipe, "--data", tmp_path / "data", "--json")
    async with PrefectServer(tmp_path, cluster.url).running() as server:
        building = await server.callwright(*command, log="build.log", PREFECT_CLIENT_MAX_RETRIES="1")
        await asked_enough(teacher, still=building)
        cluster.stop()
        teacher.latency_s = LATENCY_S
        assert await asyncio.wait_for(building.process.wait(), DEADLINE_S) == 0, (
            tmp_path / "build.log"
        ).read_text()
    assert made(tmp_path) == [await plain(recipe, tmp_path / "plain")]


async def test_builds_that_share_a_limit_take_turns_and_a_limit_that_is_not_there_is_told(tmp_path: Path):
    told: list[str] = []

    def teacher_of(dataset: str) -> lb.Responder:
        def answer(body: lb.Body) -> lb.Answer:
            told.append(dataset)
            return museum_teacher(body)

        return answer

    names = ("first", "second")
    async with (
        lb.Loopback(teacher_of(names[0]), latency_s=LATENCY_S) as one,
        lb.Loopback(teacher_of(names[1]), latency_s=LATENCY_S) as other,
        PrefectServer(tmp_path).running() as server,
    ):
        # Two seeds, for what one has been answered the other would not ask.
        bodies = [
            museum_recipe(teacher.base_url, size=SIZE) | {"dataset": name, "seed": seed}
            for seed, (name, teacher) in enumerate(zip(names, (one, other), strict=True))
        ]
        recipes = [written(body, tmp_path / f"{body['dataset']}.yaml") for body in bodies]
        command = ("serve", *recipes, "--interval", "20s", "--data", tmp_path / "data", "--limit", "one-gpu")
        serving = await server.callwright(*command)
        [failed, *_] = await server.ended_as(1, "FAILED", still=serving)
        assert failed["state"]["message"] == (
            "Prefect's server has no concurrency limit one-gpu; make it: prefect gcl create one-gpu --limit 1"
        )
        assert not told
        await server.done("gcl", "create", "one-gpu", "--limit", "1")
        await until(lambda: all(made(tmp_path, name) for name in names), still=serving)
        assert await serving.end(signal.SIGTERM) == 4
    assert len(list(groupby(told))) == 2, "their questions were mixed"
