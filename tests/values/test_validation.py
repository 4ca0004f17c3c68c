"""Values against schemas, formats included."""

from __future__ import annotations

import pytest

from callwright.values.validation import Problem, SchemaError, errors, is_valid, validator

EVENT = {
    "type": "object",
    "properties": {
        "dates": {"type": "array", "items": {"type": "string", "format": "date"}},
        "price": {"type": "number"},
    },
    "required": ["price"],
}


def test_a_valid_value_has_no_errors() -> None:
    assert errors(EVENT, {"dates": ["2024-02-29"], "price": 5}) == []
    assert is_valid(EVENT, {"price": 5.0})


def test_every_error_names_its_place_and_keyword() -> None:
    found = errors(EVENT, {"dates": ["2024-02-29", "2023-02-29"]})
    assert [(problem.path, problem.keyword) for problem in found] == [
        ("", "required"),
        ("dates[1]", "format"),
    ]
    assert "price" in found[0].message
    assert not is_valid(EVENT, {})


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("email", "ada@example.org", "ada"),
        ("uuid", "3be6453c-03eb-4357-ae5a-984a0e574a54", "3be6453c"),
        ("date-time", "2024-01-01T10:00:00Z", "2024-01-01 10:00"),
    ],
)
def test_formats_are_asserted(name: str, good: str, bad: str) -> None:
    schema = {"type": "string", "format": name}
    assert is_valid(schema, good)
    assert not is_valid(schema, bad)


def test_true_is_no_integer_and_a_whole_number_is() -> None:
    assert not is_valid({"type": "integer"}, True)
    assert is_valid({"type": "integer"}, 1.0)


def test_equal_schemas_share_one_validator() -> None:
    assert validator({"type": "string", "maxLength": 3}) is validator({"maxLength": 3, "type": "string"})


@pytest.mark.parametrize(
    "schema", [{"type": "dict"}, {"$ref": "https://example.org/x"}, {"$ref": "#/$defs/x"}, {"pattern": "("}]
)
def test_a_schema_that_cannot_be_used_is_an_error_in_one_line(schema: dict[str, str]) -> None:
    with pytest.raises(SchemaError) as caught:
        validator(schema)
    assert "\n" not in str(caught.value)


def test_what_is_no_json_value_is_an_error_and_not_a_crash() -> None:
    (problem,) = errors({"type": "object"}, {1: 2})
    assert isinstance(problem, Problem) and problem.keyword == "json"
    assert not is_valid({}, object())


def test_a_value_that_is_not_listed_is_told_with_all_that_are() -> None:
    (problem,) = errors({"enum": ["m", "km", "mi", "yd", 1, None]}, "ft")
    assert problem.message == '"ft" is not one of "m", "km", "mi", "yd", 1, null'
    (problem,) = errors({"enum": list(range(50))}, "ft")
    assert problem.message.endswith("38, 39 or 10 others")
