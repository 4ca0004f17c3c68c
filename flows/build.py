"""The build as a Prefect flow: a shard is a task, everything inside a shard is asyncio."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from callwright.engine.build import Built, PlainRunner
from callwright.engine.build import build as engine_build
from callwright.engine.chains import Job
from callwright.engine.progress import Progress
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import CallwrightError
from callwright.flows.settings import prefer_quiet_prefect
from callwright.settings import data_folder

prefer_quiet_prefect(data_folder())

from prefect import flow, task  # noqa: E402 - after its settings
from prefect.cache_policies import NO_CACHE  # noqa: E402


class PrefectRunner(PlainRunner):
    """Runs each shard or chain as a task of the current flow run."""

    async def run(
        self, jobs: Sequence[Job], work: Callable[[Job], Awaitable[Path]], at_once: int
    ) -> list[Path]:
        # The engine resumes by its own journal: Prefect's cache would only add a second memory, and a pickled one.
        @task(name="shard", cache_policy=NO_CACHE, persist_result=False)
        async def run_job(name: str) -> str:
            return str(await work(by_name[name]))

        by_name = {job.name: job for job in jobs}

        async def as_task(job: Job) -> Path:
            return Path(await run_job.with_options(task_run_name=job.name)(job.name))

        return await super().run(jobs, as_task, at_once)


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
    outcome: list[Built | BaseException] = []
    on_sigterm = signal.getsignal(signal.SIGTERM)

    @flow(
        name="build", flow_run_name=workshop.recipe.dataset, persist_result=False, validate_parameters=False
    )
    async def build_here() -> str:
        # Prefect's handler breaks into whatever line is running; the caller's lets the engine stop cleanly.
        if callable(on_sigterm):
            signal.signal(signal.SIGTERM, on_sigterm)
        try:
            built = await engine_build(
                workshop, data, runner=PrefectRunner(), on_change=on_change, replay=replay
            )
        except BaseException as error:
            outcome.append(error)
            raise
        outcome.append(built)
        return built.version.name

    try:
        asyncio.run(build_here())
    except Exception as error:
        # What the build came to counts, not what Prefect stumbled over while telling its server.
        if not outcome:
            raise CallwrightError(
                f"Prefect cannot run the build ({_first_line(error)}); use --no-prefect, or set PREFECT_API_URL"
            ) from error
    [ended] = outcome
    if isinstance(ended, asyncio.CancelledError):
        raise KeyboardInterrupt
    if isinstance(ended, BaseException):
        raise ended
    return ended


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
