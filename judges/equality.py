"""L3: what was meant was done and what was computed is told: calls, end state, results, counts and units."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callwright.judges.base import Ruling, body_of, parsed
from callwright.schemas.message import AssistantMessage, ToolMessage, UserMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.tool import Tool
from callwright.schemas.verdict import Rung, Verdict
from callwright.values.calls import same_call
from callwright.values.derivations import contains, leaves
from callwright.values.mentions import Mentions, fold
from callwright.values.spoken import humanise
from callwright.values.units import Quantity, compatible, converted, family, quantities, unit_named, units_in

_MORE = re.compile(r"\b(\d+) (?:more|others?)\b")
_MONEY = re.compile(
    r"\b(?:price|cost|fee|fare|total|amount|balance|discount|rent|salary|payment|spend|due)\b"
)
_ACTS = re.compile(
    r"(?:set|switch|change|update|move|rename|mark|assign|tag|flag|add|put|follow|subscribe)(?![a-z])"
)
"""A call that sets what was set already changes nothing and is no reading all the same."""
_PER = re.compile(r"\b(?:per|a|an|each|every) \w+")
"""What a rate is measured against is no unit of the number: "price per night"."""
_TOLERANCE = 5e-3
"""Relative difference between a number and how it is told, at the most: 12.346 as 12.3."""


class Equality:
    """Compares a conversation with what its planner executed and with what its calls computed."""

    name = "equality"
    rung: Rung = "L3"

    async def judge(self, trajectory: Trajectory) -> list[Verdict]:
        ruling = Ruling(self, trajectory)
        results = list(_results(trajectory))
        for result in results:
            for code, reason in _misread(result):
                ruling.fail(code, reason, result.step)
        for words in _mismatched(trajectory, results):
            ruling.fail(
                "unit_mismatch", f"the assistant says {words!r}, which is another unit than was computed"
            )
        self._meant(trajectory, ruling)
        return ruling.verdicts()

    def _meant(self, trajectory: Trajectory, ruling: Ruling) -> None:
        """The calls that were meant are there, and the state that they lead to is reached."""
        task = trajectory.task
        if not trajectory.tool_calls and not task.intended:
            ruling.evidence.append({"calls": 0})
            return
        if not task.intended:
            ruling.undecided("no_goal", "nobody planned what should be done; only a model could tell")
            return
        tools = {tool.name: tool for tool in task.tools}
        made = [(call.name, parsed(call.arguments)) for call in trajectory.tool_calls]
        for call in task.intended:
            if not call.means and not any(
                name == call.name
                and isinstance(arguments, dict)
                and same_call(tools[name], arguments, call.arguments)
                for name, arguments in made
            ):
                ruling.fail("missing_call", f"{call.name} should have been called with {call.arguments}")
        if any(message.observation.trust != "executed" for message in trajectory.observations()):
            ruling.undecided("not_computed", "the answers were not computed by something that runs")
        elif task.goal is None or trajectory.state is None:
            ruling.undecided("unseen_state", "the tools do not show the state that they leave")
        elif task.goal != trajectory.state:
            ruling.fail("goal_not_reached", "the calls leave another state than the one that was asked for")
        ruling.evidence.append({"goal": task.goal, "calls": len(made)})


@dataclass(frozen=True)
class _Result:
    """What one call computed, and what the assistant says of it."""

    step: int
    tool: Tool
    arguments: Mapping[str, Any]
    body: Any
    told: Mentions
    """The last answer."""
    read: bool
    """Whether it was asked for and changed nothing: then what came back is the answer."""


def _results(trajectory: Trajectory) -> Iterator[_Result]:
    tools = {tool.name: tool for tool in trajectory.task.tools}
    wanted = [
        call
        for call in trajectory.task.intended
        if not call.means and not call.changes and not _ACTS.match(call.name)
    ]
    reads = [(call.name, call.arguments) for call in wanted]
    last = trajectory.messages[-1]
    told = Mentions(last.content if isinstance(last, AssistantMessage) else "", trajectory.task.clock)
    calls = {call.id: call for call in trajectory.tool_calls}
    for step, message in enumerate(trajectory.messages):
        if isinstance(message, ToolMessage) and message.observation.succeeded and message.name in tools:
            call = calls.get(message.tool_call_id)
            arguments = parsed(call.arguments) if call else None
            if isinstance(arguments, dict):
                read = (message.name, arguments) in reads and message.observation.trust == "executed"
                body = body_of(message.observation)
                yield _Result(step, tools[message.name], arguments, body, told, read)


def _misread(result: _Result) -> Iterator[tuple[str, str]]:
    """(code, reason) where the answer leaves the result out, or counts it wrongly."""
    if not result.read:
        return
    computed = _the_number(result)
    if computed is not None and not any(_close(computed, number) for number in _told_numbers(result.told)):
        yield "result_not_told", f"{result.tool.name} computed {computed:g}, which the answer does not say"
    rows = result.body if isinstance(result.body, list) else None
    if rows and not _touched(rows, result.told):
        yield (
            "result_not_told",
            f"{result.tool.name} found {len(rows)} entries, of which the answer says nothing",
        )


def _the_number(result: _Result) -> float | None:
    """The one number that a call computed from its arguments; None where it answers with more than that."""
    if not isinstance(result.body, dict):
        return None
    given = {_plain(leaf) for leaf in leaves(dict(result.arguments))}
    new = [leaf for leaf in leaves(result.body) if _plain(leaf) not in given and leaf is not None]
    if len(new) == 1 and isinstance(new[0], int | float) and not isinstance(new[0], bool):
        return float(new[0])
    return None


def _plain(leaf: Any) -> Any:
    return float(leaf) if isinstance(leaf, int | float) and not isinstance(leaf, bool) else leaf


def _told_numbers(told: Mentions) -> Iterator[float]:
    """Numbers of the answer, and what those with a unit are in other units."""
    for number in told.numbers:
        yield number.value
    for said in quantities(told):
        for unit in ("second", "minute", "hour", "cent", "m", "km", "g", "kg"):
            other = converted(said.value, said.unit, unit)
            if other is not None:
                yield other


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= _TOLERANCE * max(abs(one), abs(other), 1e-9)


def _touched(rows: Sequence[Any], told: Mentions) -> bool:
    """Whether an answer speaks of a list at all: of an entry, of a part of one, or of how many there are."""
    numbers = {number.value for number in told.numbers}
    times = {time.value for time in told.times}
    if float(len(rows)) in numbers:
        return True
    for leaf in leaves(list(rows)):
        if isinstance(leaf, bool) or leaf is None:
            continue
        if isinstance(leaf, int | float) and float(leaf) in numbers:
            return True
        if times & {time.value for time in Mentions(str(leaf), told.clock).times}:
            return True
        words = fold(str(leaf))
        if len(words) > 1 and (
            contains(told.folded, words) or contains(told.folded, words.replace("_", " "))
        ):
            return True
    return False


# Units


def _mismatched(trajectory: Trajectory, results: Sequence[_Result]) -> Iterator[str]:
    """Quantities of the answer whose number was computed, but in another unit."""
    last = trajectory.messages[-1]
    if not isinstance(last, AssistantMessage) or not results:
        return
    texts = [message.content for message in trajectory.messages if isinstance(message, UserMessage)]
    texts += [leaf for result in results for leaf in leaves(result.body) if isinstance(leaf, str)]
    heard = [one for text in texts for one in quantities(Mentions(text, trajectory.task.clock))]
    known = [one for result in results for one in _measured(result)]
    visible = fold(" ".join(_documents(trajectory)))
    for said in quantities(Mentions(last.content, trajectory.task.clock)):
        if any(said.value == one.value and compatible(said.unit, one.unit) for one in heard):
            continue
        if not _unit_fits(said, known, visible):
            yield said.text


def _unit_fits(said: Quantity, known: Sequence[tuple[float, frozenset[str]]], visible: str) -> bool:
    same = [units for value, units in known if _close(value, said.value)]
    for value, units in known:
        for unit in units:
            if compatible(said.unit, unit) and _close(value, said.value):
                return True
            other = converted(value, unit, said.unit)
            if other is not None and _close(other, said.value):
                return True
    if any(not units for units in same):
        # The number stands somewhere without a unit: money is then what the tools speak of, else dollars.
        return family(said.unit) != "money" or said.unit in ("usd", "cent") or said.unit in units_in(visible)
    return not same


def _measured(result: _Result) -> Iterator[tuple[float, frozenset[str]]]:
    """Each number of a result with the units that its name, its documentation or its neighbours give it."""
    given = frozenset(_whole_units(result.arguments.values()))
    root = result.tool.returns or {}
    for value, units in _numbers(result.body, root, root, frozenset(), ""):
        yield value, units | given


def _whole_units(values: Iterable[Any]) -> Iterator[str]:
    """Texts that are a unit and nothing else: "km", "EUR", "celsius"."""
    for value in values:
        unit = unit_named(value) if isinstance(value, str) else None
        if unit:
            yield unit


def _numbers(
    value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], around: frozenset[str], name: str
) -> Iterator[tuple[float, frozenset[str]]]:
    schema = _resolved(schema, root)
    if isinstance(value, dict):
        # `{"amount": 12, "currency": "EUR"}`: a text beside a number can be its unit.
        beside = frozenset(_whole_units(value.values()))
        for key, child in value.items():
            yield from _numbers(child, schema.get("properties", {}).get(key, {}), root, beside, key)
    elif isinstance(value, list):
        for child in value:
            yield from _numbers(child, schema.get("items") or {}, root, around, name)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        words = f"{humanise(name)} {schema.get('description', '')}"
        own = units_in(_PER.sub("", words))
        if _MONEY.search(humanise(name)):
            own = frozenset(unit for unit in own if family(unit) == "money")
        yield float(value), own or around


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if isinstance(reference, str):
        found: Mapping[str, Any] = root.get("$defs", {}).get(reference.rsplit("/", 1)[-1], {})
        return found
    for branch in schema.get("anyOf", ()):
        if branch.get("type") != "null":
            return _resolved(branch, root)
    return schema


def _documents(trajectory: Trajectory) -> Iterator[str]:
    """What was said by others and what the tools' documentation says."""
    for message in trajectory.messages:
        if not isinstance(message, AssistantMessage):
            yield message.content
    for tool in trajectory.task.tools:
        yield tool.description
