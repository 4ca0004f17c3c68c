"""What a request can turn on: goals, scenarios and plans as records, and what a phrase sheet says of arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from callwright.schemas.base import Record
from callwright.schemas.phrases import Lookup, PhraseSheet, ToolPhrases
from callwright.schemas.task import IntendedCall
from callwright.schemas.tool import Tool
from callwright.toolbox.offline import is_query
from callwright.values.makers import field_for, is_id_name, json_type, looks_like_id
from callwright.values.spoken import humanise


class Goal(Record):
    """One thing that is asked for: a tool with one combination of arguments."""

    tool: str
    combination: tuple[str, ...] = ()
    follows: bool = False
    """It is about the thing of the goal before it, or what came of that; both are asked for in the same breath."""
    again: bool = False
    """It is the goal before it once more, with one value changed: "and the same for ..."."""


class Scenario(Record):
    """What a request turns on; its last goal is the one that the attempt is about."""

    toolkit: str
    goals: tuple[Goal, ...]
    missing: str | None = None
    """The argument that the user leaves out at first."""
    refused: bool = False
    """The server says no to one value; the user is asked and names another."""

    @property
    def tool(self) -> str:
        return self.goals[-1].tool


class Served(Record):
    """A goal with values, and which call serves it."""

    arguments: dict[str, Any]
    names: dict[str, str] = {}
    """Id argument -> the name that people use for the thing."""
    varied: str | None = None
    """The argument whose value alone differs from the goal before."""
    call: int
    """Index among the plan's calls."""


class Refusal(Record):
    """What the server says no to at first."""

    argument: str
    """The argument that the user then changes."""
    arguments: dict[str, Any]
    """The arguments that are refused."""


class Plan(Record):
    """A scenario with values: the calls that serve the request, and how people speak of their arguments."""

    scenario: Scenario
    served: tuple[Served, ...]
    """The goals in their order."""
    rounds: tuple[tuple[IntendedCall, ...], ...]
    """The calls by turn; those of one turn do not depend on each other, which was tried out."""
    refusal: Refusal | None = None
    state: str | None = None
    """Digest of the state that the calls leave; None where none can be seen."""
    turn: int
    """How often this scenario had its turn before; wordings rotate with it."""

    @property
    def calls(self) -> tuple[IntendedCall, ...]:
        return tuple(call for together in self.rounds for call in together)


def argument_names(combination: Sequence[str]) -> list[str]:
    return [part.partition("=")[0] for part in combination]


def varying(tool: Tool, combination: Sequence[str], sheet: PhraseSheet) -> list[str]:
    """Arguments of which "and the same for ..." can name another value: the thing looked up, else texts and dates.

    None where the rest belongs to one thing alone (the number of a contact, a new title), and none that another
    argument could be meant by: "the same for inches" does not say whether from inches or to inches.
    """
    free = [part for part in combination if "=" not in part]
    looked_up = [part for part in free if lookup_of(sheet, tool, part)]
    texts = [part for part in free if json_type(tool.properties[part]) == "string" and part not in looked_up]
    own = {name for name in argument_names(combination) if name in _OWN}
    if looked_up:
        return looked_up[:1] if not own - {"body"} else []
    belonging = [set(row) for rows in sheet.records.values() for row in rows]
    found = []
    for part in texts:
        alike = [one for one in texts if one != part and _alike(tool, part, one, sheet)]
        together = any(len({part} & row) and len(row & set(free)) > 1 for row in belonging)
        dated = tool.properties[part].get("format", "date") == "date"
        # Two appointments at one time are no wish of anybody's.
        timed = part in _OWN and any("time" in humanise(one).split() for one in free)
        if dated and not (is_id_name(part) or alike or together or timed or own - {part}):
            found.append(part)
    return found


_OWN = frozenset("name new_name title new_title subject body label phone email address".split(" "))
"""Arguments that are one thing's own: nobody gives two contacts one number, or two files one new name."""


_ENDS = ({"origin", "destination"}, {"source", "target"}, {"from", "to"}, {"start", "end"}, {"old", "new"})
"""First words of arguments that are two ends of one thing."""


def _alike(tool: Tool, one: str, other: str, sheet: PhraseSheet) -> bool:
    """Whether two arguments take values of one kind, so that a value alone does not say which is meant."""
    if {one.split("_")[0], other.split("_")[0]} in _ENDS:
        return True
    schemas = (tool.properties[one], tool.properties[other])
    drawn = [field_for(sheet, tool.name, name).values for name in (one, other)]
    if all(isinstance(values, tuple) for values in drawn):
        return any(value in (drawn[1] or ()) for value in drawn[0] or ())
    return drawn[0] == drawn[1] and all(
        schemas[0].get(key) == schemas[1].get(key) for key in ("enum", "format")
    )


def combinations(tool: Tool, phrases: ToolPhrases) -> tuple[tuple[str, ...], ...]:
    """The argument combinations of the sheet; without any, the required arguments alone."""
    return phrases.combinations or (tool.required,)


def lookup_of(sheet: PhraseSheet, tool: Tool, name: str) -> Lookup | None:
    return field_for(sheet, tool.name, name).lookup


def query_of(tool: Tool, by: str = "") -> str | None:
    """The argument of a search that takes words, or the very field `by`; None for a list that takes neither."""
    return next((name for name in tool.properties if name == by or is_query(humanise(name))), None)


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
