"""What changed between two versions, told row by row and in one command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import RECIPE, call, commit, member, task, tool, trajectory
from command import callwright

from callwright.schemas.difference import RowCounts
from callwright.schemas.message import AssistantMessage, UserMessage
from callwright.schemas.probe import Reason
from callwright.schemas.task import Trajectory
from callwright.schemas.version import Drop, Member, Split, Statistics
from callwright.store import Store

KEPT = trajectory(task("Show me event e1."))
GONE = trajectory(task("Which is on?", attempt=1), [call("get_event", event_id="e2"), call("get_hours")])
LOST = trajectory(task("Show it.", attempt=2, toolkit="zoo"), [call("get_animal")])
MOVED = trajectory(task("Show me event e3.", attempt=3), [call(event_id="e3")])
NEW = trajectory(task("Twice, please.", attempt=4, method="looptool"), [call("get_hours"), call("get_hours")])
ODD = trajectory(
    task("What?", attempt=5), messages=[UserMessage(content="\ud800?"), AssistantMessage(content="No.")]
)


def here(row: Trajectory, reason: Reason, split: Split = "train") -> Member:
    return member(row, split).model_copy(update={"reason": reason})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`museum@1`, `museum@2` and `museum@3`, the last with the rows of the second, and `zoo@1`."""
    place = tmp_path_factory.mktemp("diff")
    first = [here(KEPT, "seed"), here(GONE, "seed"), here(LOST, "seed"), here(MOVED, "seed")]
    second = [
        here(KEPT, "error_seed"),
        here(MOVED, "seed", "test"),
        here(NEW, "expansion"),
        here(ODD, "seed"),
    ]
    drop: dict[str, Any] = {"method": "toolalpaca", "kind": "parallel", "attempt": 1, "trajectory": GONE.id}
    drops = [Drop(gate="loop", code="mastered", **drop), Drop(gate="selection", code="over_quota", **drop)]
    with Store.open(place, write=True) as store:
        store.commit(commit(KEPT, GONE, LOST, MOVED, members=first, recipe=RECIPE | {"loop": {"rows": 4}}))
        counted = Statistics(rows=4, by_reason={"error_seed": 1, "expansion": 3}, student="local:small:1a2b")
        later = RECIPE | {"loop": {"rows": 8}, "seed": 3}
        store.commit(
            commit(KEPT, MOVED, NEW, ODD, members=second, recipe=later, recipe_digest="r2", drops=drops)
        )
        store.commit(
            commit(
                KEPT, MOVED, NEW, ODD, members=second, recipe=later, recipe_digest="r3", statistics=counted
            )
        )
        store.commit(commit(trajectory(task("Hi.", tools=[tool("z")])), dataset="zoo"))
        store.tag("museum@1", "base")
    return place


def test_rows_that_came_went_and_stayed_by_what_they_are(data: Path):
    with Store.open(data, write=False) as store:
        changed = store.diff(store.version("museum@1"), store.version("museum@2"))
    assert changed.added == RowCounts(
        rows=2,
        by_reason={"expansion": 1, "seed": 1},
        by_kind={"no_call": 1, "parallel": 1},
        by_method={"looptool": 1, "toolalpaca": 1},
        by_toolkit={"museum": 2},
        by_tool={"get_hours": 1},  # it calls it twice and is one row
    )
    assert changed.removed == RowCounts(
        rows=2,
        by_reason={"seed": 2},
        by_kind={"parallel": 1, "single": 1},
        by_method={"toolalpaca": 2},
        by_toolkit={"museum": 1, "zoo": 1},
        by_tool={"get_animal": 1, "get_event": 1, "get_hours": 1},
    )
    assert changed.kept == RowCounts(
        rows=2,
        by_reason={"error_seed": 1, "seed": 1},
        by_kind={"single": 2},
        by_method={"toolalpaca": 2},
    )
    assert changed.drops == {
        "": 1,
        "loop mastered": 1,
    }  # the first reason of a row counts, and one row has none
    assert changed.splits == {"train -> test": 1}
    assert changed.reasons == {"seed -> error_seed": 1}
    assert changed.recipe == {"loop.rows": (4, 8), "seed": (None, 3)}
    assert not changed.same_rows


def test_the_way_back_is_the_other_way_round(data: Path):
    with Store.open(data, write=False) as store:
        there = store.diff(store.version("museum@1"), store.version("museum@2"))
        back = store.diff(store.version("museum@2"), store.version("museum@1"))
    assert (back.added, back.removed) == (there.removed, there.added)
    assert (back.before, back.after) == (there.after, there.before)
    assert back.splits == {"test -> train": 1}


def test_the_command_tells_it_in_words_and_in_json(data: Path):
    result = callwright("dataset", "diff", "museum:base", "museum@2", "--data", data, cwd=data)
    assert (result.returncode, result.stderr) == (0, "")
    assert (
        result.stdout
        == """\
museum@1 -> museum@2: 2 added, 2 removed, 2 kept

reason      added  removed  kept
error_seed  0      0        1
expansion   1      0        0
seed        1      2        1

kind      added  removed  kept
no_call   1      0        0
parallel  1      1        0
single    0      1        2

method      added  removed  kept
looptool    1      0        0
toolalpaca  1      2        2

toolkit  added  removed
museum   2      1
zoo      0      1

tool        added  removed
get_animal  0      1
get_event   0      1
get_hours   1      1

removed   no reason told 1, loop mastered 1
splits    train -> test 1
reasons   seed -> error_seed 1
recipe    loop.rows: 4 -> 8
recipe    seed: not there -> 3
"""
    )
    result = callwright("dataset", "diff", "museum@1", "museum", "--data", data, "--json", cwd=data)
    body = json.loads(result.stdout)
    assert (body["before"], body["after"], body["same_rows"]) == ("museum@1", "museum@3", False)
    assert body["added"]["by_tool"] == {"get_hours": 1}


def test_equal_rows_are_said_to_be_equal(data: Path):
    result = callwright("dataset", "diff", "museum@2", "museum@3", "--data", data, cwd=data)
    assert result.stdout == (
        "museum@2 -> museum@3: 0 added, 0 removed, 4 kept\nthe rows are the same, in the same splits\n"
    )


def test_a_version_of_another_dataset_is_refused(data: Path):
    result = callwright("dataset", "diff", "museum@1", "zoo", "--data", data, cwd=data)
    assert result.returncode == 2
    assert result.stderr == (
        "callwright: museum@1 and zoo@1 are versions of two datasets; name two of one, such as museum@1 museum@2\n"
    )
    result = callwright("dataset", "diff", "museum@1", "museum@9", "--data", data, cwd=data)
    assert result.returncode == 1 and "museum@9: no such version" in result.stderr


def test_show_names_the_student_and_the_reasons_of_a_round(data: Path):
    shown = callwright("dataset", "show", "museum@3", "--data", data, cwd=data).stdout
    assert "student   local:small:1a2b\n" in shown
    assert "reasons   error_seed 1, expansion 3\n" in shown
    shown = callwright("dataset", "show", "museum@1", "--data", data, cwd=data).stdout
    assert "student" not in shown and "reasons" not in shown
