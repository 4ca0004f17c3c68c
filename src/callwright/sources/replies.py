"""What the documentation says about a successful answer."""

from __future__ import annotations

from typing import Any

from callwright.schemas.tool import Reply
from callwright.sources.dialect import Dialect
from callwright.sources.keywords import Schema
from callwright.sources.media import documented_values, first_of, is_binary, is_json, is_text, schema_examples
from callwright.sources.problems import mapping


def read_reply(dialect: Dialect, node: Any) -> tuple[Reply, Schema | None]:
    """The answer that counts as success, and the schema of its body, if it has one."""
    responses = {str(key).lower(): value for key, value in mapping(node, "responses").items()}
    key = success(list(responses))
    if key is None:
        return Reply(media_type=None), None
    content = mapping(dialect.follow(responses[key], f"the {key} answer").get("content"), "content")
    if not content:
        return Reply(status=_status(key, empty=True), media_type=None), None
    media_type, media = first_of(content)
    return _body(dialect, _status(key, empty=False), media_type, media)


def success(keys: list[str]) -> str | None:
    """The answer to read: 200, 201, the lowest other success, a whole range, or the default."""
    exact = sorted(key for key in keys if key.isdecimal() and 200 <= int(key) < 300)
    for key in ("200", "201", *exact, "2xx"):
        if key in keys:
            return key
    only_default = "default" in keys and not any(key.startswith(("1", "3")) for key in keys)
    return "default" if only_default else None


def _status(key: str, *, empty: bool) -> int:
    if key.isdecimal():
        return int(key)
    return 204 if empty else 200


def _body(
    dialect: Dialect, status: int, media_type: str, media: dict[Any, Any]
) -> tuple[Reply, Schema | None]:
    schema = dialect.translate(media["schema"]) if "schema" in media else None
    opened = dialect.opened(schema) if schema is not None else {}
    if "*" in media_type:
        plain = isinstance(opened, dict) and opened.get("type") == "string"
        media_type = "text/plain" if plain else "application/json"
    binary = isinstance(opened, dict) and opened.get("format") == "binary"
    if binary or is_binary(media_type):
        return Reply(status=status, media_type=media_type), None
    examples = list(documented_values(dialect, media).values())
    if not examples and schema is not None:
        examples = schema_examples(dialect, schema)
    reply = Reply(status=status, media_type=media_type, examples=tuple(examples))
    return reply, schema if is_json(media_type) or is_text(media_type) else None
