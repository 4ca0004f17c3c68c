"""How a document says that values are written, and what counts when it says nothing or nonsense."""

from __future__ import annotations

from typing import Any

import pytest

from callwright.schemas.tool import OpenAPIBinding, Place, Tool
from callwright.sources.openapi import read_openapi

FORM = "application/x-www-form-urlencoded"


def act(operation: dict[str, Any], path: str = "/things") -> tuple[Tool, OpenAPIBinding]:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "T"},
        "paths": {path: {"post": {"operationId": "act", "responses": {"200": {}}, **operation}}},
    }
    toolkit, refusals = read_openapi(document, "t.yaml")
    assert refusals == ()
    binding = toolkit.tools[0].binding
    assert isinstance(binding, OpenAPIBinding)
    return toolkit.tools[0], binding


def parameter(location: str = "query", **words: Any) -> Place:
    given = {"name": "p", "in": location, "required": True, "schema": {}, **words}
    if "content" in given:
        del given["schema"]
    _, binding = act({"parameters": [given]}, "/things/{p}" if location == "path" else "/things")
    return binding.places["p"]


def body(
    schema: dict[str, Any], media_type: str = "application/json", **media: Any
) -> tuple[Tool, OpenAPIBinding]:
    return act({"requestBody": {"content": {media_type: {"schema": schema, **media}}}})


@pytest.mark.parametrize(
    ("location", "words", "found"),
    [
        ("query", {}, ("form", True)),
        ("query", {"explode": False}, ("form", False)),
        ("query", {"style": "spaceDelimited"}, ("spaceDelimited", False)),
        ("query", {"style": "pipeDelimited", "explode": True}, ("pipeDelimited", True)),
        ("query", {"style": "deepObject", "explode": True}, ("deepObject", True)),
        ("cookie", {}, ("form", True)),
        ("header", {"explode": True}, ("simple", True)),
        ("path", {}, ("simple", False)),
        ("path", {"style": "matrix", "explode": True}, ("matrix", True)),
        ("path", {"style": "label"}, ("label", False)),
        ("query", {"style": "matrix"}, ("form", True)),
        ("path", {"style": "deepObject"}, ("simple", False)),
        ("query", {"style": "json"}, ("form", True)),
        ("query", {"style": ["form"], "explode": "no"}, ("form", True)),
        ("query", {"content": {"application/json; charset=utf-8": {"schema": {}}}}, ("json", False)),
        ("query", {"content": {"text/plain": {"schema": {}}}}, ("form", True)),
    ],
)
def test_how_a_parameter_is_written(location: str, words: dict[str, Any], found: tuple[str, bool]) -> None:
    place = parameter(location, **words)
    assert (place.location, place.name, place.style, place.explode) == (location, "p", *found)


def test_reserved_characters_are_let_through_in_a_query_only() -> None:
    assert parameter(allowReserved=True).allow_reserved
    assert not parameter(allowReserved="yes").allow_reserved
    assert not parameter("path", allowReserved=True).allow_reserved


def test_fields_of_a_form_are_written_as_its_encoding_says() -> None:
    schema = {"type": "object", "properties": {name: {} for name in ("a", "b", "c", "d")}}
    encoding = {
        "a": {"style": "deepObject"},
        "b": {"explode": False, "allowReserved": True},
        "c": {"contentType": "application/json"},
        "d": "nonsense",
    }
    _, binding = body(schema, FORM, encoding=encoding)
    assert binding.places == {
        "a": Place(location="body", name="a", style="deepObject"),
        "b": Place(location="body", name="b", explode=False, allow_reserved=True),
        "c": Place(location="body", name="c", style="json"),
        "d": Place(location="body", name="d"),
    }
    _, binding = body(schema, encoding=encoding)
    assert set(binding.places.values()) == {Place(location="body", name=name) for name in "abcd"}


def test_a_body_that_is_one_argument_is_told_from_a_field_of_that_name() -> None:
    _, whole = body({"type": "array", "items": {"type": "string"}})
    _, field = body({"type": "object", "properties": {"body": {"type": "string"}}})
    assert whole.places == field.places == {"body": Place(location="body", name="body")}
    assert (whole.whole_body, field.whole_body) == (True, False)


def test_the_words_change_neither_what_a_model_sees_nor_the_tools_id() -> None:
    plain, _ = act({"parameters": [{"name": "p", "in": "query", "schema": {}}]})
    styled, binding = act(
        {
            "parameters": [
                {"name": "p", "in": "query", "schema": {}, "style": "deepObject", "allowReserved": True}
            ]
        }
    )
    assert (styled.id, styled.wire()) == (plain.id, plain.wire())
    assert OpenAPIBinding.model_validate(binding.model_dump(mode="json")) == binding


def test_a_binding_that_was_stored_before_the_words_were_is_read() -> None:
    old = {"method": "GET", "path": "/x", "places": {"id": {"location": "path", "name": "id"}}}
    binding = OpenAPIBinding.model_validate(old)
    assert (binding.places["id"].style, binding.whole_body) == ("simple", False)
