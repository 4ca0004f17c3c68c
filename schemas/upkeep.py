"""What the upkeep of a store finds: damage, and what no version needs."""

from __future__ import annotations

from callwright.schemas.base import Record


class Damage(Record):
    """One record of a store that is not what its name says."""

    table: str
    id: str
    message: str


class Verification(Record):
    """What a version's stored bodies say about its ids."""

    version: str
    rows: int
    checked: dict[str, int] = {}
    """Table -> records whose names were computed anew."""
    damage: tuple[Damage, ...] = ()

    @property
    def sound(self) -> bool:
        return not self.damage


class Garbage(Record):
    """Records of one table that no version needs."""

    rows: int = 0
    bytes: int = 0
    """Bytes of their texts."""
