"""`allOf` turned into one schema, so that a model reads one list of properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from callwright.sources.keywords import ANNOTATIONS

DROPPED = "$dropped"
"""Our own mark: names of properties that were left out and must not stay required. Never in a result."""

_GROUPS = (
    frozenset({"if", "then", "else"}),
    frozenset({"contains", "minContains", "maxContains"}),
    frozenset({"prefixItems", "items"}),
)
"""Words that mean something only together."""


def merge(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """The schema of values that both schemas accept; where both explain, the first one's words stay.

    What cannot be said in one schema stays under `allOf`.
    """
    grouped = {word for group in _GROUPS if _clash_in(group, first, second) for word in group}
    result, rest = dict(first), {}
    for key, value in second.items():
        if key in grouped:
            rest[key] = value
        elif key not in result:
            result[key] = value
        elif key in ANNOTATIONS or result[key] == value:
            continue
        elif (combined := _combined(key, result[key], value)) is not None:
            result[key] = combined
        else:
            rest[key] = value
    if rest:
        result["allOf"] = [*result.get("allOf", []), rest]
    return result


def _clash_in(group: frozenset[str], first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Both schemas use words of a group, and not just `items` with `items`, which can be merged."""
    ours, theirs = group & first.keys(), group & second.keys()
    same = all(first.get(word) == second.get(word) for word in ours | theirs)
    return bool(ours and theirs) and not same and (ours | theirs) != {"items"}


def reworded(schema: dict[str, Any], words: dict[str, Any]) -> dict[str, Any]:
    """A schema and what was written beside the reference to it: explanations there win."""
    explained = {key: value for key, value in words.items() if key in ANNOTATIONS}
    return {**merge(schema, words), **explained}


def _combined(key: str, first: Any, second: Any) -> Any:
    combine = _COMBINE.get(key)
    return combine(first, second) if combine else None


def _merge_either(first: Any, second: Any) -> Any:
    """Two schemas for the same value; False accepts nothing, True everything."""
    if isinstance(first, bool) or isinstance(second, bool):
        if first is False or second is False:
            return False
        return second if first is True else first
    if not ("$ref" in first or "$ref" in second):
        return merge(first, second)
    if second.keys() <= ANNOTATIONS:
        return {**second, **first}
    if first.keys() <= ANNOTATIONS:
        return {**second, **first}
    return {"allOf": [first, second]}


def _merge_named(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    both = {name: _merge_either(first[name], second[name]) for name in first if name in second}
    return {**first, **second, **both}


def _common_types(first: Any, second: Any) -> Any:
    ours, theirs = _listed(first), _listed(second)
    common = [each for each in ours if each in theirs or (each == "integer" and "number" in theirs)]
    common += [each for each in theirs if each == "integer" and "number" in ours and each not in common]
    return None if not common else common[0] if len(common) == 1 else common


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _common_values(first: list[Any], second: list[Any]) -> list[Any] | None:
    return [value for value in first if value in second] or None


def _union(first: list[Any], second: list[Any]) -> list[Any]:
    return [*first, *(each for each in second if each not in first)]


_COMBINE: dict[str, Callable[[Any, Any], Any]] = {
    DROPPED: _union,
    "additionalProperties": _merge_either,
    "allOf": lambda first, second: [*first, *second],
    "enum": _common_values,
    "exclusiveMaximum": min,
    "exclusiveMinimum": max,
    "items": _merge_either,
    "maxItems": min,
    "maxLength": min,
    "maxProperties": min,
    "maximum": min,
    "minItems": max,
    "minLength": max,
    "minProperties": max,
    "minimum": max,
    "properties": _merge_named,
    "propertyNames": _merge_either,
    "required": _union,
    "type": _common_types,
    "unevaluatedProperties": _merge_either,
    "uniqueItems": lambda first, second: first or second,
}
