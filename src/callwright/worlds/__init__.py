"""The executable catalogue: worlds by name, each a file of its own with its phrase sheet beside it."""

from __future__ import annotations

import importlib
import inspect

from callwright.worlds.base import World

NAMES: tuple[str, ...] = (
    "bank",
    "calendar",
    "contacts",
    "files",
    "health",
    "health",
    "library",
    "mail",
    "music",
    "projects",
    "restaurant",
    "shop",
    "smart_home",
    "support",
    "travel",
)
"""Every world of the catalogue; a new one is one file and one name here."""


def world_class(name: str) -> type[World]:
    """The world of that name.

    Raises:
        KeyError: There is none.
    """
    if name not in NAMES:
        raise KeyError(name)
    module = importlib.import_module(f"callwright.worlds.{name}")
    found = [one for _, one in inspect.getmembers(module, inspect.isclass) if issubclass(one, World)]
    return next(one for one in found if one.__module__ == module.__name__)
