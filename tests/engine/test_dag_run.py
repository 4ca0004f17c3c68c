"""`run dag` from a version's rows to a version of its own: rows, lineage, counts, and what is refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from command import callwright
from made import codes

from callwright.cli.reading import show
from callwright.engine.build import build
from callwright.engine.recipes import check_recipe
from callwright.engine.rewriting import with_origins
from callwright.engine.starting import rewriting_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import StoreError, UsageError
from callwright.generators.dag.explore import Rewriter
from callwright.llm.base import Model, Sampling
from callwright.llm.scripted import Scripted, reply, say
from callwright.schemas.recipe import Dag
from callwright.schemas.task import Task, Trajectory
from callwright.schemas.version import Version
from callwright.settings import shipped_folder
from callwright.store import Store
from callwright.toolbox.base import Toolbox
from callwright.toolbox.world import WorldToolbox

TOOLS = [
    {"world": "travel"},
    {"world": "calendar"},
    {"openapi": str(shipped_folder() / "seeds" / "museum.yaml")},
]

MUSEUM = "redocly-museum-api"


def source(**changes: Any) -> Workshop:
    body = {
        "dataset": "source",
        "size": 48,
        "seed": 5,
        "tools": TOOLS,
        "mix": {"single": 0.6, "multi_step": 0.3, "parallel": 0.1},
    }
    return Workshop.of(check_recipe(body | changes, "source"), Path())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    asyncio.run(build(source(), folder))
    return folder


@pytest.fixture(scope="module")
def workshop(data: Path) -> Workshop:
    return with_origins(Workshop.of(rewriting_recipe("dag", "source", data), Path()), data)


@pytest.fixture(scope="module")
def version(data: Path, workshop: Workshop) -> Version:
    return asyncio.run(build(workshop, data)).version


def rows_of(data: Path, name: str) -> list[Trajectory]:
    with Store.open(data, write=False) as store:
        listed = list(store.rows(store.version(name)))
        tools = store.tools({one for _, _, task in listed for one in task["tools"]})
        return [Trajectory.from_record(body, Task.from_record(task, tools)) for _, body, task in listed]


def test_the_version_has_parallel_rows_and_some_serial_ones(data, version):
    kinds = version.statistics.by_kind
    assert version.name == "source-dag@1" and version.statistics.by_method == {"dag": version.statistics.rows}
    assert set(kinds) == {"parallel", "multi_step"} and kinds["parallel"] >= 6
    share = kinds["multi_step"] / version.statistics.rows
    assert 0.05 <= share <= 0.17
    assert version.statistics.by_toolkit.keys() == {"travel", "calendar", MUSEUM}


def test_every_row_passes_every_judge_again(data, workshop, version):
    for row in rows_of(data, version.name):
        assert codes(workshop.judges(), row) == []
        assert row.kind == row.task.kind
        executed = all(one.observation.trust == "executed" for one in row.observations())
        assert executed == (row.task.toolkit != MUSEUM)


def test_rows_descend_from_the_rows_that_they_were_made_of(data, version):
    sources = {row.id: row for row in rows_of(data, "source")}
    for row in rows_of(data, version.name):
        if row.kind == "multi_step":  # a row that is kept as it was is that row
            assert row == sources[row.id]
        else:
            assert row.task.parent == sources[row.provenance.source].task.root
    with Store.open(data, write=False) as store:
        edges = set(store._read("SELECT child, parent FROM edges WHERE step = 'rewrite'"))
    made = {(row.id, row.provenance.source) for row in rows_of(data, version.name) if row.kind == "parallel"}
    assert made == edges


def test_what_was_found_is_counted(version):
    found, drops = version.statistics.rounds, {one.code for one in version.statistics.drops}
    assert found.rows == version.statistics.rows and found.parallel == version.statistics.by_kind["parallel"]
    assert found.in_all < found.turns_before and found.calls == found.turns_before
    assert found.characters < found.characters_before
    assert 0 < found.proven < found.rows and found.orders >= found.proven - (found.rows - found.parallel)
    assert found.by_reason["data"] > 0 and found.ambiguous < found.edges
    assert {"one_call", "purely_serial", "already_parallel"} <= drops


def test_the_same_again_makes_nothing(data, workshop, version):
    assert not asyncio.run(build(workshop, data)).made


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5])
async def test_as_many_serial_rows_as_the_recipe_says(data, workshop, share):
    teacher = workshop.teacher(Path())
    rows = rows_of(data, "source")
    rewriter = rewriter_of(workshop, rows, teacher, workshop.toolbox(teacher), serial=share)
    made = [one.trajectory.kind for one in await rewriter.explore("00000") if one.trajectory]
    parallel = made.count("parallel")
    there = sum(row.kind == "multi_step" for row in rows)
    assert made.count("multi_step") == min(round(parallel * share / (1 - share)), there)


async def test_nothing_serial_is_kept_beside_nothing_parallel(data, workshop):
    teacher = workshop.teacher(Path())
    rows = rows_of(data, "source")
    rewriter = rewriter_of(workshop, rows, teacher, workshop.toolbox(teacher), join=False)
    made = await rewriter.explore("00000")
    assert len(made) == len(rows) and not any(one.trajectory for one in made)
    assert {one.code for one in made} == {"one_call", "purely_serial", "already_parallel"}


def test_the_command_and_its_words(data, tmp_path, version, capsys):
    show(version.name, 0, None, True, data, False)
    shown = capsys.readouterr().out
    assert "calls a round" in shown and "kept serial" in shown
    made = callwright(
        "run", "dag", "--from", "source@1", "--name", "again", "-n", "8", "--json", "--no-prefect",
        "--data", str(data), "--out", str(tmp_path / "out"), cwd=tmp_path,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["statistics"]["rows"] == 8
    with pytest.raises(StoreError, match="no such dataset"):
        rewriting_recipe("dag", "nothing@1", data)


def test_a_recipe_knows_the_method():
    with pytest.raises(UsageError, match="unknown key methods.dag.joins"):
        source(methods={"dag": {"from": "source", "joins": True}}, mix="any")
    with pytest.raises(UsageError, match="methods.dag.serial"):
        source(methods={"dag": {"from": "source", "serial": 1.0}}, mix="any")
    with pytest.raises(UsageError, match="makes single"):
        source(methods={"dag": {"from": "source"}}, mix={"single": 1.0})


class _Block:
    """Rows in memory: where they come from is nothing to the method."""

    def __init__(self, rows: list[Trajectory]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return 1

    def block(self, number: int) -> list[Trajectory]:
        return self._rows


def rewriter_of(
    workshop: Workshop, rows: list[Trajectory], model: Model, toolbox: Toolbox, **settings: Any
) -> Rewriter:
    return Rewriter(
        model,
        toolbox,
        workshop.toolkits,
        Dag.model_validate({"from": "source"} | settings),
        _Block(rows),
        synonyms=workshop.synonyms,
        authored=workshop.authored,
        sampling=Sampling(),
    )


async def test_a_language_model_words_what_is_joined(data, workshop):
    rows = [row for row in rows_of(data, "source") if row.task.toolkit == "travel" and row.kind == "single"]

    def teach(request: Any) -> Any:
        if request.purpose == "dag.request":
            return reply({"request": request.messages[1]["content"]})
        return say("I looked into all of it.")

    model = Scripted(teach)
    rewriter = rewriter_of(workshop, rows, model, WorldToolbox())
    assert rewriter.chains() == ("00000",)
    made = [one for one in await rewriter.explore("00000") if one.trajectory]
    assert made and {one.trajectory.kind for one in made} == {"parallel"}
    assert {request.purpose for request in model.requests} == {"dag.request", "dag.answer"}
    assert len({one.attempt for one in made}) == len(made)
    assert all(one.trajectory.task.plan == {} for one in made)
