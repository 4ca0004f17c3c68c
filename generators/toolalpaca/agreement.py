"""Whether samples of one turn of the assistant's agree (Zhang et al. 2025, LoopTool, section 3: dialogue simulation).

Two samples are taken, and a third where they do not settle it:

    both words                      -> either of them
    both the same calls             -> these
    of three: words at least twice  -> any of these words
    of three: the same calls twice  -> these
    else                            -> any of the three, and the turn is a suspect: no trainer learns it
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import combinations

from callwright.schemas.base import Record
from callwright.schemas.message import ToolCall
from callwright.schemas.tool import Tool
from callwright.values.calls import tool_match

SAMPLES = 3
"""Samples of one turn, at the most."""
SUSPECT = "suspect"
"""Label of the note beside a turn on which the samples do not agree; it holds all of them."""


class Agreed(Record):
    sample: int
    """Which of the samples is taken."""
    suspect: bool = False


def agreed(
    tools: Mapping[str, Tool], samples: Sequence[Sequence[ToolCall]], rng: random.Random
) -> Agreed | None:
    """What two or three samples come to; None where two leave it open.

    Args:
        tools: Name -> offered tool.
        samples: The calls of each; a sample without calls is words.
        rng: Where any of several will do.
    """
    words = [number for number, calls in enumerate(samples) if not calls]
    if len(words) > 1:
        return Agreed(sample=rng.choice(words))
    for one, other in combinations(range(len(samples)), 2):
        if samples[one] and samples[other] and tool_match(tools, samples[one], samples[other]):
            return Agreed(sample=one)
    if len(samples) < SAMPLES:
        return None
    return Agreed(sample=rng.randrange(len(samples)), suspect=True)
