"""REWRITE: take values out of a request, and prove that they are gone and that the rest is still there.

Zhang et al. 2025 (AskToAct): list the arguments, rate how much each matters, remove some of those that do.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence, Set
from typing import Any

from callwright.errors import GenerationError
from callwright.generators.asktoact.intents import Intent, Inventory, is_said, new_fact, shown
from callwright.generators.asktoact.prompts import prompt
from callwright.generators.conversing import in_full
from callwright.llm.base import Request
from callwright.schemas.task import Trajectory
from callwright.schemas.tool import Tool
from callwright.values.derivations import Synonyms
from callwright.values.spoken import plain_words

MATTERS = 3
"""Importance from which an intent is worth asking for, of 1 to 5."""


def choose(
    intents: Sequence[Intent],
    ratings: Mapping[str, int],
    most: int,
    rng: random.Random,
    one_of: Set[str] = frozenset(),
) -> list[Intent]:
    """Between one and `most` intents, those that matter most first; in the order in which calls need them.

    Args:
        intents: What can be masked.
        ratings: Intent id -> how much it matters, of 1 to 5.
        most: Intents at the most.
        rng: The source of chance.
        one_of: Ids one of which must be among them, unless none of them matters.
    """
    worth = [one for one in intents if ratings.get(one.id, 0) >= MATTERS]
    if not worth:
        return []
    count = rng.randint(1, min(most, len(worth)))
    drawn = sorted(worth, key=lambda one: (-ratings[one.id], rng.random()))
    first = next((one for one in drawn if one.id in one_of), drawn[0])
    chosen = [first, *(one for one in drawn if one is not first)][:count]
    return sorted(chosen, key=lambda one: (one.slots[0].call, intents.index(one)))


def rating_request(row: Trajectory, intents: Sequence[Intent], **about: Any) -> Request:
    """How much does each value matter to the tools?"""
    schema = {
        "type": "object",
        "properties": {one.id: {"type": "integer", "minimum": 1, "maximum": 5} for one in intents},
        "required": [one.id for one in intents],
        "additionalProperties": False,
    }
    told = "\n\n".join([*_background(row), f"The values to rate:\n{_listed(row, intents)}"])
    return Request(
        purpose="asktoact.importance",
        messages=(
            {"role": "system", "content": prompt("importance").template},
            {"role": "user", "content": told},
        ),
        reply_schema=schema,
        **({"variables": {"needed": {one.id: one.needed for one in intents}}} | about),
    )


def rewriting_request(row: Trajectory, masked: Sequence[Intent], **about: Any) -> Request:
    """Say the request again without these values."""
    told = "\n\n".join([f"The request:\n{row.task.instruction}", f"To be taken out:\n{_listed(row, masked)}"])
    cuts = [{"said": one.said, "human": plain_words(one.asked.argument)} for one in masked]
    variables = {
        "plan": row.task.plan,
        "seed": row.task.seed,
        "clock": row.task.clock.isoformat(),
        "hidden": [pair for one in masked for pair in one.hidden]
        if all(one.hidden for one in masked)
        else [],
        "request": row.task.instruction,
        "cuts": cuts,
    }
    return Request(
        purpose="asktoact.rewrite",
        messages=(
            {"role": "system", "content": prompt("rewrite").template},
            {"role": "user", "content": told},
        ),
        reply_schema=_REWRITTEN,
        **({"variables": variables} | about),
    )


_REWRITTEN = {
    "type": "object",
    "properties": {"request": {"type": "string", "minLength": 3}},
    "required": ["request"],
    "additionalProperties": False,
}


def check(
    row: Trajectory, found: Inventory, masked: Sequence[Intent], request: str, synonyms: Synonyms
) -> None:
    """Whether a request says every kept value and no masked one, nor any fact that was not there before.

    Raises:
        GenerationError: `value_left`, `value_lost` or `fact_added`: it does not.
    """
    for one in masked:
        if is_said(one, request, row, synonyms, fully=False):
            raise GenerationError("value_left", f"{one.said!r} can still be read off the request")
    for one in (*found.maskable, *found.kept):
        if one in masked or not is_said(one, row.task.instruction, row, synonyms):
            continue
        if not is_said(one, request, row, synonyms):
            raise GenerationError("value_lost", f"{one.said!r} is not said any more")
    before = shown(row.task.instruction, row)[0].mentions
    added = new_fact(request, [before], row.task.clock)
    if added:
        raise GenerationError("fact_added", f"{added!r} was not in the request")


def _background(row: Trajectory) -> list[str]:
    calls = "\n".join(f"- {call.name} {call.arguments}" for call in row.tool_calls)
    used = {call.name for call in row.tool_calls}
    tools = "\n".join(_documented(tool) for tool in row.task.tools if tool.name in used)
    return [
        f"Today: {in_full(row.task.clock)}",
        f"The request:\n{row.task.instruction}",
        f"The calls that serve it:\n{calls}",
        f"Their tools:\n{tools}",
    ]


def _documented(tool: Tool) -> str:
    return json.dumps(tool.wire()["function"], ensure_ascii=False)


def _listed(row: Trajectory, intents: Sequence[Intent]) -> str:
    return "\n".join(
        f"- {one.id}: {json.dumps(one.value, ensure_ascii=False)}, said as {json.dumps(one.said, ensure_ascii=False)}, "
        f"for {' and '.join(dict.fromkeys(f'`{slot.argument}` of `{slot.tool}`' for slot in one.slots))}"
        for one in intents
    )
