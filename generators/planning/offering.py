"""Which tools belong together in a conversation: the one that it is about, and those that find what it takes."""

from __future__ import annotations

import networkx as nx

from callwright.generators.planning.scenario import is_opaque, lookup_of
from callwright.generators.planning.walks import OFFERED
from callwright.schemas.tool import Tool, Toolkit, WorldBinding
from callwright.toolbox.graph import sources_of, tool_graph
from callwright.values.spoken import humanise, singular


def finders(toolkit: Toolkit, tool: Tool) -> list[str]:
    """Tools that find the ids that a tool requires, a few at the most.

    A phrase sheet names them; in a world it is tried out whose answers serve; elsewhere the names must tell.
    """
    ids = [name for name in tool.required if is_opaque(tool, name)]
    if not ids:
        return []
    lookups = [lookup_of(toolkit.phrases, tool, name) for name in ids] if toolkit.phrases else []
    found = [lookup.tool for lookup in lookups if lookup]
    if all(isinstance(one.binding, WorldBinding) for one in toolkit.tools):
        graph = _graph_of(toolkit)
        found += [giver for name in ids for giver in sources_of(toolkit, graph, tool.name, name)]
    elif not found:
        found += _by_name(toolkit, tool, ids)
    return [name for name in dict.fromkeys(found) if name != tool.name][: OFFERED[0]]


def _by_name(toolkit: Toolkit, tool: Tool, ids: list[str]) -> list[str]:
    nouns = {singular(word) for one in (*ids, tool.resource) for word in humanise(one).split()} - {"id"}
    return [
        other.name
        for other in toolkit.tools
        if not any(is_opaque(other, argument) for argument in other.required)
        and nouns & {singular(word) for word in humanise(other.resource).split()}
    ]


def _graph_of(toolkit: Toolkit) -> nx.DiGraph[str]:
    if toolkit.id not in _GRAPHS:
        _GRAPHS[toolkit.id] = tool_graph(toolkit)
    return _GRAPHS[toolkit.id]


_GRAPHS: dict[str, nx.DiGraph[str]] = {}
"""Toolkit id -> its graph; the id names the tools, so that what was tried out once holds."""
