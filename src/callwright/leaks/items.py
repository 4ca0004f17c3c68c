"""What is compared: of a row of ours or of a benchmark, what is asked, called and offered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from callwright.values.mentions import fold


@dataclass(frozen=True)
class Call:
    name: str
    arguments: Mapping[str, Any]

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The values of all arguments, folded, whatever their names are; in alphabetical order."""
        return tuple(sorted(_leaves(self.arguments)))


@dataclass(frozen=True)
class ToolDoc:
    name: str
    arguments: frozenset[str]
    description: str

    @property
    def key(self) -> tuple[str, frozenset[str], str]:
        """Equal for tools that are the same: the name alone says little."""
        return fold(self.name), frozenset(map(fold, self.arguments)), " ".join(fold(self.description).split())


@dataclass(frozen=True)
class Item:
    """One row."""

    name: str
    """How a person finds it: `file.jsonl:3`, or a row's id."""
    texts: tuple[str, ...] = ()
    """What a user says."""
    calls: tuple[Call, ...] = ()
    tools: tuple[ToolDoc, ...] = ()
    ids: frozenset[str] = frozenset()
    """Digests by which our own rows and tasks are known."""

    @property
    def said(self) -> str:
        return "\n".join(self.texts)

    @cached_property
    def values(self) -> tuple[tuple[str, ...], ...]:
        """The values of each call: equal for two rows that call alike, whatever tools and arguments are named."""
        return tuple(sorted(call.values for call in self.calls))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for child in value.values():
            yield from _leaves(child)
    elif isinstance(value, list | tuple):
        for child in value:
            yield from _leaves(child)
    elif isinstance(value, str):
        yield fold(value).strip(" .!?")
    elif isinstance(value, float) and value.is_integer():
        yield json.dumps(int(value))
    else:
        yield json.dumps(value)
