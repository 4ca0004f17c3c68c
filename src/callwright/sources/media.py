"""Media types, and the examples that a document gives for them."""

from __future__ import annotations

from typing import Any

from callwright.sources.dialect import Dialect
from callwright.sources.keywords import Schema
from callwright.sources.problems import mapping

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

_BINARY = frozenset({"application/octet-stream", "application/pdf", "application/zip", "application/gzip"})


def is_json(media_type: str) -> bool:
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")


def is_binary(media_type: str) -> bool:
    return media_type in _BINARY or media_type.startswith(("image/", "audio/", "video/", "font/"))


def documented_values(dialect: Dialect, node: dict[Any, Any]) -> dict[str, Any]:
    """The values under `examples`, by name, or the one under `example`, named ''."""
    examples = node.get("examples")
    if isinstance(examples, dict) and examples:
        followed = {str(name): dialect.follow(each, "an example") for name, each in examples.items()}
        return {name: each["value"] for name, each in followed.items() if "value" in each}
    if isinstance(examples, list) and examples:
        return {str(number): value for number, value in enumerate(examples, start=1)}
    return {"": node["example"]} if "example" in node else {}


def without_parameters(media_type: Any) -> str:
    """`application/json` for `application/json; charset=utf-8`."""
    return str(media_type).split(";")[0].strip().lower()


def is_text(media_type: str) -> bool:
    return media_type.startswith("text/") and media_type not in ("text/xml", "text/html", "text/json")


def first_of(content: dict[Any, Any]) -> tuple[str, dict[Any, Any]]:
    """The media type to read of an answer: JSON, then text, then whatever comes first."""
    types = {without_parameters(key): value for key, value in content.items()}
    ranks = (lambda name: name == "application/json", is_json, lambda name: "*" in name, is_text)
    for accepts in ranks:
        for name, media in types.items():
            if accepts(name):
                return name, mapping(media, name)
    name, media = next(iter(types.items()))
    return name, mapping(media, name)


def schema_examples(dialect: Dialect, schema: Schema) -> list[Any]:
    """The examples that a schema, or what it refers to, carries."""
    opened = dialect.opened(schema)
    return list(opened.get("examples", ())) if isinstance(opened, dict) else []


def explained(schema: Schema, parameter: dict[Any, Any], examples: list[Any]) -> Schema:
    """The schema with the parameter's own description and examples."""
    if schema is False:
        return schema
    result = {} if schema is True else dict(schema)
    description = parameter.get("description")
    if isinstance(description, str) and description.strip():
        result["description"] = description.strip()
    if examples:
        result["examples"] = examples
    return result
