"""What of a recipe may be told to whoever gets the dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

_PRIVATE = {"base_url", "api_key_env", "price", "budget"}
_PATHS = {"openapi", "json", "phrases", "path"}
FOLDERS = ("/", "~", ".")
"""How a model begins that is a folder of somebody's machine."""


def public_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe without what is nobody's business: addresses and prices of endpoints, and folders of a machine."""

    def clean(key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: clean(name, one) for name, one in value.items() if name not in _PRIVATE}
        if isinstance(value, list | tuple):
            return [clean(key, one) for one in value]
        if not isinstance(value, str):
            return value
        return file_name(value) if key in _PATHS or (key == "model" and value.startswith(FOLDERS)) else value

    return {name: clean(name, value) for name, value in recipe.items() if name not in _PRIVATE}


def file_name(path: str) -> str:
    """The last part of a path, and of what is no path all of it."""
    return PurePath(path).name
