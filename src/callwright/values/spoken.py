"""Say values the way people do: dates, times, lists, plurals and articles."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from callwright.values.mentions import MONTHS, WEEKDAYS

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
DATE_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?")
CLOCK_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def say_date(date: dt.date, clock: dt.date, rng: random.Random) -> str:
    """A date in words that `Mentions` reads back as the same date."""
    style, near = rng.random(), rng.random()
    ahead = (date - clock).days
    if ahead == 0 and near < 0.7:
        return "today"
    if ahead == 1 and near < 0.7:
        return "tomorrow"
    if 2 <= ahead <= 6 and clock.weekday() < date.weekday() and near < 0.4:
        return f"this {WEEKDAYS[date.weekday()]}"
    if 0 <= ahead < 60 and near > 0.85:
        return f"{WEEKDAYS[date.weekday()]}, {MONTHS[date.month - 1]} {date.day}"
    return _calendar(date, style, with_year=not 0 <= ahead < 330)


def say_dates(dates: Sequence[dt.date], clock: dt.date, rng: random.Random) -> str:
    """Several dates, all in one style: "March 14, March 21, and April 4"."""
    style = rng.random()
    with_year = any(_far(date, clock) for date in dates)
    return say_list([_calendar(date, style, with_year) for date in dates])


def _far(date: dt.date, clock: dt.date) -> bool:
    """Whether a date needs its year in a report; in a request, a day without a year is one to come."""
    return not -60 <= (date - clock).days < 330


def _calendar(date: dt.date, style: float, with_year: bool) -> str:
    month = MONTHS[date.month - 1]
    if style < 0.3:
        return f"{date.day} {month}" + (f" {date.year}" if with_year else "")
    if style < 0.5 and not with_year:
        return f"{month} {_ordinal(date.day)}"
    return f"{month} {date.day}" + (f", {date.year}" if with_year else "")


def _ordinal(day: int) -> str:
    ending = "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def say_time(text: str) -> str:
    """A 24-hour time as "9 am", "6:30 pm" or "noon"."""
    match = CLOCK_TIME.fullmatch(text)
    if not match:
        return text
    hour, minute = int(match[1]), match[2]
    if hour % 12 == 0 and minute == "00":
        return "noon" if hour else "midnight"
    half = "am" if hour < 12 else "pm"
    shown = str(hour % 12 or 12)
    return f"{shown} {half}" if minute == "00" else f"{shown}:{minute} {half}"


def say_list(words: Sequence[str], joint: str = "and") -> str:
    """`a`, `a and b`, `a, b, and c`; entries that hold commas are set apart by semicolons."""
    if len(words) < 2:
        return "".join(words)
    if len(words) == 2:
        return f"{words[0]} {joint} {words[1]}"
    if any("," in word for word in words):
        return "; ".join(words[:-1]) + f"; {joint} {words[-1]}"
    return ", ".join(words[:-1]) + f", {joint} {words[-1]}"


def say_number(value: float) -> str:
    """Digits without a needless `.0`, thousands set apart from 10,000 on: `12,500`, `12.50` stays `12.5`."""
    if float(value).is_integer():
        return f"{int(value):,}" if abs(value) >= 10_000 else str(int(value))
    return f"{float(value):,}" if abs(value) >= 10_000 else repr(float(value))


def say(value: Any, clock: dt.date, rng: random.Random) -> str:
    """Any scalar or list of scalars in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return say_number(value)
    if isinstance(value, list):
        if value and all(isinstance(one, str) and ISO_DATE.fullmatch(one) for one in value):
            return say_dates([dt.date.fromisoformat(one) for one in value], clock, rng)
        return say_list([say(one, clock, rng) for one in value])
    text = str(value)
    moment = DATE_TIME.fullmatch(text)
    if moment:
        date = dt.date.fromisoformat(moment[1])
        return f"{_calendar(date, 1.0, _far(date, clock))} at {say_time(moment[2])}"
    if ISO_DATE.fullmatch(text):
        return say_date(dt.date.fromisoformat(text), clock, rng)
    return say_time(text) if CLOCK_TIME.fullmatch(text) else text


@lru_cache(maxsize=8192)
def humanise(name: str) -> str:
    """`ticketType`, `ticket_type` and `ticket-type` as "ticket type"."""
    spaced = re.sub(r"([a-z0-9])([A-Z])|([A-Z]+)([A-Z][a-z])", r"\1\3 \2\4", name)
    words = re.split(r"[\s_\-.]+", spaced)
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words if word)


