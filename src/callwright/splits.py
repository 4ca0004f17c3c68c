"""Which split a row belongs to: decided by its root task alone, so that relatives never part."""

from __future__ import annotations

from callwright.schemas.base import digest
from callwright.schemas.version import Split

_RESOLUTION = 16**13
"""52 bits: the largest count of steps in [0, 1) that a float holds exactly, in whole hexadecimal digits."""


def split_of(root_id: str, test_share: float) -> Split:
    """`test` for about `test_share` of all root tasks.

    It hangs on nothing else: not on the order of rows, other rows, or the seed. Raising the share moves
    rows from train to test only.

    Raises:
        ValueError: The share is not in [0, 1].
    """
    if not 0.0 <= test_share <= 1.0:
        raise ValueError(f"test_share: {test_share!r} is not between 0 and 1")
    place = int(digest(f"split:{root_id}")[:13], 16) / _RESOLUTION
    return "test" if place < test_share else "train"
