"""The build as a Prefect flow: a shard is a task, everything inside a shard is asyncio."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from callwright.engine.build import Built
from callwright.engine.build import build as engine_build
from callwright.engine.progress import Progress
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.flows.running import PrefectRunner, under_prefect
from callwright.settings import data_folder

from prefect import flow  # isort: skip - `running` has set its settings


@flow(name="build", persist_result=False, validate_parameters=False)
async def build(recipe: str, data: str | None = None, overrides: tuple[str, ...] = ()) -> str:
    """Build a recipe's next version; returns its name.

    Args:
        recipe: Path of the recipe.
        data: Folder of the store and the runs.
        overrides: `key.path=value`, as `--set` takes them.
    """
    path = Path(recipe)
    workshop = Workshop.of(load_recipe(path, overrides), path.parent)
    built = await engine_build(workshop, data_folder(data), runner=PrefectRunner())
    return built.version.name


def build_under_prefect(
    workshop: Workshop,
    data: Path,
    on_change: Callable[[Progress], None] | None = None,
    *,
    replay: bool = False,
) -> Built:
    """The build of the command line: the same flow, with the workshop at hand and progress told."""

    async def work(runner: PrefectRunner) -> Built:
        return await engine_build(workshop, data, runner=runner, on_change=on_change, replay=replay)

    return under_prefect("build", workshop.recipe.dataset, work)
