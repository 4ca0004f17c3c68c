"""A call becomes an HTTP request: each argument goes where its tool's binding says, and can go nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

from callwright.schemas.base import digest
from callwright.schemas.tool import Location, OpenAPIBinding, Place
from callwright.sources.headers import HEADER_NAME, OURS
from callwright.sources.media import MULTIPART, URLENCODED, is_json
from callwright.toolbox.refused import Refused
from callwright.toolbox.styles import in_cookie, in_header, in_path, in_query, json_text, pairs

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_IN_TEMPLATE = "/?%:@!$&'()*+,;=~"

Placed = list[tuple[Place, Any]]


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    """Path and query, percent-encoded; to be put behind a server's address."""
    headers: dict[str, str]
    body: bytes | None


def request_of(binding: OpenAPIBinding, arguments: dict[str, Any]) -> Request:
    """The request that a call stands for; the same call gives the same bytes.

    Raises:
        Refused: `invalid_argument`: a value cannot go where it belongs; `unsupported_media_type`: the body's
            media type is not one that is written here.
    """
    placed: dict[Location, Placed] = {"path": [], "query": [], "header": [], "cookie": [], "body": []}
    for name, value in arguments.items():
        # A name that has no place is an extra field: only an open body lets one through the schema.
        place = binding.places.get(name) or Place(location="body", name=name)
        placed[place.location].append((place, value))
    headers = _headers(placed["header"], placed["cookie"])
    body = _body(binding, placed["body"])
    if body is not None:
        media_type, content = body
        headers["Content-Type"] = media_type
    return Request(
        binding.method.upper(),
        _target(binding.path, placed["path"], placed["query"]),
        headers,
        None if body is None else content,
    )


def _target(template: str, in_the_path: Placed, in_the_query: Placed) -> str:
    texts = {place.name: in_path(place, value) for place, value in in_the_path}
    parts = re.split(r"(\{[^{}]*\})", template)
    path = "".join(
        _filled(part[1:-1], texts) if part.startswith("{") else quote(part, safe=_IN_TEMPLATE)
        for part in parts
    )
    # Servers and proxies resolve these, and so would end up at another operation.
    if {".", ".."} & set(path.split("?")[0].split("/")):
        raise _invalid("a part of the path would be . or .., which names another place than the tool's")
    query = "&".join(pair for place, value in in_the_query for pair in in_query(place, value))
    joint = ("&" if "?" in path else "?") if query else ""
    return "/" + path.lstrip("/") + joint + query


def _filled(name: str, texts: dict[str, str]) -> str:
    text = texts.get(name)
    if not text:
        # Without it the path is that of another operation, such as the whole collection's.
        raise _invalid(f"{name} is part of the path, so it must be given and not empty")
    return text


def _headers(given: Placed, cookies: Placed) -> dict[str, str]:
    headers: dict[str, str] = {}
    for place, value in given:
        text = in_header(place, value)
        if place.name.lower() in OURS or not HEADER_NAME.fullmatch(place.name):
            raise _invalid(f"{place.name} is not a header that an argument may set")
        if _CONTROL.search(text):
            raise _invalid(
                f"{place.name} goes into a header, so it must hold no line breaks or other control characters"
            )
        if text:
            headers[place.name] = text
    crumbs = [pair for place, value in cookies for pair in in_cookie(place, value)]
    return headers | ({"Cookie": "; ".join(crumbs)} if crumbs else {})


def _body(binding: OpenAPIBinding, fields: Placed) -> tuple[str, bytes] | None:
    """The media type with its parameters, and the bytes."""
    media_type = binding.content_type
    if media_type is None:
        if fields:
            raise _invalid(f"{fields[0][0].name} has no place in a request without a body")
        return None
    if binding.whole_body and not fields:
        return None
    value = fields[0][1] if binding.whole_body else {place.name: one for place, one in fields}
    if is_json(media_type):
        return media_type, json_text(value).encode()
    if media_type == "text/plain":
        text = value if isinstance(value, str) else json_text(value)
        return "text/plain; charset=utf-8", text.encode()
    if media_type not in (URLENCODED, MULTIPART):
        raise Refused(
            415,
            "unsupported_media_type",
            f"a body of type {media_type} cannot be written; JSON, forms and text can",
        )
    if binding.whole_body:
        if not isinstance(value, dict):
            raise _invalid("the body is sent as a form, so it must be an object")
        fields = [(Place(location="body", name=name), one) for name, one in value.items()]
    return _urlencoded(_form(fields)) if media_type == URLENCODED else _multipart(_form(fields))


def _form(fields: Placed) -> Iterator[tuple[Place, Any]]:
    """Fields as a form holds them: a list is one field for each entry, an object is JSON text."""
    for place, value in fields:
        if place.style == "form" and place.explode and isinstance(value, list):
            yield from _form([(place, one) for one in value])
        elif place.style == "form" and isinstance(value, dict):
            yield Place(location="body", name=place.name, style="json"), value
        else:
            yield place, value


def _urlencoded(fields: Iterable[tuple[Place, Any]]) -> tuple[str, bytes]:
    texts = [pair for place, value in fields for pair in pairs(place, value, quote_plus)]
    return URLENCODED, "&".join(f"{name}={text}" for name, text in texts).encode()


def _multipart(fields: Iterable[tuple[Place, Any]]) -> tuple[str, bytes]:
    parts = []
    for place, value in fields:
        kind = "Content-Type: application/json\r\n" if place.style == "json" else ""
        for name, text in pairs(place, value, lambda text: text):
            disposition = f'Content-Disposition: form-data; name="{_quoted(name or place.name)}"\r\n'
            parts.append(f"{disposition}{kind}\r\n{text}\r\n")
    # Of the content, so that the same call gives the same bytes and no content can hold its own boundary.
    boundary = digest("".join(parts))
    body = "".join(f"--{boundary}\r\n{part}" for part in parts) + f"--{boundary}--\r\n"
    return f"{MULTIPART}; boundary={boundary}", body.encode()


def _quoted(name: str) -> str:
    """A field's name as HTML writes it in a multipart form."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _invalid(message: str) -> Refused:
    return Refused(400, "invalid_argument", message)
