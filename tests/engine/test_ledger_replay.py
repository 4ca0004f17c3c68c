"""Versions that are made anew from what was written down, with no model and no network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import loopback as lb
import pytest
from command import callwright
from harbor import Harbor
from teacher import museum_teacher, with_faults
from workshops import demo, museum, museum_recipe, written

import callwright as package
from callwright.engine.build import Built, build, run_folder
from callwright.engine.exports import export_view
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import StoreError
from callwright.schemas.version import LedgerEntry
from callwright.store import Store


async def built_once(data: Path, **changes: Any) -> tuple[Built, Workshop]:
    """A version by a server that had a bad day and is gone now."""
    async with lb.Loopback(with_faults(museum_teacher)) as server:
        workshop = museum(server.base_url, **changes)
        return await build(workshop, data), workshop


def with_ledger_of(data: Path, model: str, folder: Path) -> Path:
    """A data folder whose store holds what a model answered, and no version."""
    with Store.open(data, write=False) as old, Store.open(folder, write=True) as new:
        new.add_calls(LedgerEntry.model_validate(one) for one in old.calls(model))
    return folder


def exported(data: Path, name: str, folder: Path) -> dict[str, bytes]:
    export_view(data, name, "trl", folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


async def test_a_replay_without_server_and_run_folder_makes_the_same_bytes(tmp_path: Path):
    built, workshop = await built_once(tmp_path / "data")
    # What could not be used is in the ledger too.
    assert built.version.statistics.by_purpose["toolalpaca.assistant"].refused >= 1
    shutil.rmtree(run_folder(workshop, tmp_path / "data"))
    other = with_ledger_of(tmp_path / "data", "openai:toy", tmp_path / "other")
    replayed = await build(workshop, other, replay=True)
    assert (replayed.made, replayed.asked) == (True, 0)
    assert replayed.version.id == built.version.id
    assert replayed.version.statistics.drops == built.version.statistics.drops
    assert exported(other, "museum@1", tmp_path / "one") == exported(
        tmp_path / "data", "museum@1", tmp_path / "two"
    )


async def test_a_replay_beside_its_version_makes_every_row_anew_and_no_second_version(tmp_path: Path):
    built, workshop = await built_once(tmp_path, size=12)
    [shard, *_] = (run_folder(workshop, tmp_path) / "shards").glob("*.jsonl")
    shard.write_text("no row is read from here\n", encoding="utf-8")
    copied = shutil.copytree(tmp_path, tmp_path.with_name("copy"))
    shutil.rmtree(copied / "runs")
    for data in (tmp_path, copied):
        replayed = await build(workshop, data, replay=True)
        assert (replayed.made, replayed.asked, replayed.version) == (False, 0, built.version)
    assert not list(tmp_path.glob("runs/*/replayed"))


async def test_the_offline_teacher_is_replayed_without_its_rules_being_asked(tmp_path: Path):
    workshop = demo("size=20")
    built = await build(workshop, tmp_path / "data")
    other = with_ledger_of(tmp_path / "data", workshop.teacher(tmp_path).id, tmp_path / "other")
    replayed = await build(workshop, other, replay=True)
    assert (replayed.version.id, replayed.asked) == (built.version.id, 0)
    assert exported(other, "demo@1", tmp_path / "one") == exported(
        tmp_path / "data", "demo@1", tmp_path / "two"
    )


async def test_a_question_that_the_ledger_does_not_hold_ends_a_replay_with_its_name(tmp_path: Path):
    recipe = written(museum_recipe(size=6), tmp_path / "museum.yaml")
    result = callwright("build", recipe, "--replay", "--no-prefect", cwd=tmp_path)
    lines = result.stderr.splitlines()
    assert result.returncode == 1 and len(lines) == 2 and lines[0].startswith("museum: stopped"), (
        result.stderr
    )
    assert lines[1].startswith(
        "callwright: replay: the ledger holds no answer of openai:toy to toolalpaca.instruction of attempt "
        "toolalpaca/"
    )
    with pytest.raises(
        StoreError, match="holds no answer of openai:toy to toolalpaca.instruction of attempt"
    ):
        package.build(recipe, tmp_path / "data", replay=True)


@pytest.mark.slow
async def test_the_command_line_replays_under_prefect_too(tmp_path: Path):
    async with lb.Loopback(museum_teacher) as server:
        recipe = written(museum_recipe(server.base_url, size=6), tmp_path / "museum.yaml")
        built = await build(Workshop.of(load_recipe(recipe), tmp_path), tmp_path / "data")
    result = callwright("build", recipe, "--replay", "--json", "--data", "data", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    body = json.loads(result.stdout)
    assert (body["id"], body["made"], body["asked"]) == (built.version.id, False, 0)
    assert f"every row was made anew from the ledger, and no model was asked: museum@1 {body['id'][:12]}" in (
        result.stderr
    )


async def test_a_ledger_that_was_tampered_with_is_found_out(tmp_path: Path):
    _, workshop = await built_once(tmp_path, size=6)
    shutil.rmtree(run_folder(workshop, tmp_path))
    with duckdb.connect(str(tmp_path / "callwright.duckdb")) as store:
        store.execute("UPDATE calls SET response = replace(response, 'we open at', 'we opened at')")
    with pytest.raises(StoreError, match="gives another version than museum@1: .*nothing was written"):
        await build(workshop, tmp_path, replay=True)
    with Store.open(tmp_path, write=False) as store:
        assert len(store.versions("museum")) == 1


async def test_real_tools_are_replayed_from_their_journal_and_are_never_called(tmp_path: Path):
    async with Harbor() as harbor:
        body = {
            "dataset": "harbor",
            "size": 6,
            "tools": [harbor.source(http_methods=["GET", "POST"])],
            "mix": {"single": 1.0},
        }
        recipe = written(body, tmp_path / "harbor.yaml")
        workshop = Workshop.of(load_recipe(recipe), tmp_path)
        built = await build(workshop, tmp_path / "data")
        count = harbor.count
        assert count
        replayed = await build(workshop, tmp_path / "data", replay=True)
        assert replayed.version == built.version
        (run_folder(workshop, tmp_path / "data") / "calls.jsonl").unlink()
        with pytest.raises(
            StoreError, match=r"calls.jsonl holds no answer to \w+ of attempt toolalpaca/single/"
        ):
            await build(workshop, tmp_path / "data", replay=True)
        assert harbor.count == count
