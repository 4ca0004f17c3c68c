"""Small real records for tests: say what matters, the rest has a default."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from callwright.schemas.message import (
    AssistantMessage,
    Message,
    Observation,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from callwright.schemas.probe import Probe
from callwright.schemas.task import Provenance, Task, Trajectory
from callwright.schemas.tool import Tool, Toolkit
from callwright.schemas.verdict import Rung, Verdict
from callwright.schemas.version import Drop, LedgerEntry, Member, Split
from callwright.store import Commit, TaskRow, TrajectoryRow

RECIPE: dict[str, Any] = {"dataset": "museum", "size": 2, "tools": [{"openapi": "museum.yaml"}]}


def tool(name: str = "get_event", description: str = "Read one event.", **properties: Any) -> Tool:
    """A tool whose arguments are the keyword arguments, each a JSON Schema."""
    schemas = properties or {"event_id": {"type": "string"}}
    return Tool(
        name=name,
        description=description,
        parameters={"type": "object", "properties": schemas, "required": list(schemas)},
    )


def toolkit(*tools: Tool, name: str = "museum") -> Toolkit:
    return Toolkit(
        name=name, title=name.title(), licence="MIT", origin="museum.yaml", tools=tools or (tool(),)
    )


def task(instruction: str = "Show me event e1.", *, tools: Sequence[Tool] = (), **changes: Any) -> Task:
    values: dict[str, Any] = {
        "method": "toolalpaca",
        "kind": "single",
        "attempt": 0,
        "seed": 7,
        "toolkit": "museum",
        "instruction": instruction,
        "tools": tuple(tools) or (tool(),),
        "clock": dt.date(2026, 1, 5),
    }
    return Task(**(values | changes))


def call(name: str = "get_event", id: str = "call_1", **arguments: Any) -> ToolCall:
    return ToolCall(id=id, name=name, arguments=json.dumps(arguments, ensure_ascii=False))


def conversation(request: str, calls: Sequence[ToolCall], answer: str = "Done.") -> tuple[Message, ...]:
    """A request, one turn with calls, their observations, an answer."""
    observed = [
        ToolMessage(tool_call_id=one.id, name=one.name, observation=Observation(content='{"ok": true}'))
        for one in calls
    ]
    asked = [AssistantMessage(tool_calls=tuple(calls))] if calls else []
    return (UserMessage(content=request), *asked, *observed, AssistantMessage(content=answer))


def trajectory(
    given: Task | None = None,
    calls: Sequence[ToolCall] | None = None,
    *,
    messages: Sequence[Message] = (),
    teacher: str = "offline-rules",
) -> Trajectory:
    given = given or task()
    made = conversation(given.instruction, [call(event_id="e1")] if calls is None else calls)
    return Trajectory(task=given, messages=tuple(messages) or made, provenance=Provenance(teacher=teacher))


def verdict(row: Trajectory, rung: Rung = "L1", outcome: str = "pass", judge: str = "grounding") -> Verdict:
    return Verdict.model_validate({"trajectory": row.id, "judge": judge, "rung": rung, "outcome": outcome})


def probe(row: Trajectory, *, step: int = 1, student: str = "weak", **changes: Any) -> Probe:
    values = {"greedy": {"outcome": "calls"}, "correct": True} | changes
    return Probe(task=row.task.id, trajectory=row.id, step=step, student=student, **values)


def ledger_entry(key: str = "k1", model: str = "offline-rules", **response: Any) -> LedgerEntry:
    return LedgerEntry(
        key=key,
        purpose="toolalpaca.instruction",
        model=model,
        item="toolalpaca/single/0",
        request={"messages": []},
        response=response or {"text": "Show me event e1."},
        prompt_tokens=10,
        completion_tokens=5,
    )


def member(row: Trajectory, split: Split = "train") -> Member:
    return Member(trajectory=row.id, split=split, kind=row.kind, method=row.task.method)


def drop(attempt: int = 9, code: str = "ungrounded_argument") -> Drop:
    return Drop(method="toolalpaca", kind="single", attempt=attempt, gate="L1", code=code)


def commit(*rows: Trajectory, test: Sequence[Trajectory] = (), **changes: Any) -> Commit:
    """All of `rows` in train and all of `test` in test, each proven to L1."""
    both = [*rows, *test]
    used = {one.id: one for row in both for one in (*row.task.tools, row.task.withheld) if one}
    values: dict[str, Any] = {
        "dataset": "museum",
        "recipe": RECIPE,
        "recipe_digest": "r1",
        "members": [*map(member, rows), *(member(row, "test") for row in test)],
        "toolkits": [toolkit(*used.values())] if used else [],
        "tasks": [TaskRow.of(row.task) for row in both],
        "trajectories": [TrajectoryRow.of(row) for row in both],
        "verdicts": [verdict(row) for row in both],
    }
    return Commit(**(values | changes))
