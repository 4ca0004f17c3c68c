"""Find the dates, times and numbers that a text mentions, in the ways people write them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
UNITS = tuple(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen".split(" ")
)
TENS = tuple("twenty thirty forty fifty sixty seventy eighty ninety".split(" "))
ORDINALS = tuple(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(" ")
)

_MONTH_NUMBER = {name[:3].lower(): number for number, name in enumerate(MONTHS, 1)}
_MONTH = (
    r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20|21)\d\d)"
_WEEKDAY = "|".join(WEEKDAYS)
_ON = rf"(?:\b(?:{_WEEKDAY}|Mon|Tues?|Wed|Thu(?:rs)?|Fri|Sat|Sun)\.?,?\s+(?:the\s+)?)?"
_DATES = (
    re.compile(
        r"(?<![\w-])(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])(?![\w-]|\.\d)"
    ),
    re.compile(r"(?<![\w-])(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])(?=T\d\d:)"),
    re.compile(rf"{_ON}\b{_MONTH}\s+{_DAY}\b(?:,?\s+{_YEAR}\b)?", re.IGNORECASE),
    re.compile(rf"{_ON}(?<![\w.,]){_DAY}\s+(?:of\s+)?{_MONTH}(?![a-z])(?:,?\s+{_YEAR}\b)?", re.IGNORECASE),
    re.compile(rf"(?<![\w/])(?P<month>0?[1-9]|1[0-2])/(?P<day>0?[1-9]|[12]\d|3[01])/{_YEAR}(?![\w/])"),
)
_RELATIVE = re.compile(
    r"\b(?P<day_after>(?:the )?day after tomorrow)\b|\b(?P<today>today|tonight)\b|\b(?P<tomorrow>tomorrow)\b"
    r"|\b(?P<yesterday>yesterday)\b|\bin (?P<count>a|\w+) (?P<unit>days?|weeks?)\b"
    rf"|(?<!last )(?<!past )(?<!every )\b(?:(?P<which>next|this|this coming|coming)\s+)?(?P<weekday>{_WEEKDAY})\b",
    re.IGNORECASE,
)
_TIMES = (
    re.compile(
        r"(?:(?<![\w:.])|(?<=\dT))(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?::[0-5]\d)?\s*(?P<half>[ap]\.?m\b\.?)?",
        re.I,
    ),
    re.compile(r"(?<![\w:.])(?P<hour>1[0-2]|0?[1-9])\s*(?P<half>[ap]\.?m\b\.?)", re.I),
    re.compile(r"\b(?P<word>noon|midday|midnight)\b", re.I),
)
_NUMBER = re.compile(
    r"(?<![\w.,:/-])(?P<sign>[-+−]?)[$€£]?(?P<digits>\d{1,3}(?:,\d{3})+|\d+)(?P<rest>\.\d+)?"
    # "40-minute" has a number, "40-a1" and "2026-03" are something else.
    r"(?![\d:/]|[.,]\d|(?!-[a-z]{3,}\b)\w*-\w|\w*[A-Za-z]\d)"
)
_SCALE = re.compile(r"\s?(?P<scale>k|thousand|million|billion)\b", re.I)
_SCALES = {"k": 1e3, "thousand": 1e3, "million": 1e6, "billion": 1e9}
_UNIT_WORD = "|".join(sorted(UNITS, key=len, reverse=True))
_BELOW_HUNDRED = rf"(?:{'|'.join(TENS)})(?:[-\s](?:{'|'.join(UNITS[1:10])}))?|{_UNIT_WORD}"
_NUMBER_WORD = re.compile(
    rf"\b(?:(?P<hundreds>a|{_UNIT_WORD})\s+hundred(?:(?:\s+and)?\s+(?P<rest>{_BELOW_HUNDRED}))?"
    rf"|(?P<small>{_BELOW_HUNDRED})|(?P<set>a dozen|half a dozen|a couple(?: of)?|a pair of))\b",
    re.IGNORECASE,
)
_SETS = {"a dozen": 12, "half a dozen": 6, "a couple": 2, "a couple of": 2, "a pair of": 2}
_ORDINAL = re.compile(
    r"\b(?:(?P<word>" + "|".join(ORDINALS) + r")|(?P<digits>\d+)(?:st|nd|rd|th))\b", re.IGNORECASE
)


@dataclass(frozen=True)
class DateMention:
    """A date as it stands in a text, with what it can mean."""

    text: str
    start: int
    end: int
    derivation: str
    """`date_words` with a year, `date_without_year`, `relative_date`, or `iso_date`."""
    candidates: frozenset[dt.date]
    month_day: tuple[int, int] | None = None
    """Month and day when the text has no year."""


@dataclass(frozen=True)
class Mention:
    """A number or time as it stands in a text. Times are minutes after midnight."""

    text: str
    start: int
    end: int
    derivation: str
    value: float


class Mentions:
    """All that one text mentions; found once, on first use."""

    def __init__(self, text: str, clock: dt.date) -> None:
        self.text = text
        self.clock = clock

    @cached_property
    def folded(self) -> str:
        return fold(self.text)

    @cached_property
    def dates(self) -> tuple[DateMention, ...]:
        found: list[DateMention] = []
        for pattern in _DATES:
            for match in pattern.finditer(self.text):
                if all(match.end() <= one.start or match.start() >= one.end for one in found):
                    mention = _calendar_date(match, self.clock)
                    if mention:
                        found.append(mention)
        # The weekday of "Monday, June 16" is no date of its own.
        relative = _relative_dates(self.text, self.clock)
        found += [one for one in relative if all(one.end <= d.start or one.start >= d.end for d in found)]
        return tuple(found)

    @cached_property
    def times(self) -> tuple[Mention, ...]:
        found: list[Mention] = []
        for pattern in _TIMES:
            for match in pattern.finditer(self.text):
                if all(match.end() <= one.start or match.start() >= one.end for one in found):
                    found.append(_time(match))
        return tuple(found)

    @cached_property
    def numbers(self) -> tuple[Mention, ...]:
        """Numbers in digits and in words; the digits of dates and times are not numbers."""
        taken = [(one.start, one.end) for one in self.dates] + [(one.start, one.end) for one in self.times]
        return tuple(
            one
            for one in (*_digits(self.text), *_words(self.text), *_ordinals(self.text))
            if all(one.end <= start or one.start >= end for start, end in taken)
        )


def fold(text: str) -> str:
    """Text for comparison: lower case, one kind of quote, separators as single spaces."""
    text = text.translate(_QUOTES).casefold()
    return re.sub(r"[\s_]+|(?<=\w)-(?=\w)", " ", text).strip()


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


_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-"})


def _calendar_date(match: re.Match[str], clock: dt.date) -> DateMention | None:
    groups = match.groupdict()
    month_text = groups["month"]
    month = int(month_text) if month_text.isdigit() else _MONTH_NUMBER[month_text[:3].lower()]
    day, year = int(groups["day"]), groups.get("year")
    if year is None and month_text == "may":
        return None  # "may 3 of us come", "those 3 may come": the verb, unless it is written as the month
    where = (match.group(0), match.start(), match.end())
    if year is not None:
        date = _date(int(year), month, day)
        name = "iso_date" if match.group(0)[:4].isdigit() else "date_words"
        return DateMention(*where, name, frozenset([date])) if date else None
    following = next(
        (
            one
            for year in range(clock.year, clock.year + 9)
            if (one := _date(year, month, day)) and one >= clock
        ),
        None,
    )
    return (
        DateMention(*where, "date_without_year", frozenset([following]), (month, day)) if following else None
    )


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _relative_dates(text: str, clock: dt.date) -> Iterator[DateMention]:
    for match in _RELATIVE.finditer(text):
        days = _distances(match, clock)
        try:
            dates = frozenset(clock + dt.timedelta(days=distance) for distance in days)
        except OverflowError:
            continue  # "in 9999999 weeks" is no date of any calendar
        if dates:
            yield DateMention(match.group(0), match.start(), match.end(), "relative_date", dates)


def _distances(match: re.Match[str], clock: dt.date) -> tuple[int, ...]:
    """Days from the clock that a relative expression can mean."""
    found = match.groupdict()
    for name, distance in (("day_after", 2), ("today", 0), ("tomorrow", 1), ("yesterday", -1)):
        if found[name]:
            return (distance,)
    if found["count"]:
        word = found["count"].lower()
        count = (
            1
            if word == "a"
            else int(word)
            if re.fullmatch(r"[0-9]{1,9}", word)
            else UNITS.index(word)
            if word in UNITS
            else None
        )
        return () if count is None else (count * (7 if found["unit"].lower().startswith("week") else 1),)
    ahead = (WEEKDAYS.index(found["weekday"].capitalize()) - clock.weekday()) % 7 or 7
    if (found["which"] or "").lower() == "next":
        # People disagree whether "next Friday" is the coming one or the one of next week: both can be meant.
        return tuple({ahead, 7 - clock.weekday() + WEEKDAYS.index(found["weekday"].capitalize())})
    return (ahead,)


def _time(match: re.Match[str]) -> Mention:
    groups = match.groupdict()
    if groups.get("word"):
        minutes = 0 if groups["word"].lower() == "midnight" else 720
        return Mention(match.group(0), match.start(), match.end(), "time_words", minutes)
    hour, minute = int(groups["hour"]), int(groups.get("minute") or 0)
    half = (groups.get("half") or "").lower()
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return Mention(match.group(0), match.start(), match.end(), "clock_time", hour * 60 + minute)


def _digits(text: str) -> Iterator[Mention]:
    for match in _NUMBER.finditer(text):
        value = float(match["digits"].replace(",", "") + (match["rest"] or ""))
        end = match.end()
        scale = _SCALE.match(text, end)
        if scale:
            value, end = value * _SCALES[scale["scale"].lower()], scale.end()
        sign = -1.0 if match["sign"] in ("-", "−") else 1.0
        yield Mention(text[match.start() : end], match.start(), end, "number", sign * value)


def _words(text: str) -> Iterator[Mention]:
    for match in _NUMBER_WORD.finditer(text):
        groups = match.groupdict()
        end = match.end()
        if groups["set"]:
            value = float(_SETS[groups["set"].lower()])
        elif groups["hundreds"]:
            value = 100.0 * (_below_hundred(groups["hundreds"]) or 1) + _below_hundred(groups["rest"] or "")
        else:
            value = float(_below_hundred(groups["small"]))
        scale = _SCALE.match(text, end)
        if scale and len(scale["scale"]) > 1:
            value, end = value * _SCALES[scale["scale"].lower()], scale.end()
        yield Mention(text[match.start() : end], match.start(), end, "number_words", value)


def _below_hundred(words: str) -> int:
    """`forty-two` as 42; 0 for words that are no number."""
    first, *rest = re.split(r"[-\s]+", words.lower())
    if first in TENS:
        return (TENS.index(first) + 2) * 10 + (UNITS.index(rest[0]) if rest else 0)
    return UNITS.index(first) if first in UNITS else 0


def _ordinals(text: str) -> Iterator[Mention]:
    for match in _ORDINAL.finditer(text):
        value = int(match["digits"]) if match["digits"] else ORDINALS.index(match["word"].lower()) + 1
        yield Mention(match.group(0), match.start(), match.end(), "ordinal", float(value))
