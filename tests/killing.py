"""One build that is killed many times, and what that cost: for the test suite and for the benchmark."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import loopback as lb
from command import ended, started


@dataclass
class Toll:
    """What the kills of one build came to."""

    version_id: str = ""
    rows: int = 0
    spent: dict[str, Any] = field(default_factory=dict)
    """Purpose -> what the version says that it cost."""
    kills: int = 0
    asked_again: int = 0
    """Requests whose answer was in the journal when they were sent."""
    shards_lost: int = 0
    """Finished shards of rows that were not the same at the end."""
    extra: list[int] = field(default_factory=list)
    """For each kill: requests that the server had seen and the journal never got an answer to."""


async def killed(
    arguments: Sequence[str], server: lb.Loopback, moments: Sequence[int], rng: random.Random, folder: Path
) -> Toll:
    """Run a build, kill it when the server has answered so many new questions, and go on until it is done."""
    toll = Toll()
    shards: dict[Path, bytes] = {}
    for moment in moments:
        before, known = server.count, journaled(folder)
        wasted = before - len(known)
        process = await started(*arguments, cwd=folder)
        await until(server, moment + wasted, process)
        await asyncio.sleep(rng.uniform(0, 0.02))
        assert process.returncode is None, (await ended(process))[2]
        process.kill()
        assert (await ended(process))[0] == -signal.SIGKILL
        toll.kills += 1
        toll.asked_again += len(known & asked(server.bodies[before:]))
        toll.extra.append(server.count - before - len(journaled(folder) - known))
        shards |= {path: path.read_bytes() for path in folder.glob("data/runs/*/shards/*.jsonl")}
    before, known = server.count, journaled(folder)
    code, out, err = await ended(await started(*arguments, cwd=folder))
    assert code == 0, err
    toll.asked_again += len(known & asked(server.bodies[before:]))
    toll.shards_lost = sum(path.read_bytes() != content for path, content in shards.items())
    version = json.loads(out)
    toll.version_id, toll.rows = version["id"], version["statistics"]["rows"]
    toll.spent = version["statistics"]["by_purpose"]
    return toll


async def until(server: lb.Loopback, count: int, process: Process) -> None:
    """Wait until the server has seen so many requests, or the process has ended."""
    while server.count < count and process.returncode is None:
        await asyncio.sleep(0.002)


def journaled(folder: Path) -> set[str]:
    """The questions that a run's journal has answers to; a torn last line is none."""
    found = set()
    for path in folder.glob("data/runs/*/journal*.jsonl"):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                found.add(_question(json.loads(line)["request"]))
    return found


def asked(bodies: Sequence[dict[str, Any]]) -> set[str]:
    return {_question(body) for body in bodies}


def _question(parts: dict[str, Any]) -> str:
    """One name for a question, as the server sees it and as the ledger keeps it."""
    text = json.dumps([parts["messages"], parts.get("tools") or []], sort_keys=True)
    return sha256(text.encode()).hexdigest()
