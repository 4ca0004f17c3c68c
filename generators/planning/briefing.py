"""A plan told to a language model, which puts it into somebody's words."""

from __future__ import annotations

import datetime as dt
import random

from callwright.generators.planning.scenario import Plan, is_opaque
from callwright.schemas.tool import Toolkit
from callwright.values.makers import field_for
from callwright.values.spoken import humanise
from callwright.values.wording import say_field

VOICES = (
    "a parent arranging something between two errands",
    "an office assistant doing this for somebody else",
    "a student who writes the way they talk",
    "a retired teacher who writes full sentences",
    "a person in a hurry on a phone, few words",
    "a newcomer who is not sure how this works",
    "a regular who knows exactly what they want",
    "a friendly person who mentions why they need it",
)
"""Who may be speaking."""


def brief(plan: Plan, toolkit: Toolkit, clock: dt.date, rng: random.Random) -> str:
    """What a planned request is about, for a language model to put into somebody's words."""
    assert toolkit.phrases is not None
    sheet, missing = toolkit.phrases, plan.scenario.missing
    lines = ["What this person wants, in this order:"]
    for number, (goal, served) in enumerate(zip(plan.scenario.goals, plan.served, strict=True), 1):
        arguments = plan.refusal.arguments if plan.refusal else served.arguments
        own = toolkit.tool(goal.tool)
        said = {
            name: served.names.get(name) or say_field(value, field_for(sheet, goal.tool, name), clock, rng)
            for name, value in arguments.items()
            if name != missing and not (goal.follows and is_opaque(own, name))
        }
        facts = [f"{humanise(name)}: {words}" for name, words in said.items()]
        with_it = " with what came of that" if goal.follows else ""
        lines.append(
            f"{number}. {sheet.tools[goal.tool].does}{with_it} ({'; '.join(facts) or 'nothing more to say'})"
        )
    lines.append("Say every fact in parentheses, names letter by letter, and add no others.")
    if missing:
        lines.append(f"The person forgets to mention one thing: the {humanise(missing)}. Do not hint at it.")
    return "\n".join(lines)
