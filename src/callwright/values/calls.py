"""The one comparison of calls: whether two mean the same, whatever is left to its default or written otherwise.

There is one canonical form (`meaning`) and one switch. Exact, it decides whether a student is right, whether a label
and an answer differ, and what is a duplicate (`tool_match`, `call_key`). Folded, it is what scores and judges of
conversations compare: wording that a person would not call different does not count either.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from callwright.schemas.base import canonical_json
from callwright.values.applied import Applied
from callwright.values.canonical import parse_json
from callwright.values.mentions import fold


class Offered(Protocol):
    """What is needed of a tool."""

    @property
    def parameters(self) -> dict[str, Any]: ...


class Made(Protocol):
    """What is needed of a call."""

    @property
    def name(self) -> str: ...

    @property
    def arguments(self) -> str: ...


def tool_match(tools: Mapping[str, Offered], label: Sequence[Made], made: Sequence[Made]) -> bool:
    """Whether two turns make the same calls: each as often, in whatever order.

    What is the same call is said at `meaning`. A call of a tool that is not offered, or with arguments that are no
    JSON object, matches nothing, not even itself. No calls match no calls; whether the words of two such turns agree
    is another question. (ToolMatch in Zhang et al. 2025, LoopTool, section 3.)

    Args:
        tools: Name -> offered tool.
    """
    keys = [[call_key(tools, call) for call in calls] for calls in (label, made)]
    one, other = ([key for key in listed if key is not None] for listed in keys)
    return len(one) == len(label) and len(other) == len(made) and sorted(one) == sorted(other)


def call_key(tools: Mapping[str, Offered], call: Made) -> str | None:
    """The canonical text of a call: equal for two calls exactly where they match.

    Returns:
        None where the tool is not offered or the arguments are no JSON object, read strictly (`parse_json`).
    """
    tool = tools.get(call.name)
    if tool is None:
        return None
    try:
        arguments = parse_json(call.arguments)
        if not isinstance(arguments, dict):
            return None
        return canonical_json([call.name, meaning(tool, arguments, folded=False)])
    except (ValueError, RecursionError):
        return None


def same_call(tool: Offered, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two calls of a tool have the same arguments, folded (see `meaning`)."""
    return _text(meaning(tool, one)) == _text(meaning(tool, other))


def meaning(tool: Offered, arguments: Mapping[str, Any], *, folded: bool = True) -> dict[str, Any]:
    """The arguments in a form in which equal ones are equal.

    - Numbers are compared by value, as JSON Schema does (1.0 is 1); a boolean is no number, a text neither.
    - The order of a list counts, unless the schema says `uniqueItems`; how often an entry stands there always does.
    - A field at its default is as good as one that is left out, inside objects too, where it may be left out and no
      choice between branches leaves open what holds. Null is a value like any other: it is left out where it is the
      default, and nowhere else.
    - Texts are compared exactly, character by character after Unicode's NFC.

    Args:
        folded: More is the same: texts are compared without regard to case, spacing and closing marks, lists of
            texts without regard to order; null is nothing given; and a required field at its default may be left out.
    """
    given = dict(arguments)
    return _object(given, Applied.to(tool.parameters, [tool.parameters], given), folded)


def _text(value: Any) -> str:
    # To Python, True is 1 and False is 0.
    return json.dumps(value, sort_keys=True)


def _object(given: Mapping[str, Any], schema: Applied, folded: bool) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    required = schema.required
    for name, value in given.items():
        if folded and value is None:
            continue
        settled = _settled(value, schema.field(name, value), folded)
        optional = folded or (schema.clear and name not in required)
        defaults = schema.default(name) if optional else ()
        if not any(
            _text(settled) == _text(_settled(one, schema.field(name, one), folded)) for one in defaults
        ):
            kept[name] = settled
    return kept


def _settled(value: Any, schema: Applied, folded: bool) -> Any:
    if isinstance(value, dict):
        return _object(value, schema, folded)
    if isinstance(value, list):
        entries = [_settled(child, schema.item(place, child), folded) for place, child in enumerate(value)]
        texts = all(isinstance(entry, str) for entry in entries)
        return sorted(entries, key=_text) if schema.unordered or (folded and texts) else entries
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, str):
        return fold(value).strip(" .!?") if folded else unicodedata.normalize("NFC", value)
    return value
