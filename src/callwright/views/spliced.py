"""The text of a result within other JSON, so that it can be read back as it was."""

from __future__ import annotations

import json

from callwright.views.rows import exact_json


def spliced(text: str) -> str:
    """The text itself where it spells a JSON object or list; else as a JSON string."""
    try:
        value = exact_json(text)
    except ValueError:
        value = None
    return text.strip() if isinstance(value, dict | list) else json.dumps(text, ensure_ascii=False)
