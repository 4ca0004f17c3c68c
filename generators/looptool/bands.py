"""How well a student does something, told by as few sampled answers as it takes.

Answers are asked for one after the other, up to a budget. Two things end it early:

- The rate's Wilson interval (80 %) lies above the cut of `mastered`, or below that of `frontier`.
- No answer that is still to come could change the band.

Else the rate of all answers decides. A band in the middle is not settled by an interval inside it: 2 right of 4 would
do, and of what is right 92 times in 100, 6 in 100 would be called learnable instead of 3. A student that is right
wherever another one is never gets a harder band than it, whatever the budget and the cuts.

What 16 answers can tell, with the cuts at 0.2 and 0.8: the band is wrong at most 5 times in 100 where the true rate
is at most 0.09, from 0.44 to 0.56, or at least 0.91. At a cut it is a toss, with all 16 as well: 13 of 16 do not tell
0.75 from 0.85. It takes 7 answers where all are right or all wrong, and 12.3 on average at the most. A budget of 8
tells never from at times from always only where the rates are 0.05, 0.5 and 0.95.
"""

from __future__ import annotations

from functools import lru_cache

from callwright.schemas.loop import Probing
from callwright.schemas.probe import Band
from callwright.values.intervals import wilson

CONFIDENCE = 0.8
"""Of the intervals. With 95 %, sure bands would take 13 of 16 answers, and be right hardly more often."""


def band_of(settings: Probing, successes: int, attempts: int) -> Band | None:
    """The band after some sampled answers; None while further ones are to be asked for, or where none are.

    Args:
        attempts: Answers so far, `settings.samples` at the most.
    """
    possible = _possible(settings, successes, attempts) if settings.samples else frozenset[Band]()
    return next(iter(possible)) if len(possible) == 1 else None


@lru_cache(maxsize=100_000)
def _possible(settings: Probing, successes: int, attempts: int) -> frozenset[Band]:
    """The bands that the answers to come can still lead to."""
    low, high = wilson(successes, attempts, CONFIDENCE)
    if low >= settings.mastered:
        return frozenset({"mastered"})
    if high <= settings.frontier:
        return frozenset({"frontier"})
    if attempts >= settings.samples:
        return frozenset({_by_rate(settings, successes, attempts)})
    return _possible(settings, successes, attempts + 1) | _possible(settings, successes + 1, attempts + 1)


def _by_rate(settings: Probing, successes: int, attempts: int) -> Band:
    rate = successes / attempts
    if rate >= settings.mastered:
        return "mastered"
    return "frontier" if rate <= settings.frontier else "learnable"
