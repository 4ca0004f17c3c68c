"""Shards on two workers of a real Dask cluster, under a real Prefect server: the extra `dask`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import loopback as lb
import pytest
from command import ended, started
from killing import asked
from teacher import museum_teacher
from workshops import museum, museum_recipe, written

from callwright.engine.build import build

pytest.importorskip("prefect_dask")


def journals(folder: Path) -> list[Path]:
    """Those of the workers that have been answered."""
    return [path for path in folder.glob("data/runs/*/journal*.jsonl") if path.stat().st_size]


async def test_two_workers_of_a_cluster_make_the_version_of_one_process(tmp_path: Path):
    # In no hurry until both have been answered: one that is up early would do it all.
    async with lb.Loopback(museum_teacher, latency_s=2.0) as teacher:
        recipe = written(museum_recipe(teacher.base_url), tmp_path / "museum.recipe.yaml")
        command = ("build", recipe, "--data", tmp_path / "data", "--json")
        process = await started(*command, cwd=tmp_path, CALLWRIGHT_DASK="2", PREFECT_API_URL="")
        while process.returncode is None and len(journals(tmp_path)) < 2:
            await asyncio.sleep(0.05)
        teacher.latency_s = 0.02
        code, out, err = await ended(process, within_s=300)
        assert code == 0, err
        assert teacher.count == len(asked(teacher.bodies)), "a question was asked twice"
        alone = await build(museum(teacher.base_url), tmp_path / "alone")
    version = json.loads(out)
    assert version["id"] == alone.version.id
    assert version["statistics"]["by_purpose"] == {
        purpose: spent.model_dump() for purpose, spent in alone.version.statistics.by_purpose.items()
    }
    assert len(journals(tmp_path)) > 1, "one worker did it all"


async def test_an_endpoint_that_is_down_is_told_in_one_line(tmp_path: Path):
    recipe = written(museum_recipe("http://127.0.0.1:9/v1"), tmp_path / "museum.recipe.yaml")
    command = ("build", recipe, "--data", tmp_path / "data")
    process = await started(*command, cwd=tmp_path, CALLWRIGHT_DASK="2", PREFECT_API_URL="")
    code, _, err = await ended(process, within_s=300)
    assert code == 4 and "127.0.0.1:9" in err.splitlines()[-1], err


async def test_a_cluster_that_is_not_there_is_told_in_one_line(tmp_path: Path):
    recipe = written(museum_recipe("http://127.0.0.1:9/v1"), tmp_path / "museum.recipe.yaml")
    command = ("build", recipe, "--data", tmp_path / "data")
    settings = {"PREFECT_API_URL": "", "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    process = await started(*command, cwd=tmp_path, CALLWRIGHT_DASK="tcp://127.0.0.1:9", **settings)
    code, _, err = await ended(process, within_s=300)
    assert code == 1 and "Traceback" not in err
    told = "callwright: the Dask cluster of CALLWRIGHT_DASK=tcp://127.0.0.1:9 cannot be reached"
    assert err.splitlines()[-1].startswith(told), err
