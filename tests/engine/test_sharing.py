"""Several workers at one run make one version, ask nothing twice, and finish what one of them dies over."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from pathlib import Path
from typing import Any

import loopback as lb
import pytest
from command import ended, started
from killing import asked, journaled, until
from teacher import museum_teacher
from workshops import museum, museum_recipe, written

from callwright.engine.build import Built, build
from callwright.engine.sharing import SharedJournal, claimed, free, until_done
from callwright.errors import RunBusyError, UsageError
from callwright.llm.journal import Journal, Tail
from callwright.store import Store

SIZE = 16


def server(**options: Any) -> lb.Loopback:
    return lb.Loopback(museum_teacher, **options)


async def together(address: str, data: Path, workers: int) -> list[Built]:
    return list(
        await asyncio.gather(*(build(museum(address, size=SIZE), data, join=True) for _ in range(workers)))
    )


async def test_workers_that_share_a_run_make_the_version_that_one_makes(tmp_path: Path):
    async with server(latency_s=0.005) as teacher:
        built = await together(teacher.base_url, tmp_path / "shared", 3)
        assert sorted(one.elsewhere for one in built) == [False, True, True]
        assert [one.made for one in built if not one.elsewhere] == [True]
        assert sum(one.asked > 0 for one in built) > 1, "one worker did it all"
        assert sum(one.asked for one in built) == teacher.count == len(asked(teacher.bodies))
        questions = asked(teacher.bodies)
        alone = await build(museum(teacher.base_url, size=SIZE), tmp_path / "alone")
    assert {one.version.id for one in built} == {alone.version.id}
    assert built[0].version.statistics.by_purpose == alone.version.statistics.by_purpose
    assert asked(teacher.bodies[len(questions) :]) == questions
    with Store.open(tmp_path / "shared", write=False, wait_s=1) as store:
        assert len(store.versions("museum")) == 1
    [run] = (tmp_path / "shared" / "runs").iterdir()
    assert not (run / "claims").exists() and not list(run.glob("earlier*"))


async def test_a_worker_that_dies_is_made_up_for_by_the_other(tmp_path: Path):
    async with server(latency_s=0.02) as teacher:
        recipe = written(museum_recipe(teacher.base_url, size=SIZE), tmp_path / "museum.recipe.yaml")
        command = ("build", recipe, "--data", tmp_path / "data", "--join", "--no-prefect", "--json")
        doomed = await started(*command, cwd=tmp_path)
        await until(teacher, 15, doomed)
        other = asyncio.create_task(build(museum(teacher.base_url, size=SIZE), tmp_path / "data", join=True))
        await until(teacher, 30, doomed)
        await asyncio.sleep(random.Random(7).uniform(0, 0.02))
        doomed.kill()
        assert (await ended(doomed))[0] == -signal.SIGKILL
        before, known = teacher.count, journaled(tmp_path)
        built = await other
        assert not built.elsewhere and built.made
        assert known and not known & asked(teacher.bodies[before:])
        alone = await build(museum(teacher.base_url, size=SIZE), tmp_path / "alone")
    assert built.version.id == alone.version.id


async def test_who_is_not_asked_to_share_does_not(tmp_path: Path):
    async with server(latency_s=0.05) as teacher:
        first = asyncio.create_task(build(museum(teacher.base_url, size=SIZE), tmp_path))
        while not teacher.count:
            await asyncio.sleep(0.001)
        with pytest.raises(RunBusyError):
            await build(museum(teacher.base_url, size=SIZE), tmp_path)
        second = await build(museum(teacher.base_url, size=SIZE), tmp_path, join=True)
        assert (await first).version.id == second.version.id


@pytest.mark.parametrize(
    ("changes", "replay", "word"),
    [
        ({"budget": {"requests": 5}}, False, "budget"),
        ({}, True, "replay"),
        (
            {"models": {"teacher": {"engine": "batch", "model": "toy", "command": "x {input} {output}"}}},
            False,
            "batch",
        ),
    ],
)
async def test_what_cannot_be_shared_is_refused(
    changes: dict[str, Any], replay: bool, word: str, tmp_path: Path
):
    from callwright.engine.recipes import check_recipe
    from callwright.engine.workshop import Workshop

    workshop = Workshop.of(check_recipe(museum_recipe() | changes, "museum"), Path())
    with pytest.raises(UsageError, match=word):
        await build(workshop, tmp_path, join=True, replay=replay)
    assert not list(tmp_path.iterdir())


def entry(key: str, text: str = "") -> dict[str, Any]:
    return {"key": key, "text": text}


def test_a_worker_knows_what_the_others_were_answered(tmp_path: Path):
    first = SharedJournal(tmp_path, "journal.jsonl", 1)
    second = SharedJournal(tmp_path, "journal.jsonl", 2)
    tenth = SharedJournal(tmp_path, "journal.jsonl", 10)
    first.append(entry("a", "of the first"))
    second.append(entry("b"))
    assert second.get("a") is None
    for journal in (first, second, tenth):
        journal.catch_up()
    assert second.get("a") == entry("a", "of the first")
    second.append(entry("a", "of the second"))
    tenth.append(entry("c"))
    assert [one["key"] for one in second] == ["b", "a"]
    assert "c" not in first and "b" in first
    first.catch_up()
    assert [one["key"] for one in first] == ["a", "b", "c"]
    for journal in (first, second, tenth):
        journal.close()


def test_a_line_that_is_not_whole_yet_is_read_when_it_is(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    line = json.dumps(entry("b", "x" * 3_000_000)).encode() + b"\n"
    with Journal(path) as journal:
        journal.append(entry("a"))
        tail = Tail(path)
        tail.catch_up()
        with path.open("ab") as file:
            file.write(line[:2_000_000])
            file.flush()
            tail.catch_up()
            assert [one["key"] for one in tail] == ["a"] and tail.get("b") is None
            file.write(line[2_000_000:])
        tail.catch_up()
        assert tail.get("b") == entry("b", "x" * 3_000_000)
        tail.close()


async def test_a_claim_is_one_worker_s_until_it_ends(tmp_path: Path):
    with claimed(tmp_path, "shard") as ours, claimed(tmp_path, "shard") as theirs:
        assert ours and not theirs and not free(tmp_path, "shard")
    with pytest.raises(ZeroDivisionError), claimed(tmp_path, "shard"):
        _ = 1 / 0
    assert free(tmp_path, "shard")


async def test_what_another_leaves_undone_is_taken_over(tmp_path: Path):
    made = {name: tmp_path / name for name in ("here", "there", "dropped")}
    turns: list[list[str]] = []

    async def do(names: Any) -> None:
        turns.append(list(names))
        for name in names:
            with claimed(tmp_path, name) as ours:
                if ours:
                    made[name].touch()

    dropped = claimed(tmp_path, "dropped")
    with claimed(tmp_path, "there"):
        dropped.__enter__()
        waiting = asyncio.create_task(until_done(tmp_path, made, do))
        while not turns:
            await asyncio.sleep(0)
        made["there"].touch()
    dropped.__exit__(None, None, None)
    await waiting
    assert turns == [["here", "there", "dropped"], ["dropped"]]
