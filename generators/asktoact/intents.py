"""What a request tells its calls, and which of it can be masked.

Zhang et al. 2025 (AskToAct): an argument is an explicit intent of the user's. The evidence of L1 says where each value
stands; a value that feeds several arguments is one intent.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callwright.generators.planning.scenario import Plan
from callwright.schemas.base import Record, canonical_json
from callwright.schemas.message import AssistantMessage, Message, ToolMessage, UserMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.tool import Tool
from callwright.values.derivations import (
    Grounding,
    Synonyms,
    Visible,
    default,
    ground,
    leaves,
    observed_text,
)
from callwright.values.facts import unseen, unseen_names
from callwright.values.mentions import Mentions, contains, fold
from callwright.values.spoken import say_list

REQUEST = 1
"""Index of the message that is rewritten."""

SHORTEST = 2
"""Characters of a value that can be masked, at the least: "3" and "a" stand in too much else."""


class Slot(Record):
    """One argument that a value goes to."""

    call: int
    """Index among all calls of the conversation."""
    tool: str
    argument: str


class Intent(Record):
    """One thing that the user wants and that calls need."""

    id: str
    value: Any
    """The argument, as it stands in the call."""
    said: str
    """How the request says it."""
    slots: tuple[Slot, ...]
    asked: Slot
    """The argument that a question for it is about: that of the goal, where the value only finds its id."""
    needed: bool
    """Whether a tool requires it; what is optional and unsaid is simply not wanted."""
    hidden: tuple[tuple[int, str], ...] = ()
    """(Goal, argument) of the row's plan that it is, for the offline teacher."""


@dataclass
class Inventory:
    """The intents of one request."""

    maskable: list[Intent] = field(default_factory=list)
    kept: list[Intent] = field(default_factory=list)
    """What the request says and cannot lose, and why is counted."""
    refused: Counter[str] = field(default_factory=Counter)
    """Code -> arguments that cannot be masked for this reason."""


def inventory(row: Trajectory, synonyms: Synonyms, *, optional: bool = False) -> Inventory:
    """Each argument of a verified conversation with one request, sorted into what can be masked and what cannot.

    Refused: `default` (or a constant), `produced` by an earlier call, `unmentioned` in the request, `authored` by the
    assistant, `too_short`, `boolean` or null, `empty`, `nested`, `occurs_elsewhere` in the request, `part_of_kept`
    value, what alone a `repeated` wish changes; and `optional`, unless whoever rewrites can leave a trace of it:
    nobody asks for what nobody seems to want.
    """
    found = Inventory()
    request = row.messages[REQUEST].content
    said: dict[str, Intent] = {}
    for slot, value, schema, before in _arguments(row):
        code, words = _spoken(slot, value, schema, before, row, synonyms)
        if code:
            found.refused[code] += 1
            if words:
                found.kept.append(_intent(row, slot, value, words))
            continue
        key = canonical_json(value).casefold()
        known = said.get(key)
        if known:
            said[key] = known.model_copy(update={"slots": (*known.slots, slot)})
        else:
            said[key] = _intent(row, slot, value, words)
    plan = Plan.model_validate(row.task.plan) if row.task.plan else None
    intents = [_settled(row, one, plan, number) for number, one in enumerate(said.values(), 1)]
    varied = {
        (index, served.varied)
        for index, (goal, served) in enumerate(
            zip(plan.scenario.goals, plan.served, strict=True) if plan else ()
        )
        if goal.again
    }
    for one in intents:
        others = [other for other in (*intents, *found.kept) if other is not one and other.slots != one.slots]
        code = "" if one.needed or optional else "optional"
        if varied.intersection(one.hidden):
            code = "repeated"  # "and the same for" somebody has nothing left to say without him
        code = code or _unmaskable(one, others, request, row, synonyms)
        if code:
            found.refused[code] += len(one.slots)
            found.kept.append(one)
        else:
            found.maskable.append(one)
    return found


