"""Words for arguments and values that rules need: questions of a phrase sheet, other values of the same kind."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from callwright.generators.asktoact.intents import Intent
from callwright.generators.planning.wording import is_name
from callwright.schemas.base import digest
from callwright.schemas.phrases import PhraseSheet
from callwright.schemas.task import Trajectory
from callwright.values.derivations import leaves
from callwright.values.makers import NOTHING, field_for, make
from callwright.values.mentions import contains, fold
from callwright.values.spoken import humanise, plain_words
from callwright.values.wording import fill, say_field, slots

_OPENER = re.compile(
    r"(?:sure(?: thing)?|happy to[^.!?]*|of course|gladly|certainly|no problem|i can (?:do|help with) that|i'll [^.!?]*"
    r"|let me [^.!?]*|okay|ok|absolutely|will do|with pleasure|right|yes)(?:[.!,:]|\s[-–])\s+",
    re.IGNORECASE,
)
"""What a question begins with that agrees to something, which nothing should stand before."""

_NEAR = re.compile(r"\b(?:today|tomorrow|this \w+day)\b")
"""Days that are also said without meaning a date."""

_NOUNS = {
    "body": "text",
    "content": "text",
    "to": "recipient",
    "cc": "recipient of the copy",
    "query": "name",
}
"""What people say for arguments whose names are no words of theirs."""

_TRIES = 8


def questions(sheet: PhraseSheet | None, tool: str, argument: str) -> list[str]:
    """How an assistant asks for an argument: as its sheet says, else in general words."""
    phrases = sheet.tools.get(tool) if sheet else None
    worded = list(phrases.questions.get(argument, ())) if phrases else []
    human = noun(argument)
    return [fill(one, {"human": human}) for one in worded or frames()["questions"] if slots(one) <= {"human"}]


def noun(argument: str) -> str:
    """An argument in plain words; an id by the thing that it names."""
    return _NOUNS.get(argument) or re.sub(r" (?:id|ids|identifier)$", "", plain_words(argument))


def bare(question: str) -> str:
    """A question without what it agrees to at its beginning."""
    match = _OPENER.match(question)
    rest = question[match.end() :] if match else question
    return rest[:1].upper() + rest[1:] if match and rest else question


def quoted(words: str) -> str:
    """Words as they stand inside a sentence: in quotation marks unless they are a name or in small letters."""
    return words if is_name(words) or '"' in words or words[0].isdigit() else f'"{words}"'


def said_in(template: str, **words: str) -> str:
    """A wording with its slots filled letter by letter: what stands there is a value, not a sentence."""
    for name, text in words.items():
        template = template.replace("{" + name + "}", text)
    return template.replace("..", ".") if not template.count("...") else template


def pick(options: Sequence[str], *identity: Any) -> str:
    """One of several wordings; which one follows from what it is for."""
    return options[int(digest(list(identity))[:8], 16) % len(options)]


def other_words(
    one: Intent, row: Trajectory, sheet: PhraseSheet | None, rng: random.Random, taken: Sequence[str] = ()
) -> str:
    """Another value that the intent could have had, in words that nobody in the conversation uses; empty for none."""
    tool = next(tool for tool in row.task.tools if tool.name == one.slots[0].tool)
    name = one.slots[0].argument
    schema = tool.properties.get(name, {})
    field = field_for(sheet, tool.name, name)
    said = fold("\n".join([*(message.content for message in row.messages), *taken]))
    names = _names_beside(one, row)
    if not names and one.asked.argument != name:
        return ""  # what a search looks for is no name of the same kind of thing
    for _ in range(_TRIES):
        value = rng.choice(names) if names else make(humanise(name), field, schema, rng, row.task.clock)
        if value is NOTHING or isinstance(value, bool | dict):
            return ""
        if isinstance(value, list) and isinstance(one.value, list):
            value = value[: len(one.value)]
        words = say_field(value, field, row.task.clock, rng).rstrip(".")
        known = [str(leaf) for leaf in leaves(value)] + [words]
        if not any(contains(said, fold(one)) for one in known) and not _NEAR.search(words):
            return words
    return ""


def _names_beside(one: Intent, row: Trajectory) -> list[str]:
    """Values of the field that a looked-up name stands in, of the other entries in the answers."""
    found: list[str] = []
    for message in row.observations():
        try:
            body = json.loads(message.content)
        except ValueError:
            continue
        for rows in _tables(body):
            keys = {key for entry in rows for key, value in entry.items() if value == one.value}
            found += [
                str(entry[key]) for key in sorted(keys) for entry in rows if entry.get(key) != one.value
            ]
    return sorted(set(found))


def _tables(body: Any) -> list[list[Mapping[str, Any]]]:
    if isinstance(body, list):
        return [[entry for entry in body if isinstance(entry, dict)]]
    if isinstance(body, dict):
        return [table for child in body.values() for table in _tables(child)]
    return []


def turn_of(options: Sequence[str], place: int, *identity: Any) -> str:
    """One of several wordings; they take turns through a conversation, so that nobody says the same twice."""
    return options[(int(digest(list(identity))[:8], 16) + place // 2) % len(options)]


@cache
def frames() -> dict[str, list[str]]:
    """The wordings that fit any dialogue."""
    text = (files("callwright.generators.asktoact") / "frames.yaml").read_text(encoding="utf-8")
    found: dict[str, list[str]] = yaml.safe_load(text)
    return found
