"""What makes one tool of a source unusable; the others are imported all the same."""

from __future__ import annotations

from typing import Any

from callwright.errors import SourceError


class Unusable(SourceError):
    """A part of a source cannot become a tool. `code` is the stable reason that a refusal carries."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def mapping(value: Any, what: str) -> dict[Any, Any]:
    """The value, when it is a mapping; nothing written counts as an empty one.

    Raises:
        Unusable: It is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unusable("invalid_document", f"{what} is {shown(value)}, expected a mapping")
    return value


def sequence(value: Any, what: str) -> list[Any]:
    """The value, when it is a list; nothing written counts as an empty one.

    Raises:
        Unusable: It is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unusable("invalid_document", f"{what} is {shown(value)}, expected a list")
    return value


def shown(value: Any) -> str:
    """A value as an error message quotes it: short."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def reason_of(error: Exception) -> tuple[str, str]:
    """The stable code and the one line that a refusal carries."""
    if isinstance(error, Unusable):
        return error.code, str(error).splitlines()[0]
    if isinstance(error, RecursionError):
        return "too_deep", "schemas lie too deep within each other"
    return "invalid_schema", str(error).splitlines()[0]
