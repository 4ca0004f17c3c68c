"""Hand a version on to a hub."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from callwright.engine.exports import export_view

if TYPE_CHECKING:
    from callwright.views.hub import Pushed


def push_version(data: Path, name: str, repo: str, view: str = "trl", *, private: bool = True) -> Pushed:
    """Export a version and upload it, its number as tag (`v3`).

    Args:
        data: The folder of the store.
        name: `museum@3`, `museum:tag`, or `museum` for the newest.
        repo: `USER/NAME` on the hub.
        view: Name of the view.
        private: Whether a new repository is private.

    Raises:
        UsageError: There is no such view, no token, or no such repository's name.
        StoreError: There is no such version.
        ViewError: A row must not be exported, or the hub refuses.
    """
    from callwright.views.hub import push

    with tempfile.TemporaryDirectory(prefix="callwright-push-") as place:
        folder = Path(place) / view
        version = export_view(data, name, view, folder)
        return push(folder, repo, f"v{version.number}", private=private)
