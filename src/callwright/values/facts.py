"""The facts that a text states, and which of them stand in nothing visible."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from callwright.values.mentions import DateMention, Mentions, contains, fold
from callwright.values.names import names

Fact = Literal["name", "address", "id", "date", "time", "number"]

_ID = re.compile(r"(?<![\w@./-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*(?![\w@]|-\w)")
_QUOTED = re.compile(r"[\"“]([^\"“”\n]{2,120})[\"”]")
_PLAIN = re.compile(r"\d+(?:st|nd|rd|th|am|pm|k|%)?", re.I)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|https?://\S+[\w/]")
_ENTRY = re.compile(r"^[ \t]*(\d{1,2})[.)][ \t]+(?=\S)", re.M)
_PATTERNS: tuple[tuple[re.Pattern[str], Fact], ...] = ((_QUOTED, "name"), (_ADDRESS, "address"), (_ID, "id"))


def unseen(
    said: Mentions, shown: Sequence[Mentions], computed: Collection[float] = ()
) -> Iterator[tuple[Fact, str]]:
    """(what, words) for each quoted name, address, id, date, time and number that no shown text has.

    Args:
        said: The text that states something.
        shown: The texts that may support it.
        computed: Numbers that follow from what was shown.
    """
    folded = fold("\n".join(text.text for text in shown))
    for pattern, what in _PATTERNS:
        for match in pattern.finditer(said.text):
            words = match[1] if pattern is _QUOTED else match[0]
            if not _PLAIN.fullmatch(words) and not contains(folded, fold(words.strip(" .,!?"))):
                yield what, words
    for date in said.dates:
        if not any(same_date(date, one) for text in shown for one in text.dates):
            yield "date", date.text
    times = {mention.value for text in shown for mention in text.times}
    for time in said.times:
        if time.value not in times:
            yield "time", time.text
    numbers = {mention.value for text in shown for mention in text.numbers}.union(computed)
    inside = [match.span() for pattern in (_ADDRESS, _ID) for match in pattern.finditer(said.text)]
    inside += _entry_numbers(said.text)
    for number in said.numbers:
        # "this one" and "first of all" are no claims.
        idle = number.derivation == "ordinal" or number.text.lower() in ("one", "zero")
        within = any(start <= number.start < end for start, end in inside)
        if not idle and number.value not in numbers and not within:
            yield "number", number.text


def _entry_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where the entries of a list are numbered from one on, line by line."""
    expected = 1
    for match in _ENTRY.finditer(text):
        if int(match[1]) == expected:
            yield match.span(1)
            expected += 1


def same_date(said: DateMention, shown: DateMention) -> bool:
    """Whether two mentions can mean one date; a date without its year is that day of any year."""
    return bool(said.candidates & shown.candidates) or any(
        (one.month, one.day) == said.month_day for one in shown.candidates
    )


def unseen_names(said: Mentions, shown: Sequence[Mentions]) -> Iterator[str]:
    """Each capitalised name that no shown text has, in whatever case and with whatever between its words."""
    taken = [(one.start, one.end) for one in said.dates]
    taken += [(one.start, one.end) for one in (*said.times, *said.numbers)]
    taken += [match.span() for pattern in (_ADDRESS, _ID) for match in pattern.finditer(said.text)]
    # "anna.weber@example.com" shows Anna Weber, and so do a first and a last name on two lines.
    bare = _bare("\n".join(text.text for text in shown))
    for name in names(said, taken):
        if f" {_bare(name)} " not in f" {bare} ":
            yield name


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", " ", fold(text)).strip()
