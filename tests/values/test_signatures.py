"""Typed functions as schemas."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from callwright.values.signatures import SignatureError, signature_of
from callwright.values.validation import validator


class Order(BaseModel):
    id: str
    title: str = Field(serialization_alias="name", default="")


@dataclass
class Row:
    count: int


def list_orders(
    status: Literal["open", "done"] = "open",
    *,
    since: dt.date | None = None,
    limit: Annotated[int, Field(ge=1)] = 10,
) -> list[Order]:
    """List orders,
    newest first.

    Args:
        status (str): Which ones,
            open unless given.
        limit: How many.

    Returns:
        The orders.

    Raises:
        ValueError: There are none.
    """
    return [Order(id=str(since))][:limit]


def test_a_google_style_docstring_describes_the_function_and_its_arguments() -> None:
    signature = signature_of(list_orders)
    assert signature.description == "List orders, newest first."
    described = {
        name: schema.get("description") for name, schema in signature.parameters["properties"].items()
    }
    assert described == {"status": "Which ones, open unless given.", "since": None, "limit": "How many."}


@pytest.mark.parametrize(
    ("text", "description"),
    [
        (None, ""),
        ("Plain.", "Plain."),
        ("Plain.\n\n    More of it: here.\n    ", "Plain. More of it: here."),
        ("Returns:\n        Nothing.", ""),
    ],
)
def test_a_docstring_may_be_plain_or_missing(text: str | None, description: str) -> None:
    def act() -> None: ...

    act.__doc__ = text
    assert signature_of(act).description == description


def test_schemas_are_self_contained_and_without_titles() -> None:
    signature = signature_of(list_orders)
    assert signature.parameters == {
        "type": "object",
        "properties": {
            "status": {
                "type": "string",
                "enum": ["open", "done"],
                "default": "open",
                "description": "Which ones, open unless given.",
            },
            "since": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}], "default": None},
            "limit": {"type": "integer", "minimum": 1, "default": 10, "description": "How many."},
        },
        "additionalProperties": False,
    }
    assert signature.returns is not None
    assert set(signature.returns["$defs"]["Order"]["properties"]) == {"id", "name"}
    validator(signature.parameters)
    validator(signature.returns)


def test_a_title_in_a_default_is_a_value_and_stays() -> None:
    def act(book: dict[str, str] = {"title": "Emma"}) -> None: ...  # noqa: B006

    assert signature_of(act).parameters["properties"]["book"]["default"] == {"title": "Emma"}


def test_arguments_arrive_as_the_types_that_the_function_asks_for() -> None:
    signature = signature_of(list_orders)
    assert signature.given({"since": "2024-02-29"}) == {"since": dt.date(2024, 2, 29)}
    with pytest.raises(ValidationError):
        signature.given({"limit": 0})
    with pytest.raises(ValidationError):
        signature.given({"unknown": 1})


def test_arguments_may_be_called_like_the_methods_of_a_model() -> None:
    def act(copy: int, json: str, _id: str, model_fields: bool, schema: int = 3) -> None: ...

    given = {"copy": 1, "json": "{}", "_id": "x", "model_fields": True}
    signature = signature_of(act)
    assert list(signature.parameters["properties"]) == ["copy", "json", "_id", "model_fields", "schema"]
    assert signature.given(given) == given


def test_a_default_is_the_functions_own_object() -> None:
    nothing = object()

    def act(limit: int = nothing) -> bool:  # type: ignore[assignment]
        return limit is nothing

    with pytest.warns(UserWarning, match="not JSON serializable"):
        signature = signature_of(act)
    assert act(**signature.given({}))


def test_an_answer_takes_the_documented_shape() -> None:
    def rows() -> list[Row]: ...  # type: ignore[empty-body]

    assert signature_of(list_orders).answer([Order(id="a", title="Emma")]) == [{"id": "a", "name": "Emma"}]
    assert signature_of(rows).answer(({"count": 1},)) == [{"count": 1}]
    with pytest.raises(ValidationError):
        signature_of(rows).answer([{"count": "many"}])


def test_without_a_return_type_nothing_is_said_of_the_answer() -> None:
    def act():  # type: ignore[no-untyped-def]
        ...

    def anything() -> Any: ...

    assert signature_of(act).returns is None
    assert signature_of(anything).returns is None
    assert signature_of(act).answer({"at": dt.date(2024, 1, 1)}) == {"at": "2024-01-01"}
    with pytest.raises(ValueError, match="serialize"):
        signature_of(act).answer(object())


def test_async_and_wrapped_functions_are_read_like_others() -> None:
    @functools.cache
    def cached(x: int) -> int:
        """Cached."""
        return x

    async def later(x: int) -> int:
        await asyncio.sleep(0)
        return x

    assert signature_of(cached).description == "Cached."
    assert signature_of(later).parameters == signature_of(cached).parameters
    assert signature_of(later).returns == {"type": "integer"}


def untyped(x): ...  # type: ignore[no-untyped-def]
def variadic(*x: int) -> None: ...
def keywords(**x: int) -> None: ...
def positional(x: int, /) -> None: ...
def callback(x: Callable[[int], int]) -> None: ...
def handle() -> os.DirEntry[str]: ...  # type: ignore[empty-body]
def unknown(x: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "code"),
    [
        (untyped, "untyped_parameter"),
        (variadic, "unnamed_parameter"),
        (keywords, "unnamed_parameter"),
        (positional, "unnamed_parameter"),
        (callback, "unsupported_type"),
        (handle, "unsupported_type"),
        (unknown, "unsupported_type"),
    ],
)
def test_what_cannot_become_a_schema_is_an_error_of_one_line(function: Callable[..., Any], code: str) -> None:
    with pytest.raises(SignatureError) as caught:
        signature_of(function)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)
