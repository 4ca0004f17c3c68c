"""The build under a real Prefect: one server for all tests of this file."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path

import loopback as lb
import pytest
from command import callwright, ended, one_line, started
from looping import loop_recipe, looped, versions, workshop_of
from teacher import museum_teacher
from workshops import DEMO, demo, museum, museum_recipe, written

from callwright.engine.build import build as engine_build
from callwright.engine.progress import read_statuses
from callwright.errors import CallwrightError, ModelError, ShortfallError


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of our own."""
    from callwright.flows.settings import prefer_quiet_prefect

    kept = dict(os.environ)
    prefer_quiet_prefect(tmp_path_factory.mktemp("home"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from prefect.settings import PREFECT_API_URL
        from prefect.testing.utilities import prefect_test_harness

        with prefect_test_harness(server_startup_timeout=120):
            yield str(PREFECT_API_URL.value())
    os.environ.clear()
    os.environ.update(kept)


# Prefect warns of its own doings and leaves a socket open at times.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("ignore::ResourceWarning")]


def test_the_flow_makes_the_version_of_the_plain_engine_and_its_tasks_are_shards(
    prefect: str, tmp_path: Path
):
    from callwright.flows.build import build, build_under_prefect

    name = asyncio.run(build(str(DEMO), str(tmp_path / "flow"), ("size=140", "mix={single: 1.0}")))
    workshop = demo("size=140", "mix={single: 1.0}")
    plain = asyncio.run(engine_build(workshop, tmp_path / "plain"))
    again = build_under_prefect(workshop, tmp_path / "flow")
    assert (name, again.made, again.version.id) == ("demo@1", False, plain.version.id)
    assert {"toolalpaca-single-0000000-128", "toolalpaca-single-0000128-12"} <= asyncio.run(task_names())


async def task_names() -> set[str]:
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        return {run.name for run in await client.read_task_runs()}


def test_a_loop_as_a_flow_makes_the_versions_of_the_plain_engine(prefect: str, tmp_path: Path):
    from callwright.flows.loop import loop, loop_under_prefect

    recipe = written(loop_recipe(), tmp_path / "recipe.yaml")
    names = asyncio.run(loop(str(recipe), 1, str(tmp_path / "flow")))
    told: list[str] = []
    workshop = workshop_of(loop_recipe())
    two = loop_under_prefect(workshop, tmp_path / "flow", 2, told.append)
    asyncio.run(looped(loop_recipe(), tmp_path / "plain", 2))
    assert names == ["small@1"] == [one.version for one in two.reports[:1]]
    assert all(line.startswith("round 2: ") for line in told), told
    assert versions(tmp_path / "flow") == versions(tmp_path / "plain")
    made = asyncio.run(task_names())
    assert {"round-02/verified.jsonl", "round-02/version.txt"} <= made
    assert any(name.startswith("looptool-chain-0000") for name in made)


def test_an_error_in_a_shard_comes_out_as_it_is(prefect: str, tmp_path: Path):
    from callwright.flows.build import build_under_prefect

    with pytest.raises(ModelError, match="nothing answers at http://127.0.0.1:9/v1"):
        build_under_prefect(museum(), tmp_path)
    assert read_statuses(tmp_path)[0]["state"] == "stopped"


def test_so_does_a_shortfall(prefect: str, tmp_path: Path):
    from callwright.flows.build import build_under_prefect

    impossible = demo("size=4", "tools=[{openapi: ../seeds/museum.yaml}]", "mix={no_call: 1.0}", "seed=1")
    lonely = type(impossible)(
        impossible.recipe,
        impossible.sources,
        (impossible.toolkits[0].model_copy(update={"tools": ()}),),
        (),
        impossible.base,
    )
    with pytest.raises(ShortfallError, match="no_call: 4 of 4 rows missing"):
        build_under_prefect(lonely, tmp_path)


async def test_the_command_line_ends_with_one_line_and_its_code(prefect: str, tmp_path: Path):
    recipe = written(museum_recipe(size=4), tmp_path / "down.yaml")
    process = await started(
        "build", recipe, "--data", tmp_path / "data", cwd=tmp_path, PREFECT_API_URL=prefect
    )
    code, out, err = await ended(process)
    *progress, last = err.splitlines()
    assert (code, out) == (4, "")
    assert last.startswith("callwright: nothing answers at http://127.0.0.1:9/v1")
    assert all(line.startswith("museum: ") for line in progress), err


@pytest.mark.parametrize(
    ("sent", "code", "said"),
    [
        (signal.SIGINT, 130, "interrupted"),
        pytest.param(signal.SIGTERM, 4, "stopped", marks=pytest.mark.slow),
    ],
    ids=["SIGINT", "SIGTERM"],
)
async def test_a_flow_that_is_told_to_stop_can_be_continued(
    prefect: str, tmp_path: Path, sent: signal.Signals, code: int, said: str
):
    async with lb.Loopback(museum_teacher, latency_s=0.02) as server:
        recipe = written(museum_recipe(server.base_url, size=30, in_flight=4), tmp_path / "recipe.yaml")
        arguments = ("build", recipe, "--data", tmp_path / "data")
        process = await started(*arguments, cwd=tmp_path, PREFECT_API_URL=prefect)
        while server.count < 40 and process.returncode is None:
            await asyncio.sleep(0.01)
        process.send_signal(sent)
        returned, out, err = await ended(process)
        *progress, last = err.splitlines()
        assert (returned, out, last) == (
            code,
            "",
            f"callwright: {said}; run the same command again to continue",
        )
        assert all(line.startswith("museum: ") for line in progress), err
        before = server.count
        finished = await started(*arguments, "--no-prefect", "--json", cwd=tmp_path)
        returned, out, err = await ended(finished)
        assert returned == 0, err
        assert json.loads(out)["asked"] == server.count - before < json.loads(out)["statistics"]["requests"]


def test_a_prefect_that_is_not_there_is_told_with_what_to_do(tmp_path: Path):
    result = callwright(
        "build", DEMO, "--data", tmp_path / "data", cwd=tmp_path, PREFECT_API_URL="http://127.0.0.1:9/api"
    )
    one_line(result, CallwrightError.exit_code, "Prefect cannot run the build", "use --no-prefect")
