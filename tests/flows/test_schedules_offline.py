"""Schedules where no server is needed: what is refused before one is asked, and what a run does that need not build."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from command import callwright, one_line
from workshops import DEMO, museum_recipe, written

from callwright.engine.build import run_folder
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import CallwrightError, StoreBusyError, UsageError
from callwright.llm.journal import Journal
from callwright.schemas.schedule import Schedule
from callwright.store.lock import StoreLock

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect's home is none of the machine's."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("PREFECT_LOGGING_TO_API_ENABLED", "false")


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"),
        ("nightly", "has not the five fields"),
        ("* * * * * *", "has not the five fields"),
        ("0 25 * * *", "is no cron line"),
        ("H 2 * * *", "is no cron line"),
    ],
)
def test_a_cron_line_that_never_fires_is_refused(cron: str, said: str):
    from callwright.flows.schedules import next_time

    with pytest.raises(UsageError, match=f"museum.yaml: schedule.cron: .* {said}"):
        asyncio.run(next_time(Schedule(cron=cron), "museum.yaml"))


def test_a_cron_line_is_meant_in_its_time_zone_and_a_leap_day_comes():
    from callwright.flows.schedules import next_time

    moment = asyncio.run(next_time(Schedule(cron="0 2 * * *", timezone="Asia/Tokyo"), "museum.yaml"))
    assert (moment.astimezone(dt.UTC).hour, moment > dt.datetime.now(dt.UTC)) == (17, True)
    leap = asyncio.run(next_time(Schedule(cron="0 0 29 2 *"), "museum.yaml"))
    assert (leap.month, leap.day) == (2, 29)


def test_an_interval_is_seconds_away_at_the_most():
    from callwright.flows.schedules import for_prefect, next_time

    moment = asyncio.run(next_time(Schedule(interval="90s"), "museum.yaml"))
    assert dt.timedelta() < moment - dt.datetime.now(dt.UTC) <= dt.timedelta(seconds=90)
    assert for_prefect(Schedule(interval="2h")).interval == dt.timedelta(hours=2)


async def test_a_worker_of_another_version_builds_nothing(tmp_path: Path):
    from callwright.flows.build import build

    state: Any = await build.fn(str(DEMO), str(tmp_path / "data"), version="0.0.9+0123456789ab")
    assert state.is_failed()
    assert "its schedule was made with 0.0.9+0123456789ab: install that version here" in state.message
    assert not (tmp_path / "data").exists()


async def test_a_schedule_that_comes_while_the_recipe_is_being_built_is_passed_over(tmp_path: Path):
    from callwright.flows.build import build

    recipe = written(museum_recipe(), tmp_path / "recipe.yaml")
    workshop = Workshop.of(load_recipe(recipe), tmp_path)
    with Journal(run_folder(workshop, tmp_path / "data") / "journal.jsonl"):
        state: Any = await build.fn(str(recipe), str(tmp_path / "data"))
    assert (state.is_completed(), state.name) == (True, "Skipped")
    assert state.message.startswith("this recipe is being built: ")


async def test_an_endpoint_that_is_down_fails_the_run_with_one_line(tmp_path: Path):
    from callwright.flows.build import build

    state: Any = await build.fn(str(tmp_path / "gone.yaml"), str(tmp_path / "data"))
    assert state.is_failed()
    assert state.message.startswith(f"{tmp_path / 'gone.yaml'}: ") and "\n" not in state.message


def order(tmp_path: Path) -> Any:
    from callwright.flows.serving import Order

    return Order(written(museum_recipe(), tmp_path / "recipe.yaml"), "museum", Schedule(interval="1h"))


def serve(tmp_path: Path, api: str) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from callwright.flows.serving import serve

    with temporary_settings({PREFECT_API_URL: api}):
        asyncio.run(serve([order(tmp_path)], tmp_path / "data", None, None, print))


def test_two_of_them_do_not_serve_one_store(tmp_path: Path):
    (tmp_path / "data").mkdir()
    with (
        StoreLock(tmp_path / "data" / "serve.lock", 0.0, purpose="serve"),
        pytest.raises(StoreBusyError, match=r"process .*\(serve\)"),
    ):
        serve(tmp_path, "http://127.0.0.1:9/api")


def test_a_server_that_is_not_there_is_told_with_what_to_do(tmp_path: Path):
    with pytest.raises(
        CallwrightError, match="http://127.0.0.1:9/api does not take schedules .*see that it runs"
    ):
        serve(tmp_path, "http://127.0.0.1:9/api")


def test_the_command_needs_a_schedule_and_then_a_server(tmp_path: Path):
    recipe = written(museum_recipe(), tmp_path / "recipe.yaml")
    serve = ("serve", recipe, "--data", tmp_path / "data")
    one_line(callwright(*serve, cwd=tmp_path), 2, "recipe.yaml: no schedule", "--cron")
    one_line(
        callwright(*serve, "--interval", "soon", cwd=tmp_path),
        2,
        "--interval: must be a number with its unit",
    )
    twice = callwright(*serve, recipe, "--interval", "1h", cwd=tmp_path)
    one_line(twice, 2, "two recipes make the dataset museum")
    one_line(callwright(*serve, "--interval", "1h", cwd=tmp_path), 2, "PREFECT_API_URL")


@pytest.mark.parametrize("asked", ["0", "-1", "scheduler", "two", "http://", "tcp://scheduler"])
def test_a_cluster_that_cannot_be_meant_is_refused(asked: str, monkeypatch: pytest.MonkeyPatch):
    from callwright.flows.spreading import cluster

    monkeypatch.setenv("CALLWRIGHT_DASK", asked)
    with pytest.raises(
        UsageError, match=f"CALLWRIGHT_DASK: {asked} is neither .* such as tcp://scheduler:8786"
    ):
        cluster()
