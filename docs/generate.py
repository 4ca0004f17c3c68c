"""Writes `docs/recipes.md` and `docs/cli.md` out of the code that they describe: make docs."""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from callwright.cli.main import app
from callwright.schemas.base import Record
from callwright.schemas.recipe import MAKES, Recipe

DOCS = Path(__file__).resolve().parent
_TAGS = ("engine", "hook")
"""Keys that say which record of several is meant."""

_RECIPES = """# Recipes

A recipe is one YAML file that describes one dataset. `callwright init` writes one to start from, and a key that is not
on this page is an error that names the nearest one. `make docs` writes this page out of `schemas/recipe.py`.

- On the command line, `--set key.path=value` stands in place of what the file says: `--set methods.ste.episodes=3`.
- Files are relative to the recipe.
- Contents of the tools, methods, quotas, gates, splits, seed, models and sampling decide rows, and a change of one of
  them makes another version. `in_flight`, `base_url`, `timeout_s`, `retries`, `budget`, `schedule`, `views` and where
  files lie decide none.
- A share is a number from 0 to 1.

"""

_CLI = """# The command line

Data is on stdout, talk on stderr. Exit codes: [troubleshooting](troubleshooting.md). `make docs` writes this page out
of what `callwright --help` says.

Names of versions: `museum` is the newest, `museum@3` the third, `museum:stable` the one with that tag.

"""


def recipes() -> str:
    """The page of all keys."""
    made = [f"| `{method}` | {_words([f'`{kind}`' for kind in kinds])} |" for method, kinds in MAKES.items()]
    return (
        _RECIPES
        + "\n".join(_section(place, record) for place, record in _sections())
        + "\n".join(
            ["", "## Which method makes which kinds", "", "| method | kinds |", "| --- | --- |", *made, ""]
        )
    )


@cache
def _sections() -> list[tuple[str, type[Record]]]:
    """Place of a record in the recipe -> the record; one that stands in several places has its tag as place."""
    found: dict[type[Record], str] = {}

    def walk(record: type[Record], place: str) -> None:
        if record in found:
            return
        found[record] = _tag(record) or place
        # What several keys may hold is described once, under the name of its own.
        place = "" if _tag(record) else place
        for name, field in record.model_fields.items():
            key = field.alias or name
            for inner in _records(field.annotation):
                walk(inner, f"{place}.{key}" if place else key)

    walk(Recipe, "")
    return [(place, record) for record, place in found.items()]


