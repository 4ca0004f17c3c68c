"""Maskings and dialogues of AskToAct a second, in CPU seconds of one process. Run: python benchmarks/asktoact.py"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import GenerationError
from callwright.generators.asktoact.explore import Clarifications
from callwright.generators.asktoact.intents import inventory, problem
from callwright.generators.base import Slot
from callwright.llm.base import Sampling
from callwright.schemas.recipe import AskToAct
from callwright.schemas.task import Kind, Trajectory

KINDS: tuple[Kind, ...] = ("single", "multi_step", "parallel")
ROWS = 300


class _Block:
    def __init__(self, rows: list[Trajectory]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return 1

    def block(self, number: int) -> list[Trajectory]:
        return self._rows


async def _source(workshop: Workshop) -> list[Trajectory]:
    teacher = workshop.teacher(Path())
    operators = workshop.operators(teacher, workshop.toolbox(teacher))["toolalpaca"]
    rows: list[Trajectory] = []
    attempt = 0
    while len(rows) < ROWS:
        slot = Slot(method="toolalpaca", kind=KINDS[attempt % 3], attempt=attempt // 3, seed=1)
        attempt += 1
        try:
            rows.append(await operators.rollout.trajectory(await operators.source.task(slot), slot.name))
        except GenerationError:
            continue
    return rows


async def main() -> None:
    body = {
        "dataset": "bench",
        "size": 10,
        "tools": [{"world": name} for name in ("travel", "calendar", "mail", "shop", "bank", "library")],
    }
    workshop = Workshop.of(check_recipe(body, "benchmark"), Path())
    rows = await _source(workshop)
    synonyms, teacher = workshop.synonyms, workshop.teacher(Path())
    started = time.process_time()
    found = [inventory(row, synonyms) for row in rows if not problem(row)]
    listed = time.process_time() - started
    method = Clarifications(
        teacher,
        teacher,
        _Block(rows),
        workshop.toolkits,
        AskToAct.model_validate({"from": "bench@1"}),
        1,
        synonyms=synonyms,
        sampling=Sampling(),
    )
    started = time.process_time()
    made = await method.explore("00000")
    spent = time.process_time() - started
    dialogues = sum(one.trajectory is not None and one.part != "control" for one in made)
    maskable = sum(bool(one.maskable) for one in found)
    print(
        f"{len(found)} requests read in {listed:.2f} s: {len(found) / listed:,.0f}/s, {maskable} of them maskable"
    )
    print(f"{dialogues} dialogues made and read again in {spent:.2f} s: {dialogues / spent:,.0f}/s")


if __name__ == "__main__":
    asyncio.run(main())
