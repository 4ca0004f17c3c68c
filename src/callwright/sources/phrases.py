"""A phrase sheet is read strictly: a name that the toolkit does not have is an error with its line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple, NoReturn

from pydantic import ValidationError

from callwright import documents
from callwright.errors import SourceError
from callwright.schemas.phrases import Field_, Lookup, PhraseSheet, ToolPhrases
from callwright.schemas.tool import Tool, Toolkit
from callwright.sources.keywords import subschemas
from callwright.values.validation import is_valid

Keys = tuple[str | int, ...]

_ANSWER_SLOTS = ("count", "facts", "items", "value")
"""Slots that every template may have besides arguments and `reply.FIELD`."""


class _Fault(NamedTuple):
    keys: Keys
    message: str


def load_phrases(path: Path, toolkit: Toolkit) -> PhraseSheet:
    """The phrase sheet of a toolkit.

    Raises:
        SourceError: The sheet cannot be read, or names a tool, an argument or a slot that is not there.
            The message names the file, the line and the key.
    """
    try:
        text = documents.read_text(path)
        raw = documents.parse(text, str(path))
    except documents.DocumentError as error:
        raise SourceError(str(error)) from None
    if not isinstance(raw, dict):
        raise SourceError(f"{path}: no phrase sheet; expected a mapping with `noun` and `tools`")
    try:
        sheet = PhraseSheet.model_validate(raw)
    except ValidationError as error:
        _refuse(path, text, _pydantic_fault(error, raw))
    for fault in _faults(sheet, toolkit):
        _refuse(path, text, fault)
    return sheet


def _refuse(path: Path, text: str, fault: _Fault) -> NoReturn:
    line = documents.line_of(text, fault.keys)
    key = ".".join(map(str, fault.keys))
    raise SourceError(f"{path}:{f' line {line}:' if line else ''} {key}: {fault.message}")


def _pydantic_fault(error: ValidationError, raw: Any) -> _Fault:
    """The first thing that pydantic found, with the keys that really stand in the file."""
    found = error.errors(include_url=False)
    # A key with a typing error is both unknown and, under its right name, missing: tell the former.
    first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
    keys: list[str | int] = []
    node = raw
    for step in first["loc"]:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            if first["type"] == "missing":
                keys.append(step)
            break
        keys.append(step)
    if first["type"] == "extra_forbidden":
        return _Fault(tuple(keys), f"no such key{_nearest(str(keys[-1]), _known_keys())}")
    return _Fault(tuple(keys), first["msg"].removeprefix("Value error, "))


def _known_keys() -> list[str]:
    return [key for record in (PhraseSheet, ToolPhrases, Field_, Lookup) for key in record.model_fields]


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _faults(sheet: PhraseSheet, toolkit: Toolkit) -> Iterator[_Fault]:
    tools = {tool.name: tool for tool in toolkit.tools}
    for name, phrases in sheet.tools.items():
        keys = ("tools", name)
        if name in tools:
            yield from _tool_faults(keys, phrases, tools[name], tools)
        else:
            yield _unknown(keys, "tool", name, tools)
    for number, context in enumerate(sheet.contexts):
        yield from _slot_faults(("contexts", number), context, ())
    for name, field in sheet.fields.items():
        yield from _field_faults(("fields", name), field, tools)


def _unknown(keys: Keys, what: str, name: str, known: Iterable[str]) -> _Fault:
    return _Fault(keys, f"there is no {what} named {name}{_nearest(name, known)}")


def _tool_faults(keys: Keys, phrases: ToolPhrases, tool: Tool, tools: dict[str, Tool]) -> Iterator[_Fault]:
    arguments = tuple(tool.properties)
    for place in ("details", "questions", "replies"):
        for name in getattr(phrases, place):
            if name not in arguments:
                yield _unknown((*keys, place, name), "argument", name, arguments)
    for name in phrases.follows:
        if name not in tools:
            yield _unknown((*keys, "follows", name), "tool", name, tools)
    yield from _combination_faults((*keys, "combinations"), phrases.combinations, tool)
    slots = (*arguments, *_ANSWER_SLOTS)
    for where, template in _templates(phrases):
        yield from _slot_faults((*keys, *where), template, slots)
    if phrases.item is not None and (fields := answer_fields(tool)):
        yield from _slot_faults((*keys, "item"), phrases.item, (*sorted(fields), *slots))


def _templates(phrases: ToolPhrases) -> Iterator[tuple[Keys, str]]:
    """Every wording of a tool whose slots are arguments or parts of the answer, and where it stands."""
    yield ("does",), phrases.does
    for place in ("asks", "details", "questions", "replies", "follows"):
        for key, wordings in getattr(phrases, place).items():
            for number, wording in enumerate(wordings):
                yield (place, key, number), wording
    for place in ("answers", "empty"):
        for number, wording in enumerate(getattr(phrases, place)):
            yield (place, number), wording


def _slot_faults(keys: Keys, template: str, known: tuple[str, ...]) -> Iterator[_Fault]:
    try:
        slots = [part for part in Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        yield _Fault(keys, f"braces do not match ({error}); write {{{{ for a brace that is no slot")
        return
    for _, name, form, conversion in slots:
        if form or conversion or not name:
            yield _Fault(keys, "a slot is a name in braces, such as {startDate}, and nothing more")
        elif name not in known and not (known and name.startswith("reply.")):
            yield _unknown(keys, "slot", name, known)


def _combination_faults(
    keys: Keys, combinations: tuple[tuple[str, ...], ...], tool: Tool
) -> Iterator[_Fault]:
    for number, combination in enumerate(combinations):
        here = (*keys, number)
        for position, entry in enumerate(combination):
            name, fixed, value = entry.partition("=")
            if name not in tool.properties:
                yield _unknown((*here, position), "argument", name, tool.properties)
            elif fixed and not _accepts(tool, name, value):
                yield _Fault((*here, position), f"{name} cannot be {value}")
        given = {entry.partition("=")[0] for entry in combination}
        if missing := [name for name in tool.required if name not in given]:
            yield _Fault(here, f"lacks {', '.join(missing)}, which {tool.name} requires")


def _accepts(tool: Tool, name: str, value: str) -> bool:
    """Whether an argument may have a value that is written as text: `7` may be a number as well."""
    schema = {**tool.properties[name], "$defs": tool.parameters.get("$defs", {})}
    readings: list[Any] = [value]
    with suppress(ValueError):
        readings.append(json.loads(value))
    return any(is_valid(schema, reading) for reading in readings)


def _field_faults(keys: Keys, field: Field_, tools: dict[str, Tool]) -> Iterator[_Fault]:
    name = str(keys[-1])
    owner, dot, inner = name.partition(".")
    known = {name for tool in tools.values() for name in _speakable(tool)}
    if dot and owner not in tools:
        yield _unknown(keys, "tool", owner, tools)
    elif dot and inner not in _speakable(tools[owner]):
        yield _unknown(keys, f"argument or answer field of {owner}", inner, _speakable(tools[owner]))
    elif not dot and name not in known:
        yield _unknown(keys, "argument or answer field", name, known)
    if isinstance(field.say, str):
        yield from _slot_faults((*keys, "say"), field.say, ("value",))
    if field.authored:
        owners = [tools[owner]] if owner in tools else tools.values()
        schemas = [tool.properties[inner or name] for tool in owners if (inner or name) in tool.properties]
        if not schemas or not all(_is_text(schema) for schema in schemas):
            yield _Fault((*keys, "authored"), f"{name} is no text argument; remove `authored`")
    if field.lookup:
        yield from _lookup_faults((*keys, "lookup"), field.lookup, tools)


def _is_text(schema: Mapping[str, Any]) -> bool:
    """Whether an argument is a string, or a string or null."""
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"] or [schema]
    return all(one.get("type") in ("string", ["string", "null"]) for one in options)


def _lookup_faults(keys: Keys, lookup: Lookup, tools: dict[str, Tool]) -> Iterator[_Fault]:
    if lookup.tool not in tools:
        yield _unknown((*keys, "tool"), "tool", lookup.tool, tools)
        return
    fields = answer_fields(tools[lookup.tool])
    for key, name in (("by", lookup.by), ("field", lookup.field)):
        if name and fields and name not in fields:
            yield _unknown((*keys, key), f"field in the answer of {lookup.tool}", name, fields)


def _speakable(tool: Tool) -> set[str]:
    return {*tool.properties, *answer_fields(tool)}


def answer_fields(tool: Tool) -> set[str]:
    """The names of every field in a tool's answer, documented or in an example, however deep."""
    found: set[str] = set()
    pending: list[Any] = [tool.returns] if tool.returns else []
    while pending:
        schema = pending.pop()
        if isinstance(schema, dict):
            found |= schema.get("properties", {}).keys()
            pending.extend(subschemas(schema))
    examples: list[Any] = list(tool.reply.examples)
    while examples:
        value = examples.pop()
        if isinstance(value, dict):
            found |= {str(name) for name in value}
            examples.extend(value.values())
        elif isinstance(value, list):
            examples.extend(value)
    return found
