"""Strict JSON: a text has exactly one meaning, or it is refused."""

from __future__ import annotations

import json
import math
import re
from typing import Any

_MAYBE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant, parse_float=_float)


def parse_json_at(text: str, start: int) -> tuple[Any, int]:
    """The JSON value that starts at a position of the text, and the position after it.

    Raises:
        ValueError: No complete value starts there, or it has a key twice, NaN, an infinity, a lone
            surrogate, or more levels than can be read.
    """
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError:
        raise ValueError("the value is nested too deeply") from None
    _refuse_lone_surrogates(value, text[start:end])
    return value, end


def parse_json(text: str) -> Any:
    """The value of a text that is one JSON value and nothing else.

    Raises:
        ValueError: As in `parse_json_at`, or something stands after the value.
    """
    start = len(text) - len(text.lstrip(" \t\r\n"))
    value, end = parse_json_at(text, start)
    if text[end:].strip(" \t\r\n"):
        raise ValueError(f"something stands after the JSON value, from character {end} on")
    return value


def _refuse_lone_surrogates(value: Any, source: str) -> None:
    """Half a character cannot be written as UTF-8; pairs of escapes have been joined by now."""
    if source.isascii() and not _MAYBE_SURROGATE.search(source):
        return
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        raise ValueError(f"the lone surrogate \\u{half:04x} is no character") from None
