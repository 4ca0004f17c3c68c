"""Two Prefect workers on two machines share a build; one dies, and the other finishes it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import loopback as lb
import pytest
import yaml
from killing import asked, journaled
from machines import Machines
from prefect_server import BIN, DEADLINE_S, Group, PrefectServer
from teacher import museum_teacher
from workshops import TOOLS, museum_recipe, written

from callwright.engine.build import build
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.store import Store

ROOT = Path(__file__).resolve().parents[2]
SIZE = 40


def plan_for(machines: int, folder: Path) -> Path:
    """prefect.yaml as docs/operations.md says that it is changed: to join, once for each machine."""
    plan: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    [nightly] = plan["deployments"]
    nightly["parameters"]["join"] = True
    nightly["concurrency_limit"]["limit"] = machines
    nightly["schedules"] = [
        {"cron": f"{minute} 2 * * *", "timezone": "UTC", "slug": f"machine-{minute}"}
        for minute in range(machines)
    ]
    path = folder / "prefect.yaml"
    path.write_text(yaml.safe_dump(plan, sort_keys=False), encoding="utf-8")
    return path


@pytest.mark.skipif(os.getuid() != 0, reason="network namespaces need root")
async def test_two_workers_on_two_machines_share_a_build_and_one_dies(tmp_path: Path):
    with Machines(2) as machines:
        async with (
            lb.Loopback(museum_teacher, host=machines.here, latency_s=0.3) as teacher,
            PrefectServer(tmp_path, host=machines.here).running() as server,
        ):
            (tmp_path / "museum.yaml").write_bytes((TOOLS / "museum.yaml").read_bytes())
            body = museum_recipe(teacher.base_url, size=SIZE, in_flight=4)
            recipe = written(body | {"tools": [{"openapi": "museum.yaml"}]}, tmp_path / "recipe.yaml")
            place = {"CALLWRIGHT_RECIPE": str(recipe), "CALLWRIGHT_DATA": str(tmp_path / "data")}
            await server.done("work-pool", "create", "callwright", "--type", "process")
            await server.done("deploy", "--all", "--prefect-file", plan_for(2, tmp_path), **place)
            [deployment] = await server.ask("deployments/filter")
            assert len(deployment["schedules"]) == 2
            command = (BIN / "prefect", "worker", "start", "--pool", "callwright", "--limit", 1)
            workers = [
                await Group.of(
                    machines.on(number, command),
                    tmp_path,
                    tmp_path / f"worker-{number}.log",
                    **(server.env | {"PREFECT_HOME": str(tmp_path / f"prefect-{number}")}),
                )
                for number in range(2)
            ]
            await server.due()
            await server.due()
            async with asyncio.timeout(DEADLINE_S):
                while len(teacher.machines) < 2 or min(teacher.machines.values()) < 20:
                    assert all(one.process.returncode is None for one in workers), "it ended"
                    await asyncio.sleep(0.05)
            assert set(teacher.machines) == set(machines.addresses)
            await workers[0].end()
            await asyncio.sleep(1.0)  # what it had sent is on the wire, and nobody reads the answers
            before, known = teacher.count, journaled(tmp_path)
            teacher.latency_s = 0.02
            await server.ended_as(1, "COMPLETED", still=workers[1])
            await workers[1].end()
            assert known and not known & asked(teacher.bodies[before:])
            with Store.open(tmp_path / "data", write=False, wait_s=30) as store:
                [version] = store.versions("museum")
            workshop = Workshop.of(load_recipe(recipe), recipe.parent)
            assert version.id == (await build(workshop, tmp_path / "plain")).version.id
    assert (tmp_path / "data" / "exports" / "museum@1" / "trl" / "README.md").exists()
