"""A typed function with a docstring becomes schemas of what it takes and answers, with its author's words."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_SECTION = re.compile(
    r"^(Args|Arguments|Parameters|Attributes|Returns|Yields|Raises|Examples?|Notes?):[ \t]*(?:\n|\Z)", re.M
)
_ARGUMENT = re.compile(r"^(\w+)(?: \([^)\n]*\))?: *(.*(?:\n[ \t]+.*)*)", re.M)

_VALUES = frozenset({"const", "default", "enum", "examples"})
"""Keywords under which values stand, not schemas."""


class SignatureError(TypeError):
    """A function's signature cannot become a schema. `code` is the stable reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Signature:
    """What a function takes and answers, by its annotations and its docstring."""

    description: str
    """The docstring above its sections, in one line; empty where there is none."""
    parameters: dict[str, Any]
    """JSON Schema of the arguments, a self-contained object."""
    returns: dict[str, Any] | None
    """JSON Schema of the answer; None where nothing is said of it."""
    _model: type[BaseModel]
    _adapter: TypeAdapter[Any]

    def given(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """JSON arguments as the values that the function is called with; what is not given is left to its defaults.

        Raises:
            pydantic.ValidationError: The arguments do not fit; a ValueError.
        """
        model = self._model.model_validate(dict(arguments))
        fields = type(model).model_fields
        return {
            field.alias or name: getattr(model, name)
            for name, field in fields.items()
            if name in model.model_fields_set
        }

    def answer(self, result: Any) -> Any:
        """What the function returned as a JSON value in the documented shape.

        Raises:
            pydantic.ValidationError: It is not what the annotation says; a ValueError.
            ValueError: It holds something that JSON has no form for, such as NaN.
        """
        value = self._adapter.validate_python(result)
        # Looked for here, as pydantic writes null for a NaN whose place has no type.
        json.dumps(self._adapter.dump_python(value), allow_nan=False, skipkeys=True, default=_entries)
        return self._adapter.dump_python(value, mode="json", by_alias=True)


def signature_of(function: Callable[..., Any], *, skip: int = 0) -> Signature:
    """The signature of a function.

    Args:
        function: A typed function; its docstring may say more of the arguments under `Args:`.
        skip: Leading parameters that no call gives, such as a method's `self`.

    Raises:
        SignatureError: `unnamed_parameter`, `untyped_parameter`, or `unsupported_type`.
    """
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception as error:  # an annotation is any expression, and may raise anything
        raise SignatureError("unsupported_type", f"an annotation means nothing: {_reason(error)}") from error
    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    for parameter in list(inspect.signature(function).parameters.values())[skip:]:
        if parameter.kind not in _BY_NAME:
            raise SignatureError("unnamed_parameter", f"{parameter} cannot be given by its name")
        if parameter.name not in hints:
            raise SignatureError("untyped_parameter", f"the parameter {parameter.name} has no type")
        default = ... if parameter.default is parameter.empty else parameter.default
        field = f"argument_{len(fields)}"
        fields[field], names[field] = (hints[parameter.name], default), parameter.name
    try:
        # Under aliases, as models have methods and rules of their own for names: `copy`, `json`, `_id`.
        config = ConfigDict(extra="forbid", alias_generator=names.__getitem__)
        model = create_model(function.__name__, __config__=config, **fields)
        adapter: TypeAdapter[Any] = TypeAdapter(hints.get("return", Any))
        parameters = _tidy(model.model_json_schema())
        # What pydantic calls serialisation is the shape of what is sent back.
        returns = _tidy(adapter.json_schema(mode="serialization"))
    except Exception as error:  # types bring schema hooks of their own, which may raise anything
        raise SignatureError("unsupported_type", f"a type has no JSON Schema: {_reason(error)}") from error
    description, arguments = _documentation(function)
    for argument, schema in parameters.get("properties", {}).items():
        if argument in arguments:
            schema["description"] = arguments[argument]
    return Signature(description, parameters, returns or None, model, adapter)


def _documentation(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """A docstring's description in one line, and what its `Args:` say of each argument."""
    head, *rest = _SECTION.split(inspect.getdoc(function) or "")
    sections = dict(zip(rest[::2], rest[1::2], strict=True))
    listed = sections.get("Args") or sections.get("Arguments") or sections.get("Parameters") or ""
    arguments = dict(_ARGUMENT.findall(textwrap.dedent(listed)))
    return " ".join(head.split()), {name: " ".join(words.split()) for name, words in arguments.items()}


def _tidy(schema: Any) -> Any:
    """The schema without pydantic's titles, which repeat the names."""
    if isinstance(schema, list):
        return [_tidy(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    for key, value in kept.items():
        if key in ("properties", "$defs"):
            kept[key] = {name: _tidy(child) for name, child in value.items()}
        elif key not in _VALUES:
            kept[key] = _tidy(value)
    return kept


def _reason(error: Exception) -> str:
    """What happened, without pydantic's advice on mending types."""
    return f"{type(error).__name__}: {error}".splitlines()[0].split(". ")[0]


def _entries(value: Any) -> Any:
    """What stands in a value that JSON has no form for."""
    return list(value) if isinstance(value, set | frozenset) else None
