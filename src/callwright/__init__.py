"""Verified training data for tool-calling language models, from a list of tools to a versioned dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import DatasetDict

    from callwright.schemas.version import Version

__version__ = "0.1.0"


def build(
    recipe: Path | str,
    data: Path | str | None = None,
    *,
    overrides: tuple[str, ...] = (),
    replay: bool = False,
) -> Version:
    """Build the version that a recipe describes, in this process and without Prefect; found when nothing changed.

    Args:
        recipe: Path of a recipe.
        data: Folder of the store and the runs; `CALLWRIGHT_DATA`, else `data/warehouse`, unless given.
        overrides: `key.path=value` pairs that override keys of the recipe.
        replay: Make every row anew from what was written down; no model is asked and no call goes out.

    Raises:
        UsageError: The recipe is wrong.
        ModelError: The endpoint failed for good; call again to continue.
        BudgetError: A budget of the recipe is used up; raise it and call again to continue.
        ShortfallError: The teacher brought fewer good rows than the recipe asks for.
        StoreError: The data folder cannot be used, or holds not all that a replay needs.
    """
    from callwright.engine.api import build as engine_build

    return engine_build(Path(recipe), data, overrides, replay)


def load(name: str, data: Path | str | None = None, *, config: str = "typed") -> DatasetDict:
    """A version as a `datasets.DatasetDict`.

    Args:
        name: `museum@3`, `museum:tag`, or `museum` for the newest.
        data: As for `build`.
        config: `typed` (messages and tools as JSON values) or `portable` (as JSON text).

    Raises:
        StoreError: There is no such version.
    """
    from callwright.engine.api import load as engine_load

    return engine_load(name, data, config)
