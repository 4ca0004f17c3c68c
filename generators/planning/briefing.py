"""A plan told to a language model, which puts it into somebody's words."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Mapping

from callwright.generators.planning.scenario import Plan, is_opaque
from callwright.schemas.task import Kind
from callwright.schemas.tool import Tool, Toolkit
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

FORMS = (
    "a question",
    "a request in the first person",
    "an instruction",
    "a remark followed by what is wanted",
)
"""How it may be asked for."""

_LENGTHS = ("one short sentence", "one sentence", "two sentences", "two or three sentences")
_INITIALS = "ABCDEFGHIJKLMNOPRSTUVWYZ"
"""Left to itself, a model gives everybody the same few names."""
_KINDS: Mapping[Kind, str] = {
    "single": "One call of {tool} serves the request completely.",
    "multi_step": "Serving it takes at least two calls, one after the other, where a later one needs what an earlier "
    "one found or made; {tool} is the last of them. The person points at the thing by what would find it, and does "
    "not say that it has to be looked up.",
    "parallel": "Serving it takes at least two calls that do not depend on each other, so that both can be made at "
    "once: two things, places or days, or two different needs; {tool} is one of the tools. Each of them is said with "
    "all that it needs.",
    "clarification": "It is about {tool}, but the person forgets to mention one thing that is required, that nobody "
    "could guess, and that no other tool can find. Put it into `details` with its value, never an id; the request "
    "says all the rest and does not hint at it.",
    "no_call": "It is about something that only {tool} could do. The assistant will not have that tool, but the person "
    "does not know: write a request as complete as any other.",
}


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


def free_brief(kind: Kind, tool: Tool, rng: random.Random) -> str:
    """What kind of request a language model shall think of by itself, about a tool whose calls nobody planned."""
    initials = " or ".join(rng.sample(_INITIALS, 2))
    return "\n".join(
        (
            _KINDS[kind].format(tool=tool.name),
            f"The length: {rng.choice(_LENGTHS)}. Names that you make up begin with {initials}.",
            f"Parameters of {tool.name}: {json.dumps(tool.parameters, ensure_ascii=False)}",
        )
    )


def told(tool: Tool) -> str:
    """A tool in one line: what it does, what it needs and what it may be given."""
    optional = [name for name in tool.properties if name not in tool.required]
    takes = [f"needs {', '.join(tool.required)}"] if tool.required else []
    takes += [f"may be given {', '.join(optional)}"] if optional else []
    return f"{tool.name}: {tool.description or tool.summary} ({'; '.join(takes) or 'takes nothing'})"
