"""`tools`: read files of tools and say what can be made of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callwright.cli.talk import say, show_json, show_table
from callwright.engine.starting import served
from callwright.engine.tools import read_sources, source_of
from callwright.errors import UsageError
from callwright.schemas.tool import Refusal, Tool, Toolkit
from callwright.settings import data_folder
from callwright.store import Store
from callwright.toolbox.graph import feeds_of, tool_graph

if TYPE_CHECKING:
    import networkx as nx

WAIT_S = 10.0


def import_(source: str, data: Path | None, as_json: bool) -> None:
    found = read_sources(source_of(source), Path())
    with Store.open(data_folder(data), write=True, wait_s=WAIT_S) as store:
        store.add_tools([toolkit for toolkit, _ in found])
    if as_json:
        _show_each(
            {
                "toolkit": toolkit.name,
                "tools": [tool.name for tool in toolkit.tools],
                "refused": _refused(refusals),
            }
            for toolkit, refusals in found
        )
        return
    for toolkit, refusals in found:
        print(f"{toolkit.name}: {len(toolkit.tools)} tools")
        _tell(refusals)


def list_(source: str | None, data: Path | None, as_json: bool) -> None:
    found = _tools(source, data)
    if as_json:
        show_json([{"toolkit": kit, "id": tool.id, **tool.wire()["function"]} for kit, tool in found])
    else:
        rows = [[kit, tool.name, ", ".join(tool.properties), tool.summary[:60]] for kit, tool in found]
        show_table(("toolkit", "tool", "arguments", "summary"), rows)


def show(name: str, source: str | None, data: Path | None) -> None:
    if source is None and (":" in name or Path(name).exists()):
        raise UsageError(
            f"{name} is where tools are; name one of them too: callwright tools show TOOL {name}"
        )
    for kit, tool in _tools(source, data):
        if tool.name == name:
            show_json({"toolkit": kit, "pin": tool.pin, **json.loads(tool.model_dump_json())})
            return
    raise UsageError(f"no tool named {name}; `callwright tools list` shows the names")


def graph(source: str, as_json: bool) -> None:
    """Draw which answers can feed which calls: a line for each tool, and under it what it gives to whom."""
    found = read_sources(source_of(source), Path())
    for _, refusals in found:
        _tell(refusals)
    drawn = [(toolkit, tool_graph(toolkit)) for toolkit, _ in found]
    if as_json:
        _show_each(
            {
                "toolkit": toolkit.name,
                "tools": list(one.nodes),
                "edges": [
                    {"from": giver, "to": taker, **feed.model_dump()}
                    for giver, taker in one.edges
                    for feed in feeds_of(one, giver, taker)
                ],
            }
            for toolkit, one in drawn
        )
        return
    for toolkit, one in drawn:
        _draw(toolkit, one)


def _draw(toolkit: Toolkit, drawn: nx.DiGraph[str]) -> None:
    for tool in toolkit.tools:
        print(tool.name)
        feeds = [
            (taker, feed)
            for taker in drawn.successors(tool.name)
            for feed in feeds_of(drawn, tool.name, taker)
        ]
        for number, (taker, feed) in enumerate(feeds, 1):
            branch = "`-" if number == len(feeds) else "|-"
            sure = "" if feed.confirmed else "  (not accepted when tried, or not executable)"
            print(f"  {branch} {feed.field} -> {taker}({feed.argument}){sure}")
    tried = sum(feed.confirmed for edge in drawn.edges for feed in feeds_of(drawn, *edge))
    edges_told = f"{drawn.number_of_edges()} edges, {tried} ways confirmed by execution"
    say(f"{toolkit.name}: {len(toolkit.tools)} tools, {edges_told}")


def check(source: str, as_json: bool) -> None:
    found = [(kit, refusals, *served(kit)) for kit, refusals in read_sources(source_of(source), Path())]
    if as_json:
        _show_each(
            {
                "toolkit": toolkit.name,
                "kinds": table,
                "pins": {tool.name: tool.pin for tool in toolkit.tools},
                "refused": _refused((*refusals, *offline)),
            }
            for toolkit, refusals, table, offline in found
        )
        return
    for toolkit, refusals, table, offline in found:
        show_table(
            ("tool", "pin", "the offline teacher makes"),
            [[name, toolkit.tool(name).pin, ", ".join(kinds) or "-"] for name, kinds in table.items()],
        )
        _tell((*refusals, *offline))
        ready = sum(bool(kinds) for kinds in table.values())
        left_out = f"{len(refusals)} operations left out"
        say(f"{toolkit.name}: {len(toolkit.tools)} tools read, {left_out}, {ready} served offline")


def _show_each(bodies: Iterable[dict[str, Any]]) -> None:
    """One toolkit as it is, those of a toolset as a list."""
    shown = list(bodies)
    show_json(shown[0] if len(shown) == 1 else shown)


def _tools(source: str | None, data: Path | None) -> list[tuple[str, Tool]]:
    if source:
        found = read_sources(source_of(source), Path())
        for _, refusals in found:
            _tell(refusals)
        return [(toolkit.name, tool) for toolkit, _ in found for tool in toolkit.tools]
    with Store.open(data_folder(data), write=False, wait_s=WAIT_S) as store:
        return store.all_tools()


def _refused(refusals: tuple[Refusal, ...]) -> list[dict[str, str]]:
    return [refusal.model_dump() for refusal in refusals]


def _tell(refusals: tuple[Refusal, ...]) -> None:
    for refusal in refusals:
        say(f"left out: {refusal.where}: {refusal.code}: {refusal.message}")
