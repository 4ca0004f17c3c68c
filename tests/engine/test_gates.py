"""Splits, leaks and coverage of whole builds: planted leaks stop a build and are named, both sides of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import task, trajectory

from callwright.engine.build import build, run_folder
from callwright.engine.gates.leaking import leak_texts
from callwright.engine.recipes import check_recipe
from callwright.engine.starting import rewriting_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import LeakError, UsageError
from callwright.generators.looptool.novelty import Novelty
from callwright.schemas.version import Version
from callwright.store import Store

BODY = {
    "dataset": "museum",
    "size": 40,
    "tools": [{"openapi": "museum.yaml"}],
    "mix": {"single": 0.7, "no_call": 0.3},
    "splits": {"test": 0.2, "validation": 0.2},
}
TOOLS = Path(__file__).parents[1] / "data"


def workshop(base: Path = TOOLS, **changes: object) -> Workshop:
    body = {**BODY, **changes}
    if base != TOOLS:
        body["tools"] = [{"openapi": str(TOOLS / "museum.yaml")}]
    return Workshop.of(check_recipe(body, "recipe"), base)


def made(shop: Workshop, data: Path) -> Version:
    return asyncio.run(build(shop, data)).version


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gates")
    made(workshop(), folder)
    return folder


def rows_of(data: Path, name: str = "museum@1") -> list[tuple[str, dict[str, object], dict[str, object]]]:
    with Store.open(data, write=False) as store:
        return [
            (member.split, trajectory | {"id": member.trajectory}, task)
            for member, trajectory, task in store.rows(store.version(name))
        ]


def test_a_version_has_all_splits_and_one_that_is_asked_for_anew_keeps_every_root(data: Path):
    before = {task["parent"] or row["task"]: split for split, row, task in rows_of(data)}
    assert set(before.values()) == {"train", "validation", "test"}
    later = made(workshop(size=60, splits={"test": 0.6}), data)
    after = {task["parent"] or row["task"]: split for split, row, task in rows_of(data, later.name)}
    assert len(after.keys() & before.keys()) == len(before)
    assert all(after[root] == split for root, split in before.items())


def test_no_row_outside_of_unseen_tools_shows_a_held_out_tool(tmp_path: Path):
    version = made(workshop(splits={"test": 0.2, "unseen_tools": 0.05}), tmp_path)
    held = set(version.statistics.held_out)
    assert held
    with Store.open(tmp_path, write=False) as store:
        for member, _, task in store.rows(version):
            tools = store.tools(task["tools"])
            shown = {("redocly-museum-api", tool.name) for tool in tools.values()}
            assert (member.split == "unseen_tools") == bool(shown & held)
    assert version.statistics.by_split["unseen_tools"]
    assert not version.statistics.notes


def test_a_dataset_that_has_shown_all_tools_says_that_none_can_be_held_out(data: Path):
    version = made(workshop(splits={"test": 0.2, "unseen_tools": 0.05}), data)
    assert version.statistics.held_out == ()
    assert "the split unseen_tools is empty: " in version.statistics.notes[0]


def raw(row: dict[str, object]) -> dict[str, object]:
    return {"question": next(one["content"] for one in row["messages"] if one["role"] == "user")}  # type: ignore


def renamed(row: dict[str, object]) -> dict[str, object]:
    calls = [one for message in row["messages"] for one in message.get("tool_calls", ())]  # type: ignore
    given = [json.loads(one["arguments"]) for one in calls]
    calls = [
        {"name": one["name"], "arguments": {f"other_{key}": value for key, value in arguments.items()}}
        for one, arguments in zip(calls, given, strict=True)
    ]
    return {"id": "gone", "calls": calls}


@pytest.mark.parametrize(("plant", "code"), [(raw, "exact"), (renamed, "renamed")])
def test_a_planted_leak_stops_the_build_and_names_both_rows(
    data: Path, tmp_path: Path, plant: Callable[[dict[str, object]], dict[str, object]], code: str
):
    telling = [
        row
        for split, row, _ in rows_of(data)
        if split == "train"
        and any(
            len(one.get("arguments", "")) > 30 for m in row["messages"] for one in m.get("tool_calls", ())
        )  # type: ignore  # noqa: E501
    ]
    bench = tmp_path / "bench.jsonl"
    bench.write_text(
        '{"question": "Is this one harmless?"}\n' + json.dumps(plant(telling[0])) + "\n", encoding="utf-8"
    )
    shop = workshop(tmp_path, leaks=["bench.*"])
    with pytest.raises(LeakError) as refused:
        made(shop, tmp_path / "data")
    assert refused.value.exit_code == 3
    assert f"row {telling[0]['id'][:12]} and bench.jsonl:2: {code} " in str(refused.value)  # type: ignore
    listed = (run_folder(shop, tmp_path / "data") / "leaks.jsonl").read_text(encoding="utf-8").splitlines()
    assert any(json.loads(one)["row"] == telling[0]["id"] for one in listed)
    with pytest.raises(Exception, match="no store here yet|no such dataset"):
        rows_of(tmp_path / "data")


@pytest.mark.parametrize("text", ["[1, 2]", '{"colour": "blue"}\n', "{\n", ""])
def test_a_leak_file_that_cannot_be_used_is_told_before_any_row_is_made(tmp_path: Path, text: str):
    (tmp_path / "bench.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"bench\.jsonl"):
        made(workshop(tmp_path, leaks=["bench.jsonl"]), tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_child_of_a_registered_row_stops_the_build(tmp_path: Path):
    source = {"dataset": "trips", "size": 12, "tools": [{"world": "calendar"}], "mix": {"single": 1.0}}
    data = tmp_path / "data"
    made(Workshop.of(check_recipe(source, "recipe"), tmp_path), data)
    test = tmp_path / "test.jsonl"
    rows = [
        {"id": row["id"], "question": "?"} for split, row, _ in rows_of(data, "trips@1") if split == "train"
    ]
    test.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    recipe = rewriting_recipe(
        "asktoact", "trips@1", data, overrides=["methods.asktoact.control_share=0", f"leaks=[{test}]"]
    )
    with pytest.raises(LeakError, match=r"row \w+ and .*: lineage "):
        made(Workshop.of(recipe, tmp_path), data)


def test_a_version_is_not_taken_for_checked_when_a_file_is_added(data: Path, tmp_path: Path):
    harmless = tmp_path / "bench.jsonl"
    harmless.write_text('{"question": "Is this one harmless?"}\n', encoding="utf-8")
    digests = {workshop(tmp_path).digest, workshop(tmp_path, leaks=["bench.jsonl"]).digest}
    harmless.write_text('{"question": "Is this one, too?"}\n', encoding="utf-8")
    digests.add(workshop(tmp_path, leaks=["bench.jsonl"]).digest)
    assert len(digests) == 3
    with pytest.raises(UsageError, match="there is no such file"):
        _ = workshop(tmp_path, leaks=["nowhere.jsonl"]).digest


def test_a_canary_in_a_row_stops_the_build(tmp_path: Path):
    with pytest.raises(LeakError, match=": canary "):
        made(workshop(canary='"role": "user"'), tmp_path)


def test_coverage_counts_every_tool_and_each_parameter(data: Path):
    with Store.open(data, write=False) as store:
        statistics = store.version("museum@1").statistics
    tools = {one.tool: one for one in statistics.coverage.tools}
    assert {name: one.calls for name, one in tools.items() if one.calls} == statistics.by_tool
    assert all(one.distinct <= one.calls for one in tools.values())
    assert all(count <= one.calls for one in tools.values() for count in one.by_parameter.values())
    assert sum(statistics.coverage.by_capability.values()) == sum(statistics.by_tool.values())
    assert statistics.likeness == "minhash and ngrams at 0.9"


def test_a_loops_variants_are_held_against_the_texts_of_leak_files(tmp_path: Path):
    said = "Could you tell me on which of the next four Sundays the old lighthouse is open to visitors?"
    (tmp_path / "bench.jsonl").write_text(json.dumps({"question": said}) + "\n", encoding="utf-8")
    guard = Novelty(0.9, (), leak_texts(workshop(tmp_path, leaks=["bench.jsonl"])))
    assert guard.against_protected(trajectory(task(said))).endswith("of the protected bench.jsonl:1")
    assert not guard.against_protected(trajectory(task("Show me event e1.")))
