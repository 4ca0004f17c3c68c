"""Type names that people write in place of JSON Schema's, such as `dict`, `float` or `List[int]`."""

from __future__ import annotations

from typing import Any

from callwright.sources.problems import Unusable, shown

JSON_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})

_SPOKEN: dict[str, dict[str, Any]] = {
    "any": {},
    "bool": {"type": "boolean"},
    "char": {"type": "string"},
    "dict": {"type": "object"},
    "dictionary": {"type": "object"},
    "double": {"type": "number"},
    "float": {"type": "number"},
    "hashmap": {"type": "object"},
    "int": {"type": "integer"},
    "list": {"type": "array"},
    "long": {"type": "integer"},
    "map": {"type": "object"},
    "mapping": {"type": "object"},
    "none": {"type": "null"},
    "nonetype": {"type": "null"},
    "sequence": {"type": "array"},
    "set": {"type": "array", "uniqueItems": True},
    "str": {"type": "string"},
    "tuple": {"type": "array"},
}


def parse_type(text: str) -> dict[str, Any]:
    """The JSON Schema of a type's name.

    Raises:
        Unusable: Nobody can tell what the name means.
    """
    name = text.strip().removeprefix("typing.")
    if name.lower() in JSON_TYPES:
        return {"type": name.lower()}
    if name.lower() in _SPOKEN:
        return dict(_SPOKEN[name.lower()])
    if parts := _split(name, "|"):
        return _union([parse_type(part) for part in parts])
    head, bracket, inner = name.partition("[")
    if bracket and inner.endswith("]"):
        return _generic(head.strip().lower(), inner[:-1], text)
    raise Unusable("unknown_type", f"the type {shown(text)} is none of JSON Schema's or Python's")


def _generic(head: str, inner: str, text: str) -> dict[str, Any]:
    parts = _split(inner, ",") or [inner]
    if head == "optional":
        return _union([parse_type(inner), {"type": "null"}])
    if head == "union":
        return _union([parse_type(part) for part in parts])
    if head == "literal":
        return {"enum": [part.strip().strip("'\"") for part in parts]}
    outer = _SPOKEN.get(head, {}).get("type") or (head if head in ("array", "object") else None)
    if outer == "object" and len(parts) == 2:
        return _with({"type": "object"}, "additionalProperties", parse_type(parts[1]))
    if head == "tuple" and parts[-1].strip() != "..." and len(parts) > 1:
        members = [parse_type(part) for part in parts]
        return {"type": "array", "prefixItems": members, "minItems": len(parts), "maxItems": len(parts)}
    if outer == "array":
        return _with(dict(_SPOKEN.get(head, {"type": "array"})), "items", parse_type(parts[0]))
    raise Unusable("unknown_type", f"the type {shown(text)} is none of JSON Schema's or Python's")


def _with(schema: dict[str, Any], key: str, inner: dict[str, Any]) -> dict[str, Any]:
    return {**schema, key: inner} if inner else schema


def _union(members: list[dict[str, Any]]) -> dict[str, Any]:
    if {} in members:
        return {}
    if all(set(member) == {"type"} for member in members):
        return {"type": list(dict.fromkeys(member["type"] for member in members))}
    return {"anyOf": members}


def _split(text: str, separator: str) -> list[str]:
    """The parts of a text at separators outside brackets; empty when there is no such separator."""
    parts, depth, start = [], 0, 0
    for position, letter in enumerate(text):
        depth += (letter == "[") - (letter == "]")
        if letter == separator and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]] if parts else []
