"""Where a value came from: named ways to derive it from what was visible, each recorded as evidence.

A value is grounded when it stands in a visible text, or when one of the named derivations below leads from a
visible text to it. Every derivation is exact: it either yields the value or it does not apply.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callwright.schemas.base import Record, canonical_json
from callwright.values.mentions import Mentions, fold
from callwright.values.spoken import CLOCK_TIME, ISO_DATE, humanise, plural, singular

Synonyms = Mapping[tuple[str, str], tuple[str, ...]]
"""(argument name, JSON text of a value) -> words that a phrase sheet declares for it."""

NEGATIONS = re.compile(
    r"\b(?:not|no|cannot|\w+n't|without|never|skip|except|avoid|leave out|turn off|disable)\b", re.I
)
_DATE_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?")
_STOPWORDS = frozenset(
    "a an the of for to in on at and or with by from is are be my me i it this that".split(" ")
)
_UNITS: tuple[tuple[str, str, float], ...] = (
    ("kilometers?|kilometres?|km", "m|meters?|metres?", 1000.0),
    ("miles?|mi", "km|kilometers?|kilometres?", 1.609344),
    ("miles?|mi", "m|meters?|metres?", 1609.344),
    ("kilograms?|kilos?|kg", "g|grams?", 1000.0),
    ("hours?|hrs?|h", "min|mins|minutes?", 60.0),
    ("hours?|hrs?|h", "s|secs?|seconds?", 3600.0),
    ("minutes?|mins?|min", "s|secs?|seconds?", 60.0),
    ("days?", "hours?|hrs?|h", 24.0),
    ("weeks?", "days?", 7.0),
    ("dollars?|usd|\\$|euros?|eur|€|pounds?|gbp|£", "cents?", 100.0),
    ("percent|%", "fraction|ratio|share", 0.01),
)


class Grounding(Record):
    """Evidence for one value: by which derivation it came from which message."""

    path: str
    """Where the value stands in the arguments, as a JSON pointer."""
    derivation: str
    source: int | None = None
    """Index of the message it was found in; None when the schema alone gives it."""
    text: str = ""
    """The words it was derived from."""


@dataclass(frozen=True)
class Visible:
    """One message that the model could see."""

    index: int
    mentions: Mentions

    @property
    def text(self) -> str:
        return self.mentions.text


def observed_text(content: str) -> str:
    """An observation as plain text, one JSON leaf a line, so that escapes and brackets do not hide a value."""
    try:
        value = json.loads(content)
    except ValueError:
        return content
    return (
        "\n".join(_leaf_text(leaf) for leaf in leaves(value))
        if isinstance(value, dict | list)
        else str(value)
    )


def leaves(value: Any) -> Iterator[Any]:
    """Every scalar of a JSON value, in order."""
    if isinstance(value, dict):
        for child in value.values():
            yield from leaves(child)
    elif isinstance(value, list):
        for child in value:
            yield from leaves(child)
    else:
        yield value


def _leaf_text(leaf: Any) -> str:
    return leaf if isinstance(leaf, str) else json.dumps(leaf)


def ground(
    name: str,
    value: Any,
    schema: Mapping[str, Any],
    visible: Sequence[Visible],
    synonyms: Synonyms,
    path: str = "",
) -> Iterator[Grounding | tuple[str, Any]]:
    """Ground a value leaf by leaf: yields evidence for each, or the JSON pointer and value of a leaf without any.

    Args:
        name: The argument's name, for cues and synonyms.
        value: The argument, parsed.
        schema: Its JSON Schema.
        visible: Everything the model could see before the call, latest last.
        synonyms: Words that phrase sheets declare for values.
        path: JSON pointer of the value within the arguments.
    """
    path = path or f"/{name}"
    if "default" in schema and canonical_json(schema["default"]) == canonical_json(value):
        yield Grounding(path=path, derivation="default")
    elif "const" in schema and canonical_json(schema["const"]) == canonical_json(value):
        yield Grounding(path=path, derivation="const")
    elif isinstance(value, dict) and value:
        for key, child in value.items():
            child_schema = schema.get("properties", {}).get(key, {})
            yield from ground(key, child, child_schema, visible, synonyms, f"{path}/{key}")
    elif isinstance(value, list) and value:
        for index, child in enumerate(value):
            yield from ground(name, child, schema.get("items") or {}, visible, synonyms, f"{path}/{index}")
    else:
        yield _ground_leaf(name, value, schema, visible, synonyms, path) or (path, value)


def _ground_leaf(
    name: str,
    value: Any,
    schema: Mapping[str, Any],
    visible: Sequence[Visible],
    synonyms: Synonyms,
    path: str,
) -> Grounding | None:
    # The latest message first: what was said last is what the model most likely used.
    for message in reversed(visible):
        found = _declared(name, value, message, synonyms) or _derive(name, value, schema, message)
        if found:
            derivation, text = found
            return Grounding(path=path, derivation=derivation, source=message.index, text=text)
    return None


def _declared(name: str, value: Any, message: Visible, synonyms: Synonyms) -> tuple[str, str] | None:
    for words in synonyms.get((name, canonical_json(value)), ()):
        if contains(message.mentions.folded, fold(words)):
            return "synonym", words
    return None


def _derive(name: str, value: Any, schema: Mapping[str, Any], message: Visible) -> tuple[str, str] | None:
    if isinstance(value, bool):
        return _boolean(name, value, message)
    if isinstance(value, int | float):
        return _number(value, name, schema, message)
    return _string(value, schema, message) if isinstance(value, str) and value.strip() else None


def _boolean(name: str, value: bool, message: Visible) -> tuple[str, str] | None:
    """A cue is a sentence that names every content word of the argument; a negation in it means false."""
    wanted = [
        word for word in fold(humanise(name)).split() if word not in {"is", "has", "with", "only", "include"}
    ]
    for sentence in re.split(r"[.!?;\n]", message.text):
        folded = fold(sentence)
        if wanted and all(contains(folded, word) or contains(folded, plural(word)) for word in wanted):
            return ("boolean_cue", sentence.strip()) if value is not bool(NEGATIONS.search(folded)) else None
    return None


def _number(value: float, name: str, schema: Mapping[str, Any], message: Visible) -> tuple[str, str] | None:
    for mention in message.mentions.numbers:
        if mention.value == value:
            return mention.derivation, mention.text
    if abs(value) > 2**53 and bounded(str(value), message.text):
        return "verbatim", str(value)  # more digits than a float can hold
    target = fold(f"{humanise(name)} {schema.get('description', '')}")
    for mention in message.mentions.numbers:
        rest = message.text[mention.end : mention.end + 14]
        for said, wanted, factor in _UNITS:
            unit = re.match(rf"\s?(?:{said})(?!\w)", rest, re.I)
            money = mention.text[:1] in "$€£" and mention.text[:1] in said
            if (
                (unit or money)
                and re.search(rf"\b(?:{wanted})\b", target)
                and _close(mention.value * factor, value)
            ):
                return "unit", mention.text + (unit.group(0) if unit else "")
    return None


def _close(left: float, right: float) -> bool:
    return abs(left - right) <= 1e-9 * max(abs(left), abs(right), 1.0)


def _string(value: str, schema: Mapping[str, Any], message: Visible) -> tuple[str, str] | None:
    mentions = message.mentions
    if bounded(value, message.text):
        return "verbatim", value
    if ISO_DATE.fullmatch(value):
        return _date(value, mentions)
    date_time = _DATE_TIME.fullmatch(value)
    if date_time:
        date, time = _date(date_time[1], mentions), _clock(date_time[2], mentions)
        return ("date_time", f"{date[1]} {time[1]}") if date and time else None
    if CLOCK_TIME.fullmatch(value):
        return _clock(value, mentions)
    folded = fold(value)
    if contains(mentions.folded, folded):
        return "case", value
    return _reworded(value, folded, schema, message)


def _reworded(value: str, folded: str, schema: Mapping[str, Any], message: Visible) -> tuple[str, str] | None:
    """Plurals, camel case and separators; and free text whose every word was said in one message."""
    text = message.mentions.folded
    for form in (fold(humanise(value)), plural(folded), singular(folded)):
        if contains(text, form):
            return "word_form", form
    if re.fullmatch(r"[-+]?\d+(?:\.\d+)?", value):
        return _number(float(value), "", {}, message)
    words = [word for word in re.findall(r"[^\W_]+(?:'\w+)?", folded) if word not in _STOPWORDS]
    if len(words) < 2 or "enum" in schema or "format" in schema:
        return None
    if all(any(contains(text, form) for form in {word, plural(word), singular(word)}) for word in words):
        return "words", value
    return None


def _date(value: str, mentions: Mentions) -> tuple[str, str] | None:
    try:
        wanted = dt.date.fromisoformat(value)
    except ValueError:
        return None
    for mention in mentions.dates:
        if wanted in mention.candidates:
            return mention.derivation, mention.text
    return None


def _clock(value: str, mentions: Mentions) -> tuple[str, str] | None:
    hour, minute = value.split(":")[:2]
    for mention in mentions.times:
        if mention.value == int(hour) * 60 + int(minute):
            return mention.derivation, mention.text
    return None


def bounded(needle: str, text: str) -> bool:
    """Whether `needle` stands in `text` with no letter or digit touching it."""
    start = text.find(needle)
    while start >= 0:
        end = start + len(needle)
        before = text[start - 1] if start and _wordlike(needle[0]) else " "
        after = text[end] if end < len(text) and _wordlike(needle[-1]) else " "
        if not _wordlike(before) and not _wordlike(after):
            return True
        start = text.find(needle, start + 1)
    return False


def contains(folded_text: str, folded_needle: str) -> bool:
    """`bounded` on folded text; an empty needle is in no text."""
    return bool(folded_needle) and bounded(folded_needle, folded_text)


def _wordlike(character: str) -> bool:
    return character.isalnum() or character == "_"


def visible_messages(texts: Iterable[tuple[int, str]], clock: dt.date) -> list[Visible]:
    """Messages as grounding sees them, from (index, text) pairs."""
    return [Visible(index, Mentions(text, clock)) for index, text in texts]
