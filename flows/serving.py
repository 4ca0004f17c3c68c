"""Schedules as Prefect deployments: made on its server, and carried out by this process until it is stopped."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy, StateType
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.runner import Runner
from prefect.settings import PREFECT_API_URL
from prefect.states import Scheduled
from prefect.types.entrypoint import EntrypointType

from callwright.errors import CallwrightError, UsageError
from callwright.flows import allowed
from callwright.flows.build import build
from callwright.flows.schedules import for_prefect, next_time
from callwright.flows.versions import ours
from callwright.schemas.schedule import Schedule
from callwright.store.lock import StoreLock

AGAIN_S = 20.0
"""Seconds before a server that went away is tried again."""


class _Runner(Runner):
    """Prefect's own, but for SIGTERM: its handler waits for a coroutine that it cannot wait for."""

    def __init__(self) -> None:
        # A stop is no reason to plan nothing: what comes due meanwhile is made up for, as the schedule says.
        super().__init__(name="callwright", pause_on_shutdown=False)
        self._on_sigterm = signal.getsignal(signal.SIGTERM)

    def handle_sigterm(self, *args: Any, **kwargs: Any) -> None:
        if callable(self._on_sigterm):
            self._on_sigterm(*args)


@dataclass(frozen=True)
class Order:
    """A recipe that is to be built by itself."""

    recipe: Path
    dataset: str
    schedule: Schedule
    overrides: tuple[str, ...] = ()


async def serve(
    orders: Sequence[Order], data: Path, out: Path | None, limit: str | None, tell: Callable[[str], None]
) -> None:
    """Make the schedules and carry them out; returns only when it is stopped.

    Args:
        orders: One for each dataset.
        data: Folder of the store and the runs; one process serves it at a time.
        out: Folder of the exports.
        limit: A global concurrency limit of the server, of which each build holds a slot.
        tell: Called with lines for people.

    Raises:
        UsageError: No server is named, a cron line never fires, or the server has such a schedule for another folder.
        StoreBusyError: Another process serves this folder.
        CallwrightError: The server does not answer at the start. Later on it is waited for.
    """
    address = PREFECT_API_URL.value()
    if not address:
        raise UsageError(
            "schedules need a Prefect server: run `prefect server start`, and set PREFECT_API_URL to the address that "
            "it tells, such as http://127.0.0.1:4200/api"
        )
    allowed.serve_only([_asked(order, data, out) for order in orders])
    times = [await next_time(order.schedule, str(order.recipe)) for order in orders]
    data.mkdir(parents=True, exist_ok=True)
    with StoreLock(data / "serve.lock", 0.0, purpose="serve"):
        try:
            await _refuse_strangers(orders, data)
            runner = await _registered(orders, data, out, limit)
        except CallwrightError:
            raise
        except Exception as error:
            # Whichever layer gave up, there is one thing to do about it.
            raise CallwrightError(
                f"the Prefect server at {address} does not take schedules ({_first_line(error)}); see that it runs, "
                "and that PREFECT_API_URL is right"
            ) from error
        for order, time in zip(orders, times, strict=True):
            tell(f"{order.dataset}: next at {time:%Y-%m-%d %H:%M} {order.schedule.timezone}")
        while True:
            try:
                await runner.start()
                return
            except Exception as error:
                tell(f"the Prefect server at {address} is gone ({_first_line(error)}); it is tried again")
            runner = await _registered_again(orders, data, out, limit)
            tell("the Prefect server is back")


async def _registered(orders: Sequence[Order], data: Path, out: Path | None, limit: str | None) -> Runner:
    """A runner that knows the schedules; runs that nobody is at any more are due again."""
    runner = _Runner()
    ids = [await runner.aadd_deployment(await _deployment(order, data, out, limit)) for order in orders]
    await _take_up(ids)
    return runner


async def _registered_again(
    orders: Sequence[Order], data: Path, out: Path | None, limit: str | None
) -> Runner:
    while True:
        await asyncio.sleep(AGAIN_S)
        try:
            return await _registered(orders, data, out, limit)
        except Exception:
            continue


def _asked(order: Order, data: Path, out: Path | None) -> allowed.Order:
    return allowed.Order(
        str(order.recipe.absolute()),
        str(data.absolute()),
        str(out.absolute()) if out else None,
        order.overrides,
    )


async def _deployment(order: Order, data: Path, out: Path | None, limit: str | None) -> RunnerDeployment:
    asked = _asked(order, data, out)
    return await build.ato_deployment(
        name=order.dataset,
        schedule=for_prefect(order.schedule),
        # A build that comes while one is under way would find nothing to do but wait for it.
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
        ),
        parameters={
            "recipe": asked.recipe,
            "data": asked.data,
            "overrides": list(asked.overrides),
            "out": asked.out,
            "version": ours(),
            "catch_up": order.schedule.catch_up,
            "limit": limit,
        },
        version=ours(),
        tags=["callwright"],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


async def _refuse_strangers(orders: Sequence[Order], data: Path) -> None:
    """Refuse a name that the server has for another folder: that schedule would be taken over in silence."""
    async with get_client() as client:
        for order in orders:
            try:
                there = await client.read_deployment_by_name(f"{build.name}/{order.dataset}")
            except ObjectNotFound:
                continue
            place = there.parameters.get("data")
            if place != str(data.absolute()):
                raise UsageError(
                    f"this Prefect server builds {order.dataset} in {place} already; rename the dataset, or delete "
                    f"that schedule: prefect deployment delete {build.name}/{order.dataset}"
                )


async def _take_up(deployments: Sequence[UUID]) -> None:
    """Make runs due again that were under way when the process that served them died.

    We hold the lock, so nobody is at them. Until then they would look busy, and keep the next ones from running.
    """
    wanted = FlowRunFilter.model_validate(
        {
            "deployment_id": {"any_": list(deployments)},
            "state": {"type": {"any_": [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]}},
        }
    )
    async with get_client() as client:
        for run in await client.read_flow_runs(flow_run_filter=wanted):
            await client.set_flow_run_state(run.id, Scheduled(message="taken up again"), force=True)


def _first_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return next(iter(str(error).splitlines()), type(error).__name__)
