"""`serve`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from callwright.cli.talk import say
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import UsageError
from callwright.schemas.schedule import Schedule
from callwright.settings import data_folder


def serve(
    recipes: list[Path],
    options: dict[str, str | None],
    sets: list[str],
    data: Path | None,
    out: Path | None,
    limit: str | None,
) -> None:
    """`options` are keys of a schedule that the command line gives; they count more than the recipes'."""
    given = {key: value for key, value in options.items() if value is not None}
    folder = data_folder(data)
    found = [(path, load_recipe(path, sets)) for path in recipes]
    schedules = [_schedule(path, recipe.schedule, given) for path, recipe in found]
    names = [Workshop.of(recipe, path.parent).recipe.dataset for path, recipe in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two recipes make the dataset {name}; serve one of them")
    from callwright.flows.settings import prefer_quiet_prefect

    prefer_quiet_prefect(folder, logs=True)
    from callwright.flows.serving import Order, serve

    orders = [
        Order(path, name, schedule, tuple(sets))
        for path, name, schedule in zip(recipes, names, schedules, strict=True)
    ]
    asyncio.run(serve(orders, folder, out, limit, say))


def _schedule(path: Path, schedule: Schedule | None, given: dict[str, Any]) -> Schedule:
    kept = schedule.model_dump(exclude_none=True) if schedule else {}
    if given.keys() & {"cron", "interval"}:
        kept = {key: value for key, value in kept.items() if key not in ("cron", "interval")}
    if not (kept.keys() | given.keys()) & {"cron", "interval"}:
        raise UsageError(
            f"{path}: no schedule: write one (schedule: '0 2 * * *'), or give --cron or --interval"
        )
    try:
        return Schedule.model_validate(kept | given)
    except ValidationError as refused:
        error = refused.errors()[0]
        key = "".join(f"--{part}: ".replace("_", "-") for part in error["loc"])
        raise UsageError(f"{key}{error['msg'].removeprefix('Value error, ')}") from None
