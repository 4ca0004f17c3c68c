"""Texts around the rows of a view, one file for each."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from string import Template


@cache
def prompt(name: str) -> Template:
    """The prompt file of that stem."""
    return Template((files("callwright.views.prompts") / f"{name}.md").read_text(encoding="utf-8").strip())
