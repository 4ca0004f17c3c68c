"""Where things are kept, from the environment; the command line overrides it."""

from __future__ import annotations

import os
from pathlib import Path

DATA_VARIABLE = "CALLWRIGHT_DATA"
DASK_VARIABLE = "CALLWRIGHT_DASK"
"""The address of a Dask scheduler, or a number of worker processes to start on this machine."""


def data_folder(given: Path | str | None = None) -> Path:
    """The folder of stores and runs: what was given, else `CALLWRIGHT_DATA`, else `./data/warehouse`."""
    return Path(given or os.environ.get(DATA_VARIABLE) or Path("data") / "warehouse").expanduser()


def shipped_folder() -> Path:
    """The folder of recipes and seeds that is installed with the package."""
    return Path(__file__).parent / "data"


def exports_folder(data: Path) -> Path:
    """Where views go unless told otherwise: `exports` beside the warehouse."""
    return (data.parent if data.name == "warehouse" else data) / "exports"
