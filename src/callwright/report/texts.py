"""Texts of rows, short enough for a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def request_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """The first thing that the user says."""
    said: str = next((one["content"] for one in messages if one["role"] == "user"), "")
    return said


def first_words(text: str, characters: int) -> str:
    """The text in one line, cut to so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"


def pretty(value: Any) -> str:
    """JSON text to read. A page gets it as text: a browser's numbers have 53 bits."""
    return json.dumps(value, ensure_ascii=False, indent=1)
