"""`tools`: read files of tools and say what can be made of them."""

from __future__ import annotations

import json
from pathlib import Path

from callwright.cli.talk import say, show_json, show_table
from callwright.engine.starting import served
from callwright.errors import UsageError
from callwright.schemas.tool import Refusal, Tool
from callwright.settings import data_folder
from callwright.sources import load_toolkit
from callwright.store import Store

WAIT_S = 10.0


def import_(source: Path, data: Path | None, as_json: bool) -> None:
    toolkit, refusals = load_toolkit(source)
    with Store.open(data_folder(data), write=True, wait_s=WAIT_S) as store:
        store.add_tools([toolkit])
    if as_json:
        names = [tool.name for tool in toolkit.tools]
        show_json({"toolkit": toolkit.name, "tools": names, "refused": _refused(refusals)})
        return
    print(f"{toolkit.name}: {len(toolkit.tools)} tools")
    _tell(refusals)


def list_(source: Path | None, data: Path | None, as_json: bool) -> None:
    found = _tools(source, data)
    if as_json:
        show_json([{"toolkit": kit, "id": tool.id, **tool.wire()["function"]} for kit, tool in found])
    else:
        rows = [[kit, tool.name, ", ".join(tool.properties), tool.summary[:60]] for kit, tool in found]
        show_table(("toolkit", "tool", "arguments", "summary"), rows)


def show(name: str, source: Path | None, data: Path | None) -> None:
    for kit, tool in _tools(source, data):
        if tool.name == name:
            show_json({"toolkit": kit, **json.loads(tool.model_dump_json())})
            return
    raise UsageError(f"no tool named {name}; `callwright tools list` shows the names")


def check(source: Path, as_json: bool) -> None:
    toolkit, refusals = load_toolkit(source)
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


def _tools(source: Path | None, data: Path | None) -> list[tuple[str, Tool]]:
    if source:
        toolkit, refusals = load_toolkit(source)
        _tell(refusals)
        return [(toolkit.name, tool) for tool in toolkit.tools]
    with Store.open(data_folder(data), write=False, wait_s=WAIT_S) as store:
        return store.all_tools()


def _refused(refusals: tuple[Refusal, ...]) -> list[dict[str, str]]:
    return [refusal.model_dump() for refusal in refusals]


def _tell(refusals: tuple[Refusal, ...]) -> None:
    for refusal in refusals:
        say(f"left out: {refusal.where}: {refusal.code}: {refusal.message}")
