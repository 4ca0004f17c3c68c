"""Names: of toolkits and tools, and of the resource that a tool acts on."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Container, Iterable

LONGEST = 64
"""What OpenAI-style requests allow in a function's name."""

VERBS = frozenset(
    "accept activate add append apply approve archive assign book browse build buy calculate call cancel "
    "change check clear close complete compute convert copy count create deactivate decline delete describe "
    "disable do download edit enable execute export extract fetch fill filter find follow generate get import "
    "insert invite is join leave list load lock log login logout look lookup make mark merge modify move open "
    "order patch pause play post preview process publish purchase put query read refresh register reject remove "
    "rename render replace reply request reserve reset restore resume retrieve return revoke run save schedule "
    "search select send set share show sort start stop submit subscribe suggest sync test toggle track transfer "
    "translate trigger unassign unfollow unlock unsubscribe update upload upsert validate verify view write".split()
)
_IRREGULAR = {
    "children": "child",
    "cookies": "cookie",
    "data": "data",
    "indices": "index",
    "men": "man",
    "movies": "movie",
    "news": "news",
    "people": "person",
    "series": "series",
    "species": "species",
    "women": "woman",
}


def words(text: str) -> list[str]:
    """The words of a name in whichever case: `getHTTPStatus`, `special-events`, `museum_hours`."""
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", _ascii(text))


def slug(text: str) -> str:
    """A name for a toolkit out of its title: `Redocly Museum API` gives `redocly-museum-api`."""
    return re.sub(r"[^a-z0-9]+", "-", _ascii(text).lower()).strip("-")[:LONGEST].strip("-")


def legal(text: str, otherwise: str) -> str:
    """A name that fits in requests; one that is too long ends in a digest, so that it stays its own."""
    name = re.sub(r"[^a-zA-Z0-9_-]+", "_", _ascii(text)).strip("_") or otherwise
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 9]}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def unique(name: str, taken: Container[str]) -> str:
    """The name, or the first of `name_2`, `name_3` ... that is free."""
    candidate, number = name, 2
    while candidate in taken:
        suffix = f"_{number}"
        candidate, number = name[: LONGEST - len(suffix)] + suffix, number + 1
    return candidate


def operation_name(method: str, path: str) -> str:
    """A name for an operation without one: `get_pets_by_pet_id` for GET /pets/{petId}."""
    parts = [method.lower()]
    for segment in path.split("/"):
        if "{" in segment:
            parts.append("by")
        parts += [word.lower() for word in words(segment)]
    return "_".join(parts)


def singular(word: str) -> str:
    """One of what a word names, in lower case; good enough to tell that two names mean the same thing."""
    word = word.lower()
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "zzes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 2:
        return word[:-1]
    return word


def resource_of_name(name: str) -> str:
    """What a tool acts on, by its name: `event` for `list_events` and `createEvent`."""
    parts = [word.lower() for word in words(name)]
    rest = parts[1:] if len(parts) > 1 and parts[0] in VERBS else parts
    for cut in ("by", "for", "from", "in", "of", "on", "to", "with"):
        if cut in rest[1:]:
            rest = rest[: rest.index(cut, 1)]
    return "_".join([*rest[:-1], singular(rest[-1])]) if rest else ""


def collections(paths: Iterable[str]) -> frozenset[str]:
    """The paths that head a collection: a parameter follows them somewhere, as in `/tickets/{ticketId}`."""
    heads = set()
    for path in paths:
        segments = _segments(path)
        for position, segment in enumerate(segments[1:], start=1):
            if "{" in segment and _is_noun(segments[position - 1]):
                heads.add("/".join(_nameless(segments[:position])))
    return frozenset(heads)


def resource_of_path(path: str, heads: Container[str]) -> str:
    """What an operation acts on: `tickets` for `/tickets/{ticketId}/qr`."""
    segments = _segments(path)
    nouns = [position for position, segment in enumerate(segments) if _is_noun(segment)]
    for position in reversed(nouns):
        if "/".join(_nameless(segments[: position + 1])) in heads:
            return segments[position]
    return segments[nouns[-1]] if nouns else ""


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _nameless(segments: list[str]) -> list[str]:
    return ["{}" if "{" in segment else segment for segment in segments]


def _is_noun(segment: str) -> bool:
    return (
        "{" not in segment
        and segment.lower() != "api"
        and not re.fullmatch(r"v\d+([._]\d+)*", segment.lower())
    )


def _ascii(text: str) -> str:
    """The text with accents taken off its letters."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