def _arguments(row: Trajectory) -> Iterator[tuple[Slot, Any, Mapping[str, Any], Sequence[Message]]]:
    """Each argument of each call with its schema and what was said before the call."""
    tools = {tool.name: tool for tool in row.task.tools}
    number = 0
    for step, message in enumerate(row.messages):
        for call in message.tool_calls if isinstance(message, AssistantMessage) else ():
            tool = tools[call.name]
            for name, value in json.loads(call.arguments).items():
                yield (
                    Slot(call=number, tool=tool.name, argument=name),
                    value,
                    tool.properties.get(name, {}),
                    row.messages[:step],
                )
            number += 1


def _spoken(
    slot: Slot,
    value: Any,
    schema: Mapping[str, Any],
    before: Sequence[Message],
    row: Trajectory,
    synonyms: Synonyms,
) -> tuple[str, str]:
    """Why an argument cannot be masked, empty when nothing speaks against it yet; and how the request says it."""
    if default(value, schema) or ("const" in schema and schema["const"] == value):
        return "default", ""
    clock = row.task.clock
    observed = [
        Visible(step, Mentions(observed_text(one.content), clock), one.content)
        for step, one in enumerate(before)
        if isinstance(one, ToolMessage)
    ]
    if observed and all(
        isinstance(one, Grounding) and one.source is not None
        for one in ground(slot.argument, value, schema, observed, synonyms)
    ):
        return "produced", ""
    evidence = list(ground(slot.argument, value, schema, shown(before[REQUEST].content, row), synonyms))
    words = [one.text for one in evidence if isinstance(one, Grounding) and one.source is not None]
    if len(words) != len(evidence):
        authored = any(isinstance(one, Grounding) and one.derivation == "authored" for one in evidence)
        return ("authored" if authored else "unmentioned"), ""
    whole = say_list(list(dict.fromkeys(words)))
    parts = list(leaves(value))
    if any(isinstance(one, bool) or one is None for one in parts):
        return "boolean", whole
    if not parts or any(isinstance(one, str) and not one.strip() for one in parts):
        return "empty", whole
    if any(isinstance(one, dict) for one in (value if isinstance(value, list) else [value])):
        return "nested", whole
    if any(len(str(one).strip()) < SHORTEST for one in parts):
        return "too_short", whole
    return "", whole


def _intent(row: Trajectory, slot: Slot, value: Any, words: str) -> Intent:
    if not re.search(r"\.\w\.$", words):  # the stop of a sentence, not that of "p.m."
        words = words.rstrip(".")
    return Intent(id="", value=value, said=words, slots=(slot,), asked=slot, needed=False)


def _settled(row: Trajectory, one: Intent, plan: Plan | None, number: int) -> Intent:
    """The intent with all that its slots and the row's plan say of it."""
    tools = {tool.name: tool for tool in row.task.tools}
    needed = any(slot.argument in tools[slot.tool].required for slot in one.slots)
    asked = next((s for s in one.slots if s.argument in tools[s.tool].required), one.slots[0])
    hidden: list[tuple[int, str]] = []
    for index, (goal, served) in enumerate(
        zip(plan.scenario.goals, plan.served, strict=True) if plan else ()
    ):
        for name, given in {**served.arguments, **served.names}.items():
            if canonical_json(given).casefold() == canonical_json(one.value).casefold():
                if not hidden and goal.tool in tools and name in tools[goal.tool].required:
                    needed = True
                    asked = Slot(call=one.slots[0].call, tool=goal.tool, argument=name)
                hidden.append((index, name))
    if not hidden and _finds_an_id(row, one, tools):
        needed = True
    return one.model_copy(
        update={"id": f"i{number}", "needed": needed, "asked": asked, "hidden": tuple(hidden)}
    )


