"""Where a value came from: named ways to derive it from what was visible, each recorded as evidence.

Every derivation is a function of its own; its name stands in the evidence, so a verdict leads to the rule. Each is
exact: it yields the words that the value came from, or None where it does not apply. `DERIVATIONS` says which are
tried for which kind of value, in which order. A list is grounded entry by entry, so its entries may be said in
different sentences.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, NamedTuple

from callwright.schemas.base import Record, canonical_json
from callwright.values import spoken
from callwright.values.facts import unseen, unseen_names
from callwright.values.mentions import WEEKDAYS, DateMention, Mention, Mentions, bounded, contains, fold
from callwright.values.units import Quantity, compatible, converted, family, quantities, quantity_of, units_of

Synonyms = Mapping[tuple[str, str], tuple[str, ...]]
"""(argument name, JSON text of a value) -> words that a phrase sheet declares for it."""

NEGATIONS = re.compile(
    r"\b(?:not|no|cannot|\w+n't|without|never|skip|except|avoid|leave out|turn off|disable)\b", re.I
)
AUTHORED_NAMES = frozenset("body message text content note notes comment description".split(" "))
"""Arguments whose text the assistant composes, unless their schema says otherwise."""

_SHORTEST_AUTHORED = 80
"""A text that must be shorter than this is a label, not prose."""
_STOPWORDS = frozenset(
    "a an the of for to in on at and or with by from is are be my me i it this that".split(" ")
)
_EXACT = 2**53
"""Beyond it a float stands for several whole numbers."""
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
_END_NAME = re.compile(r"\b(?:end|ends|until|till|to|through|check ?out|return|departure|leave|last)\b")
_DAY_NAME = re.compile(r"(?:(?!per )\w+ )?day(?: of (?:the )?month)?")
_TO_THE_START = re.compile(r"[\s,]*(?:(?:from|starting|beginning|arriving|staying|on|for)\b[\s,]*)*", re.I)

Kind = Literal["boolean", "number", "date", "date_time", "time", "text", "empty"]


class Grounding(Record):
    """Evidence for one value: by which derivation it came from which message."""

    path: str
    """Where the value stands in the arguments, as a JSON pointer."""
    derivation: str
    source: int | None = None
    """Index of the message it was found in; None when the schema or all messages together give it."""
    text: str = ""
    """The words it was derived from."""


class Ungrounded(NamedTuple):
    """A value without evidence."""

    path: str
    value: Any
    words: str | None = None
    """The words of an authored text that stand in nothing visible."""


@dataclass(frozen=True)
class Visible:
    """One message that the model could see."""

    index: int
    mentions: Mentions
    observation: str | None = None
    """What a tool answered, as it came."""

    @property
    def text(self) -> str:
        return self.mentions.text

    @property
    def folded(self) -> str:
        return self.mentions.folded

    @cached_property
    def body(self) -> Any:
        """The parsed observation; None for anything else."""
        try:
            return json.loads(self.observation or "")
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class Leaf:
    """One scalar of the arguments, with all that helps to explain it."""

    name: str
    value: Any
    schema: Mapping[str, Any]
    synonyms: Synonyms
    declared_authored: bool = False

    @cached_property
    def kind(self) -> Kind:
        value = self.value
        if isinstance(value, bool):
            return "boolean"
        if isinstance(value, int | float):
            return "number"
        if not isinstance(value, str) or not value.strip():
            return "empty"
        if spoken.ISO_DATE.fullmatch(value):
            return "date"
        if spoken.DATE_TIME.fullmatch(value):
            return "date_time"
        return "time" if spoken.CLOCK_TIME.fullmatch(value) else "text"

    @cached_property
    def words(self) -> str:
        """The argument's name as people would say it."""
        return fold(spoken.humanise(self.name))

    @cached_property
    def folded(self) -> str:
        return fold(self.value)

    @cached_property
    def number(self) -> float | None:
        """The value as a number, also when it is written as text."""
        if self.kind == "number":
            return self.value if isinstance(self.value, float) or abs(self.value) <= _EXACT else None
        return float(self.value) if _PLAIN_NUMBER.fullmatch(self.value) else None

    @cached_property
    def units(self) -> frozenset[str]:
        """The units that the argument's name and description ask for."""
        return units_of(self.name, str(self.schema.get("description", "")))

    @cached_property
    def authored(self) -> bool:
        """Whether the text is the assistant's own: a sheet says so, or it has such a name and may be long prose."""
        return self.declared_authored or self.name in AUTHORED_NAMES and _prose_fits(self.schema)


def _prose_fits(schema: Mapping[str, Any]) -> bool:
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"] or [schema]
    return all(
        "string" in (kind if isinstance(kind := one.get("type"), list) else [kind])
        and not {"enum", "const", "format", "pattern"} & one.keys()
        and one.get("maxLength", _SHORTEST_AUTHORED) >= _SHORTEST_AUTHORED
        for one in options
    )


