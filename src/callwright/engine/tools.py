"""Tool sources of every kind become toolkits: files, worlds, Python functions, MCP servers."""

from __future__ import annotations

import asyncio
import difflib
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from callwright.engine.recipes import secret_in_server
from callwright.errors import SourceError, UsageError
from callwright.schemas.base import digest
from callwright.schemas.recipe import ToolSource
from callwright.schemas.tool import OpenAPIBinding, Refusal, Toolkit
from callwright.sources import load_phrases, load_toolkit
from callwright.sources.callables import read_callables
from callwright.sources.headers import Credentials
from callwright.sources.toolset import TOOLSET_NAME, read_toolset
from callwright.worlds import NAMES, world_class
from callwright.worlds.base import shipped_phrases, toolkit_of

Read = tuple[Toolkit, tuple[Refusal, ...]]


def source_of(text: str) -> ToolSource:
    """The tool source that a command line names.

    `world:calendar`, `mcp:COMMAND` or `mcp:URL`, `python:MODULE`, a file that ends in `.py` with or without
    `:function`, the folder of a toolset, and any other file: an OpenAPI document or a JSON list of tools.

    Raises:
        UsageError: It names nothing.
    """
    kind, mark, rest = text.partition(":")
    if not text.strip() or (mark and not rest.strip()):
        raise UsageError(
            f"{text!r} names no tools; write world:calendar, mcp:COMMAND, mcp:URL, FILE.py, or an OpenAPI or JSON file"
        )
    if (Path(text) / TOOLSET_NAME).is_file():
        return ToolSource(toolset=text)
    if mark and kind in ("world", "mcp", "python"):
        return ToolSource.model_validate({kind: rest})
    if re.search(r"\.py(:\w+)?$", text):
        return ToolSource(python=text)
    is_list = text.endswith(".json") and not _is_openapi(Path(text))
    return ToolSource.model_validate({"json": text} if is_list else {"openapi": text})


def single_sources(source: ToolSource, base: Path) -> tuple[ToolSource, ...]:
    """A source of one toolkit as it is; a toolset as a source for each of its toolkits.

    Raises:
        SourceError: The folder is no toolset, or has no toolkit.
    """
    if not source.toolset:
        return (source,)
    folder = Path(source.toolset)
    found = read_toolset(base / folder).accepted
    if not found:
        raise SourceError(f"{base / folder}: the toolset has no toolkit; its {TOOLSET_NAME} says why")
    for one in found:
        if Path(one.file).name != one.file:
            raise SourceError(
                f"{base / folder / TOOLSET_NAME}: {one.file!r} lies outside of the toolset; invent it anew"
            )
    return tuple(
        ToolSource(openapi=str(folder / one.file), name=one.name, allow_rules=source.allow_rules)
        for one in found
    )


def read_sources(source: ToolSource, base: Path) -> list[Read]:
    """Every toolkit of a source, as `read_source` reads each."""
    return [read_source(one, base) for one in single_sources(source, base)]


def read_source(source: ToolSource, base: Path) -> Read:
    """The toolkit of a source of one, and what had to be left out; `base` is the folder that paths are relative to.

    Raises:
        SourceError: It cannot be read, or its tools are not those that are pinned.
        UsageError: It names a world that does not exist.
    """
    read = _read(source, base)
    if source.pins:
        _check_pins(source, *read)
    return read


def _read(source: ToolSource, base: Path) -> Read:
    phrases = base / source.phrases if source.phrases else None
    if source.world:
        return load_world(source.world, phrases), ()
    if source.python:
        return _worded(
            read_callables(source.python, name=source.name, base=base), phrases or _beside(source, base)
        )
    if source.mcp:
        return _worded(_of_server(source.mcp, source), phrases)
    if source.json_:
        return load_toolkit(base / source.json_, kind="json", phrases=phrases, name=source.name)
    assert source.openapi
    toolkit, refusals = load_toolkit(base / source.openapi, kind="openapi", phrases=phrases, name=source.name)
    return (_live(toolkit) if source.toolbox == "http" else toolkit), refusals


