"""Calls of worlds that often succeed: values from the phrase sheet, ids from the state and from the lists."""

from __future__ import annotations

import datetime as dt
import random
from functools import cache
from typing import Any

import jsonschema_rs

from callwright.engine.tools import load_world
from callwright.generators.planning.plan import list_in
from callwright.schemas.tool import Tool, Toolkit
from callwright.values.makers import NOTHING, field_for, is_id_name, make, record_for
from callwright.values.spoken import humanise
from callwright.worlds import world_class
from callwright.worlds.base import World, _tools

Call = tuple[str, dict[str, Any]]
"""A tool and its arguments."""
Key = tuple[str, str]
"""A table and the id of a record in it."""
CLOCK = dt.date(2026, 3, 10)
_TYPED = {"true": True, "false": False}
"""What `argument=true` in a sheet's combination stands for."""


@cache
def kit(name: str) -> Toolkit:
    """A world's tools with its phrase sheet."""
    return load_world(name)


def fresh(name: str, seed: int = 5) -> World:
    return world_class(name)(seed, CLOCK)


def fits(tool: Tool, arguments: dict[str, Any]) -> bool:
    """Whether a strict toolbox would pass the arguments on."""
    return bool(jsonschema_rs.validator_for(tool.parameters, validate_formats=True).is_valid(arguments))


def called(world: World, name: str, call: Call) -> tuple[int, Any] | None:
    """The answer, or None for arguments that the schema or the function's types refuse: they are never passed on."""
    if not fits(kit(name).tool(call[0]), call[1]):
        return None
    try:
        _tools(type(world))[call[0]][1].given(call[1])
    except ValueError:
        return None
    return world.call(*call)


def drawn(name: str, world: World, tool: Tool, rng: random.Random) -> Call | None:
    """A call as people make it: a combination of the sheet, with its values, or the required arguments alone."""
    sheet = kit(name).phrases
    assert sheet is not None
    usual = rng.choice(sheet.tools[tool.name].combinations or (tool.required,))
    fixed = {name: _TYPED.get(value, value) for name, _, value in (p.partition("=") for p in usual) if value}
    names = dict.fromkeys(one for one in (*tool.required, *usual) if "=" not in one and one not in fixed)
    together = record_for(sheet, tool.resource, set(names), rng)
    values = {one: together[one] if one in together else _value(name, world, tool, one, rng) for one in names}
    call = tool.name, values | fixed
    return call if NOTHING not in values.values() and fits(tool, call[1]) else None


def _value(name: str, world: World, tool: Tool, argument: str, rng: random.Random) -> Any:
    field = field_for(kit(name).phrases, tool.name, argument)
    if field.lookup:
        listed = list_in(world.call(field.lookup.tool, {})[1]) or []
        return rng.choice(listed)[field.lookup.field or argument] if listed else NOTHING
    if is_id_name(argument, codes=False) and not field.values:
        return rng.choice([key for table in world.state.values() for key in table])
    return make(humanise(argument), field, tool.properties[argument], rng, CLOCK)


def texts(value: Any) -> set[str]:
    """Every text and number in a JSON value; `true` and `false` name nothing."""
    if isinstance(value, dict):
        return set().union(*map(texts, value.values()))
    if isinstance(value, list):
        return set().union(*map(texts, value))
    return set() if isinstance(value, bool) or value is None else {str(value)}


class Watched:
    """A world whose calls all begin in the same state, and which tells what they touch."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._start = world.snapshot()
        self.touched: set[Key] = set()
        """(Table, id) of what the calls of the last play stored or took out, changed or not."""

    def play(self, *calls: Call) -> list[tuple[int, Any]]:
        """The answers of calls that are made one after the other."""
        self._world.restore(self._start)
        self.touched = set()
        put, remove = self._world.put, self._world.remove
        self._world.put = lambda table, record: self._touch(table, record["id"]) or put(table, record)  # type: ignore[method-assign, func-returns-value]
        self._world.remove = lambda table, key: self._touch(table, key) or remove(table, key)  # type: ignore[method-assign, func-returns-value]
        try:
            return [self._world.call(*call) for call in calls]
        finally:
            del self._world.put, self._world.remove

    def _touch(self, table: str, key: str) -> None:
        self.touched.add((table, key))

    @property
    def changes(self) -> dict[Key, Any]:
        """The records that the last play left otherwise than they were; None where one is gone."""
        now = self._world.state
        keys = {(table, key) for table in now for key in {*self._start[table], *now[table]}}
        return {
            (table, key): now[table].get(key)
            for table, key in keys
            if self._start[table].get(key) != now[table].get(key)
        }

    @property
    def made(self) -> set[Key]:
        """What the last play stored that was not there before."""
        return {(table, key) for table, key in self.touched if key not in self._start[table]}

    @property
    def mentioned(self) -> set[str]:
        """Every text and number in the touched records, as they were and as they are: ids of what they belong to."""
        states = (self._start, self._world.state)
        return set().union(*(texts(state[table].get(key)) for table, key in self.touched for state in states))
