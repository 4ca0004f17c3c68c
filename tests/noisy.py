"""Pools in which some labels are known to be wrong, as versions of a store: for rehearsals of the closed loop."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verifier import Desk, calling

from callwright.engine.build import build
from callwright.engine.loop.loop import Looped, loop
from callwright.engine.loop.plan import Plan
from callwright.engine.loop.pool import copy_version
from callwright.engine.loop.rows import RowBook
from callwright.engine.recipes import check_recipe
from callwright.engine.results import Result
from callwright.engine.rulings import Rulings
from callwright.engine.workshop import Workshop
from callwright.errors import GenerationError
from callwright.generators.base import Explored
from callwright.generators.looptool.decisions import Decision
from callwright.generators.looptool.verifying import evidence_of
from callwright.llm.learner import Skills
from callwright.schemas.base import digest
from callwright.schemas.message import ToolCall
from callwright.schemas.task import Trajectory
from callwright.schemas.version import Member
from callwright.store import Commit, Store, TaskRow, TrajectoryRow
from callwright.values.mutations import mutated

_TRIES = 12
"""Mistakes that are tried at a decision before another row is taken."""


@dataclass(frozen=True)
class Wrong:
    """A row whose label is wrong at one step."""

    result: Result
    clean: str
    """The row that it was made of."""
    step: int
    right: tuple[ToolCall, ...]
    """What the label was."""
    visible: bool
    """Whether execution or a rule refutes it."""

    @property
    def row(self) -> str:
        return self.result.trajectory_id

    @property
    def decision(self) -> str:
        return f"{self.row}/{self.step}"


@dataclass(frozen=True)
class Noisy:
    """A version of which some labels are wrong."""

    name: str
    rows: int
    wrong: Sequence[Wrong]

    @property
    def truth(self) -> dict[str, tuple[ToolCall, ...]]:
        return {one.decision: one.right for one in self.wrong}


def recipe(name: str, **changes: Any) -> dict[str, Any]:
    """A loop over worlds with a simulated student; `changes` are those of the section `loop`."""
    return {
        "dataset": name,
        "size": 200,
        "seed": 3,
        "tools": [{"world": one} for one in ("restaurant", "library", "shop", "music", "hr")],
        "models": {"teacher": {"engine": "offline"}, "student": {"engine": "simulated"}},
        "methods": {"toolalpaca": {}},
        "mix": {"single": 0.35, "multi_step": 0.2, "parallel": 0.15, "clarification": 0.15, "no_call": 0.15},
        "accept": {"rung": "L3"},
        "loop": {
            "rows": 60,
            "held_out": {"toolkits": ["hr"], "rows": 60},
            "training": {"hook": "simulated"},
            # A rehearsal measures; it does not end where a round went wrong.
            "max_fall": 1.0,
            **changes,
        },
    }


def workshop(body: Mapping[str, Any], base: Path) -> Workshop:
    return Workshop.of(check_recipe(dict(body), "loop"), base)


async def pool_with_noise(body: Mapping[str, Any], data: Path, share: float, seed: int) -> Noisy:
    """The recipe's pool and held-out rows, built; and a version of the pool with so many wrong labels, half of them
    such as execution refutes.
    """
    plan = Plan.of(workshop(body, data))
    await build(plan.held_out, data)
    clean = (await build(plan.seeds, data)).version
    copied = data / "clean.jsonl"
    with Store.open(data, write=False) as store:
        copy_version(store, clean, copied, ("train",))
    book = RowBook(plan.workshop.tools)
    rows = book.add(copied)
    wrong = await _spoilt(plan.seeds, [book.row(row) for row in rows], round(share * len(rows)), seed)
    swapped = {one.clean: one.result for one in wrong}
    results = [swapped.get(row) or book.result(row) for row in rows]
    batch = Commit(
        dataset=f"{plan.name}-noisy",
        recipe=plan.seeds.recipe.resolved(),
        recipe_digest=digest([clean.id, share, seed]),
        members=[
            Member(
                trajectory=one.trajectory_id, split="train", kind=one.row_kind or one.kind, method=one.method
            )
            for one in results
        ],
        toolkits=plan.seeds.toolkits,
        tasks=[TaskRow(one.task_id, one.task) for one in results],
        trajectories=[
            TrajectoryRow(one.trajectory_id, one.row_kind or one.kind, one.trajectory, one.task)
            for one in results
        ],
        verdicts=[verdict for one in results for verdict in one.verdicts],
    )
    with Store.open(data, write=True) as store:
        version = store.commit(batch)
    return Noisy(version.name, len(results), wrong)


async def _spoilt(seeds: Workshop, rows: Sequence[Trajectory], count: int, seed: int) -> list[Wrong]:
    """Some rows with one call wrong and all that follows executed anew; every other one has to be refuted."""
    rng = random.Random(seed)
    desk = Desk(seeds)
    rulings = Rulings(seeds.judges(), seeds.recipe.accept.rung, seeds.max_steps)
    taken = {row.id for row in rows}
    found: list[Wrong] = []
    for row in rng.sample(rows, len(rows)):
        one = await _wrong(desk, rulings, row, rng, visible=len(found) % 2 == 0)
        if one and one.row not in taken:
            taken.add(one.row)
            found.append(one)
            if len(found) == count:
                return found
    raise AssertionError(f"only {len(found)} labels of {count} could be made wrong")


async def _wrong(
    desk: Desk, rulings: Rulings, row: Trajectory, rng: random.Random, *, visible: bool
) -> Wrong | None:
    for decision in calling(row):
        for _ in range(_TRIES):
            mistaken = mutated(decision.tools, decision.label.tool_calls, rng)
            if not mistaken or not mistaken[1]:
                continue
            turn = decision.label.model_copy(update={"tool_calls": mistaken[1]})
            try:
                made = await desk.again(row, decision.step, turn)
            except GenerationError:
                continue
            result, mended = await rulings.rule(Explored(attempt=row.task.attempt, trajectory=made))
            if (evidence_of(mended, result.verdicts) == "wrong") == visible and _stands(mended, decision):
                return Wrong(result, row.id, decision.step, decision.label.tool_calls, visible)
    return None


def _stands(made: Trajectory, decision: Decision) -> bool:
    """Whether the decision is still at its place: repairs may have moved it."""
    return made.messages[: decision.step] == decision.before


async def learnt(body: Mapping[str, Any], data: Path, noisy: Noisy, learner: int, rounds: int) -> Looped:
    """The loop of one learner over a noisy pool; the learner knows what is right."""
    skills = data / f"learner-{learner}.json"
    skills.write_text(Skills(seed=learner, truth=noisy.truth).model_dump_json(), encoding="utf-8")
    student = {"engine": "simulated", "seed": learner, "skills": skills.name}
    models = {**body["models"], "student": student}
    given = {**body, "models": models, "loop": {**body["loop"], "seeds": noisy.name}}
    return await loop(workshop(given, data), data, rounds)
