"""A world: a seeded, deterministic, stateful implementation of a toolkit. A tool is a typed method with a docstring.

A newcomer adds a world in one file:

    class Library(World):
        title, category = "Lakeside Library", "library"

        def populate(self) -> None:
            self.state["holds"] = {}

        @tool(resource="holds")
        def cancel_hold(self, hold_id: str) -> Hold:
            '''Cancel a hold.

            Args:
                hold_id: The hold's id, from list_holds.
            '''
            hold = self.one("holds", hold_id)
            if hold["status"] == "picked_up":
                raise Refused("the book was picked up already")
            return Hold(**self.put("holds", hold | {"status": "cancelled"}))

Laws that every world keeps, and tests hold: the same seed gives the same state; a made id is a function of the
arguments and of how many equal things exist, never of a counter; lists have a stable order; the clock does not tick
between calls; so independent calls commute.
"""

from __future__ import annotations

import datetime as dt
import inspect
import random
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

from faker import Faker
from pydantic import BaseModel, ConfigDict

from callwright.schemas.base import digest
from callwright.schemas.tool import Reply, Tool, Toolkit, WorldBinding
from callwright.values.signatures import Signature, signature_of

State = dict[str, dict[str, dict[str, Any]]]
"""Table -> id -> record, all of it JSON."""

J = TypeVar("J")
F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__callwright_tool__"


def _once(function: F) -> F:
    """`functools.cache`, of which mypy believes that a class cannot be its argument."""
    return cast(F, cache(function))


def _recently(function: F) -> F:
    """`functools.lru_cache`, with the same help for mypy."""
    return cast(F, lru_cache(maxsize=64)(function))


class WorldError(Exception):
    """A documented error of a world, answered with an HTTP-like status."""

    status = 400


class NotFound(WorldError):
    """There is no such thing."""

    status = 404


class Refused(WorldError):
    """The thing is not in a state that allows this."""

    status = 409


class OverLimit(WorldError):
    """More than is allowed: a limit, a balance, a capacity."""

    status = 422


class Thing(BaseModel):
    """What a tool answers with; subclasses name the fields. Doubles as the documentation of the answer."""

    model_config = ConfigDict(extra="forbid")


def tool(*, resource: str) -> Callable[[F], F]:
    """Mark a method as a tool. `resource` is what it acts on, in the plural: "holds"."""

    def mark(function: F) -> F:
        setattr(function, _MARK, resource)
        return function

    return mark


