"""L1: each number, date, id and quoted name that the assistant says is visible or computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from callwright.judges.base import Ruling, body_of
from callwright.schemas.message import WRONG, AssistantMessage, ToolMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Rung, Verdict
from callwright.values.derivations import Visible
from callwright.values.facts import unseen
from callwright.values.mentions import Mentions, contains, fold
from callwright.values.visible import sources_of

_NAMED_OTHERWISE = 2
"""Entries of a list that an answer may name without counting them, because another result has them too."""


class Prose:
    name = "prose"
    rung: Rung = "L1"

    async def judge(self, trajectory: Trajectory) -> list[Verdict]:
        ruling = Ruling(self, trajectory)
        clock = trajectory.task.clock
        today = Visible(0, Mentions(clock.isoformat(), clock))  # stands in the system message
        sources = [today, *sources_of(trajectory)]
        bodies = [
            (i, body_of(m.observation))
            for i, m in enumerate(trajectory.messages)
            if isinstance(m, ToolMessage)
        ]
        for step, message in enumerate(trajectory.messages):
            if isinstance(message, AssistantMessage) and message.content:
                said = Mentions(learned(message), clock)
                shown = [source.mentions for source in sources if source.index < step]
                numbers = {
                    number for index, body in bodies if index < step for number in computed(body, said)
                }
                for what, words in unseen(said, shown, numbers):
                    told = f"the assistant says {words!r}, which stands in nothing visible"
                    ruling.fail(f"unsupported_{what}", told, step)
        return ruling.verdicts()


def learned(message: AssistantMessage) -> str:
    """What a turn says, blank where it is wrong on purpose: no trainer learns that, and the rest takes it back."""
    text = message.content
    for span in message.spans:
        if span.label == WRONG:
            text = text[: span.start] + " " * (span.end - span.start) + text[span.end :]
    return text


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
