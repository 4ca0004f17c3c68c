"""Write a version's views to folders that consumers load."""

from __future__ import annotations

from pathlib import Path

from callwright.errors import UsageError
from callwright.schemas.version import Version
from callwright.store import Store

VIEWS = ("trl",)


def export_view(data: Path, name: str, view: str, folder: Path, *, overwrite: bool = False) -> Version:
    """Export one version in one view.

    Args:
        data: The folder of the store.
        name: `museum@3`, `museum:tag`, or `museum` for the newest.
        view: Name of the view.
        folder: Where it goes; the folder appears whole or not at all.
        overwrite: Whether something else in that place may be replaced.

    Raises:
        UsageError: There is no such view.
        StoreError: There is no such version.
        ViewError: A row must not be exported, or something else is in the place.
    """
    if view not in VIEWS:
        raise UsageError(f"unknown view {view}; there are: {', '.join(VIEWS)}")
    from callwright.views import trl  # `datasets` takes seconds to import

    with Store.open(data, write=False, wait_s=30.0) as store:
        version = store.version(name)
        trl.export(store, version, folder, overwrite=overwrite)
    return version


def export_all(data: Path, version: Version, exports: Path) -> list[Path]:
    """Every view that the version's recipe names, below `exports/NAME@N/`."""
    folders = []
    for view in version.recipe.get("views", VIEWS):
        folder = exports / version.name / view
        # A version is immutable: what lies under its name is this export, or one of another store.
        export_view(data, version.name, view, folder, overwrite=True)
        folders.append(folder)
    return folders