def _check_pins(source: ToolSource, toolkit: Toolkit, refusals: tuple[Refusal, ...]) -> None:
    """Refuse tools that somebody has not looked at, and say which they are."""
    found = {tool.name: tool.pin for tool in toolkit.tools}
    told = {
        "changed": sorted(name for name in found.keys() & source.pins if found[name] != source.pins[name]),
        "new": sorted(found.keys() - source.pins),
        "gone": sorted(source.pins.keys() - found),
    }
    if not any(told.values()):
        return
    differences = "; ".join(f"{what}: {', '.join(names)}" for what, names in told.items() if names)
    left_out = f"; left out: {refusals[0].where}: {refusals[0].code}" if refusals and told["gone"] else ""
    raise SourceError(
        f"{toolkit.origin}: the tools are not those that the recipe pins ({differences}{left_out}); look at them with "
        "`callwright tools show NAME --tools SOURCE`; where they are right, write the pins into the recipe that "
        "`callwright tools check SOURCE` prints"
    )


def what_runs(source: ToolSource, base: Path) -> Any:
    """What decides the answers of real tools beside their documentation: a program's text, a server's address.

    Of a Python module it is the file itself; what that imports is its author's to version.
    """
    if source.python:
        target = source.python.partition(":")[0]
        file = base / (target if target.endswith(".py") else f"{target.replace('.', '/')}.py")
        return digest(file.read_text(encoding="utf-8")) if file.is_file() else target
    if source.toolbox == "http":
        return [source.server, sorted(source.http_methods)]
    return source.mcp


def load_world(name: str, phrases: Path | None = None) -> Toolkit:
    """A world of the catalogue with its phrase sheet, or with another one.

    Raises:
        UsageError: There is no such world.
        SourceError: The phrase sheet does not fit.
    """
    if name not in NAMES:
        close = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(NAMES)}"
        raise UsageError(f"unknown world {name}; {hint}")
    toolkit = toolkit_of(world_class(name))
    sheet = phrases or shipped_phrases(world_class(name))
    return toolkit.model_copy(update={"phrases": load_phrases(sheet, toolkit)})


def _of_server(server: str, source: ToolSource) -> Read:
    from callwright.sources.mcp import origin_of, read_mcp  # the client library takes a second to import

    if told := secret_in_server(server):
        raise UsageError(f"{origin_of(server)}: {told}")
    reading = read_mcp(server, name=source.name, headers=Credentials(source.headers).read())
    # A thread has a loop of its own, so that this can be called from within one that runs.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, reading).result()


def _worded(read: Read, phrases: Path | None) -> Read:
    toolkit, refusals = read
    if phrases is None:
        return toolkit, refusals
    return toolkit.model_copy(update={"phrases": load_phrases(phrases, toolkit)}), refusals


def _beside(source: ToolSource, base: Path) -> Path | None:
    """The phrase sheet beside a Python file, if there is one. It speaks of the whole file, not of one function."""
    assert source.python
    if not source.python.endswith(".py"):
        return None
    file = base / source.python.removesuffix(".py")
    sheet = file.with_name(f"{file.name}.phrases.yaml")
    return sheet if sheet.is_file() else None


def _live(toolkit: Toolkit) -> Toolkit:
    """The toolkit with tools whose calls really go to their server."""
    tools = tuple(
        tool.model_copy(update={"binding": tool.binding.model_copy(update={"live": toolkit.name})})
        if isinstance(tool.binding, OpenAPIBinding)
        else tool
        for tool in toolkit.tools
    )
    return toolkit.model_copy(update={"tools": tools})


def _is_openapi(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8-sig")[:2000]
    except (OSError, UnicodeDecodeError):
        return False  # whoever reads it says what is wrong with it
    return bool(re.match(r'\s*\{.{0,400}?"openapi"', text, re.S))
