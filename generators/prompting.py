"""The prompts of a room, one file per purpose, beside its code."""

from __future__ import annotations

import json
from functools import cached_property
from importlib.resources import files
from string import Template

from callwright.schemas.base import digest


def one_line(text: str) -> str:
    """A text as a part of a prompt that has one line for each part; one of several lines as JSON, so that nothing in it
    passes for another part."""
    return text if len(text.splitlines()) < 2 else json.dumps(text, ensure_ascii=False)


class Prompts:
    """The files `callwright/generators/ROOM/prompts/NAME.md`."""

    def __init__(self, room: str, names: tuple[str, ...]) -> None:
        self.names = names
        self._room = room

    @cached_property
    def _templates(self) -> dict[str, Template]:
        folder = files(f"callwright.generators.{self._room}.prompts")
        return {
            name: Template((folder / f"{name}.md").read_text(encoding="utf-8").strip()) for name in self.names
        }

    def template(self, name: str) -> Template:
        """The prompt of that name."""
        return self._templates[name]

    def digests(self) -> dict[str, str]:
        """Purpose -> digest of its prompt; they go into each row's provenance."""
        return {f"{self._room}.{name}": digest(one.template)[:12] for name, one in self._templates.items()}
