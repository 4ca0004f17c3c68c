"""Parameters and body fields put together: one list of arguments, each under a name of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from callwright.schemas.tool import Place
from callwright.sources.keywords import Schema
from callwright.sources.naming import legal, unique
from callwright.values.validation import is_valid


@dataclass(frozen=True)
class Argument:
    """One thing that a caller may give."""

    place: Place
    schema: Schema
    required: bool
    examples: dict[str, Any] = field(default_factory=dict)
    """Documented values by the example's name; one without a name is under ''."""


@dataclass(frozen=True)
class Body:
    """The request body: its fields when they can stand alone, else one argument named `body`."""

    content_type: str
    fields: tuple[Argument, ...]
    whole: bool
    """Whether the body is one argument."""
    extra: dict[str, Any]
    """What the body's schema says about fields it does not name."""
    hidden: frozenset[str]
    """Fields that the server fills in."""
    examples: dict[str, Any]


@dataclass(frozen=True)
class Inputs:
    """The arguments of one operation."""

    schema: dict[str, Any]
    """Its references still point into the document."""
    places: dict[str, Place]
    content_type: str | None
    whole_body: bool
    documented: tuple[dict[str, Any], ...]
    """Argument objects out of the documentation's examples, not yet checked."""


def combine(parameters: list[Argument], body: Body | None) -> Inputs:
    """All arguments under names of their own, and the documented ways to fill them in together."""
    named: dict[str, Argument] = {}
    for argument in [*parameters, *(body.fields if body else ())]:
        named[_free_name(argument.place, named)] = argument
    required = [name for name, argument in named.items() if argument.required]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: argument.schema for name, argument in named.items()},
        **({"required": required} if required else {}),
        **(_limits(body.extra, parameters) if body else {}),
    }
    places = {name: argument.place for name, argument in named.items()}
    documented = tuple(_documented(named, body))
    content_type, whole = (body.content_type, body.whole) if body else (None, False)
    return Inputs(schema, places, content_type, whole, documented)


def _free_name(place: Place, taken: dict[str, Argument]) -> str:
    """The wire name as an argument's name; a second one of the same name says where it goes."""
    name = legal(place.name, "argument")
    return name if name not in taken else unique(legal(f"{name}_{place.location}", "argument"), taken)


def _limits(extra: dict[str, Any], parameters: list[Argument]) -> dict[str, Any]:
    """What the body says about the number and names of its fields, said about the arguments."""
    counted = all(parameter.required for parameter in parameters)
    limits = {}
    for key, value in extra.items():
        if key not in ("minProperties", "maxProperties"):
            limits[key] = value
        elif counted and isinstance(value, int):
            limits[key] = value + len(parameters)
    return limits


def _documented(named: dict[str, Argument], body: Body | None) -> list[dict[str, Any]]:
    """Argument objects out of examples. Examples of the same name belong together."""
    parameters = {name: each for name, each in named.items() if each.place.location != "body"}
    needed = {name: each for name, each in parameters.items() if each.required}
    if any(not each.examples for each in needed.values()):
        return []
    keys = list(body.examples) if body and body.examples else _keys(needed)
    found = []
    for key in keys:
        example = {name: _example(each, key) for name, each in needed.items()}
        example |= {
            name: each.examples[key] for name, each in parameters.items() if key and key in each.examples
        }
        filled = _body_arguments(named, body, body.examples[key]) if body and body.examples else {}
        if filled is not None:
            found.append(example | filled)
    return [each for position, each in enumerate(found) if each and each not in found[:position]]


def _keys(arguments: dict[str, Argument]) -> list[str]:
    return list(dict.fromkeys(key for each in arguments.values() for key in each.examples))


def _example(argument: Argument, key: str) -> Any:
    return argument.examples.get(key, next(iter(argument.examples.values())))


def _body_arguments(named: dict[str, Argument], body: Body, example: Any) -> dict[str, Any] | None:
    """One documented body as arguments; None when it has fields that the schema does not know."""
    by_wire = {each.place.name: name for name, each in named.items() if each.place.location == "body"}
    if body.whole:
        return {by_wire["body"]: example}
    if not isinstance(example, dict):
        return None
    visible = {name: value for name, value in example.items() if name not in body.hidden}
    more = bool(body.extra.get("additionalProperties"))
    if not more and visible.keys() - by_wire.keys():
        return None
    return {by_wire.get(name, name): value for name, value in visible.items()}


def valid_examples(
    schema: dict[str, Any], documented: tuple[dict[str, Any], ...]
) -> tuple[dict[str, Any], ...]:
    """The documented argument objects that are what the finished schema asks for."""
    return tuple(each for each in documented if is_valid(schema, each))
