"""What changed between two versions of a dataset."""

from __future__ import annotations

from typing import Any

from callwright.schemas.base import Record


class RowCounts(Record):
    """Some rows, by what they are."""

    rows: int = 0
    by_reason: dict[str, int] = {}
    """Why a row is in a round of a loop -> rows; those without a reason are left out."""
    by_kind: dict[str, int] = {}
    by_method: dict[str, int] = {}
    by_toolkit: dict[str, int] = {}
    """Toolkit -> rows; not counted for kept rows."""
    by_tool: dict[str, int] = {}
    """Tool -> rows that call it; not counted for kept rows."""


class Difference(Record):
    """From one version to another."""

    before: str
    """`name@number`."""
    after: str
    added: RowCounts = RowCounts()
    removed: RowCounts = RowCounts()
    kept: RowCounts = RowCounts()
    """By the reasons that they have now."""
    drops: dict[str, int] = {}
    """Gate and code of the later version's drops (`loop mastered`) -> removed rows; empty text where it has none."""
    splits: dict[str, int] = {}
    """`train -> test` -> kept rows that moved."""
    reasons: dict[str, int] = {}
    """`seed -> error_seed` -> kept rows that are here for another reason now."""
    recipe: dict[str, tuple[Any, Any]] = {}
    """Key that differs, with dots (`accept.rung`) -> its value before and after; None where it is missing."""

    @property
    def same_rows(self) -> bool:
        """Whether both hold the same rows in the same splits."""
        return not (self.added.rows or self.removed.rows or self.splits)