def _finds_an_id(row: Trajectory, one: Intent, tools: Mapping[str, Tool]) -> bool:
    """Whether a later call requires something that only the answer to this intent's call holds."""
    calls = row.tool_calls
    answers = {message.tool_call_id: message.content for message in row.observations()}
    for slot in one.slots:
        answer = fold(observed_text(answers.get(calls[slot.call].id, "")))
        for later in calls[slot.call + 1 :]:
            given = json.loads(later.arguments)
            for name in tools[later.name].required:
                text = str(given.get(name, ""))
                if len(text) > SHORTEST and contains(answer, fold(text)):
                    return True
    return False


def _unmaskable(
    one: Intent, others: Sequence[Intent], request: str, row: Trajectory, synonyms: Synonyms
) -> str:
    """Why an intent cannot be masked although the request says it."""
    words = fold(one.said)
    if any(words != fold(other.said) and contains(fold(other.said), words) for other in others):
        return "part_of_kept"
    if any(words == fold(other.said) for other in others):
        return "occurs_elsewhere"
    rest = without(one, request)
    if rest is not None and is_said(one, rest, row, synonyms, fully=False):
        return "occurs_elsewhere"
    if rest is None and len({slot.argument for slot in one.slots}) > 1:
        return "occurs_elsewhere"
    return ""


def without(one: Intent, request: str) -> str | None:
    """The request without the words of an intent; None where they cannot be found as they are."""
    span = span_of(one.said, request)
    return request[: span[0]] + " " + request[span[1] :] if span else None


def span_of(words: str, text: str) -> tuple[int, int] | None:
    """Where words stand in a text, whatever their case and the space between them."""
    pattern = r"[\s_-]+".join(re.escape(part) for part in re.split(r"[\s_]+", words.strip()))
    found = re.search(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE)
    return found.span() if found else None


def is_said(one: Intent, text: str, row: Trajectory, synonyms: Synonyms, *, fully: bool = True) -> bool:
    """Whether a text alone says an intent's value, in whatever form: all of it, or with `fully` false any part."""
    properties = {tool.name: tool.properties for tool in row.task.tools}
    said: list[bool] = []
    for slot in one.slots:
        schema = properties[slot.tool].get(slot.argument, {})
        for found in ground(slot.argument, one.value, schema, shown(text, row), synonyms):
            said.append(isinstance(found, Grounding) and found.source is not None)
    plain = [contains(fold(text), fold(str(leaf))) for leaf in leaves(one.value)]
    if fully:
        return all(said)
    return any(said) or any(plain) or contains(fold(text), fold(one.said))


def shown(text: str, row: Trajectory) -> list[Visible]:
    return [Visible(REQUEST, Mentions(text, row.task.clock))]


def new_fact(text: str, seen: Sequence[Mentions], clock: dt.date) -> str | None:
    """The first fact that a text states and that no other shows; None where there is none."""
    said = Mentions(text, clock)
    fact = next((words for _, words in unseen(said, seen)), None)
    return fact or next((one for one in unseen_names(said, seen) if not _opens(one, text, seen)), None)


def _opens(name: str, text: str, seen: Sequence[Mentions]) -> bool:
    """Whether a name is none but for the capital of the sentence that it begins: "Hm, ...", "Under Joy Wade"."""
    inside = re.search(rf"(?<![.!?…:])(?<!\A)[ \"“]{re.escape(name)}\b", text)
    _, _, rest = name.partition(" ")
    return not inside and (not rest or any(contains(one.folded, fold(rest)) for one in seen))


def problem(row: Trajectory) -> str:
    """Why a row is no source for masking, empty when it is one."""
    users = [step for step, one in enumerate(row.messages) if isinstance(one, UserMessage)]
    if users != [REQUEST]:
        return "not_one_request"
    if not row.tool_calls:
        return "no_call"
    if not all(isinstance(json.loads(call.arguments), dict) for call in row.tool_calls):
        return "arguments_not_json"
    return ""
