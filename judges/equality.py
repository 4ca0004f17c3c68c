"""L3: what was meant was done and what was computed is told: calls, end state, results, counts and units."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callwright.judges.base import Ruling, body_of, parsed
from callwright.schemas.message import AssistantMessage, ToolMessage, UserMessage
from callwright.schemas.task import IntendedCall, Trajectory
from callwright.schemas.tool import Tool
from callwright.schemas.verdict import Rung, Verdict
from callwright.values.calls import same_call
from callwright.values.derivations import leaves
from callwright.values.mentions import Mentions, contains, fold
from callwright.values.spoken import humanise
from callwright.values.units import Quantity, compatible, converted, family, quantities, unit_named, units_in

_MORE = re.compile(r"\s(?:more|others?)(?=[.,;!?)]|\s*$)")
"""What stands after the number of entries that an answer leaves out."""
_SENTENCE = re.compile(r"(?<!\b[A-Z][a-z])(?<!\b[A-Z][a-z][a-z])[.!?][\"”]?\s+(?=[A-Z\"“])")
"""Where a sentence ends and another begins; "Dr. Brandt" is one."""
_DENIES = re.compile(
    r"\b(?:no|not|none|nothing|nobody|nowhere|never|neither|nor|without|empty|zero|0|cannot|unable)\b|n't\b"
)
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
        heard = _heard(trajectory)
        for result in results:
            for code, reason in _misread(result, heard):
                ruling.fail(code, reason, result.step)
        for words in _miscounted(trajectory, results):
            ruling.fail("wrong_count", f"the assistant says {words!r}, and no list leaves out so many")
        for words in _mismatched(trajectory, results):
            ruling.fail(
                "unit_mismatch", f"the assistant says {words!r}, which is another unit than was computed"
            )
        self._meant(trajectory, results, ruling)
        return ruling.verdicts()

    def _meant(self, trajectory: Trajectory, results: Sequence[_Result], ruling: Ruling) -> None:
        """The calls that were meant are there and change nothing else, and the state that they lead to is reached."""
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
            if not call.means and not any(_is(tools, call, name, arguments) for name, arguments in made):
                ruling.fail("missing_call", f"{call.name} should have been called with {call.arguments}")
        for result, reason in _extra(trajectory, results):
            ruling.fail("extra_call", reason, result.step)
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


def _is(tools: Mapping[str, Tool], meant: IntendedCall, name: str, arguments: Any) -> bool:
    return (
        name == meant.name
        and name in tools
        and isinstance(arguments, dict)
        and same_call(tools[name], arguments, meant.arguments)
    )


def _extra(trajectory: Trajectory, results: Sequence[_Result]) -> Iterator[tuple[_Result, str]]:
    """Changes that nobody asked for: the same state in the end does not undo a letter that was sent in between."""
    intended = trajectory.task.intended
    tools = {tool.name: tool for tool in trajectory.task.tools}
    changing = {call.name for call in intended if call.changes}
    done: list[tuple[str, Mapping[str, Any]]] = []
    for result in results:
        name, arguments = result.tool.name, result.arguments
        if name not in changing:
            continue
        if not any(_is(tools, call, name, arguments) for call in intended):
            yield result, f"nobody asked that {name} be called with {dict(arguments)}"
        elif any(one == name and same_call(result.tool, given, arguments) for one, given in done):
            yield result, f"{name} was called with {dict(arguments)} once already"
        done.append((name, arguments))


def _results(trajectory: Trajectory) -> Iterator[_Result]:
    tools = {tool.name: tool for tool in trajectory.task.tools}
    wanted = [
        call
        for call in trajectory.task.intended
        if not call.means and not call.changes and not _ACTS.match(call.name)
    ]
    last = trajectory.messages[-1]
    told = Mentions(last.content if isinstance(last, AssistantMessage) else "", trajectory.task.clock)
    calls = {call.id: call for call in trajectory.tool_calls}
    for step, message in enumerate(trajectory.messages):
        if isinstance(message, ToolMessage) and message.observation.succeeded and message.name in tools:
            call = calls.get(message.tool_call_id)
            arguments = parsed(call.arguments) if call else None
            if isinstance(arguments, dict):
                read = message.observation.trust == "executed" and any(
                    _is(tools, call, message.name, arguments) for call in wanted
                )
                body = body_of(message.observation)
                yield _Result(step, tools[message.name], arguments, body, told, read)


def _heard(trajectory: Trajectory) -> Mentions:
    """What the user said and what the calls took: whoever repeats it has told nothing new."""
    said = [message.content for message in trajectory.messages if isinstance(message, UserMessage)]
    said += [str(leaf) for call in trajectory.tool_calls for leaf in leaves(parsed(call.arguments))]
    return Mentions("\n".join(said), trajectory.task.clock)


def _misread(result: _Result, heard: Mentions) -> Iterator[tuple[str, str]]:
    """(code, reason) where the answer leaves the result out, or says the opposite."""
    if not result.read:
        return
    name = result.tool.name
    computed = _the_number(result)
    if computed is not None and not any(_close(computed, number) for number in _told_numbers(result)):
        yield "result_not_told", f"{name} computed {computed:g}, which the answer does not say"
    if not isinstance(result.body, list):
        return
    denies = _DENIES.search(result.told.folded)
    if not result.body:
        if not denies:
            yield "result_not_told", f"{name} found nothing, which the answer does not say"
        return
    told = [leaf for leaf in leaves(result.body) if _says(result.told, leaf)]
    counted = float(len(result.body)) in {number.value for number in result.told.numbers}
    if not told and not counted:
        yield "result_not_told", f"{name} found {len(result.body)} entries, of which the answer says nothing"
    elif denies and not counted and all(_says(heard, leaf) for leaf in told):
        yield (
            "result_denied",
            f"{name} found {len(result.body)} entries, and the answer says that there are none",
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


def _told_numbers(result: _Result) -> Iterator[float]:
    """Numbers of the answer, and what those with a unit are in other units."""
    given = {_plain(leaf) for leaf in leaves(dict(result.arguments))}
    for number in result.told.numbers:
        yield number.value
    for said in quantities(result.told):
        # What was given to be converted does not tell what it comes to.
        for unit in () if said.value in given else ("second", "minute", "hour", "cent", "m", "km", "g", "kg"):
            other = converted(said.value, said.unit, unit)
            if other is not None:
                yield other


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= _TOLERANCE * max(abs(one), abs(other), 1e-9)


def _says(text: Mentions, leaf: Any) -> bool:
    """Whether a text has a value in it, dates and times in whatever words."""
    if isinstance(leaf, bool) or leaf is None:
        return False
    if isinstance(leaf, int | float):
        return float(leaf) in {number.value for number in text.numbers}
    words = fold(leaf)
    if len(words) > 1 and contains(text.folded, words):
        return True
    shown = Mentions(leaf, text.clock)
    times = {time.value for time in shown.times}
    return any(time.value in times for time in text.times) or any(
        one.candidates & date.candidates for one in shown.dates for date in text.dates
    )


def _miscounted(trajectory: Trajectory, results: Sequence[_Result]) -> Iterator[str]:
    """ "and 9 more" of a list of which another number of entries is left unnamed."""
    lists = [result.body for result in results if result.read and isinstance(result.body, list)]
    if not lists:
        return
    told = results[-1].told
    begins = [0, *(match.end() for match in _SENTENCE.finditer(told.text))]
    for number in told.numbers:
        more = _MORE.match(told.text, number.end)
        # What is named stands before the count: in its sentence, or in several of them.
        named = [Mentions(told.text[at : number.start], told.clock) for at in begins if at < number.start]
        if more and not any(number.value in _left_out(rows, part) for rows in lists for part in named):
            yield told.text[number.start : more.end()]


def _left_out(rows: Sequence[Any], told: Mentions) -> set[int]:
    """How many entries an answer may leave unnamed: read off the column that tells them apart best, as it is told."""
    columns: dict[str, list[Any]] = {}
    for row in rows:
        for key, value in row.items() if isinstance(row, dict) else (("", row),):
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                columns.setdefault(key, []).append(value)
    named = {key: [value for value in column if _says(told, value)] for key, column in columns.items()}
    if not columns:
        return set()

    def telling(key: str) -> tuple[bool, bool, int, int]:
        # Numbers are told for many reasons, names for one.
        texts = all(isinstance(value, str) for value in columns[key])
        return bool(named[key]), texts, len(set(columns[key])), len(named[key])

    best = max(columns, key=telling)
    # Entries that share a name cannot be told apart: it may be one of them that was named, or all.
    return {len(rows) - some for some in range(len(set(named[best])), len(named[best]) + 1)}


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
    known += [(one.value, frozenset([one.unit])) for one in heard]
    # "Here are 3 days": entries of a list may be called what they are.
    known += [(float(len(one.body)), frozenset()) for one in results if isinstance(one.body, list)]
    visible = fold(" ".join(_documents(trajectory)))
    for said in quantities(Mentions(last.content, trajectory.task.clock)):
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
    rivals = {family(unit) for units in same for unit in units}
    if any(not units for units in same) and family(said.unit) not in rivals:
        # The number stands somewhere without a unit: money is then what the tools speak of, else dollars.
        return family(said.unit) != "money" or said.unit in ("usd", "cent") or said.unit in units_in(visible)
    return not same


def _measured(result: _Result) -> Iterator[tuple[float, frozenset[str]]]:
    """Each number of a call and its result with the units that its name, documentation or neighbours give it."""
    given = frozenset(_whole_units(result.arguments.values()))
    root = result.tool.returns or {}
    for value, units in _numbers(result.body, root, root, frozenset(), ""):
        yield value, units or given
    root = result.tool.parameters
    for value, units in _numbers(dict(result.arguments), root, root, frozenset(), ""):
        if len(units) == 1:  # "from miles to kilometers" does not say which of them it is
            yield value, units


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
        # `{"amount": 12, "currency": "EUR"}`: a text beside a number can be its unit, `result_unit` that of `result`.
        owned = {key: _owner(key, value) for key in value}
        for key, child in value.items():
            named = [one for name, one in value.items() if owned[name] == key]
            free = [one for name, one in value.items() if owned[name] is None]
            beside = frozenset(_whole_units(named or free))
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


def _owner(name: str, fields: Mapping[str, Any]) -> str | None:
    """The number beside a text that the text's name says it belongs to."""
    for key, value in fields.items():
        if isinstance(value, int | float) and isinstance(fields[name], str) and name.startswith(f"{key}_"):
            return key
    return None


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
