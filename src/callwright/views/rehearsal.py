"""Which rows a round of continual learning trains on (Wang et al. 2024, arXiv 2403.04746): decided by digests alone.

Neither the order of rows nor other tools' rows play a part: the same seed gives the same rounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from callwright.schemas.base import digest

ToolName = tuple[str, str]
"""A tool by its toolkit's name and its own."""


def deal(tools: Iterable[ToolName], batches: int, seed: int) -> list[list[ToolName]]:
    """The tools in batches of nearly equal size, drawn at random; each batch in order of names.

    Raises:
        ValueError: There are fewer tools than batches.
    """
    drawn = sorted(set(tools), key=lambda tool: digest([seed, "batch", *tool]))
    if len(drawn) < batches:
        raise ValueError(f"{len(drawn)} tools do not make {batches} batches")
    borders = [len(drawn) * index // batches for index in range(batches + 1)]
    return [sorted(drawn[start:end]) for start, end in zip(borders, borders[1:], strict=False)]


def rehearsed(rows: Sequence[str], share: float, seed: int, round_: int) -> set[str]:
    """Which rows of one earlier tool a round sees again: that share of them, at least one.

    Args:
        rows: Ids of the tool's train rows.
        share: Share of them, rounded to the nearest whole number, halves up.
        seed: The sampler's seed.
        round_: The round; each draws anew.
    """
    if not share or not rows:
        return set()
    count = max(1, math.floor(share * len(rows) + 0.5))
    return set(sorted(set(rows), key=lambda row: digest([seed, "round", round_, row]))[:count])


def rounds_of(
    rows: Mapping[ToolName, Sequence[str]], dealt: Sequence[Sequence[ToolName]], share: float, seed: int
) -> dict[str, list[int]]:
    """Row id -> the rounds, from 1 on, that train on it: its own batch's, and those that rehearse it."""
    rounds: dict[str, list[int]] = {}
    for own, batch in enumerate(dealt, 1):
        for tool in batch:
            for row in rows.get(tool, ()):
                rounds[row] = [own]
            for later in range(own + 1, len(dealt) + 1):
                for row in rehearsed(rows.get(tool, ()), share, seed, later):
                    rounds[row].append(later)
    return rounds
