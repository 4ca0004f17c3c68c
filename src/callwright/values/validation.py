"""Is a value what its schema asks for? Formats count, and each schema is compiled once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jsonschema_rs

from callwright.errors import SourceError
from callwright.schemas.base import canonical_json

_SHOWN = 40
"""Allowed values that a message names, at the most."""


class SchemaError(SourceError):
    """A schema is no JSON Schema 2020-12, or refers to something outside of itself."""


class Problem(NamedTuple):
    """One way in which a value breaks its schema."""

    path: str
    """Where in the value, as people write it: `dates[0]`; empty for the value itself."""
    message: str
    keyword: str
    """The schema's word that was broken, such as `required`."""


def validator(schema: dict[str, Any] | bool) -> jsonschema_rs.Draft202012Validator:
    """The compiled schema; equal schemas share one.

    Raises:
        SchemaError: The schema cannot be used.
    """
    try:
        return _compiled(canonical_json(schema))
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise SchemaError(f"not a JSON Schema 2020-12: {reason}") from None


def errors(schema: dict[str, Any] | bool, value: Any) -> list[Problem]:
    """Every way in which a value breaks a schema, formats included; empty when it is valid.

    Raises:
        SchemaError: The schema cannot be used.
    """
    compiled = validator(schema)
    try:
        found = [
            Problem(_path(e.instance_path), _message(e), e.kind.name) for e in compiled.iter_errors(value)
        ]
    except ValueError as error:
        return [Problem("", f"not a JSON value: {error}", "json")]
    return sorted(found)


def is_valid(schema: dict[str, Any] | bool, value: Any) -> bool:
    """Whether a value is what its schema asks for, formats included."""
    try:
        return validator(schema).is_valid(value)
    except ValueError:
        return False


@lru_cache(maxsize=4096)
def _compiled(text: str) -> jsonschema_rs.Draft202012Validator:
    # Offline: a schema that somebody else wrote never makes us open a connection or a file.
    schema = json.loads(text)
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, offline=True)


def _message(error: jsonschema_rs.ValidationError) -> str:
    """What is wrong. Of a list of allowed values all are named, for whoever calls again has to choose one of them."""
    options: list[Any] | None = getattr(error.kind, "options", None)
    if options is None:
        return str(error.message)
    shown = [json.dumps(one, ensure_ascii=False) for one in options[:_SHOWN]]
    left = len(options) - len(shown)
    more = f" or {left} others" if left > 0 else ""
    return f"{json.dumps(error.instance, ensure_ascii=False)} is not one of {', '.join(shown)}{more}"


def _path(steps: Sequence[str | int]) -> str:
    written = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return "".join(written).removeprefix(".")
