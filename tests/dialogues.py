"""Dialogues that AskToAct really makes of real rows, without a store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from made import demo_rows, make_rows

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.generators.asktoact.explore import Clarifications
from callwright.generators.base import Explored
from callwright.llm.base import Model, Sampling
from callwright.schemas.recipe import AskToAct
from callwright.schemas.task import Trajectory

WORLDS = ("travel", "calendar", "mail", "units", "smart_home", "bank")


class Blocks:
    """Rows in blocks, as a method gets them."""

    def __init__(self, rows: Sequence[Trajectory], size: int = 64) -> None:
        self._rows, self._size = rows, size

    def __len__(self) -> int:
        return -(-len(self._rows) // self._size)

    def block(self, number: int) -> list[Trajectory]:
        return list(self._rows[number * self._size : (number + 1) * self._size])


@cache
def worlds() -> Workshop:
    body = {"dataset": "worlds", "size": 10, "tools": [{"world": name} for name in WORLDS], "seed": 3}
    return Workshop.of(check_recipe(body, "worlds"), Path())


@cache
def source_rows() -> tuple[Trajectory, ...]:
    made = make_rows(worlds(), {"single": 30, "multi_step": 30, "parallel": 15})
    return (*made, *(row for row in demo_rows(4) if row.kind in ("single", "multi_step")))


def method(
    rows: Sequence[Trajectory],
    workshop: Workshop,
    *,
    model: Model | None = None,
    judge: Model | None = None,
    seed: int = 3,
    **settings: object,
) -> Clarifications:
    teacher = model or workshop.teacher(Path())
    chosen = AskToAct.model_validate({"from": "worlds@1", **settings})
    return Clarifications(
        teacher,
        judge or teacher,
        Blocks(rows),
        workshop.toolkits,
        chosen,
        seed,
        synonyms=workshop.synonyms,
        sampling=Sampling(),
    )


def explored(rows: Sequence[Trajectory], workshop: Workshop, **settings: object) -> list[Explored]:
    made = method(rows, workshop, **settings)  # type: ignore[arg-type]

    async def all_chains() -> list[Explored]:
        return [one for chain in made.chains() for one in await made.explore(chain)]

    return asyncio.run(all_chains())


@cache
def dialogues() -> tuple[tuple[Trajectory, Explored], ...]:
    """Each source row on worlds with what became of it."""
    rows = [row for row in source_rows() if row.task.toolkit in WORLDS]
    made = explored(rows, worlds())
    by_source = {
        one.trajectory.provenance.source: one for one in made if one.trajectory is not None and not one.code
    }
    return tuple((row, by_source[row.id]) for row in rows if row.id in by_source)
