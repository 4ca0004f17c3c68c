"""The goal ledger of a simulated user: what he knows, what he was asked for, what he has said, and how he says it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from callwright.generators.asktoact.intents import Intent
from callwright.schemas.recipe import UserStyle

Move = Literal["answer", "evade", "stray", "slip", "slip_and_correct"]
"""What a user's turn does: answers; puts off; speaks of something else; says a wrong value; corrects it at once."""

PATIENCE: dict[UserStyle, int] = {
    "terse": 1,
    "wordy": 1,
    "evasive": 2,
    "off_topic": 2,
    "corrects_himself": 2,
}
"""Style -> turns within which an intent that was asked for has been said rightly."""


@dataclass
class Ledger:
    """Who knows what. Nothing leaves it that was not asked for."""

    intents: Sequence[Intent]
    asked: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    """Ids of the intents that were said rightly."""
    owed: Intent | None = None
    """The intent of which a wrong value was said; the user notices in his next turn."""

    @property
    def open(self) -> list[Intent]:
        """What the user has not said yet, or not rightly."""
        return [one for one in self.intents if one.id not in self.given]

    @property
    def next(self) -> list[Intent]:
        """What nobody has asked for yet."""
        return [one for one in self.intents if one.id not in self.asked]

    def state(self) -> dict[str, Any]:
        """How it stands, for the record."""
        return {"asked": list(self.asked), "given": list(self.given), "open": [one.id for one in self.open]}


def moves(style: UserStyle, can_slip: Sequence[bool], rng: random.Random) -> list[tuple[Move, ...]]:
    """The user's turns after each question: what is peculiar to a style happens once, the rest are answers.

    Args:
        style: The user's manner.
        can_slip: For each question, whether another value is there that could be said by mistake.
        rng: Which question it happens at.
    """
    turns: list[tuple[Move, ...]] = [("answer",)] * len(can_slip)
    at = rng.randrange(len(can_slip))
    if style == "evasive":
        turns[at] = ("evade", "answer")
    elif style == "off_topic":
        turns[at] = ("stray", "answer")
    elif style == "corrects_himself" and any(can_slip):
        at = rng.choice([place for place, able in enumerate(can_slip) if able])
        # He notices at once, or while he answers the next question.
        later = at + 1 < len(can_slip) and rng.random() < 0.5
        turns[at] = ("slip",) if later else ("slip_and_correct",)
    return turns
