"""Whether two tools act on the same kind of thing."""

from __future__ import annotations

from functools import lru_cache

from callwright.schemas.tool import Tool
from callwright.values.spoken import humanise, singular


def share_resource(one: Tool, other: Tool) -> bool:
    """Whether the tools' resources have a noun in common: "special-events" and "events" do."""
    return one.name == other.name or bool(_nouns(one.resource) & _nouns(other.resource))


@lru_cache(maxsize=4096)
def _nouns(resource: str) -> frozenset[str]:
    return frozenset(singular(word) for word in humanise(resource).split() if len(word) > 2)
