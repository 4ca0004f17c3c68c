"""The prompts of this room, one file per purpose; their digests go into each row's provenance."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from string import Template

from callwright.schemas.base import digest

_NAMES = ("order", "thought", "request", "answer")


@cache
def prompt(name: str) -> Template:
    """The prompt file of that stem."""
    text = (files("callwright.generators.dag.prompts") / f"{name}.md").read_text(encoding="utf-8")
    return Template(text.strip())


@cache
def digests() -> dict[str, str]:
    """Purpose -> digest of its prompt file."""
    return {f"dag.{name}": digest(prompt(name).template)[:12] for name in _NAMES}