_ABBREVIATIONS = {
    "num": "number of",
    "no": "number",
    "qty": "quantity",
    "max": "maximum",
    "min": "minimum",
    "desc": "description",
    "addr": "address",
    "lang": "language",
    "msg": "message",
    "img": "image",
    "opt": "optional",
    "cat": "category",
    "org": "organization",
    "temp": "temperature",
    "lat": "latitude",
    "lon": "longitude",
    "lng": "longitude",
    "dob": "date of birth",
    "tz": "time zone",
}


_NO_NOUNS = frozenset(
    "at on by in for from to of with since until before after is has only per as or and".split(" ")
)


def is_noun(name: str) -> bool:
    """Whether a field's name can follow "the": "created at" cannot."""
    return plain_words(name).split()[-1:] != [] and plain_words(name).split()[-1] not in _NO_NOUNS


def plain_words(name: str) -> str:
    """A field's name as people would say it: `numPatties` as "number of patties", `weight_kg` as "weight in kg"."""
    words = [_ABBREVIATIONS.get(word, word) for word in humanise(name).split()]
    if len(words) > 1 and words[-1] in _MEASURED_IN:
        words.insert(-1, "in")
    return " ".join(words).removesuffix(" of")


_MEASURED_IN = frozenset(
    "kg lbs km cm mm miles inches seconds minutes hours percent celsius fahrenheit".split(" ")
)


def singular(word: str) -> str:
    """The singular of an English noun, by rule."""
    lower = word.lower()
    irregular = {"people": "person", "children": "child", "men": "man", "women": "woman", "series": "series"}
    if lower in irregular:
        return irregular[lower]
    if lower.endswith("ies") and len(lower) > 4:
        return word[:-3] + "y"
    if re.search(r"(?:ss|x|ch|sh|zz)es$", lower):
        return word[:-2]
    return word[:-1] if lower.endswith("s") and not lower.endswith(("ss", "us", "is")) else word


def plural(word: str) -> str:
    """The plural of an English noun, by rule."""
    lower = word.lower()
    if lower in ("person", "child", "man", "woman"):
        return {"person": "people", "child": "children", "man": "men", "woman": "women"}[lower]
    if re.search(r"[^aeiou]y$", lower):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(?:s|x|ch|sh|z)$", lower) else "s")


_SILENT = re.compile(r"^(?:hour|honest|heir|honou?r)", re.I)
_SPELT = re.compile(r"^[FHLMNRSX][B-DF-HJ-NP-TV-XZ][A-Z]*s?\b")
"""An abbreviation that is said letter by letter, beginning with a vowel's sound: "an MRI", but "a SIM card"."""
_CONSONANT_SOUND = re.compile(r"^(?:uni(?!n)|use|usu|eu|one\b|once\b|u\b|uk\b|us\b)", re.I)


def article(word: str) -> str:
    """`a` or `an`, by the sound that the next word begins with."""
    if _SILENT.match(word) or _SPELT.match(word):
        return "an"
    digits = word.lstrip("$€£")
    if digits[:1].isdigit():
        return "an" if re.match(r"^(?:8\d*|11|18|11,\d{3}|18,\d{3}|11\d{3}|18\d{3})(?!\d)", digits) else "a"
    return "an" if word[:1].lower() in "aeiou" and not _CONSONANT_SOUND.match(word) else "a"


def smooth(text: str) -> str:
    """Mend what filling slots can break: articles, "on tomorrow", doubled stops and spaces, the first capital."""
    text = re.sub(
        r"\b(?:on|for the|the)\s+(today|tomorrow|yesterday|this \w+day|next \w+day)\b",
        _unprefixed,
        text,
        flags=re.I,
    )
    text = re.sub(r"\b([Aa])n?\s+(?=([\w$€£]+(?:,\d{3})*))", lambda m: _with_article(m), text)
    text = re.sub(r"\s+([,.;:!?])", r"\1", text)
    text = re.sub(r"(?<!\.)([.!?])\.(?!\.)(?=\s|$)", r"\1", text)
    text = re.sub(r"[ \t]{2,}", " ", text).strip()
    return text[:1].upper() + text[1:]


def _unprefixed(match: re.Match[str]) -> str:
    return "for " + match[1] if match[0].lower().startswith("for") else match[1]


def _with_article(match: re.Match[str]) -> str:
    word = match[2]
    if match[0].strip().lower() == "a" and word.lower() in ("m", "re"):
        return match[0]
    chosen = article(word)
    return (chosen.capitalize() if match[1] == "A" else chosen) + " "
