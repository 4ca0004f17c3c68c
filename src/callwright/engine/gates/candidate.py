"""A row that waits to be chosen: of a result, what selection looks at, without the conversation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callwright.engine.results import Result
from callwright.schemas.message import ToolCall
from callwright.schemas.task import Kind
from callwright.schemas.tool import Tool, Toolkit
from callwright.schemas.verdict import RUNGS, highest_rung
from callwright.splits import ToolKey
from callwright.values.calls import call_key


@dataclass(frozen=True, slots=True)
class Candidate:
    """One result."""

    result: Result
    """Without task, conversation and verdicts."""
    root: str
    kind: Kind
    rung: int
    """Place of the highest rung that it passed among `RUNGS`; -1 for none."""
    said: str
    """All that the user says, a line for each turn."""
    calls: tuple[str, ...]
    """The canonical text of each call, in alphabetical order."""
    called: frozenset[ToolKey]
    shows: frozenset[ToolKey]
    """The tools that it offers or calls."""
    empty_arguments: bool


class Candidates:
    """Makes candidates of results."""

    def __init__(self, toolkits: Sequence[Toolkit] = ()) -> None:
        self._tools = {tool.id: (kit.name, tool) for kit in toolkits for tool in kit.tools}

    def of(self, result: Result) -> Candidate:
        offered = {
            tool.name: (kit, tool)
            for kit, tool in (self._tools[one] for one in result.task.get("tools", ()) if one in self._tools)
        }
        tools = {name: tool for name, (_, tool) in offered.items()}
        calls = list(calls_in(result.trajectory))
        own = result.task.get("toolkit", "")
        called = frozenset((offered[one.name][0] if one.name in offered else own, one.name) for one in calls)
        rung = highest_rung(result.verdicts)
        return Candidate(
            result=result.model_copy(update={"task": {}, "trajectory": {}, "verdicts": ()}),
            root=result.root,
            kind=result.row_kind or result.kind,
            rung=RUNGS.index(rung) if rung else -1,
            said="\n".join(said_in(result.trajectory)),
            calls=tuple(sorted(_key(tools, one) for one in calls)),
            called=called,
            shows=called | {(kit, name) for name, (kit, _) in offered.items()},
            empty_arguments=result.empty_arguments,
        )


def said_in(trajectory: Mapping[str, Any]) -> Iterator[str]:
    """What the user says in a conversation's record."""
    return (one["content"] for one in trajectory.get("messages", ()) if one["role"] == "user")


def calls_in(trajectory: Mapping[str, Any]) -> Iterator[ToolCall]:
    """The calls of a conversation's record."""
    for message in trajectory.get("messages", ()):
        for call in message.get("tool_calls", ()):
            yield ToolCall(id=call.get("id", ""), name=call["name"], arguments=call["arguments"])


def _key(tools: Mapping[str, Tool], call: ToolCall) -> str:
    return call_key(tools, call) or f"{call.name} {call.arguments}"


def arguments_in(call: ToolCall) -> dict[str, Any]:
    """A call's arguments; none where they are no JSON object."""
    try:
        body = json.loads(call.arguments)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
