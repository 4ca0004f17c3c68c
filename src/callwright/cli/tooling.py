"""`tools`: read files of tools and say what can be made of them."""

from __future__ import annotations

import json
from pathlib import Path

from callwright.cli.talk import say, show_json, show_table
from callwright.engine.starting import served
from callwright.engine.tools import read_source, source_of
from callwright.errors import UsageError
from callwright.schemas.tool import Refusal, Tool
from callwright.settings import data_folder
from callwright.store import Store
from callwright.toolbox.graph import feeds_of, tool_graph

WAIT_S = 10.0


def import_(source: str, data: Path | None, as_json: bool) -> None:
    toolkit, refusals = read_source(source_of(source), Path())
    with Store.open(data_folder(data), write=True, wait_s=WAIT_S) as store:
        store.add_tools([toolkit])
    if as_json:
        names = [tool.name for tool in toolkit.tools]
        show_json({"toolkit": toolkit.name, "tools": names, "refused": _refused(refusals)})
        return
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
    for kit, tool in _tools(source, data):
        if tool.name == name:
            show_json({"toolkit": kit, **json.loads(tool.model_dump_json())})
            return
    raise UsageError(f"no tool named {name}; `callwright tools list` shows the names")


def graph(source: str, as_json: bool) -> None:
    """Draw which answers can feed which calls: a line for each tool, and under it what it gives to whom."""
    toolkit, refusals = read_source(source_of(source), Path())
    _tell(refusals)
    drawn = tool_graph(toolkit)
    if as_json:
        edges = [
            {"from": giver, "to": taker, **feed.model_dump()}
            for giver, taker in drawn.edges
            for feed in feeds_of(drawn, giver, taker)
        ]
        show_json({"toolkit": toolkit.name, "tools": list(drawn.nodes), "edges": edges})
        return
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
    toolkit, refusals = read_source(source_of(source), Path())
    table, offline = served(toolkit)
    if as_json:
        show_json({"toolkit": toolkit.name, "kinds": table, "refused": _refused((*refusals, *offline))})
        return
    show_table(
        ("tool", "the offline teacher makes"),
        [[name, ", ".join(kinds) or "-"] for name, kinds in table.items()],
    )
    _tell((*refusals, *offline))
    ready = sum(bool(kinds) for kinds in table.values())
    say(
        f"{toolkit.name}: {len(toolkit.tools)} tools read, {len(refusals)} operations left out, {ready} served offline"
    )


def _tools(source: str | None, data: Path | None) -> list[tuple[str, Tool]]:
    if source:
        toolkit, refusals = read_source(source_of(source), Path())
        _tell(refusals)
        return [(toolkit.name, tool) for tool in toolkit.tools]
    with Store.open(data_folder(data), write=False, wait_s=WAIT_S) as store:
        return store.all_tools()


def _refused(refusals: tuple[Refusal, ...]) -> list[dict[str, str]]:
    return [refusal.model_dump() for refusal in refusals]


def _tell(refusals: tuple[Refusal, ...]) -> None:
    for refusal in refusals:
        say(f"left out: {refusal.where}: {refusal.code}: {refusal.message}")
