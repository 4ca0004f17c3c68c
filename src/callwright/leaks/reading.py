"""Read a benchmark or test set of whatever shape: what is asked, called and offered is found by walking the JSON.

Known by their keys are chats (`role` and `content`, `from` and `value`), questions, calls (`name` and `arguments`, also
as JSON text), expected calls by their tool's name (`{"tool": {"argument": [values]}}`), and tools (`name` with
`parameters`, `input_schema` or `inputSchema`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callwright.documents import DocumentError, parquet_rows
from callwright.errors import UsageError
from callwright.leaks.items import Call, Item, ToolDoc

_TEXT_KEYS = frozenset(
    "query question instruction prompt input utterance request text user problem goal task user_query".split()
)
_USERS = frozenset({"user", "human"})
_SPEAKERS = ("role", "from")
_SCHEMAS = ("parameters", "input_schema", "inputSchema")
_EXPECTED = frozenset({"ground_truth", "possible_answer", "answer", "answers", "expected", "gold"})
_DIGEST = re.compile(r"[0-9a-f]{32}")
_DEEPEST = 40


def read_items(path: Path) -> Iterator[Item]:
    """The rows of a file, one at a time.

    Args:
        path: JSON lines, JSON (a list, or one row) or parquet.

    Raises:
        UsageError: The file cannot be read, or nothing in it is asked, called or offered.
    """
    seen: dict[str, None] = {}
    known = False
    for number, row in _rows(path):
        found = _Found()
        _walk(row, found, "", 0)
        item = Item(
            f"{path.name}:{number}",
            tuple(dict.fromkeys(found.texts)),
            tuple(found.calls),
            tuple(found.tools),
            frozenset(found.ids),
        )
        if item.texts or item.calls or item.tools:
            known = True
            yield item
        elif len(seen) < 8:
            seen.update(dict.fromkeys(map(str, row) if isinstance(row, Mapping) else [type(row).__name__]))
    if not known:
        keys = ", ".join(list(seen)[:8]) or "nothing"
        raise UsageError(
            f"{path}: holds no requests, calls or tools in a shape that is known; its rows have: {keys}. "
            "Rows need chat messages, a question, calls with name and arguments, or tools with parameters"
        )


@dataclass
class _Found:
    texts: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    tools: list[ToolDoc] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    """Each row with its number, from 1; a line's number in JSON lines."""
    try:
        if path.suffix == ".parquet":
            yield from enumerate(parquet_rows(path, 256), 1)
            return
        with path.open(encoding="utf-8") as file:
            if path.suffix == ".json":
                body = json.load(file)
                yield from enumerate(body if isinstance(body, list) else [body], 1)
                return
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, json.loads(line)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except DocumentError as error:
        raise UsageError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is no JSON lines or JSON ({error})") from None


def _walk(node: Any, found: _Found, key: str, depth: int) -> None:
    if depth > _DEEPEST:
        return
    if isinstance(node, str):
        _text(node, found, key, depth)
    elif isinstance(node, Mapping):
        _mapping(node, found, key, depth)
    elif isinstance(node, list | tuple):
        for child in node:
            _walk(child, found, key, depth + 1)


def _text(text: str, found: _Found, key: str, depth: int) -> None:
    if _DIGEST.fullmatch(text):
        found.ids.add(text)
        return
    inner = _parsed(text)
    if inner is not None:
        _walk(inner, found, key, depth + 1)
    elif key in _TEXT_KEYS and text.strip():
        found.texts.append(text)


def _mapping(node: Mapping[str, Any], found: _Found, key: str, depth: int) -> None:
    tool, call = _tool(node), _call(node, key)
    if tool:
        found.tools.append(tool)
        return
    if call:
        found.calls.append(call)
        return
    speaker = next((node[one] for one in _SPEAKERS if isinstance(node.get(one), str)), None)
    for name, child in node.items():
        if speaker is None or name not in ("content", "value"):
            _walk(child, found, name, depth + 1)
        elif speaker.casefold() in _USERS:
            _walk(child, found, "user", depth + 1)
        # What others say is no request, but calls may stand in it.
        elif isinstance(child, str) and "tool_call" in child:
            for text in re.findall(r"<tool_call>(.*?)</tool_call>", child, re.DOTALL):
                _walk(_parsed(text.strip()), found, "", depth + 1)


def _tool(node: Mapping[str, Any]) -> ToolDoc | None:
    name = node.get("name")
    schema = next((node[one] for one in _SCHEMAS if one in node), None)
    schema = _parsed(schema) if isinstance(schema, str) else schema
    if not isinstance(name, str) or not isinstance(schema, Mapping) or "arguments" in node:
        return None
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        # Flat: argument -> its schema. Otherwise these are the values of a call.
        if not all(isinstance(one, Mapping) for one in schema.values()) or "description" not in node:
            return None
        properties = schema
    # Arrow fills what other tools have with nulls.
    arguments = frozenset(one for one, given in properties.items() if given is not None)
    return ToolDoc(name, arguments, str(node.get("description") or ""))


def _call(node: Mapping[str, Any], key: str) -> Call | None:
    name = node.get("name")
    if isinstance(name, str):
        given = next(
            (node[one] for one in ("arguments", "args", "parameters") if node.get(one) is not None), None
        )
        given = _parsed(given) if isinstance(given, str) else given
        return Call(name, _given(given)) if isinstance(given, Mapping) else None
    if key in _EXPECTED and len(node) == 1:
        [(name, given)] = node.items()
        if isinstance(given, Mapping) and all(isinstance(one, list) for one in given.values()):
            return Call(name, {one: values[0] for one, values in given.items() if values and values[0] != ""})
    return None


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments without the nulls that Arrow fills in."""
    return {name: value for name, value in arguments.items() if value is not None}


def _parsed(text: str) -> Any:
    """The list or object in a JSON text; None for other text."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict | list) else None
