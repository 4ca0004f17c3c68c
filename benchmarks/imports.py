"""How long a large OpenAPI file takes to become a toolkit, against merely parsing its YAML.

Run: python benchmarks/imports.py
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from callwright.sources import load_toolkit

RESOURCES = 98
"""Three operations each: 294, about as many as a large public API has, in a file of about 2 MB."""


def large_document(resources: int = RESOURCES) -> dict[str, Any]:
    """An OpenAPI document whose schemas refer to each other, some of them in circles."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for number in range(resources):
        name = f"Thing{number:03}"
        schemas[name] = thing(number, resources)
        ref = {"$ref": f"#/components/schemas/{name}"}
        paths[f"/things-{number:03}"] = {
            "get": {
                "operationId": f"list{name}",
                "parameters": filters(),
                "responses": answer("200", listed(ref)),
            },
            "post": {
                "operationId": f"create{name}",
                "requestBody": {"required": True, "content": {"application/json": {"schema": fresh(number)}}},
                "responses": answer("201", ref),
            },
        }
        identifier = {
            "name": "id",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid"},
        }
        paths[f"/things-{number:03}/{{id}}"] = {
            "parameters": [identifier],
            "get": {"operationId": f"get{name}", "responses": answer("200", ref)},
        }
    info = {"title": "Large", "version": "1"}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def thing(number: int, resources: int) -> dict[str, Any]:
    """A schema of many fields that leads to its successors and, every tenth time, back to the first."""
    properties: dict[str, Any] = {
        f"field{position:02}": {
            "type": "string",
            "description": f"Field {position} of thing {number}. " + "It is described at some length. " * 6,
            "maxLength": 200,
            "example": f"value {position}",
        }
        for position in range(50)
    }
    properties["id"] = {"type": "string", "format": "uuid", "readOnly": True}
    following = [number + 1, number + 2] if number % 10 else [0, number + 1]
    for successor in following:
        if successor < resources:
            properties[f"thing{successor}"] = {"$ref": f"#/components/schemas/Thing{successor:03}"}
    return {"type": "object", "properties": properties, "required": ["id", "field00"]}


def fresh(number: int) -> dict[str, Any]:
    """What a client sends to make a thing: a dozen fields and a list."""
    properties: dict[str, Any] = {f"field{position:02}": {"type": "string"} for position in range(12)}
    properties["tags"] = {"type": "array", "items": {"type": "string", "enum": [f"tag{number}", "other"]}}
    return {"type": "object", "properties": properties, "required": ["field00"]}


def filters() -> list[dict[str, Any]]:
    names = ("sort", "filter", "page", "limit")
    return [
        {"name": name, "in": "query", "description": "A filter. " * 9, "schema": {"type": "string"}}
        for name in names
    ]


def listed(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"results": {"type": "array", "items": schema}}}


def answer(status: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {status: {"description": "Success.", "content": {"application/json": {"schema": schema}}}}


def seconds(action: Callable[[], Any], runs: int = 3) -> float:
    """The shortest of a few runs."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return min(taken)


POKEAPI = Path(__file__).parent.parent / "tests" / "data" / "pokeapi.yaml"


def measure(path: Path) -> None:
    """Print how long a file takes to import, against parsing it alone in the same run."""
    text = path.read_text(encoding="utf-8")
    parse = seconds(lambda: yaml.load(text, Loader=yaml.CSafeLoader))
    whole = seconds(lambda: load_toolkit(path))
    toolkit, refusals = load_toolkit(path)
    print(f"{path.name}: {len(text) / 1e6:.2f} MB, {len(toolkit.tools)} tools, {len(refusals)} refused")
    print(f"parse {parse:.2f} s, import {whole:.2f} s, ratio {whole / parse:.2f}")


def main() -> None:
    measure(POKEAPI)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.yaml"
        path.write_text(yaml.dump(large_document(), Dumper=yaml.CSafeDumper), encoding="utf-8")
        measure(path)


if __name__ == "__main__":
    main()
