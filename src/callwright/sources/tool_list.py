"""A JSON list of functions, as chat requests and tool-calling datasets carry them, becomes a toolkit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from callwright.errors import SourceError
from callwright.schemas.base import canonical_json
from callwright.schemas.tool import Binding, Refusal, Tool, Toolkit
from callwright.sources.closing import Closer
from callwright.sources.dialect import Dialect
from callwright.sources.naming import legal, resource_of_name, slug, unique
from callwright.sources.problems import Unusable, reason_of, shown
from callwright.sources.prose import plain_text, shortened
from callwright.sources.typenames import parse_type
from callwright.sources.vetting import vet
from callwright.values.validation import SchemaError, is_valid, validator

_PARAMETERS = ("parameters", "input_schema", "inputSchema")
_RETURNS = ("returns", "response", "output_schema", "outputSchema")


def read_tool_list(
    document: Any,
    origin: str,
    *,
    name: str | None = None,
    bind: Callable[[str], Binding] | None = None,
) -> tuple[Toolkit, tuple[Refusal, ...]]:
    """The toolkit of a parsed list of functions, or of a mapping with such a list under `tools`.

    Args:
        document: The parsed file.
        origin: The file's name, for messages and for the toolkit's record.
        name: The toolkit's name; the document's own or the file's unless given.
        bind: How a function is called, by its name as it was written; nothing runs them unless given.

    Raises:
        SourceError: It is no list of functions, or an empty one.
    """
    holder = document if isinstance(document, dict) else {"tools": document}
    entries = holder.get("tools")
    if not isinstance(entries, list) or not entries:
        found = "an empty list" if entries == [] else shown(entries)
        raise SourceError(
            f"{origin}: has {found} of tools; expected [{{name, description, parameters}}, ...]"
        )
    tools: dict[str, Tool] = {}
    refusals: list[Refusal] = []
    seen: set[str] = set()
    for position, entry in enumerate(entries):
        try:
            tool = _tool(entry, tools, seen, bind)
            tools[tool.name] = tool
        except (Unusable, SchemaError, RecursionError) as error:
            code, message = reason_of(error)
            refusals.append(Refusal(code=code, where=f"{origin}: {_label(entry, position)}", message=message))
    title = _text(holder.get("title")) or _text(holder.get("name")) or origin.split(".")[0]
    kit = Toolkit(
        name=slug(name or title) or "toolkit",
        title=title,
        description=shortened(plain_text(_text(holder.get("description")))),
        origin=origin,
        licence=_text(holder.get("license")) or _text(holder.get("licence")) or None,
        tools=tuple(tools.values()),
    )
    return kit, tuple(refusals)


def _tool(entry: Any, taken: dict[str, Tool], seen: set[str], bind: Callable[[str], Binding] | None) -> Tool:
    """One entry of the list; `seen` are the names as they were written."""
    function = _unwrapped(entry)
    written = _text(function.get("name"))
    if not written:
        raise Unusable("no_name", "the function has no name")
    if written in seen:
        raise Unusable("duplicate_name", f"a function named {written} came before")
    seen.add(written)
    description = shortened(plain_text(_text(function.get("description"))))
    tool = Tool(
        name=unique(legal(written, "tool"), taken),
        description=description or written,
        parameters=_parameters(_first(function, _PARAMETERS)),
        returns=_returns(_first(function, _RETURNS)),
        summary=_text(function.get("title")),
        resource=resource_of_name(written),
        binding=bind(written) if bind else None,
    )
    # Both: markup that is taken off may hide an instruction, and an entity may stand for a hidden character.
    vet(function, tool.wire(), tool.returns)
    try:
        canonical_json(tool.model_dump())
    except (TypeError, ValueError) as error:
        raise Unusable("invalid_value", f"holds a value that JSON does not have: {error}") from None
    return tool


def _unwrapped(entry: Any) -> dict[Any, Any]:
    function = entry.get("function", entry) if isinstance(entry, dict) else entry
    if not isinstance(function, dict):
        raise Unusable("invalid_tool", f"the entry is {shown(entry)}, expected a function with a name")
    return function


def _label(entry: Any, position: int) -> str:
    function = entry.get("function", entry) if isinstance(entry, dict) else entry
    name = function.get("name") if isinstance(function, dict) else None
    return f"tool {position + 1}" + (f" ({name})" if isinstance(name, str) and name else "")


def _first(function: dict[Any, Any], keys: tuple[str, ...]) -> Any:
    return next((function[key] for key in keys if function.get(key) is not None), None)


def _parameters(written: Any) -> dict[str, Any]:
    """The arguments' schema: JSON Schema, or a flat mapping of argument to type and description."""
    if written is None or written == {}:
        return {"type": "object", "properties": {}}
    if not isinstance(written, dict):
        raise Unusable("invalid_schema", f"the parameters are {shown(written)}, expected a mapping")
    schema = _closed(_from_flat(written) if _is_flat(written) else written)
    if schema.get("type", "object") != "object":
        raise Unusable(
            "invalid_schema", f"the parameters are of type {shown(schema['type'])}, expected object"
        )
    words = {key: value for key, value in schema.items() if key not in ("type", "properties")}
    return {"type": "object", "properties": schema.get("properties", {}), **words}


