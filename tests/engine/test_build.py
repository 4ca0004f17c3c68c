from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from datasets import load_dataset
from workshops import TOOLS, demo, museum

import callwright
from callwright.engine.build import Built, PlainRunner, build, run_folder
from callwright.engine.exports import VIEWS, export_all, export_view
from callwright.engine.preview import preview
from callwright.engine.progress import read_statuses
from callwright.engine.recipes import check_recipe
from callwright.engine.shards import Shard
from callwright.engine.workshop import Workshop
from callwright.errors import ModelError, ShortfallError, StoreError, UsageError
from callwright.llm.journal import Journal
from callwright.schemas.base import Record
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views.folder import read_manifest

# A tool file that allows no row of some kinds: one tool without arguments.
CLOCK = [
    {"name": "get_time", "description": "Tell the time.", "parameters": {"type": "object", "properties": {}}}
]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Built]:
    """A data folder with one version in it; tests that write work on a copy."""
    data = tmp_path_factory.mktemp("first")
    return data, asyncio.run(build(demo("models.teacher.in_flight=1"), data))


@pytest.fixture
def copied(first: tuple[Path, Built], tmp_path: Path) -> Path:
    return shutil.copytree(first[0], tmp_path / "data")


async def test_one_and_thirty_two_in_flight_make_the_same_bytes(first: tuple[Path, Built], tmp_path: Path):
    data, built = first
    other = await build(demo("models.teacher.in_flight=32"), tmp_path / "other")
    assert (other.version.id, other.version.recipe_digest) == (built.version.id, built.version.recipe_digest)
    one, two = tmp_path / "one", tmp_path / "two"
    export_view(data, "demo@1", "trl", one)
    export_view(tmp_path / "other", "demo@1", "trl", two)
    files = sorted(path.relative_to(one) for path in one.rglob("*.parquet"))
    assert len(files) == 4
    assert [(one / name).read_bytes() for name in files] == [(two / name).read_bytes() for name in files]


def test_the_shape_of_the_corpus_is_counted_from_the_versions_rows(first: tuple[Path, Built]):
    statistics = first[1].version.statistics
    shape = statistics.corpus
    assert sum(shape.by_calls.values()) == sum(shape.by_steps.values()) == statistics.rows == 60
    assert shape.by_calls[0] == statistics.by_kind["no_call"]
    assert (shape.calls, shape.tools) == (sum(statistics.by_tool.values()), len(statistics.by_tool))
    assert shape.compared_requests == 60 and shape.functions_per_toolkit > 1


async def test_a_second_run_asks_nothing_and_makes_no_version(copied: Path):
    again = await build(demo(), copied)
    assert (again.made, again.asked, again.version.name) == (False, 0, "demo@1")
    with Store.open(copied, write=False) as store:
        assert len(store.versions("demo")) == 1


async def test_a_larger_size_asks_only_for_what_is_new_and_follows_the_first_version(
    copied: Path, first: tuple[Path, Built]
):
    before = first[1]
    bigger = demo("size=80")
    built = await build(bigger, copied)
    [status, _] = read_statuses(copied)
    assert status["remembered"] == before.asked
    assert built.asked == status["requests"] < built.version.statistics.requests
    assert (built.version.name, built.version.parent) == ("demo@2", before.version.id)
    with Store.open(copied, write=False) as store:
        old, new = (rows_of(store, version) for version in store.versions("demo"))
    assert old < new


def rows_of(store: Store, version: Version) -> set[str]:
    return {member.trajectory for member, _, _ in store.rows(version)}


async def test_the_mix_is_exact_and_the_statistics_are_those_of_the_rows(first: tuple[Path, Built]):
    data, built = first
    with Store.open(data, write=False) as store:
        rows = list(store.rows(built.version))
        drops = list(store.drops(built.version))
    kinds = Counter(member.kind for member, _, _ in rows)
    statistics = built.version.statistics
    assert kinds == demo().recipe.quotas() == statistics.by_kind
    assert Counter(member.split for member, _, _ in rows) == statistics.by_split
    assert statistics.attempts == len(rows) + len(drops)
    assert statistics.teacher == "offline-rules"
    assert set(statistics.by_toolkit) == {kit.name for kit in demo().toolkits}


