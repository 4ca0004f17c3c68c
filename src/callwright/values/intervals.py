"""Intervals around what was counted: a rate's (Wilson), a mean's (seeded bootstrap)."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist, fmean

DRAWS = 2_000
"""Resamples of a bootstrap."""


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Lower and upper end of the score interval of a rate (Wilson 1927).

    Unlike the textbook interval it never leaves 0 to 1, and says something about 0 or all of a few trials. Without
    trials it is everything, 0 to 1.

    Args:
        confidence: How often the interval holds the true rate, above 0 and below 1.

    Raises:
        ValueError: More successes than trials, or fewer than none.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is no rate")
    if not trials:
        return 0.0, 1.0
    z2 = _z(confidence) ** 2
    rate = successes / trials
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    reach = math.sqrt(z2 * rate * (1 - rate) / trials + (z2 / (2 * trials)) ** 2) / (1 + z2 / trials)
    # Rounding must not leave a hair between the ends and 0 or 1.
    low = 0.0 if not successes else max(0.0, middle - reach)
    high = 1.0 if successes == trials else min(1.0, middle + reach)
    return low, high


def bootstrap(values: Sequence[float], seed: int = 0, confidence: float = 0.95) -> tuple[float, float]:
    """Lower and upper end of the percentile interval of the values' mean; the same seed gives the same one.

    For what two systems do on the same items, give the differences, item by item.

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("no values, no mean")
    rng, count = random.Random(seed), len(values)
    drawn = sorted(fmean(rng.choices(values, k=count)) for _ in range(DRAWS))
    tail = (1 - confidence) / 2
    return drawn[round(tail * DRAWS)], drawn[min(round((1 - tail) * DRAWS), DRAWS - 1)]


@lru_cache(maxsize=64)
def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
