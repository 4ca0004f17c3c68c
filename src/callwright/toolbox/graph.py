"""The tool graph: which output field of one tool can feed which input of another, confirmed by execution in worlds.

    graph = tool_graph(toolkit)            # networkx: tools are nodes
    graph.edges["list_loans", "renew_loan"]["feeds"]
    [Feed(field="id", argument="loan_id", confirmed=True)]

A field is a candidate when it has the argument's name, or when it is the `id` of the kind of thing that the argument
names or the tool acts on. In a world the edge is then tried out: the value that really came back is accepted, and one
that was made up is not. What cannot be executed stays unconfirmed.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Mapping
from typing import Any

import networkx as nx

from callwright.errors import GenerationError
from callwright.schemas.base import Record
from callwright.schemas.tool import Tool, Toolkit, WorldBinding
from callwright.toolbox.rehearsal import Rehearsal
from callwright.values.makers import NOTHING, field_for, is_id_name, json_type, make, record_for
from callwright.values.spoken import humanise, singular
from callwright.values.validation import errors

_SEEDS = range(12)
_CLOCK = dt.date(2026, 3, 10)
_NOT_FOUND = 404


class Feed(Record):
    """One way in which an output of a tool becomes an input of another."""

    field: str
    """The field of the answer."""
    argument: str
    confirmed: bool = False
    """Whether a real value of the field was accepted in execution, and a made-up one was not found.

    What execution refutes, such as the id of a thing that was just deleted, is no feed.
    """


def tool_graph(toolkit: Toolkit) -> nx.DiGraph[str]:
    """Tools as nodes, and an edge with its `feeds` where an answer of one can serve a call of the other."""
    graph: nx.DiGraph[str] = nx.DiGraph(name=toolkit.name)
    graph.add_nodes_from(tool.name for tool in toolkit.tools)
    for giver in toolkit.tools:
        for taker in toolkit.tools:
            candidates = _candidates(giver, taker) if giver is not taker else ()
            tried = (_tried(toolkit, giver, taker, feed) for feed in candidates)
            feeds = [feed for feed in tried if feed]
            if feeds:
                graph.add_edge(giver.name, taker.name, feeds=feeds)
    return graph


def sources_of(toolkit: Toolkit, graph: nx.DiGraph[str], tool: str, argument: str) -> list[str]:
    """Tools that need no id themselves and whose answers give the argument; those confirmed, where any is."""
    free = [
        giver
        for giver in graph.predecessors(tool)
        if not any(is_id_name(name, codes=False) for name in toolkit.tool(giver).required)
    ]
    feeds = {
        giver: [one for one in feeds_of(graph, giver, tool) if one.argument == argument] for giver in free
    }
    confirmed = [giver for giver in free if any(feed.confirmed for feed in feeds[giver])]
    return confirmed or [giver for giver in free if feeds[giver]]


def feeds_of(graph: nx.DiGraph[str], giver: str, taker: str) -> list[Feed]:
    """What an edge carries."""
    found: list[Feed] = graph.edges[giver, taker]["feeds"]
    return found


def _candidates(giver: Tool, taker: Tool) -> Iterator[Feed]:
    """Pairs of an output field and an id argument that by name and type belong together."""
    fields = dict(_fields(giver.returns or {}, giver.returns or {}))
    for name, schema in taker.properties.items():
        if not is_id_name(name, codes=False) and not is_id_name(name):
            continue
        for field, kinds in fields.items():
            documented = giver.name in schema.get("description", "")
            # Everything has an "id": which kind of thing it names, the name alone does not say.
            same = (documented or _of_kind(giver, name, taker)) if field == "id" else field == name
            if same and _type_of(schema) in kinds:
                yield Feed(field=field, argument=name)


def _of_kind(giver: Tool, argument: str, taker: Tool) -> bool:
    """Whether the things that a tool answers with are of the kind that an id argument names: loan_id and loans."""
    words = [singular(word) for word in humanise(argument).split() if word not in ("id", "source", "target")]
    nouns = [singular(word) for word in humanise(giver.resource).split()]
    return (words or [singular(word) for word in humanise(taker.resource).split()]) == nouns or bool(
        words and words[-1] == nouns[-1]
    )


def _fields(schema: Any, root: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, set[str]]]:
    """Scalar fields of an answer, in lists and objects too, with the types that they can have."""
    schema = _resolved(schema, root)
    if depth > 6 or not schema:
        return
    if "items" in schema:
        yield from _fields(schema["items"], root, depth + 1)
    for name, child in schema.get("properties", {}).items():
        inner = _resolved(child, root)
        if "properties" in inner or "items" in inner:
            yield from _fields(inner, root, depth + 1)
        else:
            yield name, {_type_of(inner) or "string"}


def _resolved(schema: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    for _ in range(8):
        if not isinstance(schema, dict):
            return {}
        if "$ref" in schema:
            schema = root.get("$defs", {}).get(schema["$ref"].rsplit("/", 1)[-1], {})
        elif "anyOf" in schema:
            schema = next((one for one in schema["anyOf"] if one.get("type") != "null"), {})
        else:
            break
    return schema if isinstance(schema, dict) else {}


def _type_of(schema: Mapping[str, Any]) -> str | None:
    return json_type(_resolved(schema, {}))


# Execution


def _tried(toolkit: Toolkit, giver: Tool, taker: Tool, feed: Feed) -> Feed | None:
    """The feed, confirmed where a world accepts a value of the field and does not know one that was made up."""
    if not isinstance(giver.binding, WorldBinding) or not isinstance(taker.binding, WorldBinding):
        return feed
    refuted = False
    for seed in _SEEDS:
        rng = random.Random(seed)
        rehearsal = Rehearsal(toolkit, seed, _CLOCK)
        try:
            given = _arguments(toolkit, giver, rng, {}, rehearsal)
            status, body = rehearsal.call(giver, given)
            for value in list(_values(body, feed.field))[:20] if status < 300 else ():
                rest = _arguments(toolkit, taker, rng, {feed.argument: value}, rehearsal)
                known = rehearsal.peek(taker, {**rest, feed.argument: value})[0]
                unknown = rehearsal.peek(taker, {**rest, feed.argument: _other(value)})[0]
                if known < 300 and unknown == _NOT_FOUND:
                    return feed.model_copy(update={"confirmed": True})
                refuted = refuted or known == _NOT_FOUND
        except (GenerationError, ValueError):
            continue
    return None if refuted else feed


def _arguments(
    toolkit: Toolkit, tool: Tool, rng: random.Random, known: Mapping[str, Any], rehearsal: Rehearsal
) -> dict[str, Any]:
    """Values for what a tool requires or is commonly given; ids come from the lists that the phrase sheet names.

    Raises:
        ValueError: Nothing yields one, or the values do not fit the schema.
    """
    made = dict(known)
    phrases = toolkit.phrases.tools.get(tool.name) if toolkit.phrases else None
    usual = [one for one in (phrases.combinations if phrases else ()) if set(known) <= set(one)]
    wanted = [
        name
        for name in (*tool.required, *(usual[0] if usual and tool.required else ()))
        if name not in made and "=" not in name
    ]
    together = record_for(toolkit.phrases, tool.resource, set(wanted), rng) if toolkit.phrases else {}
    for name in dict.fromkeys(wanted):
        made[name] = together[name] if name in together else _value(toolkit, tool, name, rng, rehearsal)
    if any(True for _ in errors(tool.parameters, made)):
        raise ValueError(tool.name)
    return made


def _value(toolkit: Toolkit, tool: Tool, name: str, rng: random.Random, rehearsal: Rehearsal) -> Any:
    field = field_for(toolkit.phrases, tool.name, name)
    if field.lookup:
        lister = toolkit.tool(field.lookup.tool)
        if lister.required:
            raise ValueError(lister.name)
        listed = list(_values(rehearsal.peek(lister, {})[1], field.lookup.field or name))
        if not listed:
            raise ValueError(name)
        return rng.choice(listed)
    records = toolkit.phrases.records.get(tool.resource, ()) if toolkit.phrases else ()
    recorded = [row[name] for row in records if name in row]
    value = (
        rng.choice(recorded) if recorded else make(humanise(name), field, tool.properties[name], rng, _CLOCK)
    )
    if value is NOTHING:
        raise ValueError(name)
    return value


def _values(body: Any, field: str) -> Iterator[Any]:
    if isinstance(body, dict):
        if body.get(field) is not None and not isinstance(body[field], dict | list):
            yield body[field]
        for child in body.values():
            yield from _values(child, field)
    elif isinstance(body, list):
        for child in body:
            yield from _values(child, field)


def _other(value: Any) -> Any:
    """A value of the same type and look that nobody has."""
    if isinstance(value, str):
        head, mark, tail = value.rpartition("-")
        return f"{head}{mark}{'0' * max(len(tail), 4)}"
    return 987_654_321
