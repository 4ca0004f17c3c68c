"""Arguments that no schema names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_DEPTH = 32
"""References that are followed, one behind the other, and branches within branches, at the most."""


def unknown_names(value: Any, schema: Any, root: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """JSON pointers of names that no schema mentions, unless it explicitly allows more.

    A schema without `additionalProperties` accepts any name, yet a model that invents one is wrong. Schemas come from
    strangers: whatever is no schema is passed over.
    """
    schema = _resolved(schema, root)
    if isinstance(value, list):
        for index, child in enumerate(value):
            yield from unknown_names(child, schema.get("items", {}), root, f"{path}/{index}")
    if not isinstance(value, dict):
        return
    known = _properties(schema, root, _DEPTH)
    allows_more = schema.get("additionalProperties") not in (None, False) or "patternProperties" in schema
    # A nested object without any names is free-form; a tool without parameters takes none.
    open_ended = allows_more or (not known and bool(path))
    for name, child in value.items():
        if name in known:
            yield from unknown_names(child, known[name], root, f"{path}/{name}")
        elif not open_ended:
            yield f"{path}/{name}"


def _properties(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Named properties of a schema and of its allOf, anyOf and oneOf branches."""
    named = schema.get("properties")
    found = dict(named) if isinstance(named, dict) else {}
    for keyword in ("allOf", "anyOf", "oneOf") if depth else ():
        branches = schema.get(keyword)
        for branch in branches if isinstance(branches, list) else ():
            found |= _properties(_resolved(branch, root), root, depth - 1)
    return found


def _resolved(schema: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """The schema behind a local `$ref`; an empty schema for anything else that is no object."""
    for _ in range(_DEPTH):
        if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
            break
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = (
                target.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(target, dict) else {}
            )
        schema = target
    return schema if isinstance(schema, dict) else {}
