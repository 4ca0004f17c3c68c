"""A function of ours with all that it calls, in one Python file: for trainers whose environment has no callwright.

It is our own source, cut out and put together, so there is no second implementation that could differ.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_OURS = "callwright"


class _Module(NamedTuple):
    lines: list[str]
    defined: dict[str, ast.stmt]
    """Name -> the statement that defines it."""
    ours: dict[str, str]
    """Imported name -> the module of ours that it is from."""
    others: dict[str, str]
    """Imported name -> the import of the standard library that brings it."""


@cache
def standalone(module: str, names: tuple[str, ...], about: str) -> str:
    """The text of a module that defines `names`, and needs the standard library alone.

    Args:
        module: The module of ours that defines them, such as `callwright.scoring.reward`.
        names: What is wanted.
        about: The new module's docstring.

    Raises:
        ValueError: Two things of one name are needed, or something of another library.
    """
    blocks: dict[str, tuple[str, str]] = {}
    imports: set[str] = set()
    for name in names:
        _collect(module, name, blocks, imports)
    opening = [f'"""{about.strip()}\n"""', "from __future__ import annotations", "\n".join(sorted(imports))]
    return "\n\n".join(opening) + "\n\n\n" + "\n\n\n".join(text for _, text in blocks.values()) + "\n"


def _collect(module: str, name: str, blocks: dict[str, tuple[str, str]], imports: set[str]) -> None:
    """Add what `name` needs, then itself."""
    source = _read(module)
    if name in source.ours:
        _collect(source.ours[name], name, blocks, imports)
        return
    if name in blocks:
        if blocks[name][0] != module:
            raise ValueError(f"{module} and {blocks[name][0]} both define {name}; rename one")
        return
    node = source.defined[name]
    blocks[name] = module, ""  # functions may need each other
    for used in _names(node):
        if used in source.others:
            imports.add(source.others[used])
        elif used in source.ours or used in source.defined:
            _collect(module, used, blocks, imports)
    del blocks[name]
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    blocks[name] = module, "\n".join(source.lines[first - 1 : node.end_lineno])


def _names(node: ast.stmt) -> Iterator[str]:
    return (one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load))


@cache
def _read(module: str) -> _Module:
    package, *path = module.split(".")
    text = files(package).joinpath(*path[:-1], f"{path[-1]}.py").read_text(encoding="utf-8")
    found = _Module(text.splitlines(), {}, {}, {})
    for node in ast.parse(text).body:
        for name in _defines(node):
            found.defined[name] = node
        if isinstance(node, ast.Import | ast.ImportFrom):
            _import(node, found)
    return found


def _import(node: ast.Import | ast.ImportFrom, found: _Module) -> None:
    origin = getattr(node, "module", None)
    for one in node.names:
        known = one.asname or one.name
        if origin and origin.split(".")[0] == _OURS:
            found.ours[known] = (
                origin  # one under another name is not found there, and fails when it is needed
            )
        else:
            spelt = f"{one.name} as {one.asname}" if one.asname else one.name
            found.others[known] = f"from {origin} import {spelt}" if origin else f"import {spelt}"


def _defines(node: ast.stmt) -> Sequence[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [one.id for one in targets if isinstance(one, ast.Name)]