async def test_every_attempt_that_is_no_row_is_stored_with_its_reason(copied: Path, tmp_path: Path):
    workshop = demo("size=20", "seed=11")
    shards = run_folder(workshop, tmp_path / "data") / "shards"
    built = await build(
        Picky(workshop.recipe, workshop.sources, workshop.toolkits, workshop.refusals, workshop.base),
        tmp_path / "data",
    )
    assert list(shards.glob("*.jsonl"))
    with Store.open(tmp_path / "data", write=False) as store:
        drops = list(store.drops(built.version))
        conversations = [drop.trajectory for drop in drops]
        assert all(store.verdicts(one) for one in conversations if one)
    counts = {(drop.gate, drop.code): drop.count for drop in built.version.statistics.drops}
    assert Counter((drop.gate, drop.code) for drop in drops) == counts
    assert counts["L0", "odd_attempt"] >= 10
    assert built.version.statistics.rows == 20


class Picky(Workshop):
    """A workshop with one more judge, which likes no conversation with an odd number of letters in it."""

    def judges(self):
        from callwright.judges.base import Ruling

        class Even:
            name, rung = "even", "L0"

            async def judge(self, trajectory):
                ruling = Ruling(self, trajectory)
                if sum(len(message.content) for message in trajectory.messages) % 2:
                    ruling.fail("odd_attempt", "odd")
                return ruling.verdicts()

        return (Even(), *super().judges())


async def test_a_shortfall_names_kind_count_and_reasons_and_keeps_what_was_answered(tmp_path: Path):
    (tmp_path / "clock.json").write_text(json.dumps(CLOCK), encoding="utf-8")
    body = {
        "dataset": "clock",
        "size": 4,
        "tools": [{"json": "clock.json"}],
        "mix": {"single": 0.5, "multi_step": 0.5},
    }
    workshop = Workshop.of(check_recipe(body, "clock"), tmp_path)
    with pytest.raises(ShortfallError, match=r"multi_step: 2 of 2 rows missing.*no_scenario") as caught:
        await build(workshop, tmp_path / "data")
    assert caught.value.exit_code == 3
    [status] = read_statuses(tmp_path / "data")
    assert status["state"] == "short"
    with Journal(run_folder(workshop, tmp_path / "data") / "journal.jsonl") as journal:
        asked = [entry["key"] for entry in journal]
    with Store.open(tmp_path / "data", write=False) as store:
        assert store.versions() == ()
        assert all(store.call(key) for key in asked)


async def test_the_status_tells_how_a_run_ended_and_whether_its_process_lives(copied: Path):
    [status] = read_statuses(copied)
    assert (status["state"], status["accepted"], status["wanted"]) == ("done", 60, 60)
    assert status["pid"] == os.getpid()
    path = next((copied / "runs").glob("*/status.json"))
    path.write_text(json.dumps(status | {"state": "running", "pid": 2**22 + 1}), encoding="utf-8")
    assert read_statuses(copied)[0]["state"] == "interrupted"
    path.write_text(json.dumps(status | {"state": "running"}), encoding="utf-8")
    assert read_statuses(copied)[0]["state"] == "running"


async def test_a_listener_hears_of_the_end(tmp_path: Path):
    heard: list[tuple[str, int]] = []
    await build(
        demo("size=8"), tmp_path, on_change=lambda progress: heard.append((progress.state, progress.accepted))
    )
    assert heard[-1] == ("done", 8)


async def test_a_preview_shows_the_rows_that_the_build_begins_with(first: tuple[Path, Built], tmp_path: Path):
    data, built = first
    results = await preview(demo(), tmp_path, 6)
    assert [result.kind for result in results] == [
        "single",
        "multi_step",
        "clarification",
        "no_call",
        "single",
        "multi_step",
    ]
    with Store.open(data, write=False) as store:
        assert {result.trajectory_id for result in results} <= rows_of(store, built.version)


async def test_all_views_lie_below_the_name_of_the_version(first: tuple[Path, Built], tmp_path: Path):
    data, built = first
    folders = export_all(data, built.version, tmp_path)
    assert folders == [tmp_path / "demo@1" / "trl"]
    assert export_all(data, built.version, tmp_path) == folders
    with pytest.raises(UsageError, match="unknown view csv; there are: trl, trl-dpo"):
        export_view(data, "demo", "csv", tmp_path / "csv")


