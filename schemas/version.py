"""A dataset's version: an immutable set of rows, and the reasons for every row that is not in it."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from callwright.schemas.base import Record
from callwright.schemas.task import Kind

Split = Literal["train", "test"]


class Member(Record):
    """One row of a version."""

    trajectory: str
    split: Split
    kind: Kind
    method: str


class Drop(Record):
    """One attempt that did not become a row."""

    method: str
    kind: Kind
    attempt: int
    gate: str
    """Where it was dropped: generation, hygiene, L0, L1, duplicates, selection."""
    code: str
    message: str = ""
    trajectory: str | None = None
    """None when the attempt produced no conversation."""


class Version(Record):
    """`name@number`, with all that its members came from."""

    dataset: str
    number: int
    id: str
    """Digest of the members with their splits and of the recipe digest."""
    parent: str | None
    recipe_digest: str
    recipe: dict[str, Any]
    """The resolved recipe, as it was built."""
    created_at: dt.datetime
    statistics: dict[str, Any]
    """Counts: rows by kind, split, tool and toolkit; the funnel; drops by gate and code; ledger totals."""

    @property
    def name(self) -> str:
        return f"{self.dataset}@{self.number}"


class LedgerEntry(Record):
    """One finished model call."""

    key: str
    purpose: str
    model: str
    item: str
    """Identity of the attempt that asked."""
    request: dict[str, Any]
    response: dict[str, Any]
    prompt_tokens: int
    completion_tokens: int
