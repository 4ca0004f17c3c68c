"""What is wrong with an answer, said by rule where the right one is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from callwright.schemas.base import canonical_json
from callwright.schemas.message import AssistantMessage, ToolCall
from callwright.schemas.tool import Tool
from callwright.values.calls import tool_match
from callwright.values.canonical import parse_json

_QUOTED = 160
"""Characters of a turn's words that are repeated."""


def analysis(
    tools: Mapping[str, Tool], right: AssistantMessage, wrong: AssistantMessage, *, asking: bool
) -> str:
    """What a wrong turn does otherwise than the right one, in a sentence or two.

    Args:
        asking: Whether the right turn asks for what is missing. A question mark alone does not say so: who declines may
            end with an offer.
    """
    if not wrong.tool_calls and not wrong.content.strip():
        return "The answer was empty."
    if not wrong.tool_calls:
        said = f"The answer only said {_quoted(wrong.content)}"
        return (
            f"{said}, where {_names(right.tool_calls)} had to be called." if right.tool_calls else f"{said}."
        )
    if not right.tool_calls:
        move = "the person had to be asked first" if asking else "none of the tools serves"
        return f"The answer called {_listed(wrong.tool_calls)}, where {move}."
    missing, extra = _unmatched(tools, right.tool_calls, wrong.tool_calls)
    pairs = [(one, other) for one in missing for other in extra if one.name == other.name][:1]
    if pairs:
        missing.remove(pairs[0][0])
        extra.remove(pairs[0][1])
    parts = [f"called {one.name} {_otherwise(one, other)}" for one, other in pairs]
    if extra:
        told = f"called {_listed(extra)} instead of {_listed(missing)}"
        parts.append(told if missing else f"also called {_listed(extra)}, which nobody asked for")
    elif missing:
        parts.append(f"left out the call {_listed(missing)}")
    return f"The answer {' and '.join(parts)}." if parts else ""


def approach(right: AssistantMessage, *, asking: bool) -> str:
    """What the right turn does, in a sentence."""
    if right.tool_calls:
        return f"Call {_listed(right.tool_calls)}."
    if asking:
        return f"Ask for what is missing before anything is called: {_quoted(right.content)}."
    return "Call nothing, and say that none of the tools can do it."


def _unmatched(
    tools: Mapping[str, Tool], right: Sequence[ToolCall], wrong: Sequence[ToolCall]
) -> tuple[list[ToolCall], list[ToolCall]]:
    """The calls of each turn that the other does not have."""
    missing, extra = list(right), list(wrong)
    for call in right:
        same = next((one for one in extra if tool_match(tools, [call], [one])), None)
        if same is not None:
            missing.remove(call)
            extra.remove(same)
    return missing, extra


def _otherwise(right: ToolCall, wrong: ToolCall) -> str:
    """How the arguments of two calls of one tool differ."""
    meant, made = _arguments(right), _arguments(wrong)
    if meant is None or made is None:
        return f"with {wrong.arguments}"
    found = []
    for name in dict.fromkeys((*meant, *made)):
        if name not in made:
            found.append(f"without {name} {_said(meant[name])}")
        elif name not in meant:
            found.append(f"with {name} {_said(made[name])}, which it does not need")
        elif canonical_json(meant[name]) != canonical_json(made[name]):
            found.append(f"with {name} {_said(made[name])} instead of {_said(meant[name])}")
    return " and ".join(found)


def _arguments(call: ToolCall) -> dict[str, Any] | None:
    try:
        value = parse_json(call.arguments)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _listed(calls: Sequence[ToolCall]) -> str:
    return ", ".join(f"{call.name}({_inside(call)})" for call in calls)


def _inside(call: ToolCall) -> str:
    arguments = _arguments(call)
    if arguments is None:
        return call.arguments
    return ", ".join(f"{name}={_said(value)}" for name, value in arguments.items())


def _names(calls: Sequence[ToolCall]) -> str:
    return " and ".join(dict.fromkeys(call.name for call in calls))


def _said(value: Any) -> str:
    return canonical_json(value)


def _quoted(text: str) -> str:
    words = " ".join(text.split())
    return canonical_json(words if len(words) <= _QUOTED else f"{words[:_QUOTED]}...")
