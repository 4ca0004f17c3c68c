"""The build as a Prefect flow: a shard is a task, everything inside a shard is asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from callwright.engine.build import Built
from callwright.engine.build import build as engine_build
from callwright.engine.exports import export_all, export_folders
from callwright.engine.progress import Progress
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import CallwrightError, RunBusyError, UsageError
from callwright.settings import data_folder, exports_folder

# `running` sets Prefect's settings, so it comes before all that imports it.
from callwright.flows.running import PrefectRunner, under_prefect  # isort: skip
from callwright.flows.allowed import Order, refuse_others  # isort: skip
from callwright.flows.records import record  # isort: skip
from callwright.flows.schedules import SKIPPED, not_needed  # isort: skip
from callwright.flows.versions import refuse_other  # isort: skip
from prefect import flow  # isort: skip
from prefect.client.schemas.objects import State  # isort: skip
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError, concurrency  # isort: skip
from prefect.states import Completed, Failed  # isort: skip


@flow(name="build", persist_result=False, validate_parameters=False)
async def build(
    recipe: str,
    data: str | None = None,
    overrides: Sequence[str] = (),
    out: str | None = None,
    version: str | None = None,
    catch_up: str = "once",
    limit: str | None = None,
) -> str | State[Any]:
    """Build a recipe's next version and export its views; returns its name.

    What goes wrong as it may is the run's state, with one line that says what to do; a bug is a traceback.

    Args:
        recipe: Path of the recipe.
        data: Folder of the store and the runs.
        overrides: `key.path=value`, as `--set` takes them.
        out: Folder of the exports.
        version: Version of callwright that the schedule was made with; any unless given.
        catch_up: What to do about a moment that was missed: `once` or `none`.
        limit: A global concurrency limit of Prefect's server; a slot of it is held while building.
    """
    try:
        refuse_others(Order(recipe, data, out, tuple(overrides)))
        refuse_other(version)
        reason = await not_needed(catch_up)
        if reason:
            return Completed(name=SKIPPED, message=reason)
        async with _slot(limit):
            return await _built(Path(recipe), data_folder(data), tuple(overrides), out)
    except RunBusyError as error:
        return Completed(name=SKIPPED, message=f"this recipe is being built: {error}")
    except CallwrightError as error:
        again = "; the next run goes on from there" if error.exit_code == 4 else ""
        return Failed(message=f"{error}{again}")


async def _built(recipe: Path, data: Path, overrides: tuple[str, ...], out: str | None) -> str:
    workshop = Workshop.of(load_recipe(recipe, overrides), recipe.parent)
    built = await engine_build(workshop, data, runner=PrefectRunner())
    exports = Path(out) if out else exports_folder(data)
    folders = export_folders(built.version, exports)
    if built.made or not all(folder.exists() for folder in folders):
        export_all(data, built.version, exports)
    await record(built, data, folders)
    return built.version.name


@asynccontextmanager
async def _slot(limit: str | None) -> AsyncIterator[None]:
    """A slot of a global concurrency limit, if there is one to hold.

    Raises:
        UsageError: The server has no such limit; without it there would be none, and nobody would know.
    """
    if limit is None:
        yield
        return
    try:
        # A build that goes on while the server is away does less harm than one that is broken off.
        async with concurrency(limit, strict=True, raise_on_lease_renewal_failure=False):
            yield
    except ConcurrencySlotAcquisitionError:
        raise UsageError(
            f"Prefect's server has no concurrency limit {limit}; make it: prefect gcl create {limit} --limit 1"
        ) from None


def build_under_prefect(
    workshop: Workshop,
    data: Path,
    on_change: Callable[[Progress], None] | None = None,
    *,
    replay: bool = False,
    exports: Path | None = None,
) -> Built:
    """The build of the command line: the same flow, with the workshop at hand and progress told.

    `exports` is where the caller will write the views, for the links to them.
    """

    async def work(runner: PrefectRunner) -> Built:
        built = await engine_build(workshop, data, runner=runner, on_change=on_change, replay=replay)
        await record(built, data, export_folders(built.version, exports or exports_folder(data)))
        return built

    return under_prefect("build", workshop.recipe.dataset, work)
