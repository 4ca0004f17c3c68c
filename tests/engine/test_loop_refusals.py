"""What goes wrong in a loop is one line, and the next run goes on; what students and pools lack is in the notes."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import shlex
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import loopback as lb
import pytest
from builders import commit
from killing import asked, journaled
from looping import loop_recipe, looped, versions, workshop_of
from serial import world_rows, worlds

from callwright.engine.build import build
from callwright.engine.loop.plan import Plan
from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import ModelError, QualityError, ShortfallError, StoreError, TrainingError, UsageError
from callwright.llm.learner import Skills
from callwright.schemas.message import AssistantMessage
from callwright.schemas.task import Trajectory
from callwright.store import Store


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the seeds and the held-out rows of the small loop."""
    data = tmp_path_factory.mktemp("seeded") / "data"
    plan = Plan.of(workshop_of(loop_recipe()))
    for part in (plan.seeds, plan.held_out):
        asyncio.run(build(part, data))
    return data


@pytest.fixture
def data(seeded: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(seeded, tmp_path / "data")


# Recipes that no loop can follow


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"held_out": {"toolkits": ["hr"]}}, "held_out.toolkits: there is no toolkit hr; there are: library, music"),
        ({"held_out": {"toolkits": ["library", "music"]}}, "holds all toolkits out; leave some to train on"),
        ({}, "the recipe has no loop; add `loop:` and `models.student:` to it"),
        ({"methods": {"asktoact": {"from": "old@1"}}, "mix": "any"}, "asktoact.from: a loop cannot rewrite old@1"),
    ],
    ids=["unknown toolkit", "all held out", "no loop", "rewrites a version"],
)  # fmt: skip
def test_a_recipe_that_no_loop_can_follow(change: dict[str, Any], message: str):
    body = loop_recipe()
    if not change:
        del body["loop"], body["models"]["student"]
    elif "held_out" in change:
        body["loop"] |= change
    else:
        body |= change
    with pytest.raises(UsageError) as refused:
        Plan.of(workshop_of(body))
    assert message in str(refused.value)


def test_with_one_toolkit_alone_nothing_can_be_held_out():
    body = loop_recipe() | {"tools": [{"world": "music"}]}
    with pytest.raises(UsageError, match="holds all toolkits out"):
        Plan.of(Workshop.of(check_recipe(body, "recipe"), Path()))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"row": 8}, "unknown key loop.row; did you mean rows?"),
        ({"probe": {"sample": 3}}, "unknown key loop.probe.sample; did you mean samples?"),
        ({"schedule": [{"seeds": 1.0}]}, "unknown key loop.schedule.0.seeds; did you mean seed?"),
        (
            {"training": {"hook": "external", "command": "x", "timeout": 3}},
            "unknown key loop.training.timeout; did you mean timeout_s?",
        ),
        ({"training": {"hook": "trl", "epoch": 3}}, "unknown key loop.training.epoch; did you mean epochs?"),
        ({"training": {"hook": "external", "command": " "}}, "loop.training.command: is empty"),
        ({"training": {"hook": "trll"}}, "loop.training.hook: there is no 'trll'; there are: external, trl, simulated"),
        ({"training": {}}, "the key loop.training.hook is missing"),
        ({"training": {"hook": "trl"}}, "models.student must have engine: local"),
        ({"training": {"hook": "external", "command": "x"}}, "models.student: {engine: simulated} need each other"),
    ],
    ids=lambda one: "" if isinstance(one, str) else str(next(iter(one))),
)  # fmt: skip
def test_wrong_keys_of_a_loop_are_told(section: dict[str, Any], message: str):
    with pytest.raises(UsageError, match="^recipe: ") as refused:
        check_recipe(loop_recipe(**section), "recipe")
    assert message in str(refused.value)


def test_a_wrong_key_of_a_student_is_told_without_its_engine():
    with pytest.raises(UsageError, match="unknown key models.student.sead; did you mean seed"):
        check_recipe(loop_recipe(student={"engine": "simulated", "sead": 1}), "recipe")


def test_a_real_student_is_not_trained_in_play():
    local = {"engine": "local", "model": "there"}
    with pytest.raises(
        UsageError, match="{hook: simulated} and models.student: {engine: simulated} need each other"
    ):
        check_recipe(loop_recipe(student=local), "recipe")


