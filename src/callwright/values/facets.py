"""What kind of deed a turn is, coarsely: which skills a learner has is told by facets such as these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from callwright.values.canonical import parse_json

_MANY = 3


def facet(turn: Mapping[str, Any], *, asks: bool, later: bool) -> str:
    """The facet of an assistant's turn in OpenAI's chat format.

    Args:
        turn: The message.
        asks: Whether it is a question that is answered.
        later: Whether results of calls stand before it.

    Returns:
        `ask`, `abstain`, or calls by their number, place, and the shape of the first one's arguments: `one first 2sn`.
    """
    calls = turn.get("tool_calls") or ()
    if not calls:
        return "ask" if asks else "abstain"
    number = "one" if len(calls) == 1 else "several"
    return f"{number} {'later' if later else 'first'} {_shape(calls[0]['function']['arguments'])}"


def _shape(arguments: Any) -> str:
    """How many arguments, and of which types: `2sn` for a text and a number."""
    try:
        values = parse_json(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return "?"
    if not isinstance(values, dict):
        return "?"
    types = sorted({_LETTERS.get(type(value), "o") for value in values.values()})
    return f"{min(len(values), _MANY)}{''.join(types)}"


_LETTERS = {str: "s", int: "n", float: "n", bool: "b"}
