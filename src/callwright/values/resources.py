"""Whether two tools act on the same kind of thing."""

from __future__ import annotations

from callwright.schemas.tool import Tool
from callwright.values.spoken import humanise, singular


def share_resource(one: Tool, other: Tool) -> bool:
    """Whether the tools' resources have a noun in common: "special-events" and "events" do."""
    return one.name == other.name or bool(_nouns(one) & _nouns(other))


def _nouns(tool: Tool) -> set[str]:
    return {singular(word) for word in humanise(tool.resource).split() if len(word) > 2}
