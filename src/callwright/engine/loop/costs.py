"""What a loop will ask; see `engine.costs`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from callwright.engine.costs import STUDENT, Count, Sizes, estimates_of, lines_of, model_of, plan_of
from callwright.engine.loop.plan import Plan
from callwright.engine.loop.pool import with_origin
from callwright.engine.workshop import Workshop
from callwright.schemas.cost import CostPlan, Estimate
from callwright.schemas.recipe import OfflineModel

_WRONG = 0.3
"""Share of a round's decisions at which a student is taken to fail."""
_DECISIONS = 2
"""Decisions of a row: a call and an answer."""


def loop_plan_of(workshop: Workshop, data: Path, rounds: int) -> CostPlan:
    """What a loop will cost: its seeds, its held-out tasks, and its rounds. Rounds that are done are not left out.

    Raises:
        UsageError: The recipe has no loop.
        StoreError: The store cannot be read.
    """
    plan = with_origin(Plan.of(workshop), data)
    parts = {"held-out": plan.held_out} | ({} if plan.origin else {"seeds": plan.seeds})
    found = [
        one.model_copy(update={"stage": f"{name} {one.stage}"})
        for name, part in sorted(parts.items(), reverse=True)
        for one in plan_of(part, data).estimates
    ]
    found += chain.from_iterable(_round(plan, number) for number in range(1, rounds + 1))
    folder = data / "runs" / f"{plan.name}-loop-{plan.digest[:12]}"
    return CostPlan(
        dataset=plan.name,
        rows=rounds * plan.settings.rows,
        answered=lines_of(folder / "journal.jsonl"),
        estimates=tuple(found),
    )


def _round(plan: Plan, number: int) -> Iterator[Estimate]:
    """One round: the first trains on seeds alone; each measures the student on the held-out tasks."""
    settings, recipe, sizes = plan.settings, plan.workshop.recipe, Sizes.of(plan.workshop)
    prompt = 300 + sizes.offered
    decisions = settings.rows * _DECISIONS
    measured = settings.held_out.rows * _DECISIONS * (1 + (number == 1) + settings.control)
    measured += settings.held_out.rows * 2 * _DECISIONS * settings.probe.runs
    counts: list[Count] = []
    if number > 1:
        each = 1 + settings.probe.label_perplexity + settings.probe.samples
        measured += decisions * each + settings.replay * _DECISIONS
        failed = _WRONG * decisions
        compared = (
            (failed + settings.verify.planted) * 2 * settings.verify.votes if settings.verify.enabled else 0
        )
        tried = failed * settings.expand.variants
        rules = isinstance(model_of(recipe, "looptool.compare"), OfflineModel)
        counts += [
            ("looptool.compare", 0 if rules else compared, 1200 + prompt, 120),
            ("looptool.variant", tried, 1000 + sizes.kit, 120),
            ("toolalpaca.assistant", tried * 2, 600 + sizes.offered, 60),
        ]
    yield from estimates_of(recipe, f"round {number}", [(STUDENT, measured, prompt, 60), *counts])
