from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from builders import commit, task, trajectory
from huggingface_hub import DatasetCard

from callwright.schemas.version import Corpus, DropCount, SourceSummary, Statistics, Version
from callwright.store import Store
from callwright.views import trl
from callwright.views.card import size_category
from callwright.views.rows import ViewError

MUSEUM = SourceSummary(
    name="museum", title="Museum | API", licence="MIT", origin="/home/me/museum.yaml", tools=4
)
STATISTICS = Statistics(
    rows=2,
    attempts=9,
    drops=(
        DropCount(gate="L0", code="unknown_tool", count=2),
        DropCount(gate="L1", code="ungrounded_argument", count=5),
    ),
    requests=1200,
    prompt_tokens=10,
    completion_tokens=4000,
    sources=(MUSEUM,),
)
RECIPE: dict[str, Any] = {
    "dataset": "museum",
    "tools": [{"openapi": "/home/me/museum.yaml"}],
    "models": {"teacher": {"engine": "openai", "base_url": "http://gpu7.internal:8000/v1", "model": "m"}},
}


def exported(folder: Path, **changes: Any) -> tuple[Version, DatasetCard]:
    rows = commit(
        trajectory(),
        test=[trajectory(task("None?"), [])],
        **({"statistics": STATISTICS, "recipe": RECIPE} | changes),
    )
    with Store.open(folder / "data", write=True) as store:
        version = store.commit(rows)
        trl.export(store, version, folder / "out")
    return version, DatasetCard.load(folder / "out" / "README.md")


def test_the_hub_can_read_the_header(tmp_path: Path):
    version, card = exported(tmp_path)
    described = {"description": f"museum@1 {version.id}"}
    assert card.data.to_dict() == {
        "license": "mit",
        "language": ["en"],
        "pretty_name": "Museum tool calls",
        "size_categories": ["n<1K"],
        "task_categories": ["text-generation"],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "tags": ["function-calling", "tool-use", "synthetic", "callwright"],
        "configs": [
            {
                **described,
                "config_name": "typed",
                "data_files": [
                    {"split": "train", "path": "typed/train-*.parquet"},
                    {"split": "test", "path": "typed/test-*.parquet"},
                ],
                "default": True,
            },
            {
                **described,
                "config_name": "portable",
                "data_files": [
                    {"split": "train", "path": "portable/train-*.parquet"},
                    {"split": "test", "path": "portable/test-*.parquet"},
                ],
            },
        ],
    }


@pytest.mark.parametrize(
    "line",
    [
        "| made | 9 |",
        "| dropped | 7 |",
        "| accepted | 2 |",
        "| L1 | ungrounded_argument | 5 |",
        "| `single`: one call serves the request | 1 | 0 | 1 |",
        "| museum | 1 | 1 | 2 |",
        "| offline-rules | 2 |",
        "| Museum \\| API | museum.yaml | MIT | 4 |",
        "It took 1,200 requests, 10 tokens read and 4,000 written.",
        'data = load_dataset("path/to/this/folder", "typed")',
        "| parent | none, this is the first |",
    ],
)
def test_the_body_tells(tmp_path: Path, line: str):
    _, card = exported(tmp_path)
    assert line in card.text.splitlines()


def test_the_offline_teacher_says_that_it_is_a_grammar(tmp_path: Path):
    _, card = exported(tmp_path)
    assert "is a grammar" in card.text
    assert "not for the breadth of human language" in card.text
    _, other = exported(tmp_path / "b", **_taught_by("openai:Qwen/Qwen3-32B"))
    assert "is a grammar" not in other.text


def _taught_by(teacher: str) -> dict[str, Any]:
    made = commit(trajectory(teacher=teacher), test=[trajectory(task("None?"), [], teacher=teacher)])
    return {"trajectories": made.trajectories}


def test_nobody_learns_the_folders_and_endpoints_of_the_machine(tmp_path: Path):
    version, card = exported(tmp_path)
    assert version.recipe == RECIPE  # the store keeps all
    assert "- openapi: museum.yaml" in card.text
    assert "/home/me" not in card.content
    assert "gpu7" not in card.content


def test_a_version_names_its_parent(tmp_path: Path):
    first, _ = exported(tmp_path)
    with Store.open(tmp_path / "data", write=True) as store:
        second = store.commit(commit(trajectory()))
        trl.export(store, second, tmp_path / "next")
    text = (tmp_path / "next" / "README.md").read_text()
    assert f"| parent | `{first.id}` |" in text
    assert second.id in text


@pytest.mark.parametrize(
    ("licences", "header"),
    [
        (["MIT", "mit license"], {"license": "mit"}),
        (["MIT", "Apache-2.0"], {"license": "other", "license_name": "as-the-sources"}),
        (["MIT", None], {"license": "other", "license_name": "as-the-sources"}),
        (["Our own"], {"license": "other", "license_name": "as-the-sources"}),
        ([None], {"license": "unknown"}),
        ([], {"license": "unknown"}),
    ],
)
def test_the_licence_is_that_of_all_sources_or_the_reader_is_sent_to_them(
    tmp_path: Path, licences: list[str | None], header: dict[str, str]
):
    sources = tuple(SourceSummary(name=f"kit{n}", licence=one) for n, one in enumerate(licences))
    _, card = exported(tmp_path, statistics=Statistics(sources=sources))
    found = card.data.to_dict()
    assert {name: found[name] for name in found if name.startswith("license")} == header


