"""Which words JSON Schema 2020-12 knows, and how to walk the schemas inside a schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Schema = dict[str, Any] | bool

ANNOTATIONS = frozenset({"title", "description", "default", "examples"})
"""Words that explain and never constrain."""

ONE = frozenset(
    {
        "items",
        "additionalProperties",
        "not",
        "if",
        "then",
        "else",
        "contains",
        "propertyNames",
        "unevaluatedItems",
        "unevaluatedProperties",
        "contentSchema",
    }
)
"""Words whose value is a schema."""

MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
"""Words whose value is a list of schemas."""

NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})
"""Words whose value maps names to schemas."""

IN_PLACE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else"})
"""Words whose schemas look at the same value as the schema around them."""

PLAIN = frozenset(
    {
        "type",
        "enum",
        "const",
        "multipleOf",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
        "required",
        "dependentRequired",
        "contentEncoding",
        "contentMediaType",
    }
)
"""Words that constrain and hold no schema."""


NUMBERS = frozenset(
    word for word in PLAIN if word.lower().startswith(("min", "max", "exclusive", "multiple"))
)
"""Words whose value is a number."""


def map_subschemas(schema: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """A copy of a schema whose direct subschemas went through `change`."""
    return {key: _mapped(key, value, change) for key, value in schema.items()}


def _mapped(key: str, value: Any, change: Callable[[Any], Any]) -> Any:
    if key in ONE:
        return change(value)
    if key in MANY:
        return [change(each) for each in value]
    if key in NAMED:
        return {name: change(each) for name, each in value.items()}
    return value


def subschemas(schema: dict[str, Any], words: frozenset[str] = ONE | MANY | NAMED) -> Iterator[Any]:
    """The direct subschemas of a schema under the given words."""
    for key, value in schema.items():
        if key not in words:
            continue
        if key in ONE:
            yield value
        elif key in MANY:
            yield from value
        elif key in NAMED:
            yield from value.values()


def references(schema: Any, words: frozenset[str] = ONE | MANY | NAMED) -> Iterator[str]:
    """Every `$ref` in a schema, however deep, reached through the given words."""
    pending = [schema]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"]
            pending.extend(subschemas(node, words))