Derivation = Callable[[Leaf, Visible], str | None]


def synonym(leaf: Leaf, shown: Visible) -> str | None:
    """Words that a phrase sheet declares for the value: "downtown" for `central`."""
    for words in leaf.synonyms.get((leaf.name, canonical_json(leaf.value)), ()):
        if contains(shown.folded, fold(words)):
            return words
    return None


def verbatim(leaf: Leaf, shown: Visible) -> str | None:
    """The value as it is, letter by letter, with no other letter or digit touching it."""
    text = str(leaf.value)
    return text if bounded(text, shown.text) else None


def boolean_cue(leaf: Leaf, shown: Visible) -> str | None:
    """A sentence that names every content word of the argument; a negation in it means false."""
    wanted = [word for word in leaf.words.split() if word not in {"is", "has", "with", "only", "include"}]
    for sentence in re.split(r"[.!?;\n]", shown.text):
        folded = fold(sentence)
        if wanted and all(contains(folded, word) or contains(folded, spoken.plural(word)) for word in wanted):
            return sentence.strip() if leaf.value is not bool(NEGATIONS.search(folded)) else None
    return None


def number(leaf: Leaf, shown: Visible) -> str | None:
    """Digits, also with separators or a scale: "1,250", "$12", "2.5k"; not those of dates, times and ids."""
    return _number(leaf, shown, "number")


def number_words(leaf: Leaf, shown: Visible) -> str | None:
    """A number in words: "twenty-one", "half a dozen", "five thousand"."""
    return _number(leaf, shown, "number_words")


def ordinal(leaf: Leaf, shown: Visible) -> str | None:
    """A place in an order: "the third page", "the 22nd"."""
    return _number(leaf, shown, "ordinal")


def big_number(leaf: Leaf, shown: Visible) -> str | None:
    """A whole number with more digits than a float can hold, digit by digit."""
    return verbatim(leaf, shown) if abs(leaf.value) > _EXACT else None


def unit(leaf: Leaf, shown: Visible) -> str | None:
    """A quantity in the unit that the argument's name or description asks for: "1.5 km" for a radius in metres."""
    if leaf.number is None or not leaf.units:
        return None
    for said in quantities(shown.mentions):
        for wanted in leaf.units - {said.unit}:
            amount = converted(said.value, said.unit, wanted)
            if amount is not None and _close(amount, leaf.number):
                return said.text
    return None


def day_of_month(leaf: Leaf, shown: Visible) -> str | None:
    """The day of a message's only date, for an argument that is called one: "March 14" for `day` = 14."""
    if leaf.number is None or not _DAY_NAME.fullmatch(leaf.words):
        return None
    return _only_date(shown, lambda date: date.day == leaf.number)


def sum_of_column(leaf: Leaf, shown: Visible) -> str | None:
    """The sum over all entries of a list in an observation, of the field that the argument is named after.

    Counts and differences are none of ours: nothing in an argument says what was counted, or from what was taken.
    """
    if leaf.number is None or shown.observation is None:
        return None
    column = leaf.words.removeprefix("total ").removesuffix(" total")
    for rows in _tables(shown.body):
        for key in rows[0]:
            cells = [row.get(key) for row in rows]
            numeric = all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells)
            if not numeric or fold(spoken.humanise(key)) != column:
                continue
            if sum(Decimal(str(cell)) for cell in cells) == Decimal(str(leaf.value)):
                return " + ".join(map(str, cells))
    return None


def iso_date(leaf: Leaf, shown: Visible) -> str | None:
    """The date within a longer form: "2026-03-14T08:00:00Z"."""
    return _dated(leaf.value, shown, "iso_date")


def date_words(leaf: Leaf, shown: Visible) -> str | None:
    """A date with its year: "March 14, 2027", "the 14th of March 2027", "3/14/2027"."""
    return _dated(leaf.value, shown, "date_words")


def date_without_year(leaf: Leaf, shown: Visible) -> str | None:
    """Day and month: the next such day, counted from the task's clock."""
    return _dated(leaf.value, shown, "date_without_year")


def relative_date(leaf: Leaf, shown: Visible) -> str | None:
    """A date told from the task's clock: "tomorrow", "in two weeks", "next Friday"."""
    return _dated(leaf.value, shown, "relative_date")


def end_of_range(leaf: Leaf, shown: Visible) -> str | None:
    """The end of so many nights or weeks, for an argument that is called an end: "3 nights from March 14".

    "For 3 days" is not exact: the third day may be the last, or the day after it.
    """
    wanted = _parsed_date(leaf.value)
    if wanted is None or not _END_NAME.search(leaf.words):
        return None
    for length in quantities(shown.mentions):
        if length.unit in ("night", "week"):
            days = length.value * (7 if length.unit == "week" else 1)
            for start in shown.mentions.dates:
                between = _between(length, start, shown.text)
                if between is not None and days in {(wanted - one).days for one in start.candidates}:
                    return f"{length.text}, {start.text}"
    return None


