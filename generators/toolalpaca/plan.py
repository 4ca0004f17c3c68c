"""Plan a conversation by rule: what is asked for, and which calls serve it, executed on the simulated server.

A plan is what the offline teacher words. A language model never sees it; it is only told which tool the request
should turn on.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callwright.errors import GenerationError
from callwright.schemas.base import Record
from callwright.schemas.phrases import Lookup, PhraseSheet, ToolPhrases
from callwright.schemas.task import IntendedCall, Kind
from callwright.schemas.tool import Tool, Toolkit, WorldBinding
from callwright.sources.validation import errors
from callwright.toolbox.offline import is_query
from callwright.toolbox.rehearsal import Rehearsal
from callwright.values.makers import NOTHING, field_for, is_id_name, json_type, looks_like_id, make
from callwright.values.resources import share_resource
from callwright.values.spoken import humanise

OFFERED = (3, 8)
"""Tools offered in a row, at least and at most."""

_REDRAWS = 8
"""How often values are drawn again when they would change nothing."""

_ORDERED = (("start", "end"), ("from", "to"), ("since", "until"), ("min", "max"), ("after", "before"))


class Scenario(Record):
    """What a request turns on: one tool with one combination of arguments, perhaps after another tool."""

    toolkit: str
    tool: str
    combination: tuple[str, ...] = ()
    missing: str | None = None
    """The argument that the user leaves out at first."""
    first: str | None = None
    """The tool that is asked for in the same breath and whose answer holds our id."""
    first_combination: tuple[str, ...] = ()


class Plan(Record):
    """A scenario with values: the calls that serve the request, and how people speak of their arguments."""

    scenario: Scenario
    arguments: dict[str, Any]
    """Arguments of the call that the request turns on."""
    first_arguments: dict[str, Any] = {}
    names: dict[str, str] = {}
    """Id argument -> the name that people use for the thing."""
    calls: tuple[IntendedCall, ...]
    """All calls, in order."""
    turn: int
    """How often this tool had its turn before; wordings rotate with it."""


def scenarios(toolkit: Toolkit, kind: Kind, *, only: str | None = None) -> dict[str, list[Scenario]]:
    """Tool -> every scenario of a kind that the toolkit's phrase sheet can word; of one tool with `only`."""
    sheet = toolkit.phrases
    if sheet is None:
        return {}
    worded = [tool for tool in toolkit.tools if tool.name in sheet.tools and only in (None, tool.name)]
    found = {tool.name: list(_of_tool(toolkit, sheet, tool, kind)) for tool in worded}
    return {name: listed for name, listed in found.items() if listed}


def possible(toolkits: Sequence[Toolkit], kind: Kind) -> dict[tuple[str, str], list[Scenario]]:
    """(Toolkit, tool) -> its scenarios, those left out for which too few other tools can be offered."""
    found = {}
    for toolkit in toolkits:
        for name, listed in scenarios(toolkit, kind).items():
            if kind != "no_call" or len(distractors(toolkits, toolkit.tool(name))) >= OFFERED[0]:
                found[toolkit.name, name] = listed
    return found


def distractors(toolkits: Sequence[Toolkit], withheld: Tool) -> list[Tool]:
    """Tools that could stand in for nothing: none of them acts on what the withheld one acts on."""
    return [tool for toolkit in toolkits for tool in toolkit.tools if not share_resource(tool, withheld)]


def _of_tool(toolkit: Toolkit, sheet: PhraseSheet, tool: Tool, kind: Kind) -> Iterator[Scenario]:
    phrases = sheet.tools[tool.name]
    for combination in combinations(tool, phrases):
        names = [part.split("=")[0] for part in combination]
        lookups = [name for name in names if lookup_of(sheet, tool, name)]
        opaque = [name for name in names if is_opaque(tool, name, sheet) and name not in lookups]
        base = Scenario(toolkit=toolkit.name, tool=tool.name, combination=combination)
        if kind == "multi_step" and len(opaque) + len(lookups) == 1:
            yield from _following(toolkit, sheet, base)
        if opaque or len(lookups) > 1:
            continue
        if (kind == "single" and not lookups) or (kind == "multi_step" and lookups) or kind == "no_call":
            yield base
        if kind == "clarification":
            asked = [name for name in names if name in phrases.questions and name in tool.required]
            yield from (base.model_copy(update={"missing": name}) for name in asked)


def _following(toolkit: Toolkit, sheet: PhraseSheet, scenario: Scenario) -> Iterator[Scenario]:
    for first in sheet.tools[scenario.tool].follows:
        tool = toolkit.tool(first)
        for combination in combinations(tool, sheet.tools[first]):
            names = [part.split("=")[0] for part in combination]
            if not any(lookup_of(sheet, tool, name) or is_opaque(tool, name, sheet) for name in names):
                yield scenario.model_copy(update={"first": first, "first_combination": combination})


def combinations(tool: Tool, phrases: ToolPhrases) -> tuple[tuple[str, ...], ...]:
    """The argument combinations of the sheet; without any, the required arguments alone."""
    return phrases.combinations or (tool.required,)


