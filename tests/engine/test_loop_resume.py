"""A loop goes on where it was cut, and comes to the same versions however it is run."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest
from command import ended, started
from looping import killed, loop_recipe, looped, reports, stages_of, versions
from workshops import written

from callwright.engine.progress import read_statuses


async def test_a_loop_killed_at_six_moments_ends_as_if_nothing_had_happened(tmp_path: Path):
    toll = await asyncio.to_thread(killed, loop_recipe(control=True), tmp_path / "data", 2, 6, 1)
    assert (len(toll.kills), toll.asked_again) == (6, 0)
    assert versions(tmp_path / "data") == versions(tmp_path / "whole")
    assert reports(tmp_path / "data") == reports(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
def test_a_loop_killed_at_twenty_moments_ends_as_if_nothing_had_happened(tmp_path: Path, seed: int):
    toll = killed(loop_recipe(control=True), tmp_path / "data", 2, 20, seed)
    assert (len(toll.kills), toll.asked_again) == (20, 0)
    assert len(stages_of(toll.kills)) >= 7, toll.kills
    assert versions(tmp_path / "data") == versions(tmp_path / "whole")
    assert reports(tmp_path / "data") == reports(tmp_path / "whole")


async def test_rounds_that_are_there_are_not_done_again_and_neither_place_nor_speed_decides(tmp_path: Path):
    first, other = tmp_path / "first", tmp_path / "other"
    two = await looped(loop_recipe(), first, 2)
    before = files(first)
    told: list[str] = []
    three = await looped(loop_recipe(), first, 3, tell=told.append)
    assert three.reports[:2] == two.reports
    assert all(line.startswith("round 3: ") for line in told), told
    after = files(first)
    assert {path: after[path] for path in before} == before

    quick = loop_recipe(student={"engine": "simulated", "seed": 1, "in_flight": 16})
    quick["models"]["teacher"] = {"engine": "offline", "in_flight": 16}
    await looped(quick, other, 3)
    assert versions(other) == versions(first)
    assert reports(other) == reports(first)


def files(data: Path) -> dict[Path, int]:
    """When each file of the rounds was written."""
    return {path: path.stat().st_mtime_ns for path in data.glob("runs/*loop*/round-*/*") if path.is_file()}


@pytest.mark.parametrize(
    ("sent", "code", "said"),
    [
        (signal.SIGINT, 130, "interrupted"),
        pytest.param(signal.SIGTERM, 4, "stopped", marks=pytest.mark.slow),
    ],
    ids=["SIGINT", "SIGTERM"],
)
async def test_a_loop_that_is_told_to_stop_says_how_it_goes_on(
    tmp_path: Path, sent: signal.Signals, code: int, said: str
):
    recipe = written(loop_recipe(), tmp_path / "recipe.yaml")
    arguments = ("loop", recipe, "--rounds", "2", "--no-prefect", "--json", "--data", tmp_path / "data")
    process = await started(*arguments, cwd=tmp_path)
    while not list(tmp_path.glob("data/runs/*loop*/round-01/version.txt")) and process.returncode is None:
        await asyncio.sleep(0.01)
    [shown] = [one for one in read_statuses(tmp_path / "data") if one["dataset"] == "small (loop)"]
    assert (shown["state"], shown["wanted"]) == ("running", 24)
    assert shown["message"].startswith("round 1: ")
    process.send_signal(sent)
    returned, out, err = await ended(process)
    assert (returned, out) == (code, "")
    assert err.splitlines()[-1] == f"callwright: {said}; run the same command again to continue"
    assert read_statuses(tmp_path / "data")[0]["state"] == "stopped"

    returned, out, err = await ended(await started(*arguments, cwd=tmp_path))
    assert returned == 0, err
    assert [one["version"] for one in json.loads(out)["rounds"]] == ["small@1", "small@2"]
    assert json.loads(out)["student"]["engine"] == "simulated"
    status = await ended(await started("status", "--data", "data", cwd=tmp_path))
    _, first, *_ = status[1].splitlines()
    assert first.split()[:5] == ["small", "(loop)", "done", "24", "24"]
    assert first.endswith("small@2")