# Seeds


async def test_build_makes_the_seeds_of_a_loop_and_the_loop_finds_them(data: Path):
    built = await build(workshop_of(loop_recipe()), data)
    assert (built.made, built.version.name, built.version.statistics.rows) == (False, "small-seeds@1", 30)
    assert set(built.version.statistics.by_toolkit) == {"library"}
    await looped(loop_recipe(), data, 1)
    assert versions(data)["small-seeds@1"] == built.version.id
    assert {one.partition("@")[0] for one in versions(data)} == {"small", "small-seeds", "small-heldout"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with rows of the library, the same with wrong labels, and rows of music and of the shop."""
    data = tmp_path_factory.mktemp("kept")
    rows = {name: world_rows((name,), "single", 12) for name in ("library", "music", "shop")}
    rows["spoilt"] = tuple(map(spoilt, rows["library"]))
    with Store.open(data, write=True) as store:
        for name, made in rows.items():
            kits = worlds("library" if name == "spoilt" else name).toolkits
            store.commit(commit(*made, dataset=name, toolkits=kits))
    return data


def spoilt(row: Trajectory) -> Trajectory:
    """A row that calls with a value which nobody named."""
    messages = []
    for message in row.messages:
        if isinstance(message, AssistantMessage) and message.tool_calls:
            first, *rest = message.tool_calls
            given = {name: "xyzzy" for name in json.loads(first.arguments)} or {"extra": "xyzzy"}
            wrong = first.model_copy(update={"arguments": json.dumps(given)})
            message = message.model_copy(update={"tool_calls": (wrong, *rest)})
        messages.append(message)
    return row.model_copy(update={"messages": tuple(messages)})


async def test_seeds_may_be_rows_of_a_version(kept: Path):
    result = await looped(loop_recipe(seeds="library@1"), kept, 1)
    assert result.reports[0].got == {"seed": 12}
    assert "small-seeds@1" not in versions(kept)


@pytest.mark.parametrize(
    ("seeds", "error", "message"),
    [
        ("library@7", StoreError, "library@7"),
        ("nobody", StoreError, "nobody"),
        ("music", UsageError, r"music@1 has rows with the tool \w+, which loop.held_out.toolkits holds out"),
        ("shop@1", UsageError, r"shop@1 has rows with the tool \w+, which the recipe's tools do not have"),
    ],
)  # fmt: skip
async def test_seeds_that_are_not_there_or_have_other_tools(
    kept: Path, seeds: str, error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        await looped(loop_recipe(seeds=seeds), kept, 1)


async def test_a_pool_without_a_right_label_ends_with_what_to_do(kept: Path):
    for _ in range(2):
        with pytest.raises(
            ShortfallError, match="round 1: no row is left to train on: .* Give the recipe more seeds"
        ):
            await looped(loop_recipe(seeds="spoilt"), kept, 1)


async def test_a_student_that_is_always_right_is_given_what_there_is(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("callwright.training.simulated.FORGET", 0.0)
    able = {"engine": "simulated", "skills": str(skilled(tmp_path / "skills.json"))}
    result = await looped(loop_recipe(student=able, rows=22, no_call=(0.9, 1.0)), data, 3)
    second, third = result.reports[1:]
    assert (second.failures, second.expansion) == ({}, {})
    assert set(second.got) == {"high_perplexity", "seed"}
    assert sum(second.got.values()) == 22
    told = " ".join(second.notes)
    assert "error_seed: " in told
    assert "expansion: " in told
    assert "there are no more rows to exchange" in told
    assert re.search(r"\bseed: (\d+) of \1 rows are missing", " ".join(third.notes)), third.notes
    assert sum(third.got.values()) == 22


def skilled(path: Path) -> Path:
    """A file of skills that get everything right."""
    shapes = [
        f"{count}{''.join(types)}"
        for count in range(4)
        for size in range(4)
        for types in itertools.combinations("bnos", size)
    ]
    calls = [
        f"{number} {place} {shape}"
        for number in ("one", "several")
        for place in ("first", "later")
        for shape in shapes
    ]
    skills = Skills(skill=dict.fromkeys(["ask", "abstain", *calls], 1.0))
    path.write_text(skills.model_dump_json(), encoding="utf-8")
    return path


# Students behind an endpoint


TRAINER = """
import json, sys, time
mood, out, name = open(sys.argv[1]).read(), sys.argv[2], sys.argv[3]
open(out + "/runs", "a").write(mood + "\\n")
if mood == "crash": sys.exit("no room on the card")
if mood == "hang": time.sleep(60)
if mood != "nothing": open(out + "/student.json", "w").write(mood if mood == "rubbish" else json.dumps({"model": name}))
"""


@pytest.fixture
async def server() -> AsyncIterator[lb.Loopback]:
    async with lb.Loopback(lb.RAW_CALL, models=("toy", "toy-1", "toy-2")) as running:
        yield running


def served(server: lb.Loopback, folder: Path, mood: str = "works", **settings: Any) -> dict[str, Any]:
    """A loop whose student is served, and trained by a script that does what the file `mood` says."""
    folder.mkdir(exist_ok=True)
    (folder / "mood").write_text(mood, encoding="utf-8")
    (folder / "trainer.py").write_text(TRAINER, encoding="utf-8")
    command = [sys.executable, str(folder / "trainer.py"), str(folder / "mood"), "{out}", "toy-{round}"]
    training = {"hook": "external", "command": shlex.join(command)} | settings.pop("training", {})
    student = {"engine": "openai", "base_url": server.base_url, "model": "toy", "retries": 0}
    return loop_recipe(student=student, training=training, **settings)


async def test_a_student_that_answers_garbage_goes_through_its_rounds(
    server: lb.Loopback, data: Path, tmp_path: Path
):
    result = await looped(served(server, tmp_path), data, 2)
    first, second = result.reports
    for table in (first.probe_before, first.probe_after, second.probe_after, second.probe_rows):
        assert table is not None
        assert table.all.unusable == table.all.right.of > 0
        assert table.all.right.hits == 0
    assert second.held_out_after.irrelevance.hits == 0
    assert result.student.model_dump()["model"] == "toy-2"
    assert len({key for key in map(_text, server.bodies)}) == server.count


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True)


async def test_a_server_that_serves_another_student_is_refused_where_that_student_is_needed(
    server: lb.Loopback, data: Path, tmp_path: Path
):
    body = served(server, tmp_path)
    one = await looped(body, data, 1)
    server.cards["toy-1"] = {"root": "/models/other"}
    with pytest.raises(
        ModelError, match=r"the student is not the one .* 'openai:toy-1 toy-1' .* \(root /models/other\)"
    ):
        await looped(body, data, 2)
    before = server.count
    assert (await looped(body, data, 1)).reports == one.reports
    server.cards.clear()
    assert len((await looped(body, data, 2)).reports) == 2
    assert server.count > before


async def test_a_server_that_gives_up_half_way_is_asked_nothing_twice(
    server: lb.Loopback, data: Path, tmp_path: Path
):
    left = 20

    def failing(body: lb.Body) -> lb.Answer:
        nonlocal left
        left -= 1
        return lb.RAW_CALL if left >= 0 else lb.error_reply(503, "no more")

    server.responder = failing
    body = served(server, tmp_path)
    with pytest.raises(ModelError, match="run again to go on where it stopped"):
        await looped(body, data, 2)
    known, before = journaled(tmp_path), server.count
    assert known
    server.responder = lambda _: lb.RAW_CALL
    await looped(body, data, 2)
    again = [one for one in server.bodies[before:] if one["model"] == "toy"]
    assert not known & asked(again)


async def test_rounds_that_are_done_need_no_server(data: Path, tmp_path: Path):
    async with lb.Loopback(lb.RAW_CALL, models=("toy", "toy-1")) as server:
        body = served(server, tmp_path)
        done = await looped(body, data, 1)
    assert (await looped(body, data, 1)).reports == done.reports
    with pytest.raises(ModelError, match="nothing answers at"):
        await looped(body, data, 2)


async def test_a_student_that_forgets_to_call_ends_the_loop_with_its_report(
    server: lb.Loopback, data: Path, tmp_path: Path
):
    def forgets(body: lb.Body) -> lb.Answer:
        return lb.text_reply("I cannot.") if body["model"] == "toy-2" else lb.call_reply("search", "{}")

    server.responder = forgets
    body = served(server, tmp_path, max_fall=0.5)
    with pytest.raises(
        QualityError, match="round 2: relevance on held-out tools fell from 100% to 0%"
    ) as refused:
        await looped(body, data, 3)
    [report] = data.glob("runs/*/round-02/report.md")
    assert str(report) in str(refused.value)
    before = server.count
    body["loop"]["max_fall"] = 1.0
    assert len((await looped(body, data, 2)).reports) == 2
    assert server.count == before


async def test_a_trainer_that_fails_is_told_of_and_the_next_run_goes_on(
    server: lb.Loopback, data: Path, tmp_path: Path
):
    for mood, message in (
        ("crash", "exit code 1, its last words: no room on the card"),
        ("nothing", "the training wrote no "),
        ("rubbish", "student.json cannot be read"),
        ("hang", "the training was ended after 5 s"),
    ):
        body = served(server, tmp_path, mood, training={"timeout_s": 5.0 if mood == "hang" else 60.0})
        with pytest.raises(TrainingError, match=message):
            await looped(body, data, 1)
    before = versions(data)
    result = await looped(served(server, tmp_path), data, 1)
    assert versions(data) == before
    assert result.student.model_dump()["model"] == "toy-1"
    [runs] = data.glob("runs/*/round-01/student/out/runs")
    assert runs.read_text(encoding="utf-8").split() == ["crash", "nothing", "rubbish", "hang", "works"]


async def test_a_trainer_that_leaves_the_old_student_is_refused(
    server: lb.Loopback, data: Path, tmp_path: Path
):
    body = served(server, tmp_path)
    body["loop"]["training"]["command"] = body["loop"]["training"]["command"].replace("toy-{round}", "toy")
    with pytest.raises(TrainingError, match="left the student that there was before, 'openai:toy toy'"):
        await looped(body, data, 1)


# Files


async def test_a_damaged_file_is_named_and_made_anew_when_it_is_gone(data: Path):
    result = await looped(loop_recipe(), data, 2)
    there = versions(data)
    [folder] = data.glob("runs/small-loop-*")
    damages: dict[str, Callable[[bytes], bytes]] = {
        "cut": lambda content: content[:-7],
        "emptied": lambda _: b"",
        "no text": lambda content: b"\xff\xfe" + content,
        "no record": lambda _: b'{"hello": 1}\n',
    }
    for name, damage in (
        ("pool.jsonl", "cut"),
        ("heldout.jsonl", "no record"),
        ("round-00/audit.jsonl", "cut"),
        ("round-00/student.json", "no text"),
        ("round-01/heldout-before.jsonl", "no text"),
        ("round-02/assembly.jsonl", "emptied"),
        ("round-02/corrected.jsonl", "no text"),
        ("round-02/expanded.jsonl", "cut"),
        ("round-02/probes.jsonl", "no record"),
        ("round-01/version.txt", "emptied"),
        ("round-02/version.txt", "no text"),
        ("round-02/student.json", "no record"),
        ("round-02/report.jsonl", "emptied"),
    ):
        path = folder / name
        path.write_bytes(damages[damage](path.read_bytes()))
        with pytest.raises(StoreError) as refused:
            await looped(loop_recipe(), data, 2)
        assert str(refused.value).startswith(f"{path}: damaged since it was written; delete this file"), name
        assert "\n" not in str(refused.value)
        path.unlink()
    again = await looped(loop_recipe(), data, 2)
    assert versions(data) == there
    assert [one.version for one in again.reports] == [one.version for one in result.reports]
    assert again.student == result.student


async def test_damaged_times_cost_nothing(data: Path):
    await looped(loop_recipe(), data, 1)
    [times] = data.glob("runs/small-loop-*/round-01/seconds.json")
    times.write_text("{", encoding="utf-8")
    times.with_name("report.jsonl").unlink()
    assert len((await looped(loop_recipe(), data, 1)).reports) == 1


async def test_a_folder_in_whose_place_a_file_lies(tmp_path: Path):
    (tmp_path / "runs").write_text("", encoding="utf-8")
    with pytest.raises(
        StoreError, match="cannot be written .*; make room or choose another folder with --data"
    ):
        await looped(loop_recipe(), tmp_path, 1)
