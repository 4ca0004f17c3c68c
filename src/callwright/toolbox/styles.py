"""Values as OpenAPI writes them in paths, queries, headers, cookies and form fields: RFC 6570, by `style`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from callwright.schemas.tool import Place

Encode = Callable[[str], str]

_IN_QUERY = ":/?@!$'()*,;"
"""RFC 3986's reserved characters, without `#[]`, which end a query or may not stand in it, and `&=+`, with which a
value would become a second parameter."""


def percent_encoded(text: str) -> str:
    """The text with all but letters, digits and `-._~` percent-encoded, as UTF-8."""
    return quote(text, safe="")


def in_path(place: Place, value: Any) -> str:
    """A path parameter's text, percent-encoded; empty for null, an empty list and an empty object."""
    return _joined(place, value, percent_encoded)


def in_header(place: Place, value: Any) -> str:
    """A header's text. OpenAPI encodes nothing there."""
    return _joined(place, value, lambda text: text)


def in_query(place: Place, value: Any) -> list[str]:
    """The `name=value` pairs of a query parameter, percent-encoded; none for null and what is empty."""
    reserved = _IN_QUERY if place.allow_reserved else ""
    return [f"{name}={text}" for name, text in pairs(place, value, lambda text: quote(text, safe=reserved))]


def in_cookie(place: Place, value: Any) -> list[str]:
    """The `name=value` pairs of a cookie parameter, percent-encoded."""
    return [f"{name}={text}" for name, text in pairs(place, value, percent_encoded)]


def pairs(place: Place, value: Any, encode: Encode) -> list[tuple[str | None, str]]:
    """Names and texts of one value, as RFC 6570 expands it; a text without a name has None.

    Null, an empty list and an empty object count as not given, and so does null in a list or an object. What lies
    deeper than a style reaches is written as JSON text: OpenAPI leaves it open, and that loses nothing.
    """
    named = place.style == "matrix" or place.location in ("query", "cookie", "body")
    name = encode(place.name) if named else None
    if place.style == "json":
        return [(name, encode(json_text(value)))]
    if place.style == "deepObject":
        return [(encode(key), encode(text)) for key, text in _deep(place.name, value)]
    if isinstance(value, dict):
        entries = [(encode(key), encode(_text(one))) for key, one in value.items() if one is not None]
        if place.explode:
            return [*entries]
        return _listed(name, [part for entry in entries for part in entry], _delimiter(place, encode))
    if isinstance(value, list):
        items = [encode(_text(one)) for one in value if one is not None]
        if place.explode:
            return [(name, item) for item in items]
        return _listed(name, items, _delimiter(place, encode))
    return [] if value is None else [(name, encode(_text(value)))]


def json_text(value: Any) -> str:
    """Compact JSON text, keys in the order in which they were given."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _joined(place: Place, value: Any, encode: Encode) -> str:
    first, separator = {"label": (".", "."), "matrix": (";", ";")}.get(place.style, ("", ","))
    found = pairs(place, value, encode)
    return first + separator.join(_piece(place, name, text) for name, text in found) if found else ""


def _piece(place: Place, name: str | None, text: str) -> str:
    if name is None or (place.style == "matrix" and not text):
        return name or text
    return f"{name}={text}"


def _listed(name: str | None, parts: list[str], delimiter: str) -> list[tuple[str | None, str]]:
    return [(name, delimiter.join(parts))] if parts else []


def _delimiter(place: Place, encode: Encode) -> str:
    return {"spaceDelimited": encode(" "), "pipeDelimited": encode("|")}.get(place.style, ",")


def _deep(name: str, value: Any) -> list[tuple[str, str]]:
    """`filter[by][name]`; a list's entries go by number, as the servers that read this style expect."""
    if isinstance(value, list):
        value = {str(position): one for position, one in enumerate(value)}
    if isinstance(value, dict):
        return [pair for key, one in value.items() for pair in _deep(f"{name}[{key}]", one)]
    return [] if value is None else [(name, _text(value))]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)