def test_the_card_tells_the_shape_of_the_corpus(tmp_path: Path):
    shape = Corpus(tools=3, by_calls={0: 1, 1: 1}, by_steps={0: 1, 1: 1}, calls=4, empty_arguments=1)
    exported(tmp_path / "one", statistics=STATISTICS.model_copy(update={"corpus": shape}))
    text = (tmp_path / "one" / "out" / "README.md").read_text()
    assert "| calls without arguments | 25.0 % |" in text
    assert "| rows with several calls, of those with any | 0.0 % |" in text
    exported(tmp_path / "two")
    assert "## Shape\n\nNot counted." in (tmp_path / "two" / "out" / "README.md").read_text()


def test_a_secret_in_the_recipe_refuses_the_export(tmp_path: Path):
    with pytest.raises(ViewError, match="card would hold"):
        exported(tmp_path, recipe={"note": "ghp_" + "a1" * 18})


@pytest.mark.parametrize(
    ("rows", "name"),
    [(999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (999_999, "100K<n<1M"), (10**6, "1M<n<10M")],
)
def test_sizes_have_the_names_of_the_hub(rows: int, name: str):
    assert size_category(rows) == name


def test_a_toolkit_that_was_invented_says_by_whom(tmp_path: Path):
    invented = SourceSummary(name="kit", origin="kit.openapi.yaml", teacher="offline-rules", tools=4)
    _, card = exported(tmp_path, statistics=Statistics(sources=(invented,)))
    assert "| kit | kit.openapi.yaml (invented by offline-rules) | not stated | 4 |" in card.content


def test_the_card_tells_prompts_models_duplicates_and_leaks(tmp_path: Path):
    row = trajectory()
    row = row.model_copy(
        update={"provenance": row.provenance.model_copy(update={"prompts": {"a.ask": "9f8e"}})}
    )
    models = {
        "teacher": RECIPE["models"]["teacher"],
        "student": {"engine": "local", "model": "/home/me/small"},
    }
    drops = (*STATISTICS.drops, DropCount(gate="duplicates", code="same_request", count=3))
    _, card = exported(
        tmp_path,
        trajectories=commit(row, trajectory(task("None?"), [])).trajectories,
        recipe=RECIPE | {"models": models, "leaks": [{"path": "/home/me/eval.jsonl", "tools": True}]},
        statistics=STATISTICS.model_copy(
            update={"drops": drops, "by_reason": {"seed": 2}, "student": "local:small"}
        ),
    )
    lines = card.text.splitlines()
    for line in (
        "| `a.ask` | `9f8e` | 1 |",
        "| teacher | openai:m | see the model's own card |",
        "| student | local:small | see the model's own card |",
        "| of these: same_request | 3 |",
        "Made for the student `local:small`.",
        "| `seed`: never seen before | 2 |",
        "- trainers that can leave out a part of a turn: `callwright export museum@1 --view spans`",
    ):
        assert line in lines, line
    assert "Compared with eval.jsonl. A version with an overlap is not made." in lines
    assert "/home/me" not in card.content
    assert "no test set was registered" in exported(tmp_path / "b")[1].content


def test_the_history_tells_what_each_version_changed(tmp_path: Path):
    with Store.open(tmp_path / "data", write=True) as store:
        store.commit(commit(trajectory(), recipe=RECIPE))
        second = commit(test=[trajectory(), trajectory(task("None?"), [])], recipe=RECIPE | {"seed": 3})
        store.commit(second)
        store.commit(commit(trajectory(task("None?"), []), recipe=RECIPE | {"seed": 3}, recipe_digest="r3"))
        for number in (1, 2, 2):
            trl.export(store, store.version(f"museum@{number}"), tmp_path / str(number))
    first, later = ((tmp_path / str(number) / "README.md").read_text() for number in (1, 2))
    assert "`museum@1` is the first version" in first and "museum@2" not in first
    # The same bytes as before the third version was made: a card knows nothing of what came later.
    assert "| `museum@2` | `museum@1` | 1 | 0 | 1 | 1 | `seed` |" in later and "museum@3" not in later


def test_croissant_names_every_file_and_column(tmp_path: Path):
    exported(tmp_path)
    folder = tmp_path / "out"
    document = json.loads((folder / "croissant.json").read_text())
    assert [one["@id"] for one in document["distribution"]] == [
        "portable/test-00000-of-00001.parquet", "portable/train-00000-of-00001.parquet"
    ]  # fmt: skip
    for one in document["distribution"]:
        assert hashlib.sha256((folder / one["contentUrl"]).read_bytes()).hexdigest() == one["sha256"]
    columns = pq.read_schema(folder / "portable" / "train-00000-of-00001.parquet").names
    for records in document["recordSet"]:
        assert [one["name"] for one in records["field"]] == columns
    assert (document["version"], document["license"]) == ("1.0.0", "https://spdx.org/licenses/mit.html")
