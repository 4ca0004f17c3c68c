"""Cut a JSON value to a size on its structure: fewer entries, shorter texts, never half a value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def cut_to_size(value: Any, characters: int) -> tuple[Any, list[str]]:
    """The value, whole where its JSON text fits, and a note for each place that was cut.

    The budget is halved from list to list and text to text until the whole fits, so that many short entries are
    kept rather than one long one.
    """
    if _size(value) <= characters:
        return value, []
    entries, letters = 1024, 8192
    while True:
        notes: list[str] = []
        kept = _cut(value, "", entries, letters, notes)
        if _size(kept) <= characters or (entries <= 1 and letters <= 16):
            return (kept, notes) if _size(kept) <= characters else (None, ["the whole value was too large"])
        entries, letters = max(entries // 2, 1), max(letters // 2, 16)


def _cut(value: Any, path: str, entries: int, letters: int, notes: list[str]) -> Any:
    if isinstance(value, str) and len(value) > letters:
        notes.append(f"{path or '/'}: the first {letters} of {len(value)} characters")
        return value[:letters]
    if isinstance(value, list):
        if len(value) > entries:
            notes.append(f"{path or '/'}: the first {entries} of {len(value)} entries")
        return [_cut(one, f"{path}/{i}", entries, letters, notes) for i, one in enumerate(value[:entries])]
    if isinstance(value, dict):
        if len(value) > entries:
            notes.append(f"{path or '/'}: the first {entries} of {len(value)} keys")
        return {
            key: _cut(one, f"{path}/{key}", entries, letters, notes)
            for key, one in list(value.items())[:entries]
        }
    return value


def _size(value: Any) -> int:
    """Characters of the JSON text."""
    return sum(len(part) for part in _parts(value))


def _parts(value: Any) -> Iterator[str]:
    return json.JSONEncoder(ensure_ascii=False, allow_nan=False).iterencode(value)
