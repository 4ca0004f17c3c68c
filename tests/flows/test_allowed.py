"""What a process builds that takes its orders from a Prefect server."""

from __future__ import annotations

from pathlib import Path

import pytest

from callwright.errors import UsageError
from callwright.flows.allowed import RECIPES, SERVED, Order, refuse_others, serve_only
from callwright.settings import DATA_VARIABLE


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (SERVED, RECIPES):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv(DATA_VARIABLE, "/data")


def order(recipe: Path | str, *overrides: str, data: str = "/data", out: str | None = None) -> Order:
    return Order(str(recipe), data, out, overrides)


def test_where_nobody_said_anything_every_build_is_asked_for():
    refuse_others(order("/anywhere/x.yaml", "models.teacher.engine=offline"))


def test_what_serve_was_started_with_is_built_and_nothing_else():
    ours = order("/recipes/museum.yaml", "size=50", out="/exports")
    serve_only([ours, order("/recipes/bank.yaml")])
    refuse_others(ours)
    refuse_others(order("/recipes/bank.yaml"))
    for other in (
        order("/recipes/other.yaml"),
        order(
            "/recipes/bank.yaml", "models.teacher={engine: batch, model: x, command: 'sh {input} {output}'}"
        ),
        order("/recipes/bank.yaml", data="/elsewhere"),
        order("/recipes/bank.yaml", out="/elsewhere"),
        order("/recipes/../recipes/bank.yaml"),
    ):
        with pytest.raises(UsageError, match="does not serve such a build"):
            refuse_others(other)


def test_a_recipe_outside_of_the_allowed_folders_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    inside, beside = tmp_path / "recipes", tmp_path / "recipes-of-others"
    inside.mkdir()
    beside.mkdir()
    (inside / "museum.yaml").touch()
    (beside / "museum.yaml").touch()
    (inside / "link.yaml").symlink_to(beside / "museum.yaml")
    monkeypatch.setenv(RECIPES, str(inside))
    refuse_others(order(inside / "museum.yaml"))
    refuse_others(order(inside / "museum.yaml", "size=50", "mix.single=1.0"))
    for recipe in (
        beside / "museum.yaml",
        inside / ".." / "recipes-of-others" / "museum.yaml",
        inside / "link.yaml",
        "/etc/passwd",
    ):
        with pytest.raises(UsageError, match="lies outside of the folders"):
            refuse_others(order(recipe))


@pytest.mark.parametrize(
    "override",
    [
        "models.teacher.command=sh {input} {output}",
        " tools=[{python: /tmp/x.py}]",
        "leaks=[/etc/passwd]",
        "loop.x=1",
    ],
)
def test_under_allowed_folders_a_run_cannot_name_a_program_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: str
):
    monkeypatch.setenv(RECIPES, str(tmp_path))
    (tmp_path / "x.yaml").touch()
    with pytest.raises(UsageError, match="may name a program, a file or a server"):
        refuse_others(order(tmp_path / "x.yaml", override))


def test_under_allowed_folders_a_run_writes_to_the_worker_s_own_data_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    recipe, own = tmp_path / "x.yaml", tmp_path / "data" / "warehouse"
    recipe.touch()
    monkeypatch.setenv(RECIPES, str(tmp_path))
    monkeypatch.setenv(DATA_VARIABLE, str(own))
    refuse_others(Order(str(recipe), None, None, ()))
    refuse_others(order(recipe, data=str(own), out=str(tmp_path / "data" / "exports" / "nightly")))
    for data in (tmp_path / "elsewhere", own / "museum", own / ".." / ".."):
        with pytest.raises(
            UsageError, match=r"is not this worker's data folder .* name the one in CALLWRIGHT_DATA"
        ):
            refuse_others(order(recipe, data=str(data)))
    (tmp_path / "data" / "exports").mkdir(parents=True)
    (tmp_path / "data" / "exports" / "link").symlink_to(tmp_path)
    for out in (tmp_path, own, own / "../exports/../../x", tmp_path / "data" / "exports" / "link"):
        with pytest.raises(UsageError, match="lies outside of .*exports"):
            refuse_others(order(recipe, data=str(own), out=str(out)))


@pytest.mark.filterwarnings("default")
async def test_a_run_that_is_not_allowed_fails_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(RECIPES, str(tmp_path / "recipes"))
    from callwright.flows.build import build

    state = await build.fn(str(tmp_path / "x.yaml"), data=str(tmp_path / "data"))
    assert state.is_failed() and "lies outside of the folders" in state.message
    assert not (tmp_path / "data").exists()
