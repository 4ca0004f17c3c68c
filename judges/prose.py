"""L1: each number, date, id and quoted name that the assistant says is visible or computed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from callwright.judges.base import Ruling, body_of
from callwright.judges.grounding import sources_of
from callwright.schemas.message import AssistantMessage, ToolMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Rung, Verdict
from callwright.values.derivations import Visible, contains, visible_messages
from callwright.values.mentions import DateMention, Mentions, fold

_ID = re.compile(r"(?<![\w@./-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*(?![\w@]|-\w)")
_QUOTED = re.compile(r"[\"“]([^\"“”\n]{2,120})[\"”]")
_NAMED_OTHERWISE = 2
"""Entries of a list that an answer may name without counting them, because another result has them too."""
_PLAIN = re.compile(r"\d+(?:st|nd|rd|th|am|pm|k|%)?", re.I)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|https?://\S+[\w/]")


class Prose:
    name = "prose"
    rung: Rung = "L1"

    async def judge(self, trajectory: Trajectory) -> list[Verdict]:
        ruling = Ruling(self, trajectory)
        clock = trajectory.task.clock
        told = [(0, clock.isoformat())]  # today stands in the system message
        sources = visible_messages(told, clock) + sources_of(trajectory)
        bodies = [
            (i, body_of(m.observation))
            for i, m in enumerate(trajectory.messages)
            if isinstance(m, ToolMessage)
        ]
        for step, message in enumerate(trajectory.messages):
            if isinstance(message, AssistantMessage) and message.content:
                visible = [source for source in sources if source.index < step]
                seen = [body for index, body in bodies if index < step]
                for code, words in unsupported(Mentions(message.content, clock), visible, seen):
                    ruling.fail(code, f"the assistant says {words!r}, which stands in nothing visible", step)
        return ruling.verdicts()


def unsupported(
    said: Mentions, visible: Sequence[Visible], bodies: Sequence[Any]
) -> Iterator[tuple[str, str]]:
    """(code, words) for each fact in the prose that nothing visible or computed supports."""
    texts = "\n".join(source.text for source in visible)
    folded = fold(texts)
    for pattern, code in (
        (_QUOTED, "unsupported_name"),
        (_ADDRESS, "unsupported_address"),
        (_ID, "unsupported_id"),
    ):
        for match in pattern.finditer(said.text):
            words = match[1] if pattern is _QUOTED else match[0]
            if not _PLAIN.fullmatch(words) and not contains(folded, fold(words.strip(" .,!?"))):
                yield code, words
    for date in said.dates:
        if not _date_visible(date, visible):
            yield "unsupported_date", date.text
    times = {mention.value for source in visible for mention in source.mentions.times}
    for time in said.times:
        if time.value not in times:
            yield "unsupported_time", time.text
    numbers = {mention.value for source in visible for mention in source.mentions.numbers}
    numbers |= {number for body in bodies for number in computed(body, said)}
    for number in said.numbers:
        # "this one" and "first of all" are no claims.
        idle = number.derivation == "ordinal" or number.text.lower() in ("one", "zero")
        if not idle and number.value not in numbers and not _inside_id(number.start, said.text):
            yield "unsupported_number", number.text


def _inside_id(position: int, text: str) -> bool:
    return any(
        match.start() <= position < match.end() for match in (*_ADDRESS.finditer(text), *_ID.finditer(text))
    )


def _date_visible(said: DateMention, visible: Sequence[Visible]) -> bool:
    for source in visible:
        for shown in source.mentions.dates:
            if said.candidates & shown.candidates:
                return True
            if said.month_day and any((one.month, one.day) == said.month_day for one in shown.candidates):
                return True
    return False


def computed(body: Any, said: Mentions) -> Iterator[float]:
    """Counts of lists, how many entries of a list the prose leaves unnamed, and sums of its numeric fields."""
    if isinstance(body, dict):
        for child in body.values():
            yield from computed(child, said)
    if not isinstance(body, list):
        return
    yield float(len(body))
    rows = [row for row in body if isinstance(row, dict)]
    for key in {key for row in rows for key in row}:
        column = [row[key] for row in rows if key in row]
        named = [value for value in column if isinstance(value, str) and _named(value, said)]
        # Several entries may share a name ("the main hall at 5 pm, the main hall at 6 pm, and 10 more"), and a name
        # may stand in the answer for another reason.
        fewest = max(len(set(named)) - _NAMED_OTHERWISE, 1)
        yield from (float(len(body) - some) for some in range(fewest, len(named) + 1))
        amounts = [
            value for value in column if isinstance(value, int | float) and not isinstance(value, bool)
        ]
        if len(amounts) > 1:
            yield float(sum(amounts))
    for row in body:
        yield from computed(row, said)


def _named(value: str, said: Mentions) -> bool:
    """Whether the prose names a value, dates in whatever words."""
    if contains(said.folded, fold(value)):
        return True
    dates = Mentions(value, said.clock).dates
    return bool(dates) and any(
        dates[0].candidates & one.candidates
        or one.month_day in {(day.month, day.day) for day in dates[0].candidates}
        for one in said.dates
    )
