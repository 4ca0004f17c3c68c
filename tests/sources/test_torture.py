"""Every clause of OpenAPI that a naive reader gets wrong; the files say which one each operation is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callwright.schemas.tool import Place, Tool
from callwright.sources import load_toolkit
from callwright.sources.closing import LARGEST
from callwright.sources.openapi import read_openapi
from sources.checks import assert_sound

DATA = Path(__file__).parents[1] / "data"


def tools_of(name: str) -> dict[str, Tool]:
    toolkit, _ = load_toolkit(DATA / name)
    assert_sound(toolkit.tools)
    return {tool.name: tool for tool in toolkit.tools}


@pytest.fixture(scope="module")
def old() -> dict[str, Tool]:
    return tools_of("torture-3.0.yaml")


@pytest.fixture(scope="module")
def new() -> dict[str, Tool]:
    return tools_of("torture-3.1.yaml")


def places(tool: Tool) -> dict[str, Place]:
    assert tool.binding is not None and tool.binding.type == "openapi"
    return tool.binding.places


def document(
    operation: dict[str, Any], schemas: dict[str, Any] | None = None, version: str = "3.1.0"
) -> dict[str, Any]:
    """A document with the one operation POST /things."""
    paths = {"/things": {"post": {"operationId": "act", "responses": {"200": {}}, **operation}}}
    return {
        "openapi": version,
        "info": {"title": "T"},
        "paths": paths,
        "components": {"schemas": schemas or {}},
    }


def body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def answer(schema: Any) -> dict[str, Any]:
    return {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}


def act(operation: dict[str, Any], schemas: dict[str, Any] | None = None, version: str = "3.1.0") -> Tool:
    toolkit, refusals = read_openapi(document(operation, schemas, version), "t.yaml")
    assert refusals == ()
    assert_sound(toolkit.tools)
    return toolkit.tools[0]


def refused(operation: dict[str, Any], schemas: dict[str, Any] | None = None) -> str:
    toolkit, (refusal,) = read_openapi(document(operation, schemas), "t.yaml")
    assert toolkit.tools == ()
    assert refusal.where == "t.yaml: POST /things"
    return refusal.code


def test_broken_operations_are_refused_by_name_and_the_rest_imports() -> None:
    _, refusals = load_toolkit(DATA / "torture-3.0.yaml")
    assert {refusal.where: refusal.code for refusal in refusals} == {
        "torture-3.0.yaml: POST /pets/{id}/photo": "binary_body",
        "torture-3.0.yaml: GET /broken-ref": "unresolved_ref",
        "torture-3.0.yaml: GET /external-ref": "external_ref",
        "torture-3.0.yaml: GET /circle": "circular_ref",
        "torture-3.0.yaml: GET /broken-pattern": "invalid_schema",
        "torture-3.0.yaml: GET /unknown-type": "unknown_type",
        "torture-3.0.yaml: POST /swagger-body": "invalid_parameter",
        "torture-3.0.yaml: GET /undeclared/{id}": "undeclared_parameter",
        "torture-3.0.yaml: POST /only-xml": "unsupported_body",
        "torture-3.0.yaml: GET /no-mapping": "invalid_document",
    }


def test_path_level_parameters_apply_and_operations_override_them(old: dict[str, Tool]) -> None:
    tool = old["replace_pet"]
    assert tool.properties["id"]["description"] == "The pet's id."
    assert tool.properties["verbose"] == {
        "type": "integer",
        "description": "From the operation.",
        "examples": [3],
    }
    assert "verbose" in tool.required


def test_a_name_in_two_places_says_where_it_goes(old: dict[str, Tool], new: dict[str, Tool]) -> None:
    assert places(old["replace_pet"])["verbose_body"] == Place(location="body", name="verbose")
    assert places(new["changeOrder"])["id"] == Place(location="path", name="id")
    assert places(new["changeOrder"])["id_body"] == Place(location="body", name="id")
    assert new["changeOrder"].required == ("user_id", "id", "id_body")


def test_credentials_and_standard_headers_are_no_arguments(old: dict[str, Tool]) -> None:
    names = {name.lower() for name in old["replace_pet"].properties}
    assert not names & {"authorization", "accept", "x-token", "key"}
    assert {"x-trace", "session"} <= names


def test_an_argument_name_is_plain_and_its_wire_name_is_kept(old: dict[str, Tool]) -> None:
    assert places(old["replace_pet"])["filter_name"] == Place(location="query", name="filter[name]")


def test_all_of_is_merged_and_server_fields_are_sorted_by_direction(old: dict[str, Tool]) -> None:
    sent, returned = old["replace_pet"], old["replace_pet"].returns
    assert returned is not None
    assert {"name", "secret", "createdAt"} <= sent.properties.keys()
    assert "secret" in sent.required and "id_body" not in sent.properties
    assert "id" in returned["properties"] and "secret" not in returned["properties"]
    assert returned["required"] == ["name", "id"]
    assert returned["description"] == "A pet."


def test_a_post_that_creates_leaves_id_and_timestamps_to_the_server(
    old: dict[str, Tool], new: dict[str, Tool]
) -> None:
    assert list(old["replace_pet_2"].properties) == ["name", "verbose", "kind", "secret"]
    assert list(new["createUser"].properties) == ["email", "team_id", "created"]
    assert list(new["createContact"].properties) == ["id", "name"]
    assert "id" in old["login"].properties


def test_names_are_derived_repaired_and_unique(old: dict[str, Tool], new: dict[str, Tool]) -> None:
    assert {"get_pets", "replace_pet", "replace_pet_2"} <= old.keys()
    assert {"same_name", "same_name_2", "same_name_3"} <= new.keys()
    assert any(name.startswith("get_very_long_path") and len(name) == 64 for name in old)


def test_webhooks_and_callbacks_are_no_tools(old: dict[str, Tool], new: dict[str, Tool]) -> None:
    assert "petWasBorn" not in old
    assert "userMade" not in new


def test_json_is_preferred_among_content_types(old: dict[str, Tool]) -> None:
    content_types = {name: tool.binding.content_type for name, tool in old.items() if tool.binding}  # type: ignore[union-attr]
    assert content_types["replace_pet"] == "application/merge-patch+json"
    assert content_types["login"] == "application/x-www-form-urlencoded"
    assert content_types["get_pets"] is None


def test_a_body_that_is_no_plain_object_is_one_argument(old: dict[str, Tool], new: dict[str, Tool]) -> None:
    assert old["addTags"].properties["body"] == {
        "type": "array",
        "items": {"type": "string"},
        "description": "The tags to add.",
    }
    assert list(old["search"].properties) == ["body"]
    assert len(old["search"].properties["body"]["oneOf"]) == 2
    assert "discriminator" not in old["search"].properties["body"]
    assert new["tiedFields"].properties["body"]["anyOf"] == [{"required": ["mail"]}, {"required": ["phone"]}]


def test_a_choice_of_one_object_is_merged(new: dict[str, Tool]) -> None:
    assert new["wrapped"].properties == {"a": {"type": ["integer", "null"]}, "b": {"const": 3}}


def test_what_a_body_says_about_further_fields_stays(new: dict[str, Tool]) -> None:
    assert new["createUser"].parameters["additionalProperties"] == {"type": "string"}
    assert new["createUser"].parameters["minProperties"] == 1


def test_old_keywords_are_translated(old: dict[str, Tool]) -> None:
    assert old["numbers"].properties == {
        "above": {"type": "number", "exclusiveMinimum": 3},
        "below": {"type": "number", "maximum": 9},
        "maybe": {"type": ["string", "null"], "enum": ["a", "b", None]},
        "year": {"type": "string", "enum": ["2023", "2024"]},
        "switch": {"type": "string", "enum": ["on", "off"]},
        "anything": {},
        "point": {"type": "array", "items": {"type": "number"}},
        "map": {"type": "object", "additionalProperties": {"type": "integer"}},
        "pet": {
            "anyOf": [
                {"type": "string", "enum": ["cat", "dog"], "description": "What it is.", "title": "Kind"},
                {"type": "null"},
            ]
        },
        "old": {"type": "string", "examples": ["ab"]},
    }


def test_a_schema_within_itself_is_kept_under_defs(old: dict[str, Tool]) -> None:
    tool = old["plantTree"]
    assert list(tool.properties) == ["label", "parent", "children"]
    assert tool.properties["children"]["items"] == {"$ref": "#/$defs/Tree"}
    assert tool.properties["parent"] == {"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}]}
    assert list(tool.parameters["$defs"]) == ["Tree"]


def test_a_schema_that_explodes_when_written_out_is_shared(new: dict[str, Tool]) -> None:
    assert 20 <= len(new["wide"].parameters["$defs"]) <= 30


def test_answers_are_found_by_status(old: dict[str, Tool], new: dict[str, Tool]) -> None:
    replies = {name: (tool.reply.status, tool.reply.media_type) for name, tool in (old | new).items()}
    assert replies["replace_pet"] == (201, "application/json")
    assert replies["get_pets"] == (200, "application/json")
    assert replies["replace_pet_2"] == (200, "application/vnd.pet+json")
    assert replies["search"] == (200, "application/json")
    assert replies["downloadPhoto"] == (200, "image/jpeg")
    assert replies["addTags"] == (200, "text/plain")
    assert replies["same_name_2"] == (204, None)
    assert replies["changeOrder"] == (200, "application/json")
    assert old["downloadPhoto"].returns is None


def test_write_only_fields_are_not_returned(new: dict[str, Tool]) -> None:
    assert new["changeOrder"].returns == {
        "type": "object",
        "properties": {"note": {"type": "string"}},
        "required": ["note"],
    }


def test_examples_are_combined_by_name_and_dropped_when_invalid(
    old: dict[str, Tool], new: dict[str, Tool]
) -> None:
    assert new["changeOrder"].examples == (
        {"user_id": 7, "id": "old-1", "id_body": "new-1", "user_id_body": 9},
    )
    assert old["replace_pet"].examples == (
        {"id": "p-1", "verbose": 3, "name": "Rex", "verbose_body": True, "secret": "bone"},
    )


def test_descriptions_say_each_thing_once_and_without_markup(
    old: dict[str, Tool], new: dict[str, Tool]
) -> None:
    toolkit, _ = load_toolkit(DATA / "torture-3.0.yaml")
    assert toolkit.name == "cafe-sohne-torture-chamber"
    assert toolkit.description == "A bold API with markup and links."
    assert old["replace_pet"].description == "Replace a pet. It is gone afterwards."
    assert new["createUser"].description == "Create a user."
    assert old["get_pets"].description == "GET /pets"


def test_server_variables_take_their_defaults(old: dict[str, Tool]) -> None:
    binding = old["get_pets"].binding
    assert binding is not None and binding.type == "openapi"
    assert binding.server == "https://eu.example.org/v2"


def test_words_beside_a_reference_count_in_3_1_only() -> None:
    schemas = {"Name": {"type": "string", "description": "A name."}}
    field = {"$ref": "#/components/schemas/Name", "maxLength": 5, "description": "Its name."}
    operation = body({"type": "object", "properties": {"name": field}})
    expected = {"type": "string", "description": "Its name."}
    assert act(operation, schemas, "3.0.3").properties["name"] == expected
    assert act(operation, schemas).properties["name"] == {**expected, "maxLength": 5}


def test_what_all_of_cannot_merge_stays_under_all_of() -> None:
    field = {
        "allOf": [{"type": "string", "pattern": "a"}, {"pattern": "b", "minLength": 2}, {"minLength": 3}]
    }
    assert act(body({"type": "object", "properties": {"name": field}})).properties["name"] == {
        "type": "string",
        "pattern": "a",
        "minLength": 3,
        "allOf": [{"pattern": "b"}],
    }


def test_all_of_with_an_ancestor_stays_finite() -> None:
    node = {
        "type": "object",
        "properties": {"next": {"allOf": [{"$ref": "#/components/schemas/Node"}, {"required": ["next"]}]}},
    }
    tool = act(answer({"$ref": "#/components/schemas/Node"}), {"Node": node})
    assert tool.returns is not None and list(tool.returns["$defs"]) == ["Node"]


def test_mutual_recursion_keeps_both_definitions() -> None:
    schemas = {
        "A": {"type": "object", "properties": {"b": {"$ref": "#/components/schemas/B"}}},
        "B": {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/A"}}},
    }
    tool = act(answer({"type": "array", "items": {"$ref": "#/components/schemas/A"}}), schemas)
    assert tool.returns is not None and list(tool.returns["$defs"]) == ["A", "B"]


def test_a_property_may_be_called_ref() -> None:
    schema = {"type": "object", "properties": {"$ref": {"type": "string"}, "allOf": {"type": "integer"}}}
    tool = act(answer(schema))
    assert tool.returns == schema


def test_arguments_that_fit_in_no_prompt_are_refused_and_such_answers_left_open() -> None:
    names = [f"P{number}" for number in range(LARGEST // 20)]
    properties = {name: {"$ref": f"#/components/schemas/{name}"} for name in names}
    inner = {f"f{number}": {"type": "string"} for number in range(20)}
    schemas: dict[str, Any] = {name: {"type": "object", "properties": inner} for name in names}
    schema = {"type": "object", "properties": properties}
    assert refused(body(schema), schemas) == "too_large"
    returns = act(answer(schema), schemas).returns
    assert returns is not None
    assert returns["$defs"]["P0"] == schemas["P0"]
    assert returns["$defs"][names[-1]] == {"type": "object"}


@pytest.mark.parametrize(
    ("schema", "code"),
    [
        ({"$ref": "#"}, "unresolved_ref"),
        ({"$ref": "other.yaml#/A"}, "external_ref"),
        ({"$ref": "https://example.org/a.json"}, "external_ref"),
        ({"$ref": "#anchor"}, "unsupported_ref"),
        ({"$ref": 3}, "unresolved_ref"),
        ({"type": "object", "properties": {"a": "text"}}, "invalid_schema"),
        ({"type": "object", "properties": {"a": {"minLength": "3"}}}, "invalid_schema"),
        ({"type": "object", "properties": {"a": {"type": "string", "minLength": -3}}}, "invalid_schema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_a_code(schema: dict[str, Any], code: str) -> None:
    assert refused(body(schema)) == code


def test_a_value_that_json_does_not_have_is_refused() -> None:
    content = {"application/json": {"schema": {}, "example": {"price": float("nan")}}}
    assert refused({"responses": {"200": {"content": content}}}) == "invalid_value"
