"""The habits of older schemas put right: booleans as bounds, Python's type names, `example`, `nullable`."""

from __future__ import annotations

import json
from typing import Any

from callwright.sources.keywords import ANNOTATIONS, MANY
from callwright.sources.problems import Unusable, shown
from callwright.sources.typenames import parse_type


def tidy_bounds(schema: dict[str, Any], raw: dict[Any, Any]) -> None:
    """`exclusiveMinimum: true` beside `minimum: 3` is `exclusiveMinimum: 3` today."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        flag = raw.get(exclusive)
        if isinstance(flag, bool):
            schema.pop(exclusive, None)
            if flag and bound in schema:
                schema[exclusive] = schema.pop(bound)


def with_type(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with JSON's type names in place of Python's; a type that says nothing is dropped."""
    if "type" not in schema:
        return schema
    written = schema["type"]
    rest = {key: value for key, value in schema.items() if key != "type"}
    if isinstance(written, str):
        return {**parse_type(written), **rest}
    if not isinstance(written, list) or not all(isinstance(each, str) for each in written):
        raise Unusable("invalid_schema", f"a type is {shown(written)}, expected a name")
    parsed = [parse_type(each) for each in written]
    if not parsed or any("type" not in each for each in parsed):
        return rest
    names = list(dict.fromkeys(each["type"] for each in parsed))
    return {"type": names[0] if len(names) == 1 else names, **rest}


def tidy_values(schema: dict[str, Any], raw: dict[Any, Any]) -> None:
    """Examples as a list, values of text as text, `required` as a list of names."""
    if isinstance(raw.get("required"), list):
        names = (each for each in raw["required"] if isinstance(each, str))
        schema["required"] = list(dict.fromkeys(names))
    else:
        schema.pop("required", None)
    if not schema.get("required"):
        schema.pop("required", None)
    examples = raw.get("examples")
    if isinstance(examples, dict):
        examples = [each.get("value") for each in examples.values() if isinstance(each, dict)]
    if not isinstance(examples, list) or not examples:
        examples = [raw["example"]] if "example" in raw else []
    schema.pop("examples", None)
    if examples:
        schema["examples"] = examples
    _tidy_enum(schema)
    for key in ("title", "description"):
        if key in schema and not isinstance(schema[key], str):
            del schema[key]


def _tidy_enum(schema: dict[str, Any]) -> None:
    values = schema.get("enum")
    if values is not None and not isinstance(values, list):
        raise Unusable("invalid_schema", f"an enum is {shown(values)}, expected a list")
    if not values:
        schema.pop("enum", None)
    if schema.get("type") != "string":
        return
    if values:
        schema["enum"] = [_as_text(value) for value in values if value is not None]
    if "default" in schema:
        schema["default"] = _as_text(schema["default"])


def _as_text(value: Any) -> Any:
    """YAML reads the unquoted enum `[1, 2]` of a string as numbers; they were meant as text."""
    return json.dumps(value) if isinstance(value, int) else value


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with null allowed as well."""
    if "$ref" in schema or MANY & schema.keys() - {"prefixItems"}:
        words = {key: value for key, value in schema.items() if key in ANNOTATIONS}
        inner = {key: value for key, value in schema.items() if key not in ANNOTATIONS}
        return {"anyOf": [inner, {"type": "null"}], **words}
    result = dict(schema)
    if "type" in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        result["type"] = list(dict.fromkeys([*types, "null"]))
    if "enum" in schema and None not in schema["enum"]:
        result["enum"] = [*schema["enum"], None]
    if "const" in schema and schema["const"] is not None:
        result["enum"] = [result.pop("const"), None]
    return result
