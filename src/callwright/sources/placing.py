"""Where an argument goes and how its value is written: OpenAPI's `style`, `explode` and `allowReserved`."""

from __future__ import annotations

from typing import Any

from callwright.schemas.tool import Location, Place, Style
from callwright.sources.media import is_json, without_parameters

_STYLES: dict[Location, tuple[Style, ...]] = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
    "body": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
}
"""What OpenAPI knows in each place; a body's are those of its form fields."""


def place_of(location: Location, name: str, node: Any, *, media_type: Any = None) -> Place:
    """The place of a parameter, or of a form field by its Encoding Object.

    A word that OpenAPI does not know there counts as not written: the tool is as good as without it.

    Args:
        location: Where the value goes.
        name: Its name on the wire.
        node: What the document says about it.
        media_type: The type that the value is written in, where one is named; JSON is written as JSON text.
    """
    said = node if isinstance(node, dict) else {}
    if media_type is not None and is_json(without_parameters(media_type)) and "style" not in said:
        return Place(location=location, name=name, style="json")
    words: dict[str, Any] = {}
    if said.get("style") in _STYLES[location]:
        words["style"] = said["style"]
    if isinstance(said.get("explode"), bool):
        words["explode"] = said["explode"]
    if said.get("allowReserved") is True and location in ("query", "body"):
        words["allow_reserved"] = True
    return Place(location=location, name=name, **words)
