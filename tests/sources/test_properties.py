"""Whatever the document, what comes out is valid, self-contained and legally named."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.errors import SourceError
from callwright.sources.openapi import read_openapi
from sources.checks import assert_sound

NAMES = ["Alpha", "Beta", "Gamma", "Delta"]
FIELDS = ["id", "name", "next", "$ref", "a b", "ü"]

references = st.sampled_from(NAMES).map(lambda name: {"$ref": f"#/components/schemas/{name}"})
leaves = st.sampled_from(
    [
        {},
        True,
        {"type": "string", "format": "date", "example": "2024-01-01"},
        {"type": "int", "minimum": 1, "exclusiveMinimum": True},
        {"type": "string", "enum": ["a", "b"], "nullable": True},
        {"type": "string", "readOnly": True},
        {"type": "string", "writeOnly": True, "x-secret": 1},
        {"$ref": "#/components/schemas/Missing"},
    ]
)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3)
    required = st.lists(st.sampled_from(FIELDS), max_size=3)
    return st.builds(lambda p, r: {"type": "object", "properties": p, "required": r}, fields, required)


def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    members = st.lists(inner, min_size=1, max_size=3)
    word = st.sampled_from(["allOf", "anyOf", "oneOf"])
    arrays = st.builds(lambda items: {"type": "list", "items": items}, inner)
    worded = st.builds(lambda schema: {**schema, "description": "Told."}, references)
    return st.one_of(
        objects(inner), arrays, worded, st.builds(lambda w, m: {w: m, "nullable": True}, word, members)
    )


schemas = st.recursive(st.one_of(leaves, references), grown, max_leaves=8)
methods = st.sampled_from(["get", "post", "put", "patch", "delete"])
paths = st.sampled_from(["/things", "/things/{id}", "/api/v1/things", "/things/{id}/parts", "/"])
operation_ids = st.one_of(
    st.none(), st.sampled_from(["act", "do it", "do.it", "ü", "x" * 90]), st.text(max_size=5)
)


@st.composite
def operations(draw: st.DrawFn, path: str) -> dict[str, Any]:
    parameters = [{"name": "name", "in": "query", "schema": draw(schemas)}]
    if "{id}" in path:
        parameters.append({"name": "id", "in": "path", "schema": draw(schemas), "example": "x"})
    operation: dict[str, Any] = {
        "parameters": parameters,
        "responses": {
            draw(st.sampled_from(["200", "201", "default"])): {
                "content": {"application/json": {"schema": draw(schemas)}}
            }
        },
    }
    if draw(st.booleans()):
        operation["requestBody"] = {"content": {"application/json": {"schema": draw(schemas)}}}
    if (name := draw(operation_ids)) is not None:
        operation["operationId"] = name
    return operation


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    items: dict[str, Any] = {}
    for path, method in draw(st.lists(st.tuples(paths, methods), min_size=1, max_size=4, unique=True)):
        items.setdefault(path, {})[method] = draw(operations(path))
    return {
        "openapi": draw(st.sampled_from(["3.0.3", "3.1.0"])),
        "info": {"title": draw(st.text(max_size=8))},
        "paths": items,
        "components": {"schemas": {name: draw(schemas) for name in NAMES}},
    }


@settings(max_examples=150, deadline=None)
@given(documents())
def test_any_document_gives_sound_tools_and_coded_refusals(document: dict[str, Any]) -> None:
    toolkit, refusals = read_openapi(document, "any.yaml")
    operations = sum(len(item) for item in document["paths"].values())
    assert len(toolkit.tools) + len(refusals) == operations
    assert_sound(toolkit.tools)
    assert read_openapi(document, "any.yaml") == (toolkit, refusals)


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(documents(), st.data())
def test_a_document_with_junk_in_it_never_breaks_the_import(
    document: dict[str, Any], data: st.DataObject
) -> None:
    document = deepcopy(document)  # the strategies share their leaves
    node: Any = document
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(node[key], dict | list) or not node[key] or data.draw(st.integers(0, 4)) == 0:
            node[key] = data.draw(junk)
            break
        node = node[key]
    try:
        toolkit, _ = read_openapi(document, "any.yaml")
    except SourceError as error:
        assert str(error).startswith("any.yaml: ") and "\n" not in str(error)
    else:
        assert_sound(toolkit.tools)
