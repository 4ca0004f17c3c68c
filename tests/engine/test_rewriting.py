"""Rows of a version become a new dataset: read back, rewritten, proven again, in exact proportions."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from command import callwright

from callwright.engine.build import build, run_folder
from callwright.engine.recipes import check_recipe
from callwright.engine.rewriting import BLOCK, source_rows, with_origins
from callwright.engine.starting import rewriting_recipe
from callwright.engine.toolsets import Order, invent, rules
from callwright.engine.workshop import Workshop
from callwright.errors import StoreError, UsageError
from callwright.schemas.base import digest
from callwright.schemas.recipe import ERRORS
from callwright.schemas.version import Version
from callwright.store import Store

SOURCE = {
    "dataset": "trips",
    "size": 90,
    "tools": [{"world": "travel"}, {"world": "calendar"}],
    "mix": {"single": 0.5, "multi_step": 0.5},
    "accept": {"rung": "L3"},
}


def made(body: dict[str, object], data: Path) -> Version:
    workshop = Workshop.of(check_recipe(body, "recipe"), Path())
    return asyncio.run(build(workshop, data)).version


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rewriting")
    made(SOURCE, folder)
    return folder


@pytest.fixture(scope="module")
def asked(data: Path) -> Version:
    recipe = rewriting_recipe("asktoact", "trips", data)
    return asyncio.run(build(Workshop.of(recipe, Path()), data)).version


def test_rows_are_read_back_as_they_were_in_blocks(data: Path, tmp_path: Path):
    recipe = rewriting_recipe("asktoact", "trips@1", data)
    workshop = with_origins(Workshop.of(recipe, Path()), data)
    rows = source_rows(workshop, data, tmp_path)["asktoact"]
    found = [row for number in range(len(rows)) for row in rows.block(number)]
    assert len(rows.block(0)) == BLOCK
    with Store.open(data, write=False) as store:
        members = [member.trajectory for member, _, _ in store.rows(store.version("trips@1"))]
    assert [row.id for row in found] == members
    assert all(row.task.tools for row in found)


def test_the_new_version_has_its_parts_in_proportion_and_its_lineage(data: Path, asked: Version):
    with Store.open(data, write=False) as store:
        rows = list(store.rows(asked))
        source = store.version("trips@1")
        before = {member.trajectory: (member, task) for member, _, task in store.rows(source)}
        parts = [task["hidden"].get("part", "control") for _, _, task in rows]
        edges = set(store._read("SELECT child, parent FROM edges WHERE step = 'rewrite'"))
        assert set(dict(store.evidence(asked)).values()) == {"L3"}
    dialogues = len(rows) - parts.count("control")
    wrong = [parts.count(error) for error in ERRORS]
    assert max(wrong) - min(wrong) <= 1
    assert abs(sum(wrong) - 0.3 * dialogues) <= 1
    assert parts.count("control") == round(0.2 * len(rows))
    for member, trajectory, task in rows:
        # A control says what its source says, so it is the very same conversation.
        origin = trajectory["provenance"]["source"] or member.trajectory
        parent, root = before[origin]
        assert member.split == parent.split
        if origin != member.trajectory:
            assert task["parent"] == (root["parent"] or digest(root))
            assert (member.trajectory, origin) in edges
    assert all(member.kind in ("clarification", "single", "multi_step") for member, _, _ in rows)
    assert {drop.gate for drop in asked.statistics.drops} <= {"masking", "selection", "duplicates"}


def test_nothing_is_made_twice_and_a_replay_makes_the_same(data: Path, asked: Version):
    workshop = Workshop.of(rewriting_recipe("asktoact", "trips", data), Path())
    again = asyncio.run(build(workshop, data))
    assert (again.made, again.version.id) == (False, asked.id)
    replayed = asyncio.run(build(workshop, data, replay=True))
    assert replayed.version.id == asked.id
    assert not list(run_folder(with_origins(workshop, data), data).glob("from-*"))


def test_clarification_rows_can_be_a_share_of_a_mix(data: Path):
    body = SOURCE | {
        "dataset": "mixed",
        "size": 30,
        "methods": {"toolalpaca": {}, "asktoact": {"from": "trips@1"}},
        "mix": {"single": 0.5, "clarification": 0.5},
    }
    version = made(body, data)
    assert version.statistics.by_kind == {"clarification": 15, "single": 15}
    assert version.statistics.by_method["asktoact"] >= 7


TOGETHER = SOURCE | {
    "dataset": "together",
    "size": 48,
    "methods": {
        "toolalpaca": {},
        "asktoact": {"from": ["toolalpaca"]},
        "dag": {"from": ["toolalpaca"]},
    },
    "mix": {"single": 0.5, "multi_step": 0.2, "clarification": 0.2, "parallel": 0.1},
}


def test_methods_of_one_recipe_rewrite_each_others_rows(tmp_path: Path):
    workshop = Workshop.of(check_recipe(TOGETHER, "recipe"), Path())
    whole = asyncio.run(build(workshop, tmp_path)).version
    assert whole.statistics.by_kind == {"clarification": 9, "multi_step": 10, "parallel": 5, "single": 24}
    by_method = whole.statistics.by_method
    assert by_method["asktoact"] == 4 and by_method["dag"] == 2
    with Store.open(tmp_path, write=False) as store:
        rows = list(store.rows(whole))
        tasks = {member.trajectory: task for member, _, task in rows}
        rewritten = [(member, row) for member, row, _ in rows if member.method in ("asktoact", "dag")]
    splits = {member.trajectory: member.split for member, _, _ in rows}
    for member, row in rewritten:
        source = row["provenance"]["source"]
        assert tasks[source]["method"] == "toolalpaca"
        assert splits[source] == member.split
    assert not list(run_folder(workshop, tmp_path).glob("from-*"))
    assert asyncio.run(build(workshop, tmp_path, replay=True)).version.id == whole.id


async def test_a_run_that_was_cut_off_between_the_methods_continues_to_the_same_version(tmp_path: Path):
    workshop = Workshop.of(check_recipe(TOGETHER, "recipe"), Path())
    whole = (await build(workshop, tmp_path / "whole")).version
    run = run_folder(workshop, tmp_path / "whole")
    for place, keep in enumerate(("toolalpaca-single*", "[td]*", "*")):
        left = run_folder(workshop, tmp_path / f"data{place}")
        for path in (run / "shards").glob(keep):
            (left / "shards" / path.name).write_bytes(path.read_bytes())
        assert (await build(workshop, tmp_path / f"data{place}")).version.id == whole.id


def test_what_is_wrong_with_a_source_is_said_in_one_line(data: Path):
    with pytest.raises(StoreError, match="did you mean trips"):
        rewriting_recipe("asktoact", "trip@1", data)
    body = SOURCE | {"methods": {"asktoact": {"from": "trips@9"}}, "mix": "any"}
    with pytest.raises(StoreError, match=r"trips@9: no such version"):
        made(body, data)
    with pytest.raises(UsageError, match=r"methods\.asktoact\.from"):
        check_recipe(body | {"methods": {"asktoact": {"from": "no/name"}}}, "recipe")
    with pytest.raises(
        UsageError, match=r"methods\.dag\.from: must be a version, such as museum@3, or a list"
    ):
        check_recipe(body | {"methods": {"toolalpaca": {}, "dag": {"from": ["asktoact"]}}}, "recipe")
    with pytest.raises(UsageError, match=r"dag starts from rows of ste, which is no method of this recipe"):
        check_recipe(SOURCE | {"methods": {"toolalpaca": {}, "dag": {"from": ["ste"]}}}, "recipe")
    with pytest.raises(UsageError, match="error_share"):
        check_recipe(
            body | {"methods": {"asktoact": {"from": "a", "error_share": 0.9, "confirm_share": 0.2}}},
            "recipe",
        )


def test_the_folder_of_a_toolset_is_found_from_anywhere(tmp_path: Path):
    asyncio.run(invent(Order(tmp_path / "kits", 2), rules()))
    kits = {"toolset": "kits", "allow_rules": True}
    recipe = check_recipe({"dataset": "kits", "size": 4, "tools": [kits], "mix": {"single": 1.0}}, "recipe")
    asyncio.run(build(Workshop.of(recipe, tmp_path), tmp_path / "data"))
    [source] = rewriting_recipe("asktoact", "kits", tmp_path / "data").tools
    assert source.toolset == str(tmp_path / "kits")


def test_the_command_makes_the_dataset_and_its_recipe(data: Path, tmp_path: Path):
    done = callwright(
        *("run", "asktoact", "--from", "trips@1", "--name", "asking", "-n", "20", "--no-prefect", "--json"),
        *("--data", data, "--out", tmp_path / "out", "--set", "views=[spans]"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    assert body["name"] == "asking@1"
    assert body["statistics"]["rows"] == 20
    assert (tmp_path / "asking.recipe.yaml").exists()
    lines = (tmp_path / "out" / "asking@1" / "spans" / "default" / "train.jsonl").read_text().splitlines()
    assert any(json.loads(line)["spans"] for line in lines)
