"""T6: an OpenAPI document as text (F2), and the fields of the reference's files (F1)."""

from pathlib import Path

import pytest

from callwright.errors import SourceError
from callwright.generators.toolalpaca.toolsets.documentation import documentation

GOLDEN = Path(__file__).parent / "golden" / "toolset-documentation.md"

TRAIL = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "grade": {"type": "string", "enum": ["easy", "hard"]},
        "huts": {"type": "array", "items": {"$ref": "#/components/schemas/Hut"}},
    },
}
DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "Trailmark", "version": "1"},
    "paths": {
        "/regions/{region}/trails": {
            "parameters": [
                {
                    "name": "region",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string", "enum": ["north", "south"]},
                },
                {
                    "name": "limit",
                    "in": "query",
                    "description": "Overridden below",
                    "schema": {"type": "integer"},
                },
            ],
            "get": {
                "operationId": "searchTrails",
                "summary": "Find hiking trails",
                "parameters": [
                    {
                        "name": "limit",
                        "in": "query",
                        "description": "Most trails.",
                        "schema": {"type": "integer"},
                    },
                    {"$ref": "#/components/parameters/Grade"},
                ],
                "responses": {
                    "400": {"description": "No"},
                    "200": {
                        "description": "The trails",
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Trail"}}
                            },
                            "text/plain": {"schema": {"type": "string"}},
                        },
                    },
                },
            },
            "post": {
                "description": "Add a trail",
                "parameters": [{"name": "notify", "in": "query", "schema": {"type": "boolean"}}],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["name", "owner"],
                                "properties": {
                                    "name": {"type": "string", "description": "Name on signs"},
                                    "grade": {"$ref": "#/components/schemas/Grade"},
                                    "points": {
                                        "type": "array",
                                        "items": {
                                            "type": "object",
                                            "properties": {"lat": {"type": "number"}},
                                        },
                                    },
                                },
                            }
                        },
                        "text/plain": {"schema": {"type": "string"}},
                    }
                },
                "responses": {
                    "201": {"description": "Added", "content": {"application/json": {"schema": TRAIL}}}
                },
            },
        }
    },
    "components": {
        "parameters": {
            "Grade": {"name": "grade", "in": "query", "schema": {"$ref": "#/components/schemas/Grade"}}
        },
        "schemas": {
            "Grade": {"type": "string", "enum": ["easy", "hard"], "description": "How hard it is"},
            "Hut": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "beds": {"type": "integer"}},
            },
            "Trail": TRAIL,
        },
    },
}


def test_the_documentation_of_a_document_with_everything():
    told = documentation(DOCUMENT)
    if not GOLDEN.exists():
        GOLDEN.write_text(told.text + "\n", encoding="utf-8")
        pytest.fail("the golden file was missing and has been written; read it")
    assert told.text + "\n" == GOLDEN.read_text(encoding="utf-8")
    assert told.projection == {
        "searchTrails": ("/regions/{region}/trails", "get"),
        "post_regions_by_region_trails": ("/regions/{region}/trails", "post"),
    }


def test_two_operations_of_one_name_are_refused():
    path = {"get": {"operationId": "find", "responses": {}}}
    with pytest.raises(SourceError, match="two operations are called find"):
        documentation({"paths": {"/a": path, "/b": path}})
