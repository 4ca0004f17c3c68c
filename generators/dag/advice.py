"""A model proposes what waits for what, where neither values nor execution can tell; its graph is checked.

Codes of what is wrong with a proposal: those of `graph.py`, and

backward_wait    a call is said to wait for one that was made after it
"""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx

from callwright.errors import GenerationError
from callwright.generators.dag.dependencies import Pair
from callwright.generators.dag.graph import checked
from callwright.generators.dag.prompts import prompt
from callwright.generators.dag.steps import Step
from callwright.generators.prompting import one_line
from callwright.llm.base import Model, Request, Sampling
from callwright.llm.replies import ask
from callwright.schemas.message import AssistantMessage, ToolMessage, UserMessage
from callwright.schemas.task import Trajectory

_SHOWN = 3_000
"""Characters of one result that the model is shown."""

_REPLY = {
    "type": "object",
    "properties": {
        "calls": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "call": {"type": "integer"},
                    "reason": {"type": "string"},
                    "waits_for": {"type": "array", "items": {"type": "integer"}},
                },
                "required": ["call", "reason", "waits_for"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["calls"],
    "additionalProperties": False,
}


class Advice:
    """Asks a language model for the edges of a conversation's graph."""

    def __init__(self, model: Model, sampling: Sampling) -> None:
        self._model = model
        self._sampling = sampling

    async def waits(self, row: Trajectory, steps: Sequence[Step], known: nx.DiGraph[int]) -> set[Pair]:
        request = Request(
            purpose="dag.order",
            messages=(
                {"role": "system", "content": prompt("order").template},
                {"role": "user", "content": told(row, steps)},
            ),
            reply_schema=_REPLY,
            sampling=self._sampling,
            sample=row.task.attempt,
            item=f"dag/order/{row.id}",
        )
        reply = (await ask(self._model, request)).parsed
        return proposed(reply["calls"], len(steps))


def proposed(calls: Sequence[dict[str, object]], count: int) -> set[Pair]:
    """The edges of a proposal for steps 0 to `count - 1`, which it counts from 1 on.

    Raises:
        GenerationError: It is no graph over exactly these steps, or goes against the order in which they were made.
    """
    listed = [int(one["call"]) for one in calls]  # type: ignore[call-overload]
    missing = set(range(1, count + 1)) - set(listed)
    if missing:
        raise GenerationError("missing_step", f"nothing is said of call {min(missing)}")
    pairs = [(int(before), int(one["call"])) for one in calls for before in one["waits_for"]]  # type: ignore[attr-defined, call-overload]
    checked(range(1, count + 1), pairs)
    for before, after in pairs:
        if before > after:
            raise GenerationError("backward_wait", f"call {after} was made before call {before}")
    return {(before - 1, after - 1) for before, after in pairs}


def told(row: Trajectory, steps: Sequence[Step]) -> str:
    """A conversation as text, its calls numbered from 1 on."""
    numbers = {step.call.id: step.number + 1 for step in steps}
    lines = []
    for message in row.messages:
        if isinstance(message, UserMessage):
            lines.append(f"The person: {one_line(message.content)}")
        elif isinstance(message, AssistantMessage):
            if message.content:
                lines.append(f"The assistant: {one_line(message.content)}")
            for call in message.tool_calls:
                if call.id in numbers:
                    lines.append(f"Call {numbers[call.id]}: {call.name} {call.arguments}")
        elif isinstance(message, ToolMessage) and message.tool_call_id in numbers:
            shown = message.content[:_SHOWN] + ("..." if len(message.content) > _SHOWN else "")
            lines.append(f"Result of call {numbers[message.tool_call_id]}: {one_line(shown)}")
    return "\n\n".join(lines)
