"""A failed decision told to a language model, and what it shall write instead: one JSON object, then plain words.

What was said travels inside JSON, so that no text can be taken for structure.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from typing import Any

from callwright.generators.looptool.focusing import Aim, Failed
from callwright.generators.looptool.prompts import prompt
from callwright.generators.planning.briefing import FORMS, VOICES, brief, free_brief
from callwright.generators.planning.scenario import Plan
from callwright.schemas.message import SystemMessage, to_wire
from callwright.schemas.probe import Prediction
from callwright.schemas.tool import Toolkit
from callwright.values.mentions import WEEKDAYS

_WAYS = {
    "more": "Complexity. This person wants more than the failed request did: more things, or the same with further "
    "conditions. All of it stands in one message.",
    "voice": "Persona. Somebody else speaks: {voice}. It is another life, with other values throughout.",
    "form": "Interaction. The same kind of wish, put in another way: as {form}.",
    "asked": "Interaction. This time something that is required stays unsaid, so that the assistant has to ask.",
    "whole": "Interaction. This time nothing stays unsaid: all that is needed stands in the message, and the assistant "
    "has nothing to ask.",
    "alone": "Interaction. This time only one thing is wanted; the others of the failed request are not.",
    "values": "Data. The same kind of wish in much the same manner, with other values throughout: not close to the old "
    "ones, but of another person's day.",
}
"""What a way of differing means to whoever writes."""


def messages(
    failed: Failed,
    aim: Aim,
    plan: Plan | None,
    toolkit: Toolkit,
    clock: dt.date,
    rng: random.Random,
) -> tuple[dict[str, Any], ...]:
    """What a language model is told: the failure first, so that all variants of one failure share it."""
    told = json.dumps(case(failed), ensure_ascii=False)
    wish = "\n".join(
        (
            f"In what it differs: {_WAYS[aim.way].format(voice=rng.choice(VOICES), form=rng.choice(FORMS))}",
            f"The new day: {WEEKDAYS[clock.weekday()]}, {clock.isoformat()}.",
            brief(plan, toolkit, clock, rng) if plan else free_brief(aim.kind, toolkit.tool(aim.tool), rng),
        )
    )
    return (
        {"role": "system", "content": prompt("variant").template},
        {"role": "user", "content": f"The failure:\n{told}\n\nWhat to write:\n{wish}"},
    )


def case(failed: Failed) -> dict[str, Any]:
    """A failed decision as JSON values; what was said is not touched."""
    task, at = failed.row.task, failed.at
    withheld = {"withheld_tool": task.withheld.wire()["function"]} if task.withheld else {}
    return {
        "today": task.clock.isoformat(),
        "tools": [tool.wire()["function"] for tool in task.tools],
        **withheld,
        "conversation": [to_wire(one) for one in at.before if not isinstance(one, SystemMessage)],
        "right": _did(to_wire(at.label)),
        "wrong": _did(_answered(failed.prediction)),
        "analysis": failed.analysis,
        "approach": failed.approach,
    }


def _answered(prediction: Prediction) -> dict[str, Any]:
    calls = [{"function": {"name": call.name, "arguments": call.arguments}} for call in prediction.tool_calls]
    wire: dict[str, Any] = {"content": prediction.text, "tool_calls": calls}
    if prediction.outcome in _UNUSABLE:
        wire["outcome"] = _UNUSABLE[prediction.outcome]
    return wire


_UNUSABLE = {
    "unparsable": "an answer that nobody can act on",
    "truncated": "an answer that did not come to an end",
    "refused": "no answer at all",
}


def _did(wire: dict[str, Any]) -> dict[str, Any]:
    """An assistant's turn as what it says and what it calls; ids of calls tell nobody anything."""
    calls = [one["function"] for one in wire.get("tool_calls", ())]
    parts = {"outcome": wire.get("outcome"), "says": wire["content"], "calls": calls}
    return {name: value for name, value in parts.items() if value} or {"says": ""}
