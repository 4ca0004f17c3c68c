"""A version's rows, some thousand at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from callwright.schemas.version import Version

Read = Callable[..., Iterator[tuple[Any, ...]]]
"""Runs a query with its values; rows come one by one."""

PAGE = 10_000
"""Rows; DuckDB sorts a result whole, in memory, bodies and all."""


class Page(NamedTuple):
    """Rows of a version that follow each other."""

    ordinals: tuple[int, int]
    """The first and the last."""
    ids: tuple[str, str]
    """Of the same: what lies in the order of ids need not be looked through as a whole."""


def pages(read: Read, version: Version) -> Iterator[Page]:
    """A version from its first row to its last."""
    found = read(
        """
        SELECT min(ordinal), max(ordinal), min(trajectory), max(trajectory) FROM version_rows
        WHERE dataset = ? AND number = ? GROUP BY ordinal // ? ORDER BY 1
        """,
        version.dataset,
        version.number,
        PAGE,
    )
    return (Page((first, last), (least, most)) for first, last, least, most in found)
