"""T4: what an invented API must keep besides being valid; the paper asks for it in its prompts, here code looks.

duplicate_function   two operations of one name           invented_function    an operation that was not listed
missing_function     a function without an operation      unobtainable_id      a required id that no other answer gives
unbounded_list       a list with nothing to narrow it     undocumented_reply   an operation that does not say its answer
not_text             a body that is neither JSON nor text
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from callwright.schemas.tool import OpenAPIBinding, Tool, Toolkit
from callwright.sources.naming import operation_name
from callwright.toolbox.graph import feeds_of, tool_graph
from callwright.values.makers import is_id_name, json_type

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class Problem(NamedTuple):
    """Something that has to be mended."""

    code: str
    message: str


def problems(document: Mapping[str, Any], toolkit: Toolkit, functions: Sequence[str]) -> list[Problem]:
    """Every rule that a valid document breaks, and where.

    Args:
        document: The OpenAPI document.
        toolkit: What the importer made of it.
        functions: The names that its operations must have.
    """
    return [
        *_names(document, functions),
        *_bodies(document),
        *_ids(toolkit),
        *_lists(toolkit),
        *_replies(toolkit),
    ]


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Name, method, path and definition of every operation, in documented order."""
    for path, item in document.get("paths", {}).items():
        for method in _METHODS:
            if isinstance(item, dict) and isinstance(item.get(method), dict):
                name = item[method].get("operationId") or operation_name(method, path)
                yield name, method, path, item[method]


def _names(document: Mapping[str, Any], functions: Sequence[str]) -> Iterator[Problem]:
    made = [name for name, *_ in operations(document)]
    for name, count in Counter(name.casefold() for name in made).items():
        if count > 1:
            yield Problem("duplicate_function", f"{count} operations are called {name}")
    for name in sorted(set(made) - set(functions)):
        yield Problem("invented_function", f"the operation {name} is none of the listed functions")
    for name in sorted(set(functions) - set(made)):
        yield Problem("missing_function", f"the listed function {name} has no operation")


def _bodies(document: Mapping[str, Any]) -> Iterator[Problem]:
    for name, _, _, operation in operations(document):
        holders = [operation.get("requestBody") or {}, *operation.get("responses", {}).values()]
        for holder in holders:
            for kind in holder.get("content", {}) if isinstance(holder, dict) else ():
                if not (kind.startswith("text/") or kind.partition(";")[0] == "application/json"):
                    yield Problem("not_text", f"{name}: a body is {kind}; only application/json and text are")


def _ids(toolkit: Toolkit) -> Iterator[Problem]:
    """Required ids that cannot be come by, starting from the functions that need none."""
    graph = tool_graph(toolkit)
    needed = {
        tool.name: [name for name in tool.required if _names_a_thing(tool, name)] for tool in toolkit.tools
    }
    reached = {name for name, ids in needed.items() if not ids}
    while True:
        more = {
            name
            for name, ids in needed.items()
            if name not in reached
            and all(any(_gives(graph, giver, name, one) for giver in reached) for one in ids)
        }
        if not more:
            break
        reached |= more
    for name, ids in needed.items():
        for one in ids:
            if name not in reached and not any(_gives(graph, giver, name, one) for giver in reached):
                yield Problem(
                    "unobtainable_id",
                    f"{name} requires {one}, but no other function that can be called without it answers with a "
                    f"field {one}, or with the id of that thing",
                )


def _names_a_thing(tool: Tool, argument: str) -> bool:
    schema = tool.properties[argument]
    if "enum" in schema or "const" in schema:
        return False
    return is_id_name(argument, codes=False) or schema.get("format") == "uuid"


def _gives(graph: Any, giver: str, taker: str, argument: str) -> bool:
    return graph.has_edge(giver, taker) and any(
        feed.argument == argument for feed in feeds_of(graph, giver, taker)
    )


def _lists(toolkit: Toolkit) -> Iterator[Problem]:
    for tool in toolkit.tools:
        if not tool.properties and answers_with_list(tool):
            yield Problem(
                "unbounded_list", f"{tool.name} returns a list and takes nothing that narrows it down"
            )


def _replies(toolkit: Toolkit) -> Iterator[Problem]:
    for tool in toolkit.tools:
        deletes = isinstance(tool.binding, OpenAPIBinding) and tool.binding.method == "DELETE"
        if not tool.returns and not deletes:
            yield Problem("undocumented_reply", f"{tool.name}: its successful answer has no schema")


def answers_with_list(tool: Tool) -> bool:
    """Whether a tool answers with a list, or with an object that is a list and what is said of it."""
    schema = tool.returns or {}
    if json_type(schema) == "array":
        return True
    root = schema.get("$defs", {})
    inner = [resolved(child, root) for child in schema.get("properties", {}).values()]
    lists = [one for one in inner if json_type(one) == "array" and _holds_things(one, root)]
    return len(lists) == 1


def _holds_things(schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    items = resolved(schema.get("items"), root)
    return json_type(items) == "object" or "properties" in items


def resolved(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema, or the one that it refers to among `root`, the definitions beside it."""
    if not isinstance(schema, dict):
        return {}
    name = str(schema.get("$ref", "")).rsplit("/", 1)[-1]
    found: Mapping[str, Any] = root.get(name, schema) if name else schema
    return found