def _section(place: str, record: type[Record]) -> str:
    lines = [f"## {place}" if place else "## The recipe", "", _doc(record), ""]
    lines += ["| key | value | default | |", "| --- | --- | --- | --- |"]
    told = descriptions(record)
    for name, field in record.model_fields.items():
        meaning = told.get(name, "")
        if name in _TAGS:
            meaning = "Says which of several this is."
        elif not meaning and (inner := _records(field.annotation)) and not _tag(inner[0]):
            meaning = re.split(r"(?<=\.)\s+(?=[A-Z])", _doc(inner[0]))[0]
        if not meaning:
            raise SystemExit(f"{record.__name__}.{name} has no description; write one beneath it")
        cells = (f"`{field.alias or name}`", _value(field), _default(field), meaning)
        lines.append("| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


@cache
def descriptions(record: type[Record]) -> dict[str, str]:
    """Field -> the text that stands beneath it, those of its bases included."""
    told: dict[str, str] = {}
    for one in reversed(record.__mro__):
        if one is Record or not (isinstance(one, type) and issubclass(one, Record)):
            continue
        [body] = [node for node in ast.parse(textwrap.dedent(inspect.getsource(one))).body]
        assert isinstance(body, ast.ClassDef)
        for field, text in zip(body.body, body.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            ):
                told[field.target.id] = text.value.value
    return told


def _doc(record: type[Record]) -> str:
    return inspect.cleandoc(record.__doc__ or "")


def _tag(record: type[Record]) -> str:
    """What names a record of a union, such as `engine: openai`."""
    for name in _TAGS:
        if name in record.model_fields:
            return f"{name}: {get_args(record.model_fields[name].annotation)[0]}"
    return ""


def _records(annotation: Any) -> list[type[Record]]:
    """The records that an annotation names, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return [annotation]
    return [found for inner in get_args(annotation) for found in _records(inner)]


def _value(field: FieldInfo) -> str:
    return _said(field.annotation, field.metadata)


def _said(annotation: Any, limits: Any = ()) -> str:
    """A type in words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _said(inner[0], inner[1:])
    if origin in (Union, UnionType):
        given = [one for one in inner if one is not NoneType]
        return " or ".join(dict.fromkeys(_said(one, limits) for one in given))
    if origin is Literal:
        return _words([f"`{_yaml(one)}`" for one in inner])
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return f"list of {_said(inner[0])}"
        return f"two values: {'; '.join(_said(one) for one in inner)}"
    if origin is dict:
        return f"mapping from {_said(inner[0])} to {_said(inner[1])}"
    if records := _records(annotation):
        [(place, _)] = [one for one in _sections() if one[1] is records[0]]
        return f"[{place}](#{anchor(place)})"
    names = {str: "text", int: "integer", float: "number", bool: "`true` or `false`"}
    return names[annotation] + _limited(limits)


def _limited(limits: Any) -> str:
    told = {
        name: getattr(one, name)
        for limit in limits
        for one in (limit.metadata if isinstance(limit, FieldInfo) else [limit])
        for name in ("ge", "gt", "le", "lt", "min_length", "pattern")
        if getattr(one, name, None) is not None
    }
    words: dict[str, Callable[[Any], str]] = {
        "ge": lambda limit: f"at least {limit:g}",
        "gt": lambda limit: f"above {limit:g}",
        "le": lambda limit: f"at most {limit:g}",
        "lt": lambda limit: f"below {limit:g}",
        "min_length": lambda limit: f"at least {limit} characters",
        "pattern": lambda limit: f"`{limit}`",
    }
    if "ge" in told and "le" in told:
        return f", {told['ge']:g} to {told['le']:g}"
    return "".join(f", {words[name](limit)}" for name, limit in told.items())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default is None or default == () or default == {}:
        return "none"
    if isinstance(default, tuple) and isinstance(default[0], Record):
        return "`paper`"
    if isinstance(default, Record):
        given = default.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        return f"`{_yaml(given)}`" if given else "its defaults"
    return f"`{_yaml(default)}`"


def _yaml(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return json.dumps(value)


def _words(parts: list[str]) -> str:
    return f"{', '.join(parts[:-1])} or {parts[-1]}" if len(parts) > 1 else parts[0]


def anchor(heading: str) -> str:
    """Where GitHub puts a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def cli() -> str:
    """The page of all commands."""
    root: Any = typer.main.get_command(app)
    sections = [_command(name, command) for name, command in commands(root)]
    contents = [
        f"| [`callwright {name}`](#callwright-{name.replace(' ', '-')}) | {command.help.splitlines()[0]} |"
        for name, command in commands(root)
    ]
    return _CLI + "\n".join(["| command | |", "| --- | --- |", *contents, "", *sections])


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Name as it is typed -> command, groups left out."""
    for name, child in getattr(command, "commands", {}).items():
        if hasattr(child, "commands"):
            yield from commands(child, (*path, name))
        else:
            yield " ".join((*path, name)), child


def _command(name: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    usage = " ".join(
        ["callwright", name, *(_shown(one) if one.required else f"[{_shown(one)}]" for one in arguments)]
    )
    lines = [f"## callwright {name}", "", f"`{usage} [OPTIONS]`", "", inspect.cleandoc(command.help), ""]
    lines += ["| | | default |", "| --- | --- | --- |"]
    for one in command.params:
        typed = _shown(one) if one in arguments else ", ".join(one.opts)
        if one not in arguments and not one.is_flag:
            typed += f" {one.metavar or ('N' if isinstance(one.default, int) else 'TEXT')}"
        default = (
            "required" if one.required else "" if one.default in (None, False, [], ()) else f"`{one.default}`"
        )
        told = one.help.replace("|", "\\|")
        lines.append(f"| `{typed}` | {told} | {default} |".replace("[@N|:TAG]", "[@N\\|:TAG]"))
    return "\n".join(lines) + "\n"


def _shown(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


PAGES = {"recipes.md": recipes, "cli.md": cli}

if __name__ == "__main__":
    for page, text in PAGES.items():
        (DOCS / page).write_text(text(), encoding="utf-8")
        sys.stdout.write(f"{DOCS / page}\n")
