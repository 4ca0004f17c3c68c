"""Which schemas hold for a value: its own, those they refer to, and of several branches the one that is meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from callwright.schemas.base import canonical_json

_KINDS = frozenset({"null", "boolean", "number", "string", "array", "object"})
_CONDITIONS = ("if", "not", "dependentRequired", "dependentSchemas", "dependencies", "minProperties")
"""Words that make it matter whether a field is given at all, whatever its value."""
_DEPTH = 16
"""References that are followed to tell a branch's type, at the most."""


class Applied(NamedTuple):
    """What JSON Schema says about one value inside a document.

    Schemas come from strangers: whatever is no schema is passed over.
    """

    root: Mapping[str, Any]
    """The whole schema, in which references are looked up."""
    schemas: tuple[Mapping[str, Any], ...]
    """All that hold for the value: its schema, what `$ref` and `allOf` add, and of `anyOf` and `oneOf` the branch of
    the value's type, where there is exactly one."""
    clear: bool
    """Whether nothing more holds: no choice between branches of one type, no condition."""

    @classmethod
    def to(cls, root: Mapping[str, Any], own: Iterable[Any], value: Any) -> Applied:
        """What holds for a value, besides its own schemas."""
        found: list[Mapping[str, Any]] = []
        waiting = list(own)
        clear = True
        while waiting:
            schema = waiting.pop(0)
            if not isinstance(schema, dict) or any(schema is one for one in found):
                continue
            found.append(schema)
            waiting += _added(root, schema)
            clear = clear and not any(word in schema for word in _CONDITIONS)
            for branches in _choices(schema):
                fitting = [branch for branch in branches if _fits(root, branch, value)]
                waiting += fitting if len(fitting) == 1 else ()
                clear = clear and len(fitting) < 2
        return cls(root, tuple(found), clear)

    @property
    def required(self) -> frozenset[str]:
        """Names of the fields that have to be there."""
        return frozenset(name for schema in self.schemas for name in _required(schema))

    @property
    def unordered(self) -> bool:
        """Whether a list is a set: its entries are unique, and no place has a meaning of its own."""
        return any(schema.get("uniqueItems") is True for schema in self.schemas) and not any(
            "prefixItems" in schema for schema in self.schemas
        )

    @property
    def options(self) -> list[Any]:
        """The values that are allowed, where they are listed."""
        listed = [schema["enum"] for schema in self.schemas if isinstance(schema.get("enum"), list)]
        return [one for one in listed[0] if all(one in other for other in listed)] if listed else []

    def field(self, name: str, value: Any) -> Applied:
        """What holds for the value of a field."""
        return Applied.to(self.root, self._named(name), value)

    def item(self, place: int, value: Any) -> Applied:
        """What holds for an entry of a list."""
        own: list[Any] = []
        for schema in self.schemas:
            first = schema.get("prefixItems")
            listed = first if isinstance(first, list) else []
            own.append(listed[place] if place < len(listed) else schema.get("items"))
        return Applied.to(self.root, own, value)

    def default(self, name: str) -> tuple[Any, ...]:
        """The default of a field in a tuple; an empty one where it has none, or several that differ."""
        found: list[Any] = []
        waiting = self._named(name)
        seen: list[Any] = []
        while waiting:
            schema = waiting.pop()
            if isinstance(schema, dict) and not any(schema is one for one in seen):
                seen.append(schema)
                # The defaults of branches count only if the branch is taken, which is not known of what is left out.
                waiting += _added(self.root, schema)
                found += [schema["default"]] if "default" in schema else []
        return tuple(found[:1]) if len(set(map(canonical_json, found))) == 1 else ()

    def _named(self, name: str) -> list[Any]:
        own: list[Any] = []
        for schema in self.schemas:
            named = schema.get("properties")
            if isinstance(named, dict) and name in named:
                own.append(named[name])
            elif "patternProperties" not in schema:
                own.append(schema.get("additionalProperties"))
        return own


def kind_of(value: Any) -> str:
    """The JSON type of a value; `integer` is `number`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _added(root: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Any]:
    """The schemas that hold wherever this one does."""
    every = schema.get("allOf")
    return [_referred(root, schema.get("$ref")), *(every if isinstance(every, list) else ())]


def _referred(root: Mapping[str, Any], reference: Any) -> Any:
    """What a reference inside the document points to; None for any other."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found: Any = root
    for step in reference[1:].split("/")[1:]:
        if not isinstance(found, dict):
            return None
        found = found.get(step.replace("~1", "/").replace("~0", "~"))
    return found


def _choices(schema: Mapping[str, Any]) -> Iterator[list[Any]]:
    for word in ("anyOf", "oneOf"):
        branches = schema.get(word)
        if isinstance(branches, list):
            yield branches


def _fits(root: Mapping[str, Any], branch: Any, value: Any) -> bool:
    """Whether a value has a branch's type, and in fields that it must have the constants that tell branches apart.

    Leaving out defaults changes neither, so that a value has one branch in all its forms.
    """
    if kind_of(value) not in _kinds(root, branch, _DEPTH):
        return False
    if not isinstance(value, dict):
        return True
    whole = [branch, *_added(root, branch)] if isinstance(branch, dict) else []
    return all(
        name in value and value[name] == fields[name]["const"]
        for schema in whole
        if isinstance(schema, dict) and isinstance(fields := schema.get("properties"), dict)
        for name in _required(schema)
        if isinstance(fields.get(name), dict) and "const" in fields[name]
    )


def _required(schema: Mapping[str, Any]) -> list[str]:
    listed = schema.get("required")
    return [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []


def _kinds(root: Mapping[str, Any], schema: Any, depth: int) -> frozenset[str]:
    """The JSON types that a schema admits."""
    if not isinstance(schema, dict):
        return frozenset() if schema is False else _KINDS
    if not depth:
        return _KINDS
    kinds = _KINDS
    named = schema.get("type")
    if isinstance(named, str | list):
        listed = [named] if isinstance(named, str) else named
        kinds &= {"number" if one == "integer" else one for one in listed if isinstance(one, str)}
    if isinstance(schema.get("enum"), list):
        kinds &= {kind_of(one) for one in schema["enum"]}
    if "const" in schema:
        kinds &= {kind_of(schema["const"])}
    for more in _added(root, schema):
        kinds &= _kinds(root, more, depth - 1)
    for branches in _choices(schema):
        kinds &= frozenset().union(*(_kinds(root, branch, depth - 1) for branch in branches))
    return kinds
