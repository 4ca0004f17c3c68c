"""Rows that the offline teacher really makes, without a store: for tests of whatever reads rows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from callwright.engine.recipes import check_recipe, load_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import GenerationError
from callwright.generators.base import Slot
from callwright.judges.base import Judge
from callwright.schemas.task import Kind, Trajectory
from callwright.schemas.verdict import Verdict
from callwright.settings import shipped_folder

HERE = Path(__file__).parent
DEMO = shipped_folder() / "recipes" / "demo.yaml"
CLOSED: tuple[Kind, ...] = ("single", "multi_step", "clarification", "no_call")


@cache
def demo() -> Workshop:
    """The demo's recipe with its two toolkits and their phrase sheets."""
    return Workshop.of(load_recipe(DEMO), DEMO.parent)


@cache
def documented(name: str) -> Workshop:
    """One file of `tests/data` with nothing but its own documentation."""
    body = {
        "dataset": "documented",
        "size": 10,
        "tools": [{"openapi": f"data/{name}"}],
        "mix": {"single": 1.0},
    }
    return Workshop.of(check_recipe(body, name), HERE)


def make_rows(workshop: Workshop, counts: dict[Kind, int]) -> list[Trajectory]:
    """So many rows of each kind; attempts that are refused are passed over."""
    return asyncio.run(_made(workshop, counts))


@cache
def demo_rows(each: int) -> tuple[Trajectory, ...]:
    return tuple(make_rows(demo(), dict.fromkeys(CLOSED, each)))


async def _made(workshop: Workshop, counts: dict[Kind, int]) -> list[Trajectory]:
    teacher = workshop.teacher(Path())
    operators = workshop.operators(teacher, workshop.toolbox(teacher))["toolalpaca"]
    rows = []
    for kind, count in counts.items():
        attempt, found = 0, 0
        while found < count:
            slot = Slot(method="toolalpaca", kind=kind, attempt=attempt, seed=11)
            attempt += 1
            assert attempt < 3 * count + 20, f"{kind}: the teacher refuses too much"
            try:
                task = await operators.source.task(slot)
                rows.append(await operators.rollout.trajectory(task, slot.name))
                found += 1
            except GenerationError:
                continue
    return rows


def verdicts(judges: Sequence[Judge], row: Trajectory) -> list[Verdict]:
    async def ruled() -> list[Verdict]:
        return [verdict for judge in judges for verdict in await judge.judge(row)]

    return asyncio.run(ruled())


def codes(judges: Sequence[Judge], row: Trajectory) -> list[str]:
    """Reason codes against a row: what fails, and what L1 and below cannot settle; empty for a good one."""
    return [
        verdict.code
        for verdict in verdicts(judges, row)
        if verdict.outcome == "fail" or (verdict.outcome == "undecided" and verdict.rung in _LOW)
    ]


_LOW = ("hygiene", "L0", "L1")
