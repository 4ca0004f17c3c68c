"""The Python API behind `callwright.build` and `callwright.load`."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from callwright.engine.build import Built
from callwright.engine.build import build as build_async
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.schemas.version import Version
from callwright.settings import data_folder

if TYPE_CHECKING:
    from datasets import DatasetDict


def build(recipe: Path, data: Path | str | None, overrides: tuple[str, ...], replay: bool) -> Version:
    workshop = Workshop.of(load_recipe(recipe, overrides), recipe.parent)

    def run() -> Built:
        return asyncio.run(build_async(workshop, data_folder(data), replay=replay))

    # A notebook has a running loop of its own; a thread has none.
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(run).result().version


def load(name: str, data: Path | str | None, config: str) -> DatasetDict:
    from callwright.views.trl import load_version

    return load_version(data_folder(data), name, config)
