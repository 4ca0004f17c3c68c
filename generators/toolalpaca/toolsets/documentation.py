"""T6: the functions of an OpenAPI document as text, in the reference's form, by rule.

    searchTrails: Find hiking trails.
    Parameters: {"region": "Required. string. Part of the country. One of: [north, south]."}
    Output: The trails.
     - Format: application/json
     - Structure: Object{trails: Array[Trail]}

Parameters of the path, of the operation and of the body stand in one map. Only the first content type and the first
successful answer are told, and components are told once, after all functions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from callwright.errors import SourceError
from callwright.generators.toolalpaca.toolsets.rules import operations
from callwright.generators.toolalpaca.toolsets.stages import Invention
from callwright.schemas.base import Record

COMPONENTS = "Components:"
"""The heading of what is shared by the functions."""

_DEEPEST = 6
"""Levels of nesting that are written out."""


class Documentation(Record):
    """What the reference keeps of an API beside its OpenAPI document."""

    functions: dict[str, str]
    """Function -> its text."""
    components: str
    """The shared schemas, or nothing."""
    projection: dict[str, tuple[str, str]]
    """Function -> path and HTTP method."""

    @property
    def text(self) -> str:
        """All of it."""
        return "\n\n".join(filter(None, (*self.functions.values(), self.components)))


def documentation(document: Mapping[str, Any]) -> Documentation:
    """The text of every function of a valid OpenAPI document.

    Raises:
        SourceError: Two operations have one name; the reference lets the second replace the first.
    """
    functions: dict[str, str] = {}
    projection: dict[str, tuple[str, str]] = {}
    for name, method, path, operation in operations(document):
        if name in functions:
            raise SourceError(f"two operations are called {name}; give each an operationId of its own")
        functions[name] = _function(document, name, document["paths"][path], operation)
        projection[name] = (path, method)
    schemas = document.get("components", {}).get("schemas", {})
    told = [f"- {_field(name, schema, 0)}" for name, schema in schemas.items()]
    components = "\n".join([COMPONENTS, *told]) if told else ""
    return Documentation(functions=functions, components=components, projection=projection)


def reference_fields(invention: Invention) -> dict[str, Any]:
    """An API with the fields of the reference's files, but for instructions and instances."""
    told = documentation(invention.document)
    return {
        "Name": invention.seed.name,
        "Description": invention.seed.description,
        "Link": invention.seed.link,
        "Category": invention.seed.category,
        "Introduction": invention.introduction,
        "Functions": "\n".join(
            f"{number}. Name: {one['name']}\nDescription: {one['description']}\n"
            f"Input: {json.dumps(_inputs(one), ensure_ascii=False)}\nOutput: {one['output']}"
            for number, one in enumerate(invention.functions, 1)
        ),
        "Documentation": json.dumps(invention.document, ensure_ascii=False, indent=1),
        "NLDocumentation": told.text,
        "Function_Description": {**told.functions, "components": told.components},
        "Function_Projection": {name: list(place) for name, place in told.projection.items()},
    }


def _inputs(function: Mapping[str, Any]) -> dict[str, str]:
    return {
        one["name"]: f"{'Required' if one['required'] else 'Optional'}. {one['type']}. {one['description']}"
        for one in function["inputs"]
    }


def _function(
    document: Mapping[str, Any], name: str, item: Mapping[str, Any], operation: Mapping[str, Any]
) -> str:
    lines = [f"{name}: {operation.get('summary') or operation.get('description') or ''}".rstrip()]
    parameters = dict(_parameters(document, item, operation))
    lines.append(f"Parameters: {json.dumps(parameters, ensure_ascii=False)}")
    status = next((code for code in operation.get("responses", {}) if str(code).startswith("2")), None)
    if status is not None:
        response = _followed(document, operation["responses"][status])
        lines.append(f"Output: {response.get('description') or 'Successful response'}")
        for kind, content in list(response.get("content", {}).items())[:1]:
            lines.append(f" - Format: {kind}")
            if content.get("schema"):
                lines.append(f" - Structure: {_structure(content['schema'])}")
    return "\n".join(lines)


def _parameters(
    document: Mapping[str, Any], item: Mapping[str, Any], operation: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    merged: dict[tuple[str, str], Mapping[str, Any]] = {}
    for given in (*item.get("parameters", ()), *operation.get("parameters", ())):
        parameter = _followed(document, given)
        merged[parameter["name"], parameter["in"]] = parameter
    for (name, _), parameter in merged.items():
        contents = [one.get("schema") for one in parameter.get("content", {}).values()]
        schema: Mapping[str, Any] = next(filter(None, (parameter.get("schema"), *contents)), {})
        yield (
            name,
            _described(document, schema, parameter.get("required", False), parameter.get("description")),
        )
    body = _followed(document, operation.get("requestBody", {}))
    for content in list(body.get("content", {}).values())[:1]:
        schema = _followed(document, content.get("schema", {}))
        required = schema.get("required", ())
        for name in dict.fromkeys((*schema.get("properties", {}), *required)):
            # A required property that is not declared has nothing to be described by.
            yield (
                name,
                _described(document, schema.get("properties", {}).get(name, {}), name in required, None),
            )


def _described(
    document: Mapping[str, Any], schema: Mapping[str, Any], required: bool, words: str | None
) -> str:
    inner = _followed(document, schema)
    said = (words or schema.get("description") or inner.get("description") or "").strip().rstrip(".")
    shape = (
        _structure(schema)
        if "$ref" in schema or inner.get("properties") or "items" in inner
        else _type(inner)
    )
    parts = ["Required" if required else "Optional", shape, said]
    if inner.get("enum"):
        parts.append(f"One of: [{', '.join(map(str, inner['enum']))}]")
    return " ".join(f"{part}." for part in parts if part)


def _structure(schema: Mapping[str, Any], depth: int = 0) -> str:
    """A schema in one line: `Object{id: string, tags: Array[string]}`; a reference is its name."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "items" in schema or schema.get("type") == "array":
        return f"Array[{_structure(schema.get('items', {}), depth + 1)}]"
    for word, joint in (("allOf", " & "), ("anyOf", " | "), ("oneOf", " | ")):
        if schema.get(word):
            return joint.join(_structure(one, depth) for one in schema[word])
    if "properties" in schema and depth < _DEEPEST:
        inner = [_field(name, child, depth) for name, child in schema["properties"].items()]
        return f"Object{{{', '.join(inner)}}}"
    return "Object" if schema.get("type") == "object" or "properties" in schema else _type(schema)


def _field(name: str, schema: Mapping[str, Any], depth: int) -> str:
    choices = f" (one of {', '.join(map(str, schema['enum']))})" if schema.get("enum") else ""
    return f"{name}: {_structure(schema, depth + 1)}{choices}"


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "any")
    return " | ".join(kind) if isinstance(kind, list) else str(kind)


def _followed(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A node, or what its references within the document lead to."""
    for _ in range(16):
        if "$ref" not in node:
            break
        found: Any = document
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            found = (
                found.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, dict) else {}
            )
        node = found
    return node if isinstance(node, dict) else {}
