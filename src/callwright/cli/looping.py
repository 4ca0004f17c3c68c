"""`loop`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from callwright.cli.planning import show_plan
from callwright.cli.talk import say, show_json
from callwright.engine.loop.costs import loop_plan_of
from callwright.engine.loop.loop import Looped
from callwright.engine.loop.loop import loop as engine_loop
from callwright.engine.loop.plan import Plan
from callwright.engine.loop.report import summary
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.settings import data_folder


def loop(
    recipe: Path, rounds: int, sets: list[str], data: Path | None, no_prefect: bool, as_json: bool, plan: bool
) -> None:
    workshop = Workshop.of(load_recipe(recipe, sets), recipe.parent)
    if plan:
        show_plan(loop_plan_of(workshop, data_folder(data), rounds), as_json)
        return
    Plan.of(workshop)  # what cannot be is told before a server starts
    looped = _run(workshop, data_folder(data), rounds, no_prefect)
    if as_json:
        reports = [report.model_dump(mode="json") for report in looped.reports]
        show_json({"rounds": reports, "student": looped.student.model_dump(mode="json")})
        return
    print(summary(looped.reports))
    for path in looped.told:
        print(path)


def _run(workshop: Workshop, data: Path, rounds: int, no_prefect: bool) -> Looped:
    if no_prefect:
        return asyncio.run(engine_loop(workshop, data, rounds, tell=say))
    from callwright.flows.settings import prefer_quiet_prefect

    prefer_quiet_prefect(data)
    from callwright.flows.loop import loop_under_prefect

    return loop_under_prefect(workshop, data, rounds, say)
