"""Builds that are killed or stopped at any moment, and continued by the same command."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

import loopback as lb
import pytest
from command import ended, started
from killing import killed, until
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


async def test_a_build_killed_at_six_moments_ends_as_if_nothing_had_happened(tmp_path: Path):
    whole, total = await undisturbed(tmp_path / "whole")
    rng = random.Random(20)
    moments = sorted(rng.sample(range(3, total), 5)) + [total]
    async with slow_server() as server:
        toll = await killed(command(server, tmp_path), server, moments, rng, tmp_path)
    assert (toll.version_id, toll.rows) == (whole.version.id, 30)
    assert toll.spent == whole.version.statistics.model_dump(mode="json")["by_purpose"]
    assert (toll.kills, toll.asked_again, toll.shards_lost) == (6, 0, 0)
    assert max(toll.extra) <= IN_FLIGHT
    assert server.count == total + sum(toll.extra)


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
