"""Builds that are killed or stopped at any moment, and continued by the same command."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from asyncio.subprocess import Process
from collections import Counter
from pathlib import Path

import loopback as lb
import pytest
from command import ended, started
from teacher import museum_teacher
from workshops import museum, museum_recipe, written

from callwright.engine.build import Built, build
from callwright.engine.progress import read_statuses

IN_FLIGHT = 4


async def undisturbed(data: Path) -> tuple[Built, int]:
    async with lb.Loopback(museum_teacher) as server:
        return await build(museum(server.base_url, size=30), data), server.count


def slow_server() -> lb.Loopback:
    return lb.Loopback(museum_teacher, latency_s=0.02)


def command(server: lb.Loopback, folder: Path) -> tuple[str, ...]:
    recipe = written(museum_recipe(server.base_url, size=30, in_flight=IN_FLIGHT), folder / "recipe.yaml")
    return ("build", str(recipe), "--no-prefect", "--json", "--data", str(folder / "data"))


async def until(server: lb.Loopback, count: int, process: Process) -> None:
    """Wait until the server has seen so many requests, or the process has ended."""
    while server.count < count and process.returncode is None:
        await asyncio.sleep(0.002)


async def test_a_build_killed_at_six_moments_ends_as_if_nothing_had_happened(tmp_path: Path):
    whole, total = await undisturbed(tmp_path / "whole")
    rng = random.Random(20)
    moments = sorted(rng.sample(range(3, total), 5)) + [total]
    async with slow_server() as server:
        arguments = command(server, tmp_path)
        extra = 0
        for moment in moments:
            process = await started(*arguments, cwd=tmp_path)
            await until(server, moment + extra, process)
            await asyncio.sleep(rng.uniform(0, 0.02))
            assert process.returncode is None, (await ended(process))[2]
            process.kill()
            assert (await ended(process))[0] == -signal.SIGKILL
            extra = server.count - len(set(map(json.dumps, server.bodies)))
        code, out, err = await ended(await started(*arguments, cwd=tmp_path))
        assert code == 0, err
        bodies = Counter(map(json.dumps, server.bodies))
    assert json.loads(out)["id"] == whole.version.id
    assert len(bodies) == total
    assert bodies.total() <= total + IN_FLIGHT * len(moments)


@pytest.mark.parametrize(
    ("sent", "code", "said"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 4, "stopped")],
    ids=["SIGINT", "SIGTERM"],
)
async def test_a_build_that_is_told_to_stop_says_so_and_can_be_continued(
    tmp_path: Path, sent: signal.Signals, code: int, said: str
):
    whole, total = await undisturbed(tmp_path / "whole")
    async with slow_server() as server:
        arguments = command(server, tmp_path)
        process = await started(*arguments, cwd=tmp_path)
        await until(server, total // 2, process)
        process.send_signal(sent)
        returned, out, err = await ended(process)
        assert (returned, out) == (code, "")
        *progress, last = err.splitlines()
        assert last == f"callwright: {said}; run the same command again to continue"
        assert all(line.startswith("museum: ") for line in progress), err
        assert read_statuses(tmp_path / "data")[0]["state"] == "stopped"
        returned, out, err = await ended(await started(*arguments, cwd=tmp_path))
        assert returned == 0, err
        assert json.loads(out)["id"] == whole.version.id
        assert server.count <= total + IN_FLIGHT
