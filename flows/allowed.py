"""Which builds a process carries out that takes its orders from a Prefect server.

Whoever may talk to that server can make a run with parameters of their own. A recipe names programs and files, and so
do `overrides`, so a stranger's run would be a stranger's program.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from callwright.errors import UsageError
from callwright.settings import DATA_VARIABLE, data_folder, exports_folder

SERVED = "CALLWRIGHT_SERVED"
"""Set by `callwright serve` for the runs that it starts: exactly these, as JSON."""
RECIPES = "CALLWRIGHT_RECIPES"
"""Set by whoever runs a worker: folders that recipes may lie in, separated like those of PATH. The worker's own data
folder is then the only one that runs write."""
HARMLESS = ("accept", "budget", "duplicates", "mix", "seed", "size", "splits", "views")
"""Keys that name no program, file or server: a run may set these anew for a recipe of the folders."""


class Order(NamedTuple):
    """The parameters of a run that decide what is read, run and written."""

    recipe: str
    data: str | None
    out: str | None
    overrides: tuple[str, ...]


def serve_only(orders: Sequence[Order]) -> None:
    """Let the runs of this process, and of those that it starts, be these."""
    os.environ[SERVED] = json.dumps(orders)


def refuse_others(order: Order) -> None:
    """Refuse a run that nobody on this machine asked for. Where nobody said anything, every run is asked for.

    Raises:
        UsageError: It is none that `serve` was started with, or its recipe, data or exports lie outside of the folders
            that are allowed.
    """
    served = os.environ.get(SERVED)
    if served is not None and json.loads(json.dumps(order)) not in json.loads(served):
        raise UsageError(
            f"{order.recipe}: this process does not serve such a build; start `callwright serve` with the recipe, its "
            "--set, --data and --out"
        )
    folders = [Path(one).resolve() for one in os.environ.get(RECIPES, "").split(os.pathsep) if one]
    if not folders:
        return
    # Links are followed first: what counts is where the file really lies.
    recipe = Path(order.recipe).resolve()
    if not any(recipe.is_relative_to(folder) for folder in folders):
        raise UsageError(f"{order.recipe}: lies outside of the folders that {RECIPES} names; move it there")
    _refuse_elsewhere(order)
    for override in order.overrides:
        key = override.partition("=")[0].strip().partition(".")[0]
        if key not in HARMLESS:
            raise UsageError(
                f"--set {override}: {key} may name a program, a file or a server, so a run cannot set it under "
                f"{RECIPES}; write it into the recipe"
            )


def _refuse_elsewhere(order: Order) -> None:
    """Refuse a run that would write anywhere but where this machine keeps its data."""
    own = data_folder()
    if data_folder(order.data).resolve() != own.resolve():
        raise UsageError(
            f"{order.data}: is not this worker's data folder ({own}); under {RECIPES}, name the one in {DATA_VARIABLE} "
            "where the worker is started"
        )
    exports = exports_folder(own)
    if order.out is not None and not Path(order.out).resolve().is_relative_to(exports.resolve()):
        raise UsageError(f"{order.out}: lies outside of {exports}, where this worker exports under {RECIPES}")
