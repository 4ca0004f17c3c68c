"""Write a version's views to folders that consumers load."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from callwright.engine.recipes import apply_overrides
from callwright.errors import UsageError
from callwright.schemas.base import Record
from callwright.schemas.recipe import ViewName
from callwright.schemas.version import Version
from callwright.store import Store

VIEWS: tuple[ViewName, ...] = get_args(ViewName)


def export_view(
    data: Path, name: str, view: str, folder: Path, sets: Sequence[str] = (), *, overwrite: bool = False
) -> Version:
    """Export one version in one view.

    Args:
        data: The folder of the store.
        name: `museum@3`, `museum:tag`, or `museum` for the newest.
        view: Name of the view.
        folder: Where it goes; the folder appears whole or not at all.
        sets: `key=value` for each option of the view that is not to be at its default.
        overwrite: Whether something else in that place may be replaced.

    Raises:
        UsageError: There is no such view or no such option, or a value is none for it.
        StoreError: There is no such version.
        ViewError: A row must not be exported, or something else is in the place.
    """
    if view not in VIEWS:
        raise UsageError(f"unknown view {view}; there are: {', '.join(VIEWS)}")
    module = _module(view)
    options = _options(module.Options, view, sets)
    with Store.open(data, write=False, wait_s=30.0) as store:
        version = store.version(name)
        module.export(store, version, folder, options, overwrite=overwrite)
    return version


def _module(view: str) -> Any:
    """The module that writes a view: it has `Options` and `export`. Imported late, for `datasets` takes seconds."""
    return import_module(f"callwright.views.{view.replace('-', '_')}")


def _options(record: type[Record], view: str, sets: Sequence[str]) -> Record:
    body: dict[str, Any] = {}
    apply_overrides(body, sets)
    try:
        return record.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] != "extra_forbidden":
            raise UsageError(f"view {view}: {key}: {first['msg']}, got {first['input']!r}") from None
        known = sorted(record.model_fields)
        close = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]}?" if close else f"it has: {', '.join(known) or 'none'}"
        raise UsageError(f"view {view}: unknown option {key}; {hint}") from None


def export_folders(version: Version, exports: Path) -> list[Path]:
    """Where the views go that the version's recipe names: `exports/NAME@N/VIEW`."""
    return [exports / version.name / view for view in version.recipe.get("views", ("trl",))]


def export_all(data: Path, version: Version, exports: Path) -> list[Path]:
    """Every view that the version's recipe names, below `exports/NAME@N/`."""
    folders = export_folders(version, exports)
    for folder in folders:
        # A version is immutable: what lies under its name is this export, or one of another store.
        export_view(data, version.name, folder.name, folder, overwrite=True)
    return folders
