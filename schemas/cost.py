"""What a run will cost, before anything is asked."""

from __future__ import annotations

from typing import Literal

from callwright.schemas.base import Record


class Estimate(Record):
    """What will be asked for one purpose in one stage."""

    stage: str
    """The method that asks; in a loop behind the part it belongs to, such as `seeds toolalpaca`."""
    purpose: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None = None
    """By the price of the model that is asked; None where it has none."""
    basis: Literal["recipe", "ledger"] = "recipe"
    """Whether it was reckoned from the recipe alone, or from what the newest version of the dataset had asked."""


class CostPlan(Record):
    dataset: str
    rows: int
    known: str = ""
    """The version that is there already; then nothing will be asked."""
    answered: int = 0
    """Answers that an unfinished run of the recipe holds; they are among the requests, and not asked again."""
    estimates: tuple[Estimate, ...] = ()

    @property
    def requests(self) -> int:
        return sum(one.requests for one in self.estimates)

    @property
    def prompt_tokens(self) -> int:
        return sum(one.prompt_tokens for one in self.estimates)

    @property
    def completion_tokens(self) -> int:
        return sum(one.completion_tokens for one in self.estimates)

    @property
    def usd(self) -> float | None:
        """None where no model has a price."""
        priced = [one.usd for one in self.estimates if one.usd is not None]
        return sum(priced) if priced else None
