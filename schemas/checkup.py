"""What `callwright doctor` finds."""

from __future__ import annotations

from typing import Literal, Self

from callwright.schemas.base import Record


class Finding(Record):
    """What one check came to."""

    check: str
    """Its stable name; docs/doctor.md lists them."""
    outcome: Literal["ok", "fault", "skipped"]
    """`skipped`: it cannot be told, mostly because of an earlier fault."""
    where: str
    """What was looked at: a folder, an address, a role of the recipe."""
    message: str
    """One line; of a fault, what is wrong and then what to do."""

    @classmethod
    def ok(cls, check: str, where: str, message: str) -> Self:
        return cls(check=check, outcome="ok", where=where, message=_in_one_line(message))

    @classmethod
    def fault(cls, check: str, where: str, message: str) -> Self:
        return cls(check=check, outcome="fault", where=where, message=_in_one_line(message))

    @classmethod
    def skipped(cls, check: str, where: str, message: str) -> Self:
        return cls(check=check, outcome="skipped", where=where, message=_in_one_line(message))


def _in_one_line(message: str) -> str:
    return " ".join(message.split())
