"""A whole number in whole parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

K = TypeVar("K", bound=str)


def portions(shares: Mapping[K, float], total: int) -> dict[K, int]:
    """A total in whole parts by the largest remainder.

    Args:
        shares: They add up to 1, or nearly; ties go to the one that is named first.
        total: What the parts add up to, whatever the shares are.
    """
    whole = sum(shares.values())
    exact = {name: share / whole * total for name, share in shares.items()}
    counts = {name: int(part + 1e-9) for name, part in exact.items()}
    by_remainder = sorted(shares, key=lambda name: counts[name] - exact[name])
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts
