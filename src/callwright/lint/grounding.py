"""Where the values of calls come from, by the derivations that our own rows are judged by.

Our own rows are judged with the phrase sheet's words beside them, which no dataset carries. So a value counts as
ungrounded only where it states a fact (a number, name, id, date, time or address) that nothing visible has; choices and
the assistant's own words are notes.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence

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
            tool = tools.get(call.name)
            for name, value in (call.parsed or {}).items():
                schema = tool.properties.get(name) if tool else None
                own = schema if isinstance(schema, dict) else {}
                for found in ground(name, value, own, visible, {}):
                    if isinstance(found, Ungrounded):
                        fits = Applied.to(tool.parameters, [own], value).options if tool else []
                        row.found.append(_finding(call.name, name, found, bool(fits), visible, clock))
        if turn.role != "assistant":  # the assistant's own words prove nothing
            text = observed_text(turn.text) if turn.role == "tool" else turn.text
            shown = Mentions(text, clock or _NO_CLOCK)
            visible.append(Visible(place, shown, turn.text if turn.role == "tool" else None))


def _clock(turns: Sequence[Turn]) -> dt.date | None:
    """The one date that system messages name, which is today."""
    told = "\n".join(turn.text for turn in turns if turn.role == "system")
    for date in Mentions(told, _NO_CLOCK).dates:
        if date.derivation in ("iso_date", "date_words") and len(date.candidates) == 1:
            return next(iter(date.candidates))
    return None


def _finding(
    tool: str, name: str, found: Ungrounded, chosen: bool, visible: Sequence[Visible], clock: dt.date | None
) -> Finding:
    path, value, words = found
    told = f"{tool}: {path} = {json.dumps(value, ensure_ascii=False)[:80]}"
    if isinstance(value, str) and value.strip():
        # A schema without words of its own: whether the text is the assistant's is not asked again.
        leaf = Leaf(name, value, {}, {})
        words = words or (authored(leaf, visible) if visible else value)
        dated = leaf.kind in ("date", "date_time") and clock is None and any(_undated(visible))
        proven = chosen or dated or words is None
    else:
        proven = not isinstance(value, int | float) or isinstance(value, bool) or chosen
    if proven:
        return Finding("unproven_argument", f"{told} is not said")
    what = f": {words!r}" if words and words != value else ""
    return Finding("ungrounded_argument", f"{told} stands in nothing visible{what}")


def _undated(visible: Sequence[Visible]) -> Iterator[bool]:
    """Whether a message has a date that needs to know what day it is."""
    for message in visible:
        yield any(
            date.derivation in ("date_without_year", "relative_date") for date in message.mentions.dates
        )