class World:
    """State in tables of JSON records by id, and the tools that act on it."""

    title: ClassVar[str]
    category: ClassVar[str]

    rng: random.Random
    fake: Faker

    def __init__(self, seed: int, clock: dt.date) -> None:
        self.seed = seed
        self.clock = clock
        self.state: State = {}
        self.restore(_first_state(type(self), seed, clock))

    def populate(self) -> None:
        """Fill the state from `self.rng`, `self.fake` and `self.clock`; these are for this method alone."""
        raise NotImplementedError

    # For tools

    def one(self, table: str, identity: str) -> dict[str, Any]:
        """A copy of a record.

        Raises:
            NotFound: There is none with that id.
        """
        record = self.state[table].get(identity)
        if record is None:
            raise NotFound(f"There is no {table.rstrip('s').replace('_', ' ')} with the id {identity}.")
        return _copy(record)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Copies of all records, ordered by id."""
        return [_copy(self.state[table][key]) for key in sorted(self.state[table])]

    def put(self, table: str, record: dict[str, Any]) -> dict[str, Any]:
        """Store a record under its `id`. What is stored is never changed in place, only replaced."""
        self.state[table][record["id"]] = _copy(record)
        return record

    def remove(self, table: str, identity: str) -> dict[str, Any]:
        """Take a record out and return it.

        Raises:
            NotFound: There is none with that id.
        """
        record = self.one(table, identity)
        del self.state[table][identity]
        return record

    def new_id(self, table: str, prefix: str, *facts: Any) -> str:
        """An id that follows from the facts, and from how many records with these very facts exist."""
        for count in range(1_000_000):
            made = f"{prefix}-{digest([table, list(facts), count])[:8]}"
            if made not in self.state[table]:
                return made
        raise AssertionError("unreachable")

    # For toolboxes

    def call(self, name: str, arguments: Mapping[str, Any]) -> tuple[int, Any]:
        """Status and JSON body of one call. A call that fails leaves the state as it was.

        Raises:
            KeyError: There is no such tool.
            ValueError: The arguments do not fit the tool's schema.
        """
        function, signature = _tools(type(self))[name]
        given = signature.given(arguments)
        before = self.snapshot()
        try:
            return 200, signature.answer(function(self, **given))
        except WorldError as error:
            self.restore(before)
            return error.status, {"error": str(error)}
        except BaseException:
            self.restore(before)
            raise

    def snapshot(self) -> State:
        """The whole state as a JSON value; cheap, for it shares its records, which nobody changes in place."""
        return {table: dict(records) for table, records in self.state.items()}

    def restore(self, snapshot: State) -> None:
        self.state = {table: dict(records) for table, records in snapshot.items()}

    def state_hash(self) -> str:
        return digest(self.state)


@_recently
def _first_state(world: type[World], seed: int, clock: dt.date) -> State:
    """The populated state. A conversation's world is made several times: to plan, to try out, to run."""
    made = world.__new__(world)
    made.seed, made.clock, made.state = seed, clock, {}
    made.rng = random.Random(digest([world.__name__, seed]))
    made.fake = _faker()
    made.fake.seed_instance(made.rng.getrandbits(32))
    made.populate()
    return made.state


@_once
def _faker() -> Faker:
    """One for all worlds, seeded anew by each: to make one takes longer than to populate a world."""
    return Faker("en_US")


def _copy(value: J) -> J:
    """A copy of a JSON value, far faster than `copy.deepcopy`: most of a record's values are no containers."""
    made: Any = value
    if isinstance(value, dict):
        made = {key: child if type(child) in _PLAIN else _copy(child) for key, child in value.items()}
    elif isinstance(value, list):
        made = [child if type(child) in _PLAIN else _copy(child) for child in value]
    return cast(J, made)


_PLAIN = frozenset((str, int, float, bool, type(None)))


@_once
def _tools(world: type[World]) -> dict[str, tuple[Callable[..., Any], Signature]]:
    """Tool name -> method and its signature, in the order of the file."""
    return {
        name: (function, signature_of(function, skip=1))
        for name, function in vars(world).items()
        if hasattr(function, _MARK)
    }


@_once
def toolkit_of(world: type[World]) -> Toolkit:
    """The world's tools as a toolkit, without its phrase sheet."""
    name = module_name(world)
    return Toolkit(
        name=name,
        title=world.title,
        description=inspect.cleandoc(world.__doc__ or ""),
        category=world.category,
        origin=f"world:{name}",
        licence="Apache-2.0",
        tools=tuple(_tool(world, name, tool_name) for tool_name in _tools(world)),
    )


def module_name(world: type[World]) -> str:
    """`callwright.worlds.library` as `library`: the world's name in recipes."""
    return world.__module__.rsplit(".", 1)[-1]


def shipped_phrases(world: type[World]) -> Path:
    """The phrase sheet beside the world's file."""
    return Path(inspect.getfile(world)).with_name(f"{module_name(world)}.phrases.yaml")


def _tool(world: type[World], toolkit: str, name: str) -> Tool:
    function, signature = _tools(world)[name]
    return Tool(
        name=name,
        description=signature.description,
        summary=signature.description.split(". ")[0].rstrip("."),
        parameters=signature.parameters,
        returns=signature.returns,
        resource=getattr(function, _MARK),
        reply=Reply(),
        binding=WorldBinding(world=toolkit, function=name),
    )
