"""What a run may cost: every question takes what it may need from the purse, and gives back what it did not use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from callwright.errors import BudgetError
from callwright.schemas.base import canonical_json
from callwright.schemas.recipe import Budget, Price

SCORED = "scored"
"""In a question: it is how likely the last message is, not what comes after it."""
_TEMPLATE_TOKENS = 256
"""What a chat template adds around messages and tools, at the most."""


@dataclass(frozen=True)
class Cost:
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )

    def __sub__(self, other: Cost) -> Cost:
        return self + Cost(-other.requests, -other.prompt_tokens, -other.completion_tokens)

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def usd(self, price: Price) -> float:
        return (self.prompt_tokens * price.prompt + self.completion_tokens * price.completion) / 1e6


def cost_at_most(question: Mapping[str, Any]) -> Cost:
    """An upper estimate of what the answer to a question costs: no token is shorter than a byte."""
    sent = [question["messages"], question["tools"], question["reply_schema"]]
    prompt = len(canonical_json(sent).encode("utf-8", "surrogatepass")) + _TEMPLATE_TOKENS
    return Cost(1, prompt, question["sampling"]["max_tokens"])


def cost_of(entry: Mapping[str, Any]) -> Cost:
    """What an entry of the ledger cost; the upper estimate where the server did not say.

    A score that could not be told cost nothing: a server that knows none is found out once and not asked again.
    """
    if SCORED in entry["request"] and entry["response"].get("logprobs") is None:
        return Cost()
    said = Cost(1, entry["prompt_tokens"], entry["completion_tokens"])
    return said if said.tokens else cost_at_most(entry["request"])


class Purse:
    """Keeps a run within its budget.

    Before a question is sent, the most that it can cost is set aside. When that does not fit, it waits for those
    under way, which bring back what they did not use. When none is under way and it still does not fit, the
    budget is at its line, and nothing is sent any more: every answer that was paid for has been written down.
    """

    def __init__(
        self, budget: Budget, price: Price | None = None, paid: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        """`paid` are the ledger's entries of earlier sittings."""
        self._budget = budget
        self._price = price
        self._spent = sum(map(cost_of, paid), Cost())
        self._set_aside = Cost()
        self._ends_at = None if budget.minutes is None else time.monotonic() + 60.0 * budget.minutes
        self._landed = asyncio.Event()
        self._over: str | None = None

    async def take(self, question: Mapping[str, Any]) -> Cost:
        """Sets aside what a question may cost.

        Raises:
            BudgetError: It does not fit, and nothing is under way that could make room.
        """
        most = cost_at_most(question)
        while crossed := self._over or self._crossed_by(most):
            if not self._set_aside.requests:
                self._over = crossed
                raise BudgetError(crossed)
            await self._landed.wait()
        self._set_aside += most
        return most

    def settle(self, most: Cost, used: Cost) -> None:
        """Gives back what was set aside, less what was used."""
        self._set_aside -= most
        self._spent += used
        # A new event for those who wait from now on; the others look again.
        self._landed.set()
        self._landed = asyncio.Event()

    def _crossed_by(self, more: Cost) -> str | None:
        """The budget that this much more might cross, in words."""
        budget, spent = self._budget, self._spent
        total = spent + self._set_aside + more
        if budget.requests is not None and total.requests > budget.requests:
            return _spent("requests", budget.requests, f"{spent.requests} requests")
        if budget.tokens is not None and total.tokens > budget.tokens:
            need = f", and the next request may need {more.tokens}"
            return _spent("tokens", budget.tokens, f"{spent.tokens} tokens{need}")
        if budget.usd is not None and self._price is not None and total.usd(self._price) > budget.usd:
            need = f", and the next request may need {more.usd(self._price):.4g}"
            return _spent("usd", budget.usd, f"{spent.usd(self._price):.4g} USD{need}")
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            return _spent("minutes", budget.minutes, f"{spent.requests} requests and {spent.tokens} tokens")
        return None


def _spent(name: str, line: float | None, spent: str) -> str:
    return (
        f"budget.{name}: {line:g} is used up; spent so far: {spent}. Raise it in the recipe, and run the same "
        "command to go on"
    )
