"""Fill the templates of a phrase sheet: which slots a template has, and how each value is said."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any

from callwright.schemas.base import canonical_json
from callwright.schemas.phrases import Field_, PhraseSheet
from callwright.schemas.tool import Toolkit
from callwright.values.spoken import ISO_DATE, say, say_list, smooth

SLOT = re.compile(r"\{([\w.-]+)\}")


def slots(template: str) -> frozenset[str]:
    return frozenset(SLOT.findall(template))


def fill(template: str, words: Mapping[str, str]) -> str:
    """The template with every slot said, mended where filling broke the grammar.

    Raises:
        KeyError: A slot has no words.
    """
    return smooth(SLOT.sub(lambda match: words[match[1]], template))


def say_field(value: Any, field: Field_, clock: dt.date, rng: random.Random, *, listed: bool = False) -> str:
    """A field's value as its sheet says it; dates in entries of a list are calendar dates, never "tomorrow"."""
    if isinstance(value, list) and field.say:
        return say_list([say_field(one, field, clock, rng) for one in value])
    if isinstance(field.say, dict):
        return field.say.get(_key(value)) or say(value, clock, rng)
    dated = listed and isinstance(value, str) and ISO_DATE.fullmatch(value)
    plain = say([value] if dated else value, clock, rng)
    money = field.say is not None and "${value}" in field.say and isinstance(value, float)
    if money and not value.is_integer() and round(value, 2) == value:
        plain = f"{value:,.2f}" if abs(value) >= 10_000 else f"{value:.2f}"  # $12.50, never $12.5
    return field.say.replace("{value}", plain) if field.say else plain


def _key(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)


def declared_synonyms(sheet: PhraseSheet) -> dict[tuple[str, str], tuple[str, ...]]:
    """(argument, JSON text of a value) -> the words that the sheet declares for it.

    Words come from `say`, and from the sentences of an argument that a combination fixes: "Only what is on the
    shelf" is the sheet's cue for `availableOnly=true`.
    """
    found: dict[tuple[str, str], set[str]] = {}
    for key, field in sheet.fields.items():
        name = key.rsplit(".", 1)[-1]
        for value, words in (field.say if isinstance(field.say, dict) else {}).items():
            # The sheet writes values as text; true and 3 are JSON, "general" is a string.
            found.setdefault((name, canonical_json(value)), set()).add(words)
            found.setdefault((name, value), set()).add(words)
    for phrases in sheet.tools.values():
        for combination in phrases.combinations:
            for name, fixed in (part.split("=", 1) for part in combination if "=" in part):
                sentences = [one for one in phrases.details.get(name, ()) if not slots(one)]
                for text in (canonical_json(fixed), fixed):
                    found.setdefault((name, text), set()).update(sentences)
    return {key: tuple(sorted(words)) for key, words in found.items() if words}


def declared_authored(toolkit: Toolkit) -> Iterator[tuple[str, str]]:
    """(tool, argument) for each argument whose text the sheet calls the assistant's own."""
    fields = toolkit.phrases.fields if toolkit.phrases else {}
    for tool in toolkit.tools:
        for name in tool.properties:
            field = fields.get(f"{tool.name}.{name}") or fields.get(name)
            if field and field.authored:
                yield tool.name, name
