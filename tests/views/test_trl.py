from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import call, commit, task, tool, trajectory

from callwright.schemas.message import AssistantMessage, ToolCall, UserMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views import parquet, trl
from callwright.views.folder import read_manifest
from callwright.views.rows import ViewError

PLAIN = trajectory(task("Show me event e1."))
NO_CALL = trajectory(task("What is love?", kind="no_call"), [])
TRICKY: dict[str, Any] = {
    "event_id": 'Zoë ☕ 你好 \u0000 \\ " </s>',
    "tiny": 1e-7,
    "third": 0.1,
    "whole": 1.0,
    "long": 2**63 - 1,
    "least": -(2**63),
    "nothing": None,
    "flags": [True, False, [], {}, [None]],
    "looks_like": ["1", "true", "1e3", "null", "2024-01-01", "2024-01-01T00:00:00Z"],
    "nested": {"a": {"b": [{"c": 1}, {"d": "x"}]}},
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path / "data", write=True) as opened:
        yield opened


def made(store: Store, *rows: Trajectory, **changes: Any) -> Version:
    return store.commit(commit(*rows, **changes))


def spoken(text: str, **changes: Any) -> Trajectory:
    """A conversation whose only call has exactly these raw arguments."""
    return trajectory(task("Raw?", **changes), [ToolCall(id="c1", name="get_event", arguments=text)])


def arguments(row: dict[str, Any]) -> Any:
    return row["messages"][1]["tool_calls"][0]["function"]["arguments"]


def portable(folder: Path, split: str = "train") -> list[dict[str, Any]]:
    rows = pandas.read_parquet(folder / "portable" / f"{split}-00000-of-00001.parquet").to_dict("records")
    return [
        row | {name: json.loads(row[name]) for name in ("messages", "tools") if row[name]} for row in rows
    ]


def test_rows_load_as_trl_reads_them(store: Store, tmp_path: Path):
    trl.export(store, made(store, PLAIN, test=[NO_CALL]), tmp_path / "out")
    data = trl.load(tmp_path / "out")
    assert data["train"][0] == {
        "id": PLAIN.id,
        "messages": [
            {"role": "user", "content": "Show me event e1."},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_event", "arguments": {"event_id": "e1"}},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "name": "get_event", "content": '{"ok": true}'},
            {"role": "assistant", "content": "Done."},
        ],
        "tools": [tool().wire()],
        "kind": "single",
        "method": "toolalpaca",
        "toolkit": "museum",
        "teacher": "offline-rules",
        "evidence": "L1",
    }
    assert data["test"][0]["kind"] == "no_call"


def test_arguments_come_back_exactly_in_both_configs(store: Store, tmp_path: Path):
    trl.export(store, made(store, trajectory(task("Tricky."), [call(**TRICKY)])), tmp_path / "out")
    for row in (trl.load(tmp_path / "out")["train"][0], portable(tmp_path / "out")[0]):
        assert json.dumps(arguments(row)) == json.dumps(TRICKY)  # types and order too: 1.0 is not 1


def test_different_tools_never_merge(store: Store, tmp_path: Path):
    one = trajectory(task("One?", tools=[tool("one", z={"type": "integer"})]), [call("one", z=1)])
    other = trajectory(task("Other?", tools=[tool("other", a={"type": "string"})]), [call("other", a="1")])
    trl.export(store, made(store, one, other), tmp_path / "out")
    rows = {row["id"]: row for row in trl.load(tmp_path / "out")["train"]}
    assert arguments(rows[one.id]) == {"z": 1}
    assert arguments(rows[other.id]) == {"a": "1"}
    assert rows[other.id]["tools"] == [one_tool.wire() for one_tool in other.task.tools]


@pytest.mark.parametrize("number", ["123456789012345678901234567890", "-9223372036854775809", "5e-324"])
def test_a_number_that_typed_cannot_hold_stays_in_portable(store: Store, tmp_path: Path, number: str):
    big = spoken(f'{{"n": {number}}}')
    manifest = trl.export(store, made(store, PLAIN, big), tmp_path / "out")
    assert manifest.left_out == {"typed": 1}
    assert manifest.rows == {"typed": {"train": 1}, "portable": {"train": 2}}
    kept = next(row for row in portable(tmp_path / "out") if row["id"] == big.id)
    assert arguments(kept) == {"n": json.loads(number)}
    assert "stand only in `portable`: 1." in (tmp_path / "out" / "README.md").read_text()