def date_time(leaf: Leaf, shown: Visible) -> str | None:
    """A date and a time of day, each in any of the ways above and below: "tomorrow at 9 am"."""
    moment = spoken.DATE_TIME.fullmatch(leaf.value)
    assert moment is not None
    wanted = _parsed_date(moment[1])
    date = _date(shown, lambda said: wanted in said.candidates)
    time = _time(moment[2], shown)
    return f"{date} {time.text}" if date and time else None


def clock_time(leaf: Leaf, shown: Visible) -> str | None:
    """A time in digits: "6:30 pm" for `18:30`."""
    return _timed(leaf, shown, "clock_time")


def time_words(leaf: Leaf, shown: Visible) -> str | None:
    """A time in words: "noon", "midnight"."""
    return _timed(leaf, shown, "time_words")


def case(leaf: Leaf, shown: Visible) -> str | None:
    """The same words in other case, with other separators or quotes: "North End" for `north_end`."""
    return str(leaf.value) if contains(shown.folded, leaf.folded) else None


def plural(leaf: Leaf, shown: Visible) -> str | None:
    """The plural or the singular of the value: "audiobooks" for `audiobook`."""
    for form in (spoken.plural(leaf.folded), spoken.singular(leaf.folded)):
        if contains(shown.folded, form):
            return form
    return None


def word_form(leaf: Leaf, shown: Visible) -> str | None:
    """The words of an identifier: "due date" for `dueDate`."""
    form = fold(spoken.humanise(leaf.value))
    return form if contains(shown.folded, form) else None


def weekday(leaf: Leaf, shown: Visible) -> str | None:
    """The weekday of a message's only date: "March 14" for `saturday`."""
    wanted = [day for day in WEEKDAYS if leaf.folded in (day.lower(), day[:3].lower())]
    if not wanted:
        return None
    return _only_date(shown, lambda date: WEEKDAYS[date.weekday()] in wanted)


def words(leaf: Leaf, shown: Visible) -> str | None:
    """Free text of at least two content words, all of which one message says, in singular or plural."""
    if leaf.authored or "enum" in leaf.schema or "format" in leaf.schema:
        return None  # words in any order would let a text swap its facts
    found = [word for word in re.findall(r"[^\W_]+(?:'\w+)?", leaf.folded) if word not in _STOPWORDS]
    if len(found) < 2:
        return None
    said = all(
        any(contains(shown.folded, form) for form in (word, spoken.plural(word), spoken.singular(word)))
        for word in found
    )
    return str(leaf.value) if said else None


DERIVATIONS: Mapping[Kind, tuple[Derivation, ...]] = {
    "boolean": (synonym, boolean_cue),
    "number": (
        synonym,
        number,
        number_words,
        ordinal,
        big_number,
        unit,
        day_of_month,
        sum_of_column,
    ),
    "date": (
        synonym,
        verbatim,
        iso_date,
        date_words,
        date_without_year,
        relative_date,
        end_of_range,
    ),
    "date_time": (synonym, verbatim, date_time),
    "time": (synonym, verbatim, clock_time, time_words),
    "text": (
        synonym,
        verbatim,
        case,
        word_form,
        plural,
        number,
        number_words,
        ordinal,
        weekday,
        words,
    ),
    "empty": (synonym,),
}
"""Kind of value -> the ways to derive it from one message, in the order in which they are tried.

Before them come `default` and `const`, which need no message, and after them `authored`, which needs all of them.
"""


def default(value: Any, schema: Mapping[str, Any]) -> bool:
    """The value that the schema gives to whoever says nothing."""
    return "default" in schema and canonical_json(schema["default"]) == canonical_json(value)


def const(value: Any, schema: Mapping[str, Any]) -> bool:
    """The only value that the schema allows."""
    return "const" in schema and canonical_json(schema["const"]) == canonical_json(value)


def authored(leaf: Leaf, visible: Sequence[Visible]) -> str | None:
    """A text in the assistant's own words, each name, number, date, time, id and address of which is visible.

    Unlike the others it yields what speaks against it: the first of them that no message has.
    """
    said = Mentions(leaf.value, visible[-1].mentions.clock)
    shown = [message.mentions for message in visible]
    fact = next(unseen(said, shown), None)
    return fact[1] if fact else next(unseen_names(said, shown), None)