def lookup_of(sheet: PhraseSheet, tool: Tool, name: str) -> Lookup | None:
    return field_for(sheet, tool.name, name).lookup


def is_opaque(tool: Tool, name: str, sheet: PhraseSheet | None = None) -> bool:
    """Whether an argument is an id that nobody knows by heart: it comes from an earlier answer, or not at all."""
    schema = tool.properties.get(name, {})
    if "enum" in schema or (json_type(schema) == "array" and "enum" in schema.get("items", {})):
        return False
    if is_id_name(name, codes=False) or schema.get("format") == "uuid":
        return True
    if sheet and field_for(sheet, tool.name, name).values is not None:
        return False
    shown = [*schema.get("examples", ()), *(example[name] for example in tool.examples if name in example)]
    return (
        json_type(schema) == "string" and "format" not in schema and any(looks_like_id(one) for one in shown)
    )


class Planner:
    """Draws values for a scenario and executes its calls on what will run them: a world, or rules."""

    def __init__(self, toolkit: Toolkit, seed: int, clock: dt.date, rng: random.Random) -> None:
        assert toolkit.phrases is not None
        self._toolkit = toolkit
        self._sheet = toolkit.phrases
        self._clock = clock
        self._rng = rng
        self._seed = seed
        self._rehearsal = Rehearsal(toolkit, seed, clock)

    def plan(self, scenario: Scenario, turn: int, execute: bool = True) -> Plan:
        """The plan of a scenario.

        Args:
            scenario: What the request turns on.
            turn: How often this tool had its turn before.
            execute: False for a request that no offered tool can serve: nothing is called.

        Raises:
            GenerationError: `offline_no_value`: no rule yields a value, or the answers do not hold what is needed.
        """
        tool = self._toolkit.tool(scenario.tool)
        first_arguments: dict[str, Any] = {}
        known: dict[str, Any] = {}
        names: dict[str, str] = {}
        if scenario.first:
            first = self._toolkit.tool(scenario.first)
            first_arguments = self._arguments(first, scenario.first_combination, {})
            known, names = self._from_answer(tool, self._execute(first, first_arguments))
        for argument in (part.split("=")[0] for part in scenario.combination):
            lookup = lookup_of(self._sheet, tool, argument)
            if lookup and argument not in known:
                entity, names[argument] = self._look_up(lookup, execute)
                known = {
                    **_dates(tool, entity, self._rng),
                    argument: entity.get(lookup.field or argument, ""),
                }
        for _ in range(_REDRAWS):
            arguments = self._arguments(tool, scenario.combination, known)
            if not set(names.values()) & {value for value in arguments.values() if isinstance(value, str)}:
                break
        else:
            raise GenerationError("offline_no_value", f"{tool.name}: it would be given the name that it has")
        if execute:
            self._execute(tool, arguments)
        calls = tuple(
            IntendedCall(name=past["tool"], arguments=past["arguments"]) for past in self._rehearsal.history
        )
        return Plan(
            scenario=scenario,
            arguments=arguments,
            first_arguments=first_arguments,
            names=names,
            calls=calls,
            turn=turn,
        )

    @property
    def observations(self) -> list[dict[str, Any]]:
        """What the calls of the plan were answered, as an answerer sees it."""
        return [
            {"name": past["tool"], "status": past["status"], "body": past["body"]}
            for past in self._rehearsal.history
        ]

    def _execute(self, tool: Tool, arguments: dict[str, Any]) -> Any:
        status, body = self._rehearsal.call(tool, arguments)
        if status >= 300:
            raise GenerationError("plan_failed", f"{tool.name} answered {status}")
        return body

    def _look_up(self, lookup: Lookup, execute: bool) -> tuple[Mapping[str, Any], str]:
        """A thing with a name of its own from another tool's answer, and that name."""
        tool = self._toolkit.tool(lookup.tool)
        arguments = self._search(tool, lookup.by)
        scratch = Rehearsal(self._toolkit, self._seed, self._clock)
        if not execute:
            return self._choose(scratch.call(tool, arguments)[1], lookup, arguments)
        query = next(
            (name for name in tool.properties if name == lookup.by or is_query(humanise(name))), None
        )
        if isinstance(tool.binding, WorldBinding) and query and not arguments:
            # What exists is known from looking around; the conversation then searches for it by its name.
            _, name = self._choose(scratch.call(tool, {})[1], lookup, {})
            arguments = {query: name}
        return self._choose(self._execute(tool, arguments), lookup, arguments)

    def _search(self, tool: Tool, by: str) -> dict[str, Any]:
        """Arguments that find the thing: its name where the tool takes a query or that very field, else none."""
        queries = [name for name in tool.properties if name == by or is_query(humanise(name))]
        known = self._sheet.records.get(tool.resource, ()) or ({by: v} for v in self._listed(tool, by))
        names = [row[by] for row in known if by in row]
        if len(tool.required) > 1 or (tool.required and tool.required[0] not in queries):
            raise GenerationError(
                "offline_no_value", f"{tool.name}: a search that a name alone does not serve"
            )
        if not queries or not names:
            if tool.required:
                raise GenerationError("offline_no_value", f"{tool.name}: nothing to search for")
            return {}
        return {(tool.required or queries)[0]: self._rng.choice(names)}

    def _listed(self, tool: Tool, by: str) -> tuple[Any, ...]:
        values = field_for(self._sheet, tool.name, by).values
        return values if isinstance(values, tuple) else ()

    def _choose(self, body: Any, lookup: Lookup, query: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
        rows = [
            row
            for row in list_in(body) or []
            if isinstance(row, dict) and isinstance(row.get(lookup.by), str)
        ]
        names = [row[lookup.by].casefold() for row in rows]
        unique = [row for row in rows if sum(row[lookup.by].casefold() in name for name in names) == 1]
        searched = [row for row in unique if row[lookup.by] in query.values()] if query else unique
        if not searched:
            raise GenerationError(
                "offline_no_value", f"{lookup.tool}: no entry with a {lookup.by} of its own"
            )
        chosen = self._rng.choice(searched)
        return chosen, chosen[lookup.by]

    def _from_answer(self, tool: Tool, body: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """The id argument that the first tool's answer gives, and the name of its thing where it has one."""
        for name in tool.properties:
            lookup = lookup_of(self._sheet, tool, name)
            field = (lookup.field if lookup else None) or name
            if is_opaque(tool, name) and isinstance(body, dict) and field in body:
                called = body.get(lookup.by) if lookup else None
                return {name: body[field]}, {name: called} if isinstance(called, str) else {}
        raise GenerationError("offline_no_value", f"{tool.name}: the answer before it holds no id for it")

    def _arguments(self, tool: Tool, combination: Sequence[str], known: Mapping[str, Any]) -> dict[str, Any]:
        record = self._record(tool, combination)
        made: dict[str, Any] = {}
        for part in combination:
            name, _, fixed = part.partition("=")
            if fixed:
                made[name] = _typed(fixed, tool.properties[name])
            elif name in known or name in record:
                made[name] = known[name] if name in known else record[name]
            else:
                made[name] = self._value(tool, name)
        arguments = ordered(made)
        faults = list(errors(tool.parameters, arguments))
        if faults:
            raise GenerationError("offline_no_value", f"{tool.name}: {faults[0][0]}: {faults[0][1]}")
        return arguments

    def _record(self, tool: Tool, combination: Sequence[str]) -> dict[str, Any]:
        """Values that belong together, for a tool that takes several fields of one thing."""
        names = {part.split("=")[0] for part in combination}
        rows = [row for row in self._sheet.records.get(tool.resource, ()) if len(names & set(row)) > 1]
        return dict(self._rng.choice(rows)) if rows else {}

    def _value(self, tool: Tool, name: str) -> Any:
        schema = tool.properties[name]
        known = tuple(example[name] for example in tool.examples if name in example)
        field = field_for(self._sheet, tool.name, name)
        value = make(humanise(name), field, schema, self._rng, self._clock, known)
        if value is NOTHING:
            raise GenerationError("offline_no_value", f"{tool.name}: no rule yields a value for {name}")
        return value


def list_in(body: Any) -> list[Any] | None:
    """The list that an answer is or holds; None when it holds none or several."""
    if isinstance(body, list):
        return body
    if isinstance(body, dict):
        lists = [
            value
            for value in body.values()
            if isinstance(value, list) and any(isinstance(v, dict) for v in value)
        ]
        return lists[0] if len(lists) == 1 else None
    return None


def ordered(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with both ends of every range in order, and never equal where they are dates."""
    for low, high in _ORDERED:
        for name in list(arguments):
            words = humanise(name).split()
            other = next(
                (
                    one
                    for one in arguments
                    if humanise(one).split() == [high if w == low else w for w in words]
                ),
                None,
            )
            if low not in words or other is None or not isinstance(arguments[name], str | int | float):
                continue
            first, last = sorted((arguments[name], arguments[other]))
            if first == last and isinstance(first, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", first):
                last = (dt.date.fromisoformat(first) + dt.timedelta(days=3)).isoformat()
            arguments = {**arguments, name: first, other: last}
    return arguments


def _dates(tool: Tool, entity: Mapping[str, Any], rng: random.Random) -> dict[str, Any]:
    """A date argument that must be one of the thing's own dates: a ticket is for a day on which the event is."""
    wanted = [name for name, schema in tool.properties.items() if schema.get("format") == "date"]
    days = [day for value in entity.values() for day in (value if isinstance(value, list) else [value])]
    days = [day for day in days if isinstance(day, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", day)]
    return {name: rng.choice(days) for name in wanted if days}


def _typed(text: str, schema: Mapping[str, Any]) -> Any:
    kinds = schema.get("type", "string")
    if "boolean" in kinds:
        return text == "true"
    if "integer" in kinds:
        return int(text)
    return float(text) if "number" in kinds else text