def test_a_version_that_typed_cannot_hold_at_all_is_portable_only(store: Store, tmp_path: Path):
    manifest = trl.export(store, made(store, spoken(f'{{"n": {2**70}}}')), tmp_path / "out")
    assert list(manifest.rows) == ["portable"]
    assert trl.load(tmp_path / "out", "portable")["train"].num_rows == 1
    with pytest.raises(ViewError, match="no config 'typed'"):
        trl.load(tmp_path / "out")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ('{"a": 1', "arguments_not_json"),
        ("[1]", "arguments_not_json"),
        ("", "arguments_not_json"),
        ('{"a": 1, "a": 2}', "arguments_not_json"),
        ('{"a": NaN}', "arguments_not_json"),
        ('{"a": 1e999}', "arguments_not_json"),
        ('{"a": "\\ud800"}', "lone_surrogate"),
        ('{"a": "sk-abcdefghij0123456789xyz"}', "secret"),
    ],
)
def test_a_row_that_would_have_to_be_bent_refuses_the_view(store: Store, tmp_path: Path, raw: str, code: str):
    bad = spoken(raw)
    with pytest.raises(ViewError, match=rf"2 rows must not be exported \({code} 2\)") as caught:
        trl.export(
            store, made(store, PLAIN, bad, spoken(raw, toolkit="b", tools=[tool("x")])), tmp_path / "out"
        )
    assert "first row" in str(caught.value)
    assert "sk-abc" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]  # nothing is left lying about


def test_a_secret_in_a_tool_names_the_tool(store: Store, tmp_path: Path):
    leaky = tool(description="Send `Authorization: Bearer abcdefghijk0123456789xyz`.")
    with pytest.raises(ViewError, match=r"tool get_event: .*\(authorization_header\)"):
        trl.export(store, made(store, trajectory(task(tools=[leaky]))), tmp_path / "out")


def test_no_tools_are_null_and_reasoning_has_its_key(store: Store, tmp_path: Path):
    thinking = AssistantMessage(content="Hello.", reasoning="A greeting.")
    bare = task("Hi.").model_copy(update={"tools": ()})
    row = trajectory(bare, messages=[UserMessage(content="Hi."), thinking])
    trl.export(store, made(store, row), tmp_path / "out")
    loaded = trl.load(tmp_path / "out")["train"][0]
    assert loaded["tools"] is None
    assert loaded["messages"][1]["reasoning_content"] == "A greeting."


