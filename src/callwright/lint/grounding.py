"""Where the values of calls come from, by the derivations that our own rows are judged by.

Our own rows are judged with the phrase sheet's words beside them, which no dataset carries. So a value counts as
ungrounded only where it states a fact (a number, name, id, date, time or address) that nothing visible has; choices,
the assistant's own words and what no schema describes are notes.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callwright.lint.codes import Finding
from callwright.lint.conversation import Conversation, Turn
from callwright.schemas.tool import Tool
from callwright.values.applied import Applied
from callwright.values.derivations import Leaf, Ungrounded, Visible, authored, ground, observed_text
from callwright.values.mentions import Mentions

_NO_CLOCK = dt.date(1970, 1, 1)


def check_grounding(row: Conversation, tools: Mapping[str, Tool | None]) -> None:
    if not row.calls:
        return
    clock = _clock(row.turns)
    visible: list[Visible] = []
    for place, turn in enumerate(row.turns):
        for call in turn.calls:
            if call.faulty:
                continue  # what breaks its schema is wrong, wherever it comes from
            tool = tools.get(call.name)
            for name, value in (call.parsed or {}).items():
                schema = tool.properties.get(name) if tool else None
                own = schema if isinstance(schema, dict) else {}
                for found in ground(name, value, own, visible, {}):
                    if isinstance(found, Ungrounded):
                        row.found.append(_finding(call.name, tool, found, visible, clock))
        if turn.role != "assistant":  # the assistant's own words prove nothing
            text = observed_text(turn.text) if turn.role == "tool" else turn.text
            shown = Mentions(text, clock or _NO_CLOCK)
            visible.append(Visible(place, shown, turn.text if turn.role == "tool" else None))


def _clock(turns: Sequence[Turn]) -> dt.date | None:
    """The first date that system messages name, which is today."""
    told = "\n".join(turn.text for turn in turns if turn.role == "system")
    for date in sorted(Mentions(told, _NO_CLOCK).dates, key=lambda one: one.start):
        if date.derivation in ("iso_date", "date_words") and len(date.candidates) == 1:
            return next(iter(date.candidates))
    return None


def _finding(
    call: str, tool: Tool | None, found: Ungrounded, visible: Sequence[Visible], clock: dt.date | None
) -> Finding:
    path, value, words = found
    told = f"{call}: {path} = {json.dumps(value, ensure_ascii=False)[:80]}"
    states = tool is not None and not _chosen(tool, path, value)
    if states and isinstance(value, str) and value.strip():
        # Whether the argument is one for the assistant's own words is not asked again.
        leaf = Leaf(path.split("/")[1], value, {}, {})
        words = words or (authored(leaf, visible) if visible else value)
        dated = leaf.kind in ("date", "date_time") and clock is None and any(_undated(visible))
        states = not dated and words is not None
    else:
        states = states and isinstance(value, int | float) and not isinstance(value, bool)
    if not states:
        return Finding("unproven_argument", f"{told} is not said")
    what = f": {words!r}" if words and words != value else ""
    return Finding("ungrounded_argument", f"{told} stands in nothing visible{what}")


def _chosen(tool: Tool, path: str, value: Any) -> bool:
    """Whether the schema lists the values that may stand there."""
    _, name, *steps = path.split("/")
    schema = Applied.to(tool.parameters, [tool.properties.get(name)], value)
    for step in steps:
        schema = schema.item(int(step), value) if step.isdecimal() else schema.field(step, value)
    return bool(schema.options)


def _undated(visible: Sequence[Visible]) -> Iterator[bool]:
    """Whether a message has a date that needs to know what day it is."""
    for message in visible:
        yield any(
            date.derivation in ("date_without_year", "relative_date") for date in message.mentions.dates
        )
