"""Builds over real tools that are killed in the middle of a call, and continued by the same command."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from command import ended, started
from harbor import Harbor
from workshops import written

from callwright.engine.build import build
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop

SIZE = 14
IN_FLIGHT = 3


def recipe(source: dict[str, Any], folder: Path) -> Path:
    body = {
        "dataset": "killed",
        "size": SIZE,
        "seed": 3,
        "tools": [source],
        "mix": {"single": 0.6, "clarification": 0.4},
        "models": {"teacher": {"engine": "offline", "in_flight": IN_FLIGHT}},
    }
    return written(body, folder / "killed.yaml")


def command(path: Path) -> tuple[str, ...]:
    return ("build", str(path), "--no-prefect", "--json", "--data", str(path.parent / "data"))


async def undisturbed(path: Path, data: Path) -> str:
    return (await build(Workshop.of(load_recipe(path), path.parent), data)).version.id


def journal(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Conversation and number of each call -> what was sent, and what came back."""
    [file] = (folder / "data" / "runs").glob("*/calls.jsonl")
    entries = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    sent = {one["key"].removesuffix("/intent"): one["call"] for one in entries if "call" in one}
    back = {
        one["key"].removesuffix("/observation"): one["observation"] for one in entries if "observation" in one
    }
    return sent, back


async def test_a_build_killed_while_a_server_is_asked_sends_no_call_twice_blindly(tmp_path: Path):
    async with Harbor() as harbor:
        path = recipe(harbor.source(http_methods=["GET", "POST"]), tmp_path)
        whole = await undisturbed(path, tmp_path / "whole")
        total = harbor.count
        harbor.asked.clear()
        for moment in (1, 5, 11):
            harbor.hold_at = max(moment, harbor.count + 1)
            process = await started(*command(path), cwd=tmp_path)
            await asyncio.wait_for(harbor.held.wait(), 60)
            harbor.held.clear()
            process.kill()
            assert (await ended(process))[0] == -signal.SIGKILL
        harbor.hold_at = 0
        code, out, err = await ended(await started(*command(path), cwd=tmp_path))
        assert code == 0, err
        count = harbor.count
    assert json.loads(out)["id"] == whole
    sent, back = journal(tmp_path)
    unknown = set(sent) - set(back)
    assert 3 <= len(unknown) <= 3 * IN_FLIGHT  # each killed run left the calls that it had under way
    assert len(back) >= total
    # Each intent was sent once at the most, and each call that was answered exactly once.
    assert len(back) <= count <= len(sent)


async def test_finished_calls_are_read_back_and_reach_the_server_no_second_time(tmp_path: Path):
    async with Harbor() as harbor:
        path = recipe(harbor.source(http_methods=["GET", "POST"]), tmp_path)
        harbor.hold_at = 9
        process = await started(*command(path), cwd=tmp_path)
        await asyncio.wait_for(harbor.held.wait(), 60)
        process.kill()
        await ended(process)
        harbor.hold_at = 0
        _, finished = journal(tmp_path)
        harbor.asked.clear()
        code, _, err = await ended(await started(*command(path), cwd=tmp_path))
        assert code == 0, err
        count = harbor.count
    _, back = journal(tmp_path)
    assert finished
    assert {key: back[key] for key in finished} == finished
    assert count == len(back) - len(finished)


STATEFUL = '''
import os, time
from pathlib import Path
from typing import Literal

FOLDER = Path({folder!r})
total = 0

Kind = Literal["letter", "postcard", "parcel", "airmail"]

def buy_stamps(kind: Kind, count: Literal[2, 3, 4, 5, 6]) -> dict[str, int]:
    """Buy stamps.

    Args:
        kind: The kind of stamp.
        count: How many.
    """
    global total
    total += count
    with (FOLDER / "bought.txt").open("a") as file:
        file.write(f"{{os.getpid()}} {{kind}} {{count}}\\n")
    if (FOLDER / "slow").exists():
        time.sleep(600)
    return {{"total": total}}
'''


@pytest.mark.slow
async def test_a_python_function_that_acts_acts_once_for_each_call_that_was_written_down(tmp_path: Path):
    (tmp_path / "post.py").write_text(STATEFUL.format(folder=str(tmp_path)), encoding="utf-8")
    bought = tmp_path / "bought.txt"
    path = recipe({"python": "post.py"}, tmp_path)
    whole = await undisturbed(path, tmp_path / "whole")
    bought.unlink()
    (tmp_path / "slow").touch()
    process = await started(*command(path), cwd=tmp_path)
    while not bought.exists() and process.returncode is None:
        await asyncio.sleep(0.01)
    process.kill()
    await ended(process)
    (tmp_path / "slow").unlink()
    interrupted = len(bought.read_text(encoding="utf-8").splitlines())
    assert interrupted
    code, out, err = await ended(await started(*command(path), cwd=tmp_path))
    assert code == 0, err
    assert json.loads(out)["id"] == whole
    sent, back = journal(tmp_path)
    # The judge executes each accepted row a second time, in processes of its own that no journal knows.
    acts = Counter(bought.read_text(encoding="utf-8").splitlines())
    assert set(acts.values()) == {1}  # every conversation, and every replay, has its own process
    unanswered = len(set(sent) - set(back))
    assert unanswered >= interrupted
    # A child that had its call when we were killed may still have made it after we counted.
    assert interrupted <= sum(acts.values()) - 2 * len(back) <= unanswered
