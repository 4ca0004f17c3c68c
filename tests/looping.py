"""Loops for tests: small recipes, and a process of its own for each sitting, which can be killed at any moment."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from command import forking

from callwright.engine.loop.loop import Looped, loop
from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.llm.base import Completion, Request, request_key
from callwright.llm.journal import Journal
from callwright.llm.learner import SimulatedStudent
from callwright.llm.offline import Offline
from callwright.schemas.round import RoundReport
from callwright.store import Store

SECONDS = 300


def loop_recipe(*, student: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """A recipe of a loop that takes a second or two; keyword arguments are keys of `loop`."""
    return {
        "dataset": "small",
        "size": 30,
        "seed": 3,
        "tools": [{"world": "library"}, {"world": "music"}],
        "models": {
            "teacher": {"engine": "offline"},
            "student": student or {"engine": "simulated", "seed": 1},
        },
        "methods": {"toolalpaca": {}},
        "mix": {"single": 0.4, "multi_step": 0.2, "clarification": 0.2, "no_call": 0.2},
        "accept": {"rung": "L3"},
        "loop": {
            "rows": 12,
            "held_out": {"toolkits": ["music"], "rows": 6},
            "training": {"hook": "simulated"},
            "expand": {"variants": 1},
            "max_fall": 1.0,
        }
        | settings,
    }


def workshop_of(body: dict[str, Any]) -> Workshop:
    """The recipe's workshop; reading tools takes most of a small loop's time, so it is done once."""
    tools = _tools(json.dumps([body["tools"], body["models"]["teacher"]]))
    recipe = check_recipe(body, "recipe")
    return Workshop(recipe, tools.sources, tools.toolkits, tools.refusals, tools.base)


@cache
def _tools(given: str) -> Workshop:
    tools, teacher = json.loads(given)
    body = {"dataset": "tools", "size": 1, "tools": tools, "models": {"teacher": teacher}}
    return Workshop.of(check_recipe(body, "recipe"), Path())


async def looped(body: dict[str, Any], data: Path, rounds: int = 2, **given: Any) -> Looped:
    return await loop(workshop_of(body), data, rounds, **given)


def versions(data: Path) -> dict[str, str]:
    """Every version of a data folder by its name."""
    with Store.open(data, write=False) as store:
        return {one.name: one.id for one in store.versions()}


def reports(data: Path) -> list[dict[str, Any]]:
    """The reports of all rounds, without what a clock says."""
    paths = sorted(data.glob("runs/*/round-*/report.jsonl"))
    found = [RoundReport.model_validate_json(path.read_text(encoding="utf-8")) for path in paths]
    return [one.model_dump(exclude={"seconds"}) for one in found]


# Sittings that are killed


@dataclass
class Toll:
    """What the kills of one loop came to."""

    kills: list[str] = field(default_factory=list)
    """What was being written when they came."""
    asked_again: int = 0
    """Questions whose answer was in the journal when they were asked."""


def killed(body: dict[str, Any], data: Path, rounds: int, kills: int, seed: int) -> Toll:
    """Run a loop, kill it again and again while it writes files or answers, and go on until it is done."""
    toll, rng = Toll(), random.Random(seed)
    left = _sitting(body, data.with_name("whole"), rounds, toll)
    for remaining in range(kills, 0, -1):
        # Somewhere in the next stretch, and about as often at a file as at an answer.
        stretch = left[: -(-len(left) // remaining)]
        answers = rng.random() < 0.5
        moment = rng.choice([one for one in stretch if one.startswith("answer") == answers] or stretch)
        seen = set(_sitting(body, data, rounds, toll, moment, rng.choice((0.0, rng.uniform(0, 0.01)))))
        # A kill may come after an answer was written and before it was noted.
        known = _journaled(data)
        left = [one for one in left if one not in seen and one.rpartition(" ")[2] not in known]
    _sitting(body, data, rounds, toll)
    return toll


def _sitting(
    body: dict[str, Any], data: Path, rounds: int, toll: Toll, moment: str = "", delay_s: float = 0.0
) -> list[str]:
    """One process, killed at a moment; each file and answer of the loop itself that it wrote, for builds are killed by
    tests of their own.
    """
    log = data.with_suffix(".log")
    log.unlink(missing_ok=True)
    known = _journaled(data)
    process = forking().Process(target=_sit, args=(body, data, rounds, log, moment, delay_s))
    process.start()
    process.join(SECONDS)
    lines = [line.split("\t") for line in log.read_text(encoding="utf-8").splitlines()]
    toll.asked_again += len(known & {key for what, key in lines if what == "asked"})
    if process.exitcode == -signal.SIGKILL:
        toll.kills.append(moment)
    else:
        assert process.exitcode == 0, process.exitcode
    return list(dict.fromkeys(where for what, where in lines if what == "written"))


def _sit(body: dict[str, Any], data: Path, rounds: int, log: Path, moment: str, delay_s: float) -> None:
    told = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(what: str, where: str) -> None:
        os.write(told, f"{what}\t{where}\n".encode())
        if where == moment and delay_s:
            threading.Timer(delay_s, os.kill, (os.getpid(), signal.SIGKILL)).start()
        elif where == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_event(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("os.rename", "os.mkdir") or (
            event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        ):
            path = str(arguments[0])
            if path.startswith(f"{data}/runs/") and "-loop-" in path and "status.json" not in path:
                # A view is written to a folder that is named after its process.
                place = re.sub(r"\.\d+\.part", ".part", path.partition("-loop-")[2].partition("/")[2])
                note("written", f"{event} {place}")

    sys.addaudithook(on_event)
    for model in (SimulatedStudent, Offline):
        _note_questions(model, note)
    _note_answers(note)
    asyncio.run(looped(body, data, rounds))


def _note_questions(model: Any, note: Any) -> None:
    complete = model.complete

    async def noted(self: Any, request: Request) -> Completion:
        note("asked", request_key(self, request))
        return await complete(self, request)  # type: ignore[no-any-return]

    model.complete = noted


def _note_answers(note: Any) -> None:
    write = Journal._write

    def noted(self: Journal, line: bytes) -> None:
        write(self, line)
        if "-loop-" in str(self.path):
            entry = json.loads(line)
            note("written", f"answer {entry['purpose']} {entry['key']}")

    Journal._write = noted  # type: ignore[method-assign]


def _journaled(data: Path) -> set[str]:
    """The questions that journals have answers to; a torn last line is none."""
    found = set()
    for path in data.glob("runs/*/journal.jsonl"):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                found.add(json.loads(line)["key"])
    return found


def stages_of(kills: Sequence[str]) -> set[str]:
    """What was being made when kills came: a stage's file of a round, or answers of a purpose."""
    return {"/".join(one.split()[1].split("/")[:2]) for one in kills}
