"""Plan a conversation by rule: values for a scenario, and the calls that serve it, executed on what will run them.

The offline teacher words a plan; a language model is only told what the person wants, in plain words.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callwright.errors import GenerationError
from callwright.generators.planning.ranks import ranks
from callwright.generators.planning.scenario import (
    Goal,
    Plan,
    Refusal,
    Scenario,
    Served,
    argument_names,
    is_opaque,
    lookup_of,
    query_of,
    varying,
)
from callwright.schemas.phrases import Lookup
from callwright.schemas.task import IntendedCall
from callwright.schemas.tool import Tool, Toolkit, WorldBinding
from callwright.toolbox.offline import is_query
from callwright.toolbox.rehearsal import Rehearsal, can_rehearse
from callwright.values.makers import (
    NOTHING,
    field_for,
    make,
    record_for,
)
from callwright.values.spoken import humanise
from callwright.values.validation import errors

_REDRAWS = 8
"""How often values are drawn again when they would change nothing."""

_ORDERED = (("start", "end"), ("from", "to"), ("since", "until"), ("min", "max"), ("after", "before"))
_REFUSALS = (409, 422)
"""What a server answers when it understood a call and does not do it."""


@dataclass
class _Call:
    """One call of a plan under way."""

    tool: Tool
    arguments: dict[str, Any]
    needs: tuple[int, ...]
    """The calls before it whose answers, or whose refusal, it rests on."""
    means: bool
    body: Any
    changes: bool


class Planner:
    """Draws values for a scenario and executes its calls on what will run them: a world, or rules."""

    def __init__(self, toolkit: Toolkit, seed: int, clock: dt.date, rng: random.Random) -> None:
        assert toolkit.phrases is not None
        self._toolkit = toolkit
        self._sheet = toolkit.phrases
        self._clock = clock
        self._rng = rng
        self._seed = seed
        self._rehearsal = self._fresh()
        self._calls: list[_Call] = []
        self._order: list[int] = []
        """The calls in the order in which they are made."""

    def plan(self, scenario: Scenario, turn: int, execute: bool = True) -> Plan:
        """The plan of a scenario.

        Args:
            scenario: What the request turns on.
            turn: How often this scenario had its turn before.
            execute: False for a request that no offered tool can serve: nothing is called.

        Raises:
            GenerationError: `offline_no_value`: no rule yields a value, or the answers do not hold what is needed.
                `plan_failed`: a server says no, or calls that should not depend on each other do.
        """
        found = [self._look_up(goal, execute) for goal in scenario.goals]
        served: list[Served] = []
        refusal: Refusal | None = None
        for goal, known in zip(scenario.goals, found, strict=True):
            tool = self._toolkit.tool(goal.tool)
            if goal.follows:
                known = self._from_before(tool, scenario.goals[len(served) - 1], served[-1])
            arguments = self._settled(tool, goal, known, served)
            needs = known.needs
            if scenario.refused:
                refusal = self._refusal(tool, goal, arguments)
                needs = (*needs, self._execute(tool, refusal.arguments, needs, refused=True))
            call = self._execute(tool, arguments, needs, execute=execute)
            varied = self._varied(served[-1].arguments, arguments, tool) if goal.again else None
            served.append(Served(arguments=arguments, names=known.names, varied=varied, call=call))
        rank_of = ranks([call.needs for call in self._calls])
        order = self._order = sorted(range(len(self._calls)), key=lambda index: (rank_of[index], index))
        rounds = [[index for index in order if rank_of[index] == rank] for rank in sorted(set(rank_of))]
        state = (
            self._tried(rounds, refusal, [one.call for one in served])
            if execute and can_rehearse(self._toolkit.tool(scenario.tool))
            else None
        )
        return Plan(
            scenario=scenario,
            served=tuple(one.model_copy(update={"call": order.index(one.call)}) for one in served),
            rounds=tuple(tuple(self._intended(index) for index in together) for together in rounds)
            if execute
            else (),
            refusal=refusal,
            state=state,
            turn=turn,
        )

    @property
    def observations(self) -> list[dict[str, Any]]:
        """What the calls of the plan were answered, as an answerer sees it."""
        past = [self._rehearsal.history[index] for index in self._order]
        return [{"name": one["tool"], "status": one["status"], "body": one["body"]} for one in past]

    def _fresh(self) -> Rehearsal:
        return Rehearsal(self._toolkit, self._seed, self._clock)

    def _intended(self, index: int) -> IntendedCall:
        call = self._calls[index]
        return IntendedCall(
            name=call.tool.name, arguments=call.arguments, means=call.means, changes=call.changes
        )

    def _execute(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        needs: tuple[int, ...],
        *,
        means: bool = False,
        refused: bool = False,
        execute: bool = True,
    ) -> int:
        """Make one call of the plan; its index. What cannot be rehearsed is only noted down."""
        if any(call.tool is tool and call.arguments == arguments for call in self._calls):
            raise GenerationError(
                "offline_no_value", f"{tool.name}: it would be called twice in the same way"
            )
        body: Any = None
        before = self._rehearsal.state_hash()
        if execute and can_rehearse(tool):
            status, body = self._rehearsal.call(tool, arguments)
            if (status >= 300) is not refused:
                raise GenerationError("plan_failed", f"{tool.name} answered {status}")
        changes = before not in (None, self._rehearsal.state_hash())
        self._calls.append(_Call(tool, arguments, needs, means or refused, body, changes))
        return len(self._calls) - 1

    def _tried(self, rounds: list[list[int]], refusal: Refusal | None, told: Sequence[int]) -> str | None:
        """The state that the calls leave, the same whichever order the calls of one turn are made in.

        Raises:
            GenerationError: `plan_failed`: the order matters.
        """
        order = [index for together in rounds for index in together]
        forward = self._run(order, refusal)
        if any(self._calls[index].changes for index in order):
            needed = {need for call in self._calls for need in call.needs}
            # A list that was read before the call that changes it would contradict what is said of that call.
            for read in [one for one in told if not self._calls[one].changes and one not in needed]:
                if self._run([*(one for one in order if one != read), read], refusal) != forward:
                    raise GenerationError("plan_failed", "what one call tells is changed by another")
        if any(len(together) > 1 for together in rounds):
            backward = self._run([index for together in rounds for index in reversed(together)], refusal)
            if forward != backward:
                raise GenerationError("plan_failed", "calls of one turn depend on each other")
        return forward[1]

    def _run(self, order: list[int], refusal: Refusal | None) -> tuple[dict[int, Any], str | None]:
        """What each call is answered when they are made in an order, and the state that they leave."""
        rehearsal = self._fresh()
        answers: dict[int, Any] = {}
        for index in order:
            call = self._calls[index]
            answers[index] = rehearsal.call(call.tool, call.arguments)
            refused = refusal is not None and call.arguments == refusal.arguments
            if (answers[index][0] >= 300) is not refused:
                raise GenerationError("plan_failed", f"{call.tool.name} answered {answers[index][0]}")
        return answers, rehearsal.state_hash()

    # Ids: from a list or a search, or from the answer before

    def _look_up(self, goal: Goal, execute: bool) -> _Known:
        """The ids that a goal's lookups give, and what else is known of the things they belong to."""
        tool = self._toolkit.tool(goal.tool)
        known = _Known({}, {}, ())
        if goal.follows:
            return known
        for argument in argument_names(goal.combination):
            lookup = lookup_of(self._sheet, tool, argument)
            if lookup:
                entity, name, call = self._found(lookup, set(known.names.values()), execute)
                known = _Known(
                    {
                        **_dates(tool, entity, self._rng),
                        **known.values,
                        argument: entity.get(lookup.field or argument, ""),
                    },
                    {**known.names, argument: name},
                    known.needs if call is None or call in known.needs else (*known.needs, call),
                )
        return known

    def _found(
        self, lookup: Lookup, taken: set[str], execute: bool
    ) -> tuple[Mapping[str, Any], str, int | None]:
        """A thing with a name of its own from another tool's answer, that name, and the call that finds it."""
        tool = self._toolkit.tool(lookup.tool)
        arguments = self._search(tool, lookup.by)
        if not execute:
            return *self._choose(self._fresh().call(tool, arguments)[1], lookup, arguments, taken), None
        query = query_of(tool, lookup.by)
        if isinstance(tool.binding, WorldBinding) and query and not arguments:
            # What exists is known from looking around; the conversation then searches for it by its name.
            taken = taken | {call.arguments[query] for call in self._calls if query in call.arguments}
            _, name = self._choose(self._fresh().call(tool, {})[1], lookup, {}, taken)
            arguments = {query: name}
        for index, call in enumerate(self._calls):
            if call.tool is tool and call.arguments == arguments:
                return *self._choose(call.body, lookup, arguments, taken), index
        made = self._execute(tool, arguments, (), means=True)
        return *self._choose(self._calls[made].body, lookup, arguments, taken), made

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

    def _choose(
        self, body: Any, lookup: Lookup, query: Mapping[str, Any], taken: set[str]
    ) -> tuple[Mapping[str, Any], str]:
        rows = [
            row
            for row in list_in(body) or []
            if isinstance(row, dict) and isinstance(row.get(lookup.by), str)
        ]
        names = [row[lookup.by].casefold() for row in rows]
        unique = [row for row in rows if sum(row[lookup.by].casefold() in name for name in names) == 1]
        searched = [row for row in unique if row[lookup.by] in query.values()] if query else unique
        free = [row for row in searched if row[lookup.by] not in taken]
        if not free:
            raise GenerationError(
                "offline_no_value", f"{lookup.tool}: no entry with a {lookup.by} of its own"
            )
        chosen = self._rng.choice(free)
        return chosen, chosen[lookup.by]

    def _from_before(self, tool: Tool, goal: Goal, before: Served) -> _Known:
        """The id that the goal before gives, and the name of its thing: one that it took too, else its answer's."""
        body, first = self._calls[before.call].body, self._toolkit.tool(goal.tool)
        for name in tool.properties:
            lookup = lookup_of(self._sheet, tool, name)
            if lookup and name in before.names and lookup_of(self._sheet, first, name) == lookup:
                # "Then" and "after that" ask for one after the other, even where the first only reads.
                return _Known({name: before.arguments[name]}, {name: before.names[name]}, (before.call,))
            field = (lookup.field if lookup else None) or name
            if is_opaque(tool, name) and isinstance(body, dict) and field in body:
                called = body.get(lookup.by) if lookup else None
                names = {name: called} if isinstance(called, str) else {}
                return _Known({name: body[field]}, names, (before.call,))
        raise GenerationError("offline_no_value", f"{tool.name}: the answer before it holds no id for it")

    # Values

    def _settled(self, tool: Tool, goal: Goal, known: _Known, served: Sequence[Served]) -> dict[str, Any]:
        """Arguments that say something: no thing gets the name it has, no goal repeats the one before."""
        for _ in range(_REDRAWS):
            arguments = self._arguments(tool, goal.combination, known.values)
            if goal.again:
                arguments = self._once_more(tool, goal, arguments, served)
            renamed = set(known.names.values()) & {v for v in arguments.values() if isinstance(v, str)}
            asked = [one.arguments for one in served if self._calls[one.call].tool is tool]
            if not renamed and arguments not in asked:
                return arguments
        raise GenerationError("offline_no_value", f"{tool.name}: nothing new can be asked of it")

    def _once_more(
        self, tool: Tool, goal: Goal, drawn: dict[str, Any], served: Sequence[Served]
    ) -> dict[str, Any]:
        """The arguments of the goal before, with one value changed: the thing looked up, else a text or a date."""
        before = served[-1]
        name = before.varied or self._rng.choice(varying(tool, goal.combination, self._sheet))
        return {**before.arguments, name: drawn[name]}

    def _varied(self, before: Mapping[str, Any], now: Mapping[str, Any], tool: Tool) -> str:
        changed = [name for name in now if before.get(name) != now[name]]
        if len(changed) != 1:
            raise GenerationError("offline_no_value", f"{tool.name}: more than one value would change")
        return changed[0]

    def _refusal(self, tool: Tool, goal: Goal, arguments: dict[str, Any]) -> Refusal:
        """The arguments with one value that the world says no to, and that a person could well have named."""
        questions = self._sheet.tools[tool.name].questions
        askable = [
            name for name in goal.combination if name in questions and not lookup_of(self._sheet, tool, name)
        ]
        drawn = [(name, self._value(tool, name)) for name in askable for _ in range(12)]
        self._rng.shuffle(drawn)
        slips = [(name, value) for name in askable for value in self._slips(tool, name, arguments[name])]
        slips.sort(key=lambda slip: isinstance(slip[1], str))  # a day that is past is the last resort
        for name, value in (*drawn, *slips):
            tried = {**arguments, name: value}
            # Nobody converts euros to euros by mistake.
            taken = isinstance(value, str) and value in arguments.values()
            if value == arguments[name] or taken or any(True for _ in errors(tool.parameters, tried)):
                continue
            if self._rehearsal.peek(tool, tried)[0] in _REFUSALS:
                return Refusal(argument=name, arguments=tried)
        raise GenerationError("offline_no_value", f"{tool.name}: nothing was found that it says no to")

    def _slips(self, tool: Tool, name: str, value: Any) -> Iterator[Any]:
        """Values that a person might name by mistake: a bit too much, a year too far, today, or a day that is past."""
        if isinstance(value, int) and "year" in humanise(name).split() and 1800 < value < 2200:
            yield from (self._clock.year, self._clock.year - 1, value - 40, value - 70)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield from (round(value * factor) for factor in (1.25, 1.5, 2, 3, 5, 10))
        if isinstance(value, str) and tool.properties[name].get("format") == "date":
            yield self._clock.isoformat()
            yield (self._clock - dt.timedelta(days=self._rng.randint(2, 12))).isoformat()

    def _arguments(self, tool: Tool, combination: Sequence[str], known: Mapping[str, Any]) -> dict[str, Any]:
        names = set(argument_names(combination))
        record = record_for(self._sheet, tool.resource, names, self._rng)
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

    def _value(self, tool: Tool, name: str) -> Any:
        schema = tool.properties[name]
        known = tuple(example[name] for example in tool.examples if name in example)
        field = field_for(self._sheet, tool.name, name)
        value = make(humanise(name), field, schema, self._rng, self._clock, known)
        if value is NOTHING:
            raise GenerationError("offline_no_value", f"{tool.name}: no rule yields a value for {name}")
        return value


@dataclass(frozen=True)
class _Known:
    """Arguments that an answer gives."""

    values: dict[str, Any]
    names: dict[str, str]
    """Id argument -> the name that people use for the thing."""
    needs: tuple[int, ...]
    """The calls whose answers hold them."""


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


def _comparable(value: Any) -> bool:
    """Whether a value has an order that people mean: a number, a day, a time; "from kg to g" has none."""
    return isinstance(value, int | float) or bool(
        isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d|\d\d:\d\d", value)
    )


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
            if (
                low not in words
                or other is None
                or not all(map(_comparable, (arguments[name], arguments[other])))
            ):
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
