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
"""What looks like an id and is a number or a time."""
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|https?://\S+[\w/]")
_PHONE = re.compile(r"(?<![\w.,/-])(?:\+?\(?\d{1,4}\)?(?:[-. ]\d{2,5}){2,4}|\d{3,4}-\d{4})(?![\w-]|[.,/:]\d)")
_LONG_NUMBER = re.compile(r"\d{7,}")
_ORDINAL_END = re.compile(r"(?:st|nd|rd|th)\b", re.I)
_ENTRY = re.compile(r"^[ \t]*(\d{1,2})[.)][ \t]+(?=\S)", re.M)

Span = tuple[int, int]


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
    quoted = [match[1] for match in _QUOTED.finditer(said.text)]
    addresses = [match[0] for match in _ADDRESS.finditer(said.text)]
    ids = [match[0] for match in _ids(said.text)]
    kinds: tuple[tuple[Fact, list[str]], ...] = (("name", quoted), ("address", addresses), ("id", ids))
    for what, found in kinds:
        for words in found:
            if not _PLAIN.fullmatch(words) and not contains(folded, fold(words.strip(" .,!?"))):
                yield what, words
    for date in said.dates:
        if not any(same_date(date, one) for text in shown for one in text.dates):
            yield "date", date.text
    times = {mention.value for text in shown for mention in text.times}
    for time in said.times:
        if time.value not in times:
            yield "time", time.text
    for words in _unseen_numbers(said, shown, computed):
        yield "number", words


def same_date(said: DateMention, shown: DateMention) -> bool:
    """Whether two mentions can mean one date; a date without its year is that day of any year."""
    return bool(said.candidates & shown.candidates) or any(
        (one.month, one.day) == said.month_day for one in shown.candidates
    )


def unseen_names(said: Mentions, shown: Sequence[Mentions]) -> Iterator[str]:
    """Each capitalised name that no shown text has, in whatever case and with whatever between its words."""
    taken = [(one.start, one.end) for one in said.dates]
    taken += [(one.start, one.end) for one in (*said.times, *said.numbers)]
    taken += _addresses_and_ids(said.text)
    # "anna.weber@example.com" shows Anna Weber, and so do a first and a last name on two lines.
    bare = _bare("\n".join(text.text for text in shown))
    for name in names(said, taken):
        if f" {_bare(name)} " not in f" {bare} ":
            yield name


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", " ", fold(text)).strip()


def _ids(text: str) -> Iterator[re.Match[str]]:
    return (match for match in _ID.finditer(text) if not _PLAIN.fullmatch(match[0]))


def _addresses_and_ids(text: str) -> list[Span]:
    return [match.span() for match in (*_ADDRESS.finditer(text), *_ids(text))]


def _unseen_numbers(said: Mentions, shown: Sequence[Mentions], computed: Collection[float]) -> Iterator[str]:
    numbers = {mention.value for text in shown for mention in text.numbers}.union(computed)
    digits = {one for text in shown for one in _digit_strings(text)}
    days = {float(day.day) for text in shown for date in text.dates for day in date.candidates}
    elsewhere = _addresses_and_ids(said.text) + list(_entry_numbers(said.text))
    for phone in _phones(said):
        elsewhere.append(phone.span())
        parts = [float(part) for part in re.findall(r"\d+", phone[0])]
        # "2019-2020" is two numbers.
        if _bare_digits(phone[0]) not in digits and not numbers.issuperset(parts):
            yield phone[0]
    for number in said.numbers:
        # "this one" and "first of all" are no claims; "the 15th" is one, mostly about a day.
        idle = number.derivation == "ordinal" or number.text.lower() in ("one", "zero")
        day = number.value in days and _ORDINAL_END.match(said.text, number.end)
        known = number.value in numbers or number.text in digits
        if not (idle or day or known or any(start <= number.start < end for start, end in elsewhere)):
            yield number.text


def _phones(said: Mentions) -> Iterator[re.Match[str]]:
    """Telephone and account numbers in groups of digits; dates have such groups too."""
    for match in _PHONE.finditer(said.text):
        if all(match.end() <= one.start or one.end <= match.start() for one in said.dates):
            yield match


def _digit_strings(text: Mentions) -> Iterator[str]:
    yield from (_bare_digits(match[0]) for match in _phones(text))
    yield from _LONG_NUMBER.findall(text.text)


def _bare_digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _entry_numbers(text: str) -> Iterator[Span]:
    """Where the entries of a list are numbered from one on, line by line."""
    expected = 1
    for match in _ENTRY.finditer(text):
        if int(match[1]) == expected:
            yield match.span(1)
            expected += 1