def test_two_exports_have_the_same_bytes(tmp_path: Path):
    rows = [trajectory(task(f"Event {number}?", attempt=number)) for number in range(30)]
    found = []
    for name, ordered in (("a", rows), ("b", rows[::-1])):
        with Store.open(tmp_path / name, write=True) as store:
            trl.export(store, made(store, *ordered), tmp_path / name / "out")
        folder = tmp_path / name / "out"
        found.append({str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")})
    assert found[0] == found[1]
    assert {Path(name).suffix for name in found[0]} == {".md", ".json", ".parquet"}
    assert len(found[0]) == 5


def test_the_same_export_is_left_alone_and_another_one_is_refused(store: Store, tmp_path: Path):
    out = tmp_path / "out"
    first = made(store, PLAIN)
    assert trl.export(store, first, out) == trl.export(store, first, out)
    before = (out / "README.md").stat().st_ino
    trl.export(store, first, out)
    assert (out / "README.md").stat().st_ino == before

    second = made(store, PLAIN, NO_CALL)
    with pytest.raises(ViewError, match=r"holds another export \(museum@1"):
        trl.export(store, second, out)
    trl.load(out)  # into the cache, so that a stale one would show
    trl.export(store, second, out, overwrite=True)
    assert trl.load(out)["train"].num_rows == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out"]


def test_the_same_version_with_other_options_is_not_read_from_the_cache(store: Store, tmp_path: Path):
    version = made(store, PLAIN)
    trl.export(store, version, tmp_path / "out")
    assert "messages" in trl.load(tmp_path / "out")["train"].column_names
    trl.export(store, version, tmp_path / "out", trl.Options(format="turns"), overwrite=True)
    assert trl.load(tmp_path / "out")["train"].num_rows == 2


def test_a_damaged_export_is_not_taken_for_a_whole_one(store: Store, tmp_path: Path):
    version = made(store, PLAIN)
    trl.export(store, version, tmp_path / "out")
    (tmp_path / "out" / "README.md").write_text("mine")
    with pytest.raises(ViewError, match="holds another export"):
        trl.export(store, version, tmp_path / "out")


def test_files_of_somebody_else_are_never_overwritten(store: Store, tmp_path: Path):
    version, out = made(store, PLAIN), tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("do not lose this")
    with pytest.raises(ViewError, match="no export"):
        trl.export(store, version, out, overwrite=True)
    (out / "thesis.txt").unlink()
    trl.export(store, version, out)  # an empty folder is fine
    (out / "thesis.txt").write_text("do not lose this")
    with pytest.raises(ViewError, match=r"did not write \(first: thesis.txt\)"):
        trl.export(store, made(store, PLAIN, NO_CALL), out, overwrite=True)
    assert (out / "thesis.txt").exists()


def test_an_empty_version_is_refused(store: Store, tmp_path: Path):
    with pytest.raises(ViewError, match="has no rows"):
        trl.export(store, made(store), tmp_path / "out")


def test_an_empty_split_has_no_file_and_no_line_in_the_card(store: Store, tmp_path: Path):
    trl.export(store, made(store, PLAIN), tmp_path / "out")
    assert not list((tmp_path / "out").rglob("test-*"))
    assert "test-" not in (tmp_path / "out" / "README.md").read_text()
    assert list(trl.load(tmp_path / "out")) == ["train"]


def test_large_splits_become_several_files(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 10)
    rows = [trajectory(task(f"Event {number}?", attempt=number)) for number in range(25)]
    trl.export(store, made(store, *rows), tmp_path / "out", max_file_bytes=1)
    names = sorted(path.name for path in (tmp_path / "out" / "typed").iterdir())
    assert names == [f"train-{number:05d}-of-00003.parquet" for number in range(3)]
    for config in ("typed", "portable"):
        ids = trl.load(tmp_path / "out", config)["train"]["id"]
        assert list(ids) == sorted(row.id for row in rows)


def test_portable_needs_no_extension_type_and_no_datasets(store: Store, tmp_path: Path):
    trl.export(store, made(store, PLAIN), tmp_path / "out")
    file = tmp_path / "out" / "portable" / "train-00000-of-00001.parquet"
    schema = pq.read_schema(file)
    assert {field.type for field in schema} == {pa.string()}
    assert not schema.metadata
    assert portable(tmp_path / "out")[0]["messages"][0]["role"] == "user"


def test_typed_says_json_to_arrow(store: Store, tmp_path: Path):
    trl.export(store, made(store, PLAIN), tmp_path / "out")
    schema = pq.read_schema(tmp_path / "out" / "typed" / "train-00000-of-00001.parquet")
    assert schema.field("messages").type.value_type == pa.json_()
    assert b"huggingface" in schema.metadata


def test_it_loads_without_any_network(store: Store, tmp_path: Path):
    trl.export(store, made(store, PLAIN, test=[NO_CALL]), tmp_path / "out")
    code = (
        "import sys; from datasets import load_dataset\n"
        "default = load_dataset(sys.argv[1]); portable = load_dataset(sys.argv[1], 'portable')\n"
        "print(default['train'][0]['messages'][0]['role'], portable['test'].num_rows)"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.stdout == "user 1\n", found.stderr


def test_a_version_loads_by_name_and_is_exported_once(store: Store, tmp_path: Path):
    version = made(store, PLAIN)
    data = tmp_path / "other"
    with Store.open(data, write=True) as other:
        made(other, PLAIN)
    assert trl.load_version(data, "museum")["train"].num_rows == 1
    folder = data / "views" / "museum" / "1" / "trl"
    found = read_manifest(folder)
    assert found is not None
    assert found.id == version.id
    before = (folder / "README.md").stat().st_ino
    trl.load_version(data, "museum@1")
    assert (folder / "README.md").stat().st_ino == before


def test_loading_what_is_no_export_says_so(tmp_path: Path):
    with pytest.raises(ViewError, match="holds no export"):
        trl.load(tmp_path)
