"""Moments: which ones a schedule means, as Prefect's scheduler reckons, and what makes up for missed ones."""

from __future__ import annotations

import datetime as dt

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.context import FlowRunContext
from prefect.schedules import Cron, Interval
from prefect.schedules import Schedule as PrefectSchedule
from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule

from callwright.errors import UsageError
from callwright.schemas.schedule import Schedule

SKIPPED = "Skipped"
"""Name of the state of a run that had nothing to do; its message says why."""

LATE = dt.timedelta(minutes=10)
"""A build that begins later than this was missed: workers look for work every few seconds."""

_MADE_UP_AFTER = dt.timedelta(minutes=1)


async def next_time(schedule: Schedule, where: str) -> dt.datetime:
    """The first moment after now.

    Args:
        schedule: When to build.
        where: What an error says first, such as the recipe's name.

    Raises:
        UsageError: The cron line is none, or means no moment.
    """
    if schedule.cron is None:
        [moment] = await IntervalSchedule(interval=dt.timedelta(seconds=schedule.interval_s)).get_dates(1)
        return moment
    if len(schedule.cron.split()) != 5:
        raise UsageError(f"{where}: schedule.cron: {schedule.cron!r} has not the five fields of a cron line")
    try:
        cron = CronSchedule(cron=schedule.cron, timezone=schedule.timezone)
    except ValueError:
        raise UsageError(
            f"{where}: schedule.cron: {schedule.cron!r} is no cron line; `0 2 * * *` is one"
        ) from None
    try:
        [moment] = await cron.get_dates(1)
    except ValueError:
        raise UsageError(
            f"{where}: schedule.cron: {schedule.cron!r} never fires; no year has such a day"
        ) from None
    return moment


def for_prefect(schedule: Schedule) -> PrefectSchedule:
    """The same in Prefect's terms."""
    if schedule.cron is not None:
        return Cron(schedule.cron, timezone=schedule.timezone)
    return Interval(dt.timedelta(seconds=schedule.interval_s))


async def not_needed(catch_up: str) -> str:
    """Why the current run has nothing to make up for; empty where it has to build.

    A run that was planned for a moment at which nobody could run comes late, and often with others like it. A build is
    of the recipe as it is now, so one that began after that moment has made up for it.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is None or not run.auto_scheduled or run.expected_start_time is None:
        return ""
    late = dt.datetime.now(dt.UTC) - run.expected_start_time
    if catch_up == "none" and late > LATE:
        return f"missed by {_words(late)}, and the schedule says catch_up: none"
    if late > _MADE_UP_AFTER:
        made = await _made_since(run)
        if made:
            return (
                f"planned for {run.expected_start_time:%Y-%m-%d %H:%M} UTC; the run {made} has made up for it"
            )
    return ""


async def _made_since(run: FlowRun) -> str:
    """The name of a run of the same deployment that began after this one was due and has built; empty if none has."""
    wanted = FlowRunFilter.model_validate(
        {
            "deployment_id": {"any_": [run.deployment_id]},
            "state": {"type": {"any_": [StateType.COMPLETED]}},
            "start_time": {"after_": run.expected_start_time},
        }
    )
    async with get_client() as client:
        found = await client.read_flow_runs(flow_run_filter=wanted, limit=50)
    return next((one.name for one in found if one.id != run.id and one.state_name != SKIPPED), "")


def _words(time: dt.timedelta) -> str:
    minutes = round(time.total_seconds() / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
