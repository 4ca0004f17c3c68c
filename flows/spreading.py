"""Shards on the workers of a Dask cluster, by Prefect's task runner for it: the extra `dask`.

Chosen by CALLWRIGHT_DASK: the address of a scheduler, or a number of worker processes to start on this machine.
A shard is a Prefect task; the cluster's worker that gets it joins the run (`engine/sharing.py`), so it needs nothing
but the recipe, the job and the folder. This process goes through the rounds, and commits.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from callwright.engine.build import refuse_join, work_at
from callwright.engine.chains import Job
from callwright.engine.recipes import check_recipe
from callwright.engine.shards import Shard
from callwright.engine.workshop import Workshop
from callwright.errors import CallwrightError, ModelError, UsageError
from callwright.flows.running import PrefectRunner
from callwright.settings import DASK_VARIABLE

from prefect import task  # isort: skip
from prefect.cache_policies import NO_CACHE  # isort: skip
from prefect.task_runners import TaskRunner  # isort: skip

Order = dict[str, Any]


def cluster() -> TaskRunner[Any] | None:
    """The task runner that the environment asks for; None for none.

    Raises:
        UsageError: The variable names no cluster, or the extra is not installed.
    """
    asked = os.environ.get(DASK_VARIABLE)
    if not asked:
        return None
    if not re.fullmatch(r"[1-9]\d{0,3}|[a-z]+://\S+:\d+", asked):
        raise UsageError(
            f"{DASK_VARIABLE}: {asked} is neither a number of workers, such as 2, nor the address of a scheduler, "
            "such as tcp://scheduler:8786"
        )
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError:
        raise UsageError(f"{DASK_VARIABLE} needs the extra dask: pip install 'callwright[dask]'") from None
    if asked.isdecimal():
        local = {"n_workers": int(asked), "threads_per_worker": 1, "dashboard_address": None}
        runner: TaskRunner[Any] = DaskTaskRunner(cluster_kwargs=local)
    else:
        runner = DaskTaskRunner(address=asked)
    return runner


def runner_for(workshop: Workshop, data: Path) -> PrefectRunner:
    """What runs the shards of a build: this process, or the cluster that the environment names.

    Raises:
        UsageError: The recipe's run cannot be shared.
    """
    if not os.environ.get(DASK_VARIABLE):
        return PrefectRunner()
    refuse_join(workshop, replay=False)
    return DaskRunner(workshop, data)


class DaskRunner(PrefectRunner):
    """Hands shards to the cluster of the current flow; chains, which start from each other's rows, stay here."""

    def __init__(self, workshop: Workshop, data: Path) -> None:
        self._order: Order = {
            "recipe": workshop.recipe.resolved(),
            "base": str(workshop.base.resolve()),
            "digest": workshop.digest,
            "data": str(data.resolve()),
        }

    async def run(
        self, jobs: Sequence[Job], work: Callable[[Job], Awaitable[Path]], at_once: int
    ) -> list[Path]:
        if not all(isinstance(job, Shard) for job in jobs):
            return await super().run(jobs, work, at_once)
        try:
            futures = [
                _shard.with_options(task_run_name=job.name).submit(self._order, job.model_dump(mode="json"))
                for job in jobs
            ]
        except OSError as error:
            raise CallwrightError(
                f"the Dask cluster of {DASK_VARIABLE}={os.environ[DASK_VARIABLE]} cannot be reached ({error}); "
                "start it, or unset the variable"
            ) from error
        ended = [await asyncio.to_thread(future.result) for future in futures]
        for one in ended:
            if one["error"]:
                kind = ModelError if one["exit_code"] == ModelError.exit_code else CallwrightError
                raise kind(one["error"])
        return [Path(one["path"]) for one in ended]


@task(name="shard", cache_policy=NO_CACHE, persist_result=False)
def _shard(order: Order, job: dict[str, Any]) -> dict[str, Any]:
    """A shard's file; what goes wrong as it may comes back as text, for Dask would pickle the error."""
    try:
        workshop = Workshop.of(check_recipe(order["recipe"], "the recipe of this run"), Path(order["base"]))
        if workshop.digest != order["digest"]:
            raise UsageError(
                "this worker of the cluster has other code or other tool files than the build; install the same "
                "version there, and let both see the same folder"
            )
        path = asyncio.run(work_at(workshop, Path(order["data"]), Shard.model_validate(job)))
        return {"path": str(path), "error": ""}
    except CallwrightError as error:
        return {"error": str(error), "exit_code": error.exit_code}
