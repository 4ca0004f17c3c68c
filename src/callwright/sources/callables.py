"""Typed Python functions become a toolkit; the module is imported in a child process, never in ours."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from callwright.errors import SourceError
from callwright.schemas.base import Record
from callwright.schemas.tool import PythonBinding, Refusal, Reply, Tool, Toolkit
from callwright.sources.naming import legal, resource_of_name, singular, slug, unique, words
from callwright.sources.problems import Unusable, reason_of
from callwright.sources.python_child import Child, ChildDied, Limits
from callwright.values.spoken import humanise
from callwright.values.validation import SchemaError, validator


class _Function(Record):
    """What the child tells of one function: its schemas, or why it has none."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}
    returns: dict[str, Any] | None = None
    code: str = ""
    message: str = ""


class _Module(Record):
    description: str
    functions: tuple[_Function, ...]


def read_callables(
    spec: str, *, name: str | None = None, base: Path, limits: Limits | None = None
) -> tuple[Toolkit, tuple[Refusal, ...]]:
    """The toolkit of a Python module, and the functions that had to be left out of it.

    Args:
        spec: `module` or `path/to/file.py` for all public functions that are defined there, in the file's order;
            `module:function` or `path/to/file.py:function` for one.
        name: The toolkit's name; the module's unless given.
        base: The folder that paths are relative to, and that is searched first for modules by name.
        limits: What the child may use that imports the module.

    Raises:
        SourceError: The module cannot be imported, or has no such function.
    """
    target, _, function = spec.partition(":")
    is_file = target.endswith(".py") or "/" in target
    module = str((base / target).resolve()) if is_file else target
    origin = Path(target).name if is_file else target
    if is_file and not (target.endswith(".py") and Path(module).is_file()):
        raise SourceError(
            f"{spec}: there is no Python file {target}; give `path/to/file.py` or a module's name"
        )
    if not target or spec.endswith(":"):
        raise SourceError(
            f"{spec!r} names no functions; give `module`, `file.py`, or either with `:function`"
        )
    # A thread has a loop of its own, so that this can be called from within one that runs.
    with ThreadPoolExecutor(1) as thread:
        reading = _described(origin, module, function or None, base, limits or Limits())
        described = thread.submit(asyncio.run, reading).result()
    tools: dict[str, Tool] = {}
    refusals: list[Refusal] = []
    for entry in described.functions:
        try:
            tool = _tool(entry, module, tools)
            tools[tool.name] = tool
        except (Unusable, SchemaError) as error:
            code, message = reason_of(error)
            refusals.append(Refusal(code=code, where=f"{origin}: {entry.name}", message=message))
    if not tools and not refusals:
        raise SourceError(
            f"{origin}: defines no public functions; write typed functions, or name one: `{spec}:function`"
        )
    stem = origin.removesuffix(".py").rsplit(".", 1)[-1]
    kit = Toolkit(
        name=slug(name or stem) or "toolkit",
        title=humanise(stem).capitalize(),
        description=" ".join(described.description.split()),
        origin=origin,
        tools=tuple(tools.values()),
    )
    return kit, tuple(refusals)


async def _described(origin: str, module: str, function: str | None, base: Path, limits: Limits) -> _Module:
    """What a child tells of the module.

    Raises:
        SourceError: It cannot import it.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        try:
            child = await Child.start(limits, base=base, scratch=Path(scratch))
        except OSError as error:
            raise SourceError(f"{origin}: no process could be started to import it: {error}") from None
        try:
            status, body = await child.ask("load", limits.start_s, module=module)
            if status != 200:
                raise SourceError(f"{origin}: cannot be imported: {body['error']}")
            status, body = await child.ask("describe", limits.start_s, module=module, function=function)
            if status != 200:
                raise SourceError(f"{origin}: {body['error']}")
            return _Module.model_validate(body)
        except TimeoutError:
            raise SourceError(
                f"{origin}: importing it took longer than {limits.start_s:g} s; move slow work into the functions"
            ) from None
        except (ChildDied, ValidationError) as error:
            reason = str(error).splitlines()[0]
            raise SourceError(
                f"{origin}: cannot be imported: {reason}; import it by itself to see why"
            ) from None
        finally:
            child.stop()


def _tool(entry: _Function, module: str, taken: dict[str, Tool]) -> Tool:
    if entry.code:
        raise Unusable(entry.code, entry.message)
    silent = entry.returns == {"type": "null"}
    tool = Tool(
        name=unique(legal(entry.name, "tool"), taken),
        description=entry.description,
        summary=entry.description.split(". ")[0].rstrip("."),
        parameters=entry.parameters,
        returns=None if silent else entry.returns,
        resource=_resource(entry.name),
        reply=Reply(media_type=None) if silent else Reply(),
        binding=PythonBinding(module=module, function=entry.name),
    )
    validator(tool.parameters)
    validator(tool.returns or {})
    return tool


def _resource(name: str) -> str:
    """The noun part of a function's name, as it is written: `orders` for `list_orders`."""
    *rest, last = resource_of_name(name).split("_")
    written = next((word.lower() for word in words(name) if singular(word) == last), last)
    return "_".join([*rest, written])
