"""The closed loop as a Prefect flow: a stage of a round is a task, and so is each shard of its seeds and variants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from callwright.engine.loop.loop import Looped
from callwright.engine.loop.loop import loop as engine_loop
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.flows.allowed import Order, refuse_others
from callwright.flows.running import PrefectRunner, under_prefect
from callwright.settings import data_folder

from prefect import flow  # isort: skip - `running` has set its settings


@flow(name="loop", persist_result=False, validate_parameters=False)
async def loop(
    recipe: str, rounds: int, data: str | None = None, overrides: tuple[str, ...] = ()
) -> list[str]:
    """Go round; returns the names of the rounds' versions.

    Args:
        recipe: Path of the recipe.
        rounds: How many rounds there shall be in all; those that are there are not done again.
        data: Folder of the store and the runs.
        overrides: `key.path=value`, as `--set` takes them.
    """
    refuse_others(Order(recipe, data, None, tuple(overrides)))
    path = Path(recipe)
    workshop = Workshop.of(load_recipe(path, overrides), path.parent)
    looped = await engine_loop(workshop, data_folder(data), rounds, runner=PrefectRunner())
    return [report.version for report in looped.reports]


def loop_under_prefect(workshop: Workshop, data: Path, rounds: int, tell: Callable[[str], None]) -> Looped:
    """The loop of the command line: the same flow, with the workshop at hand and progress told."""

    async def work(runner: PrefectRunner) -> Looped:
        return await engine_loop(workshop, data, rounds, runner=runner, tell=tell)

    return under_prefect("loop", workshop.recipe.dataset, work)