def test_every_view_is_a_module_with_options_that_have_defaults():
    for view in VIEWS:
        module = import_module(f"callwright.views.{view.replace('-', '_')}")
        assert issubclass(module.Options, Record) and module.Options() and callable(module.export)


def test_every_view_of_a_recipe_is_exported(first: tuple[Path, Built], tmp_path: Path):
    data, built = first
    # Its rows hold no pair of a better and a worse turn.
    views = [view for view in VIEWS if view != "trl-dpo"]
    recipe = built.version.recipe | {"views": views}
    version = built.version.model_copy(update={"recipe": recipe})
    folders = export_all(data, version, tmp_path)
    assert folders == [tmp_path / "demo@1" / view for view in views]
    for view, folder in zip(views, folders, strict=True):
        manifest = read_manifest(folder)
        assert manifest is not None and (manifest.view, manifest.id) == (view, version.id)
        loaded = load_dataset(str(folder), next(iter(manifest.rows)), cache_dir=str(tmp_path / "cache"))
        assert {split: rows.num_rows for split, rows in loaded.items()} == next(iter(manifest.rows.values()))


@pytest.mark.parametrize(
    ("view", "given", "words"),
    [
        ("ste-sft", "documnets=true", "view ste-sft: unknown option documnets; did you mean documents"),
        ("ste-rehearsal", "batches=0", "view ste-rehearsal: batches: .*greater than or equal to 1, got 0"),
        ("ste-icl", "encoder=word2vec", "view ste-icl: encoder: .*'ngrams' or 'minilm', got 'word2vec'"),
        ("trl", "a=1", "view trl: unknown option a; it has: format, parallel"),
        ("trl", "a", "--set a: expected key=value"),
    ],
)
def test_an_option_that_a_view_does_not_have_is_one_line(
    first: tuple[Path, Built], tmp_path: Path, view: str, given: str, words: str
):
    with pytest.raises(UsageError, match=words):
        export_view(first[0], "demo", view, tmp_path / "out", [given])


async def test_two_runs_of_one_recipe_do_not_share_a_journal(tmp_path: Path):
    workshop = demo("size=8")
    with (
        Journal(run_folder(workshop, tmp_path) / "journal.jsonl"),
        pytest.raises(StoreError, match="holds this journal"),
    ):
        await build(workshop, tmp_path)
    assert (await build(workshop, tmp_path)).made


async def test_a_build_that_could_not_start_leaves_nothing_locked(tmp_path: Path):
    workshop = museum("nowhere")
    with pytest.raises(UsageError, match="base_url must be an address"):
        await build(workshop, tmp_path)
    with Journal(run_folder(workshop, tmp_path) / "journal.jsonl"):
        pass


async def test_a_data_folder_that_cannot_be_made_is_refused_with_advice(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(
        StoreError, match=r"cannot be made \(Not a directory\); choose another folder with --data"
    ):
        await build(demo("size=8"), tmp_path / "file" / "data")


def test_the_python_api_builds_and_loads(tmp_path: Path):
    body = {"dataset": "demo", "size": 10, "tools": [{"openapi": str(TOOLS / "museum.yaml")}]}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
    version = callwright.build(tmp_path / "recipe.yaml", tmp_path / "data", overrides=("size=12",))
    loaded = callwright.load("demo", tmp_path / "data")
    assert version.name == "demo@1"
    assert sum(len(split) for split in loaded.values()) == 12
    assert set(loaded) <= {"train", "test"}


async def test_shards_come_back_in_their_order_and_few_at_a_time():
    under_way = most = 0

    async def work(shard: Shard) -> Path:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.03 - shard.first / 100)
        under_way -= 1
        return Path(shard.name)

    shards = [Shard(method="toolalpaca", kind="single", first=first, count=1) for first in range(3)]
    assert await PlainRunner().run(shards, work, 2) == [Path(shard.name) for shard in shards]
    assert most == 2


async def test_a_shard_that_fails_ends_the_others():
    ended: list[int] = []

    async def work(shard: Shard) -> Path:
        if not shard.first:
            raise ModelError("down")
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(shard.first)
        return Path()

    shards = [Shard(method="toolalpaca", kind="single", first=first, count=1) for first in (1, 0)]
    with pytest.raises(ModelError, match="down"):
        await PlainRunner().run(shards, work, 2)
    assert ended == [1]