def ground(
    name: str,
    value: Any,
    schema: Mapping[str, Any],
    visible: Sequence[Visible],
    synonyms: Synonyms,
    path: str = "",
    declared_authored: bool = False,
) -> Iterator[Grounding | Ungrounded]:
    """Ground a value leaf by leaf: yields evidence for each, or what is known of a leaf without any.

    Args:
        name: The argument's name, for cues and synonyms.
        value: The argument, parsed.
        schema: Its JSON Schema.
        visible: Everything the model could see before the call, latest last.
        synonyms: Words that phrase sheets declare for values.
        path: JSON pointer of the value within the arguments.
        declared_authored: A phrase sheet says that the argument's text is the assistant's own.
    """
    path = path or f"/{name}"
    for rule in (default, const):
        if rule(value, schema):
            yield Grounding(path=path, derivation=rule.__name__)
            return
    if isinstance(value, dict) and value:
        for key, child in value.items():
            child_schema = schema.get("properties", {}).get(key, {})
            yield from ground(key, child, child_schema, visible, synonyms, f"{path}/{key}")
    elif isinstance(value, list) and value:
        for index, child in enumerate(value):
            items = schema.get("items") or {}
            yield from ground(name, child, items, visible, synonyms, f"{path}/{index}", declared_authored)
    else:
        yield _ground_leaf(Leaf(name, value, schema, synonyms, declared_authored), visible, path)


def _ground_leaf(leaf: Leaf, visible: Sequence[Visible], path: str) -> Grounding | Ungrounded:
    # The latest message first: what was said last is what the model most likely used.
    for message in reversed(visible):
        for derivation in DERIVATIONS[leaf.kind]:
            found = derivation(leaf, message)
            if found is not None:
                return Grounding(path=path, derivation=derivation.__name__, source=message.index, text=found)
    if not visible or leaf.kind == "empty" or not isinstance(leaf.value, str) or not leaf.authored:
        return Ungrounded(path, leaf.value)
    unknown = authored(leaf, visible)
    return Ungrounded(path, leaf.value, unknown) if unknown else Grounding(path=path, derivation="authored")


def _number(leaf: Leaf, shown: Visible, how: str) -> str | None:
    if leaf.number is None:
        return None
    for mention in shown.mentions.numbers:
        same = mention.value == leaf.number and mention.derivation == how
        if same and not _in_another_unit(quantity_of(mention, shown.mentions), leaf):
            return mention.text
    return None


def _in_another_unit(said: Quantity | None, leaf: Leaf) -> bool:
    """Whether a number cannot be meant as it is: "5 miles" are not 5 for a radius in kilometres."""
    wanted = [one for one in leaf.units if said and family(one) == family(said.unit)]
    return said is not None and bool(wanted) and not any(compatible(said.unit, one) for one in wanted)


def _close(left: float, right: float) -> bool:
    return abs(left - right) <= 1e-9 * max(abs(left), abs(right), 1.0)


def _tables(body: Any) -> Iterator[list[dict[str, Any]]]:
    """Every list of at least two objects in an observation."""
    if isinstance(body, list):
        if len(body) > 1 and all(isinstance(row, dict) for row in body):
            yield body
        for row in body:
            yield from _tables(row)
    elif isinstance(body, dict):
        for child in body.values():
            yield from _tables(child)


def _parsed_date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _date(shown: Visible, fits: Callable[[DateMention], bool]) -> str | None:
    return next((said.text for said in shown.mentions.dates if fits(said)), None)


def _only_date(shown: Visible, fits: Callable[[dt.date], bool]) -> str | None:
    """The words of a message's dates that all fit in all that they can mean; a list of dates fits any weekday."""
    dates = shown.mentions.dates
    return dates[0].text if dates and all(fits(one) for said in dates for one in said.candidates) else None


def _dated(value: str, shown: Visible, how: str) -> str | None:
    wanted = _parsed_date(value)
    return _date(shown, lambda said: said.derivation == how and wanted in said.candidates)


def _between(length: Quantity, start: DateMention, text: str) -> str | None:
    """What stands between a length and the start that it is counted from; None when more than such words."""
    end = length.start + len(length.text)
    between = text[end : start.start] if end <= start.start else text[start.end : length.start]
    return between if _TO_THE_START.fullmatch(between) else None


def _time(value: str, shown: Visible) -> Mention | None:
    hour, minute = value.split(":")[:2]
    wanted = int(hour) * 60 + int(minute)
    return next((said for said in shown.mentions.times if said.value == wanted), None)


def _timed(leaf: Leaf, shown: Visible, how: str) -> str | None:
    found = _time(leaf.value, shown)
    return found.text if found and found.derivation == how else None


def observed_text(content: str) -> str:
    """An observation as plain text, one JSON leaf a line, so that escapes and brackets do not hide a value."""
    try:
        value = json.loads(content)
        return (
            "\n".join(_leaf_text(leaf) for leaf in leaves(value))
            if isinstance(value, dict | list)
            else str(value)
        )
    except (ValueError, RecursionError):
        return content


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
