"""Kinds of service that the offline teacher knows (`archetypes.yaml`), and which of them a seed speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from callwright.generators.toolalpaca.toolsets.seeds import Seed


@cache
def archetypes() -> dict[str, Any]:
    """Kind of service -> what is known of it; `asks` and `answers` are wordings for all kinds."""
    text = (files("callwright.generators.toolalpaca.toolsets") / "archetypes.yaml").read_text(
        encoding="utf-8"
    )
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def _kinds() -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, kind) for name, kind in archetypes().items() if name not in ("asks", "answers"))


def kind_of(seed: Seed) -> str:
    """The kind of service that a seed's line speaks of: one for its category, where one fits, else the best of all."""
    said = f"{seed.name} {seed.description}".lower()
    fits = {
        name: max((len(match) for match in re.findall(rf"\b(?:{kind['match']})", said)), default=0)
        for name, kind in _kinds()
    }
    own = [name for name, kind in _kinds() if seed.category in kind["for"]]
    for names in (own, list(fits)):
        best = max(names, key=lambda name: fits[name], default="service")
        if fits.get(best):
            return best
    return own[-1] if own else "service"
