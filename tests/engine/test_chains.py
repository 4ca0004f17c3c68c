"""Chains in a build: gone through first, judged like any attempt, cut off and continued, helped out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from explorer import answer, units

from callwright.engine.build import Built, build, run_folder
from callwright.engine.preview import preview
from callwright.engine.recipes import check_recipe, load_recipe
from callwright.engine.results import Result, read_results
from callwright.engine.starting import recipe_for
from callwright.engine.workshop import Workshop
from callwright.errors import ModelError, ShortfallError, UsageError
from callwright.generators.ste.examples import Known
from callwright.llm.base import Model
from callwright.llm.journal import Journal
from callwright.llm.scripted import Scripted, reply
from callwright.settings import shipped_folder
from callwright.store import Store

RECIPE = shipped_folder() / "recipes" / "ste.yaml"
SMALL = ("size=44", "methods.ste.episodes=1", "methods.ste.trials=2", "methods.ste.paraphrases=4")


def shipped(*overrides: str) -> Workshop:
    return Workshop.of(load_recipe(RECIPE, (*SMALL, *overrides)), RECIPE.parent)


class Exploring(Workshop):
    """The length converter alone, explored by a script that knows nothing but its prompts."""

    model: Scripted
    ruling: Scripted | None = None

    def teacher(self, folder: Path) -> Model:
        return self.model

    def judge(self, folder: Path) -> Model | None:
        return self.ruling


def exploring(model: Scripted, ruling: Scripted | None = None, **changes: Any) -> Exploring:
    body = {
        "dataset": "lengths",
        "size": 20,
        "tools": [{"world": "units"}],
        "methods": {"ste": {"episodes": 2}},
        "mix": "any",
    }
    recipe = check_recipe(body | changes, "lengths")
    kit = units().model_copy(update={"tools": (units().tool("convert_length"),)})
    workshop = Exploring(recipe, (kit,), (), Path())
    object.__setattr__(workshop, "model", model)
    object.__setattr__(workshop, "ruling", ruling)
    return workshop


def results(workshop: Workshop, data: Path) -> list[Result]:
    paths = sorted((run_folder(workshop, data) / "shards").glob("*.jsonl"))
    return [result for path in paths for result in read_results(path)]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Built]:
    data = tmp_path_factory.mktemp("ste")
    return data, asyncio.run(build(shipped(), data))


def test_every_trial_is_a_row_or_a_counted_drop_and_one_file_holds_a_chain(first: tuple[Path, Built]):
    data, built = first
    statistics = built.version.statistics
    made = results(shipped(), data)
    assert statistics.rows == 44
    assert statistics.attempts == len(made) == 44 + sum(drop.count for drop in statistics.drops)
    assert len({result.attempt for result in made}) == len(made)
    files = sorted(path.stem for path in (run_folder(shipped(), data) / "shards").glob("*.jsonl"))
    tools = [f"{kit.name}.{tool.name}" for kit in shipped().toolkits for tool in kit.tools]
    assert files == [f"ste-chain-{place:04d}-{tool}" for place, tool in enumerate(tools)]


def test_tools_take_turns(first: tuple[Path, Built]):
    data, built = first
    assert set(built.version.statistics.by_toolkit) == {"library", "weather"}
    explored = {tool for tool, count in built.version.statistics.by_tool.items() if count}
    assert len(explored) >= 12


def test_reflection_and_filter_are_verdicts_beside_the_ladders_and_rules_confirm_nothing(
    first: tuple[Path, Built],
):
    data, built = first
    with Store.open(data, write=False) as store:
        member, _, _ = next(iter(store.rows(built.version)))
        judges = {}
        for row, _, _ in store.rows(built.version):
            judges |= {one.judge: one for one in store.verdicts(row.trajectory)}
    assert {"ste.reflection", "ste.filter", "grounding", "replay"} <= set(judges)
    assert (judges["ste.filter"].rung, judges["ste.filter"].code) == ("L4", "no_judge_model")
    assert judges["ste.filter"].evidence[0]["by"] == "rules"
    assert set(built.version.statistics.by_rung) <= {"L2", "L3"}


def test_no_row_calls_with_a_value_that_nobody_gave(first: tuple[Path, Built]):
    data, built = first
    with Store.open(data, write=False) as store:
        for member, _, _ in store.rows(built.version):
            rulings = {
                one.judge: one.outcome for one in store.verdicts(member.trajectory) if one.step is None
            }
            assert rulings["grounding"] == rulings["replay"] == "pass"


def test_a_seed_and_what_was_made_of_it_stand_on_one_side_and_nothing_like_it_on_the_other(
    first: tuple[Path, Built],
):
    data, built = first
    with Store.open(data, write=False) as store:
        rows = list(store.rows(built.version))
    roots = {result.trajectory_id: result.root for result in results(shipped(), data)}
    sides: dict[str, set[str]] = {}
    for member, _, _ in rows:
        sides.setdefault(roots[member.trajectory], set()).add(member.split)
    assert len(sides) < len(rows)  # some rows were made of others
    assert all(len(splits) == 1 for splits in sides.values())
    train = Known()
    for member, _, task in rows:
        if member.split == "train":
            train.add(task["instruction"])
    held_out = [task["instruction"] for member, _, task in rows if member.split == "test"]
    assert held_out
    assert [request for request in held_out if train.near(request)] == []


async def test_a_replay_makes_every_chain_anew_whichever_comes_first(first: tuple[Path, Built]):
    class OneByOne:
        async def run(self, jobs: Any, work: Any, at_once: int) -> list[Path]:
            return [await work(job) for job in reversed(jobs)][::-1]

    again = await build(shipped(), first[0], replay=True, runner=OneByOne())
    assert again.version.id == first[1].version.id


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Built, Scripted]:
    data, model = tmp_path_factory.mktemp("whole"), Scripted(answer)
    return data, asyncio.run(build(exploring(model), data)), model


def dying(after: int) -> Scripted:
    """The explorer, until its endpoint is gone."""
    count = 0

    def line(request: Any) -> Any:
        nonlocal count
        count += 1
        return ModelError("the endpoint is gone") if count > after else answer(request)

    return Scripted(line)


@pytest.mark.parametrize("after", [9, 40])
async def test_a_chain_that_is_cut_off_continues_with_the_same_memory_and_asks_nothing_twice(
    tmp_path: Path, undisturbed: tuple[Path, Built, Scripted], after: int
):
    _, built, whole = undisturbed
    cut, rest = dying(after), Scripted(answer)
    with pytest.raises(ModelError):
        await build(exploring(cut), tmp_path / "cut")
    with Journal(run_folder(exploring(cut), tmp_path / "cut") / "journal.jsonl") as journal:
        assert len(journal) == after
    continued = await build(exploring(rest), tmp_path / "cut")
    assert continued.version.id == built.version.id
    assert after + len(rest.requests) == len(whole.requests)
    # What the memories held is what was asked: the rest of the questions are the rest of the undisturbed ones.
    asked = [[json.dumps(one.messages) for one in model.requests] for model in (whole, rest)]
    assert sorted(asked[0][after:]) == sorted(asked[1])


async def test_a_judge_of_its_own_rules_and_the_teacher_does_not(tmp_path: Path):
    teacher, judge = Scripted(answer, id="teacher"), Scripted(answer, id="judge")
    workshop = exploring(teacher, judge)
    built = await build(workshop, tmp_path)
    assert {one.purpose for one in judge.requests} == {"ste.filter"}
    assert "ste.filter" not in {one.purpose for one in teacher.requests}
    assert built.asked == len(teacher.requests) + len(judge.requests) == built.version.statistics.requests
    assert judge.closed and teacher.closed
    assert "L4" not in built.version.statistics.by_rung  # nobody planned what should be done: L3 is open


async def test_paraphrases_are_made_of_what_the_ladder_accepted(tmp_path: Path):
    """A filter that passes everything does not make a seed of a row that L1 refuses."""
    passed = {"reason": "", "verdict": True}
    lenient = {
        "ste.filter": reply(dict.fromkeys(("informative", "faithful", "appropriate"), passed)),
        "ste.reflect": reply({"reason": "", "solved": True}),
    }
    model = Scripted(lambda request: lenient.get(request.purpose) or answer(request))
    workshop = exploring(model, size=5)
    await build(workshop, tmp_path)
    made = results(workshop, tmp_path)
    refused = {result.task_id for result in made if result.gate == "hygiene" and not result.task["parent"]}
    assert refused
    assert refused.isdisjoint(result.task["parent"] for result in made if result.task)


async def test_both_methods_fill_a_mix_and_the_other_helps_out(tmp_path: Path):
    body = {
        "dataset": "both",
        "size": 40,
        "tools": [{"world": "library"}],
        "methods": {"toolalpaca": {}, "ste": {"episodes": 1, "trials": 1, "paraphrases": 0}},
        "mix": {"single": 0.7, "multi_step": 0.1, "no_call": 0.2},
    }
    built = await build(Workshop.of(check_recipe(body, "both"), Path()), tmp_path)
    statistics = built.version.statistics
    assert statistics.by_kind == {"single": 28, "multi_step": 4, "no_call": 8}
    assert 0 < statistics.by_method["ste"] < 14 + 2
    assert statistics.attempts == 40 + sum(drop.count for drop in statistics.drops)


async def test_a_shortfall_says_what_would_make_more(tmp_path: Path):
    workshop = exploring(Scripted(answer), size=2000)
    with pytest.raises(
        ShortfallError, match="ste any: .* rows missing .*more episodes or more tools make more"
    ):
        await build(workshop, tmp_path)


def test_a_one_off_recipe_explores_about_as_much_as_its_rows_take():
    recipe, notes = recipe_for("world:units", 70, (), "ste")
    assert recipe.mix == "any"
    assert recipe.methods.names == ("ste",)
    ste = recipe.methods.ste
    assert ste is not None
    assert (ste.episodes, ste.paraphrases) == (3, 20)
    assert "episodes: 3, paraphrases: 20" in notes[0]
    recipe, notes = recipe_for(
        "world:units", 70, ("methods.ste.episodes=15", "methods.ste.paraphrases=0"), "ste"
    )
    assert recipe.methods.ste is not None
    assert (recipe.methods.ste.episodes, recipe.methods.ste.paraphrases, notes) == (15, 0, [])
    with pytest.raises(UsageError, match="dag is no source method; there are: toolalpaca, ste"):
        recipe_for("world:units", 70, (), "dag")


async def test_preview_shows_the_first_trials_of_a_tool(
    tmp_path: Path, undisturbed: tuple[Path, Built, Scripted]
):
    data, _, whole = undisturbed
    model = Scripted(answer)
    shown = await preview(exploring(model), tmp_path, 3)
    assert [result.attempt for result in shown] == [0, 2, 4]
    built = {result.attempt: result for result in results(exploring(whole), data)}
    assert [result.trajectory_id for result in shown] == [built[one.attempt].trajectory_id for one in shown]