def _returns(written: Any) -> dict[str, Any] | None:
    return _closed(written) if isinstance(written, dict) and written else None


def _closed(written: dict[Any, Any]) -> dict[str, Any]:
    """The schema, translated and self-contained, once it is known to compile."""
    dialect = Dialect(written)
    translated = dialect.translate(written)
    opened = dialect.opened(translated)
    closed = Closer(dialect).close(opened)
    if not isinstance(closed, dict):
        raise Unusable("invalid_schema", f"the schema is {shown(written)}, expected one with properties")
    validator(closed)
    return closed


def _is_flat(written: dict[Any, Any]) -> bool:
    """Whether each key is an argument, as in {"city": {"type": "str", "description": "..."}}."""
    if isinstance(written.get("type"), str | list) or isinstance(written.get("$ref"), str):
        return False
    described = all(isinstance(value, dict) for value in written.values())
    return described and not _holds_schemas(written.get("properties"))


def _holds_schemas(value: Any) -> bool:
    """Whether a value under `properties` is JSON Schema's word, and not an argument of that name."""
    return isinstance(value, dict) and all(isinstance(each, dict) for each in value.values())


def _from_flat(written: dict[Any, Any]) -> dict[str, Any]:
    """JSON Schema for flat parameters; what is called optional or has a default need not be given."""
    arguments = {str(name): _flat_argument(value) for name, value in written.items()}
    required = [name for name, (_, needed) in arguments.items() if needed]
    properties = {name: schema for name, (schema, _) in arguments.items()}
    return {"type": "object", "properties": properties, "required": required}


def _flat_argument(written: dict[Any, Any]) -> tuple[dict[str, Any], bool]:
    spoken = written.get("type")
    name, optional = _spoken_type(spoken) if isinstance(spoken, str) else ("any", False)
    rest = {key: value for key, value in written.items() if key not in ("type", "required", "optional")}
    # Words beside the type win: `List[str]` with `items` of its own.
    schema = {**parse_type(name), **rest} if isinstance(spoken, str | None) else {"type": spoken, **rest}
    if "default" in schema and not is_valid(_closed(schema), schema["default"]):
        del schema["default"]  # lists of this kind fill in "" for lack of a default
    said = written.get("required")
    needed = said if isinstance(said, bool) else not (optional or "default" in written)
    return schema, needed and written.get("optional") is not True


def _spoken_type(text: str) -> tuple[str, bool]:
    """`str, optional` is the type `str`, and optional."""
    name = re.sub(r",?\s*\(?\b(optional|required)\b\)?\s*$", "", text, flags=re.IGNORECASE).strip()
    name = re.sub(r",?\s*default\b.*$", "", name, flags=re.IGNORECASE).strip()
    lowered = text.strip().lower()
    optional = lowered.endswith(("optional", "optional)")) or lowered.startswith("optional[")
    return name or "any", optional or "default" in lowered


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
