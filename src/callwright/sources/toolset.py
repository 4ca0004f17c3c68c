"""A folder of invented toolkits, as `callwright tools invent` writes it."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from callwright import documents
from callwright.errors import SourceError
from callwright.schemas.toolset import Toolset

TOOLSET_NAME = "toolset.yaml"


def read_toolset(folder: Path) -> Toolset:
    """What a folder of toolkits says of itself.

    Raises:
        SourceError: It is none.
    """
    path = folder / TOOLSET_NAME
    try:
        return Toolset.model_validate(documents.load(path))
    except documents.DocumentError as error:
        raise SourceError(f"{error}; make a toolset with `callwright tools invent --out {folder}`") from None
    except ValidationError as error:
        raise SourceError(
            f"{path}: {error.errors()[0]['msg']}; this is no toolset of this version of callwright"
        ) from None
