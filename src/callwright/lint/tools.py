"""Tool documents: whether trainers and models can use them. The tools of one dataset repeat, so each is read once."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callwright.errors import SourceError
from callwright.lint.codes import Finding
from callwright.lint.conversation import Conversation
from callwright.schemas.tool import Tool
from callwright.sources.tool_list import read_tool_list
from callwright.sources.typenames import JSON_TYPES
from callwright.sources.vetting import HIDDEN, INSTRUCTIONS
from callwright.values.canonical import parse_json

_MOST = 20_000
"""Tool documents that are remembered."""
_OPENAI_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_PARAMETERS = ("parameters", "input_schema", "inputSchema")
_OWN_TYPES = ("xlam", "bfcl")
"""Formats whose type names are Python's."""


@dataclass
class Document:
    """One tool document, read."""

    name: str
    """As it was written; empty where there is none."""
    tool: Tool | None
    found: list[Finding] = field(default_factory=list)


class Toolbox:
    """Reads the tools that rows offer."""

    def __init__(self) -> None:
        self._known: dict[str, Document] = {}

    def offered(self, row: Conversation, form: str) -> dict[str, Tool | None] | None:
        """Name -> tool, None for one whose schema cannot be used; None where the row offers nothing.

        What is wrong with the documents is added to the row.
        """
        if row.tools is None:
            return None
        documents = [self._document(one, form) for one in row.tools]
        for document in documents:
            row.found += document.found
        counts = Counter(document.name for document in documents if document.name)
        for name, count in counts.items():
            if count > 1:
                row.report("duplicate_tool", f"{count} tools are called {name}")
        return {document.name: document.tool for document in documents if document.name}

    def _document(self, written: Any, form: str) -> Document:
        key = f"{form in _OWN_TYPES} {written if isinstance(written, str) else json.dumps(written)}"
        if key not in self._known:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[key] = _read(written, form)
        return self._known[key]


def _read(written: Any, form: str) -> Document:
    if isinstance(written, str):
        try:
            written = parse_json(written)
        except ValueError as error:
            return Document("", None, [Finding("invalid_tool", f"no JSON: {error}")])
    function = written.get("function", written) if isinstance(written, Mapping) else written
    if not isinstance(function, Mapping):
        return Document("", None, [Finding("invalid_tool", f"{str(written)[:80]!r} is no tool document")])
    name = function.get("name")
    document = Document(name if isinstance(name, str) else "", None)
    function = _unfolded(function)
    try:
        kit, refusals = read_tool_list([function], "tool")
    except SourceError as error:
        document.found.append(Finding("invalid_tool", str(error)))
        return document
    document.tool = kit.tools[0] if kit.tools else None
    for refusal in refusals:
        code = "unsafe_tool" if refusal.code in (HIDDEN, INSTRUCTIONS) else "invalid_tool"
        document.found.append(Finding(code, f"{document.name or 'a tool'}: {refusal.message}"))
    if document.tool:
        document.found += _habits(document.name, function, form)
    return document


def _unfolded(function: Mapping[str, Any]) -> Mapping[str, Any]:
    """With parameters that stand there as JSON text, as Axolotl takes them, read."""
    try:
        told = {key: parse_json(function[key]) for key in _PARAMETERS if isinstance(function.get(key), str)}
    except ValueError:
        return function
    return {**function, **told}


def _habits(name: str, function: Mapping[str, Any], form: str) -> Iterator[Finding]:
    """What can be read, and breaks a trainer or leaves a model in the dark."""
    if name and not _OPENAI_NAME.fullmatch(name) and form not in _OWN_TYPES:
        yield Finding("tool_name", f"{name!r}: only letters, digits, _ and - are allowed, 64 of them")
    described = function.get("description")
    if not isinstance(described, str) or not described.strip():
        yield Finding("tool_no_description", f"{name} says nothing of what it does")
    if form in _OWN_TYPES:
        return
    schema = next((function[key] for key in _PARAMETERS if function.get(key) is not None), None)
    if not isinstance(schema, Mapping) or not isinstance(schema.get("properties"), Mapping):
        yield Finding("tool_no_properties", f"{name} has no parameters.properties; an empty object is safe")
        return
    required = schema.get("required")
    for one in required if isinstance(required, list) else ():
        if isinstance(one, str) and one not in schema["properties"] and not schema.keys() & {"allOf", "$ref"}:
            yield Finding("tool_required", f"{name} requires {one}, which it does not describe")
    for place, one in _schemas(schema):
        kinds = one.get("type")
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            if isinstance(kind, str) and kind not in JSON_TYPES:
                yield Finding("foreign_types", f"{name}: {place or 'parameters'} has the type {kind!r}")
        options = one.get("enum")
        if isinstance(options, list) and not all(isinstance(option, str) for option in options):
            yield Finding("tool_enum", f"{name}: {place} may be {json.dumps(options)[:80]}")


def _schemas(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(where, schema) for the schema and those that describe its parts."""
    pending: list[tuple[str, Any]] = [("", schema)]
    while pending:
        place, one = pending.pop()
        if not isinstance(one, Mapping):
            continue
        yield place, one
        named = one.get("properties")
        pending += (
            [(f"{place}/{key}", child) for key, child in named.items()] if isinstance(named, Mapping) else []
        )
        pending.append((f"{place}/items", one.get("items")))
        for word in ("anyOf", "oneOf", "allOf"):
            branches: Any = one.get(word)
            pending += [(place, child) for child in branches] if isinstance(branches, Sequence) else []
