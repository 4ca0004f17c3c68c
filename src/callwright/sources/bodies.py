"""The request body of an operation: fields that become arguments, and fields that its server fills in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from callwright.schemas.tool import Place
from callwright.sources.arguments import Argument, Body
from callwright.sources.dialect import Dialect
from callwright.sources.keywords import ANNOTATIONS, Schema
from callwright.sources.media import (
    MULTIPART,
    URLENCODED,
    documented_values,
    explained,
    is_binary,
    is_json,
    schema_examples,
    without_parameters,
)
from callwright.sources.merging import DROPPED
from callwright.sources.naming import singular, words
from callwright.sources.placing import place_of
from callwright.sources.problems import Unusable, mapping

_FLAT = ANNOTATIONS | {
    "type",
    "properties",
    "required",
    "additionalProperties",
    "unevaluatedProperties",
    "minProperties",
    "maxProperties",
    DROPPED,
}
"""Words of a body whose fields can be arguments of their own. Any other ties fields together."""

_TIMESTAMPS = frozenset(
    "created createdat createdon createddate createdtime creationdate creationtime datecreated timecreated "
    "updated updatedat updatedon updateddate updatedtime dateupdated lastupdated lastupdatedat modified modifiedat "
    "modifiedon modifieddate datemodified lastmodified lastmodifiedat deletedat".split()
)


@dataclass(frozen=True)
class Generated:
    """Which fields of a new thing its server makes: its id and its timestamps."""

    resource: str
    creates: bool

    def covers(self, name: str, schema: Schema) -> bool:
        """Whether a field of the body is the server's to fill in."""
        if not self.creates:
            return False
        if _bare(name) in _TIMESTAMPS:
            return isinstance(schema, dict) and schema.get("type", "string") in (
                "string",
                "integer",
                "number",
            )
        return is_own_id(name, self.resource)


def is_own_id(name: str, resource: str) -> bool:
    """Whether a field is a resource's own id: `id`, or `eventId` and `special_event_id` of `special-events`."""
    parts = [word.lower() for word in words(resource)]
    nouns = {"".join([*parts[:-1], singular(parts[-1])]), singular(parts[-1])} if parts else set()
    return _bare(name) in {f"{noun}{suffix}" for noun in ("", *nouns) for suffix in ("id", "uuid")}


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def read_body(dialect: Dialect, node: Any, generated: Generated) -> Body | None:
    """The request body of an operation, or None.

    Raises:
        Unusable: It can only be sent as a file, or in a format that has no arguments.
    """
    request = dialect.follow(node, "requestBody")
    content = mapping(request.get("content"), "content")
    if not content:
        return None
    content_type, media = _preferred(content)
    schema = dialect.translate(media.get("schema"))
    opened = dialect.opened(schema)
    _refuse_files(dialect, content_type, opened)
    examples = documented_values(dialect, media)
    if not examples and (inherited := schema_examples(dialect, schema)):
        examples = {"": inherited[0]}
    if not _is_flat(opened):
        place = Place(location="body", name="body")
        argument = Argument(place, explained(schema, request, []), request.get("required") is True)
        return Body(content_type, (argument,), True, {}, frozenset(), examples)
    flat = cast(dict[str, Any], opened)
    return _flattened(dialect, content_type, flat, examples, generated, _encodings(content_type, media))


def _preferred(content: dict[Any, Any]) -> tuple[str, dict[Any, Any]]:
    """The content type to send: JSON before forms before plain text."""
    types = {without_parameters(key): value for key, value in content.items()}
    for accepts in (
        lambda name: name == "application/json",
        is_json,
        lambda name: name in ("*/*", "application/*"),
        lambda name: name == URLENCODED,
        lambda name: name == MULTIPART,
        lambda name: name == "text/plain",
    ):
        for name, media in types.items():
            if accepts(name):
                return "application/json" if "*" in name else name, mapping(media, name)
    code = "binary_body" if any(map(is_binary, types)) else "unsupported_body"
    raise Unusable(code, f"the body can only be sent as {', '.join(types)}")


def _refuse_files(dialect: Dialect, content_type: str, schema: Schema) -> None:
    if content_type != MULTIPART or not isinstance(schema, dict):
        return
    for name, inner in schema.get("properties", {}).items():
        part = dialect.opened(inner)
        items = dialect.opened(part["items"]) if isinstance(part, dict) and "items" in part else part
        if any(isinstance(each, dict) and _is_file(each) for each in (part, items)):
            raise Unusable("binary_body", f"the body's field {name} is a file")


def _is_file(schema: dict[str, Any]) -> bool:
    media = schema.get("contentMediaType")
    return schema.get("format") == "binary" or (isinstance(media, str) and is_binary(media.lower()))


def _is_flat(schema: Schema) -> bool:
    if not isinstance(schema, dict) or not schema.get("properties"):
        return False
    types = schema.get("type", "object")
    return schema.keys() <= _FLAT and "object" in (types if isinstance(types, list) else [types])


def _encodings(content_type: str, media: dict[Any, Any]) -> dict[Any, Any]:
    """How the fields of a form are written; OpenAPI says that other bodies have no such words."""
    encodings = media.get("encoding")
    return encodings if content_type in (URLENCODED, MULTIPART) and isinstance(encodings, dict) else {}


def _field_place(name: str, encoding: Any) -> Place:
    media_type = encoding.get("contentType") if isinstance(encoding, dict) else None
    return place_of("body", name, encoding, media_type=media_type)


def _flattened(
    dialect: Dialect,
    content_type: str,
    schema: dict[str, Any],
    examples: dict[str, Any],
    generated: Generated,
    encodings: dict[Any, Any],
) -> Body:
    """The fields of an object body. What the schema requires is required even if the body may be left out:
    such a call is right in either reading, and many documents forget to say that a body is needed.
    """
    required = set(schema.get("required", ()))
    hidden = frozenset(schema.get(DROPPED, ())) | {
        name
        for name, inner in schema["properties"].items()
        if name not in required and generated.covers(name, dialect.opened(inner))
    }
    fields = tuple(
        Argument(_field_place(name, encodings.get(name)), inner, name in required)
        for name, inner in schema["properties"].items()
        if name not in hidden
    )
    extra = {key: schema[key] for key in schema if key.endswith("Properties")}
    return Body(content_type, fields, False, extra, hidden, examples)
