"""Prefect at work: how a shard becomes a task, and how the command line runs a flow in its own process."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from callwright.engine.build import PlainRunner
from callwright.engine.chains import Job
from callwright.errors import CallwrightError
from callwright.flows.settings import prefer_quiet_prefect
from callwright.settings import data_folder

if "prefect" not in sys.modules:  # a worker has its own settings, and is running by them
    prefer_quiet_prefect(data_folder())

from prefect import flow, task  # noqa: E402 - after its settings
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.task_runners import TaskRunner  # noqa: E402

T = TypeVar("T")


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


def under_prefect(
    name: str,
    run: str,
    work: Callable[[PrefectRunner], Awaitable[T]],
    task_runner: TaskRunner[Any] | None = None,
) -> T:
    """What the command line runs: the work as a flow, with everything at hand; what it came to, or its own error."""
    outcome: list[T | BaseException] = []
    on_sigterm = signal.getsignal(signal.SIGTERM)

    @flow(
        name=name,
        flow_run_name=run,
        persist_result=False,
        validate_parameters=False,
        task_runner=task_runner,
    )
    async def here() -> None:
        # Prefect's handler breaks into whatever line is running; the caller's lets the engine stop cleanly.
        if callable(on_sigterm):
            signal.signal(signal.SIGTERM, on_sigterm)
        try:
            made = await work(PrefectRunner())
        except BaseException as error:
            outcome.append(error)
            raise
        outcome.append(made)

    try:
        asyncio.run(here())
    except Exception as error:
        # What the work came to counts, not what Prefect stumbled over while telling its server.
        if not outcome:
            raise CallwrightError(
                f"Prefect cannot run the {name} ({_first_line(error)}); use --no-prefect, or set PREFECT_API_URL"
            ) from error
    [ended] = outcome
    if isinstance(ended, asyncio.CancelledError):
        raise KeyboardInterrupt
    if isinstance(ended, BaseException):
        raise ended
    return ended


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
