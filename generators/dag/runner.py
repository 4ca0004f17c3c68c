"""The loop in which a model that was trained on parallel rows works: it plans a round, which runs at once, and so on.

Zhu et al. 2025 (DTA-Llama): Process (the model: plans and aggregates) and Threads (one for each call). What
stands in the conversation is the same whichever call ends first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from callwright.llm.base import Completion, Model, Request, Sampling
from callwright.schemas.base import canonical_json
from callwright.schemas.message import AssistantMessage, Message, Observation, ToolCall, ToolMessage, to_wire
from callwright.schemas.tool import Tool
from callwright.toolbox.base import Session, problem
from callwright.values.canonical import parse_json

Stopped = Literal["answered", "round_limit", "call_limit", "length"]


@dataclass
class Played:
    """A conversation that a model was left to finish."""

    messages: list[Message]
    stopped: Stopped = "answered"
    """Why it ended; at a limit the model was made to answer with what it had."""
    rounds: list[int] = field(default_factory=list)
    """Calls of each round."""
    executed: int = 0
    """Calls that were really made: the same call twice in one round is made once."""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def calls(self) -> int:
        return sum(self.rounds)


async def run(
    model: Model,
    session: Session,
    tools: Sequence[Tool],
    messages: Sequence[Message],
    *,
    sampling: Sampling | None = None,
    timeout_s: float = 30.0,
    max_rounds: int = 12,
    max_calls: int = 64,
    item: str = "run",
) -> Played:
    """Let a model finish a conversation.

    Args:
        model: Plans the rounds and gives the answer.
        session: What runs the calls; those of a round are under way together.
        tools: The offered tools.
        messages: System message and the user's, and whatever has been said since.
        sampling: How the model is sampled; greedily unless given.
        timeout_s: Seconds that a round waits for each of its calls; whatever is late is an error of that call alone.
        max_rounds: Turns with calls.
        max_calls: Calls in all; those beyond are refused, and the model has to answer.
        item: Name of the conversation in the ledger.

    Raises:
        ModelError: The endpoint failed for good.
    """
    played = Played(list(messages))
    wire_tools = tuple(tool.wire() for tool in tools)
    while True:
        full = _limit(played, max_rounds, max_calls)
        completion = await model.complete(
            Request(
                purpose="dag.run",
                messages=tuple(to_wire(message) for message in played.messages),
                tools=wire_tools,
                tool_choice="none" if full else "auto",
                sampling=sampling or Sampling(),
                item=item,
                urgency=len(played.messages),
            )
        )
        played.prompt_tokens += completion.usage.prompt_tokens
        played.completion_tokens += completion.usage.completion_tokens
        calls = () if full else _named(completion, len(played.messages))
        played.messages.append(AssistantMessage(content=completion.text.strip(), tool_calls=calls))
        if completion.finish_reason == "length":
            played.stopped = "length"
            return played
        if not calls:
            played.stopped = full or "answered"
            return played
        observations = await _round(session, calls, timeout_s, max_calls - played.executed, played)
        played.rounds.append(len(calls))
        for call, seen in zip(calls, observations, strict=True):
            played.messages.append(ToolMessage(tool_call_id=call.id, name=call.name, observation=seen))


def _limit(played: Played, max_rounds: int, max_calls: int) -> Stopped | None:
    if played.executed >= max_calls:
        return "call_limit"
    return "round_limit" if len(played.rounds) >= max_rounds else None


def _named(completion: Completion, turn: int) -> tuple[ToolCall, ...]:
    """The calls of a turn under ids of their own, where the model gave them none."""
    ids = [call.id for call in completion.tool_calls]
    if all(ids) and len(set(ids)) == len(ids):
        return completion.tool_calls
    return tuple(
        call.model_copy(update={"id": f"c{turn:04d}{index:04d}"})
        for index, call in enumerate(completion.tool_calls)
    )


async def _round(
    session: Session, calls: Sequence[ToolCall], timeout_s: float, left: int, played: Played
) -> list[Observation]:
    """What each call of a round is answered, in their order; equal calls are made once."""
    tasks: dict[str, asyncio.Task[Observation]] = {}
    for call in calls:
        key = _key(call)
        if key not in tasks and len(tasks) < left:
            tasks[key] = asyncio.create_task(session.call(call))
    played.executed += len(tasks)
    try:
        await asyncio.wait(tasks.values(), timeout=timeout_s)
        return [_outcome(call, tasks.get(_key(call)), timeout_s) for call in calls]
    finally:
        for task in tasks.values():
            task.cancel()  # nobody waits for what is late


def _outcome(call: ToolCall, task: asyncio.Task[Observation] | None, timeout_s: float) -> Observation:
    if task is None:
        return problem(429, "The limit of calls is reached; answer with what is there.", "simulated")
    if not task.done():
        return problem(504, f"{call.name} did not answer within {timeout_s:g} seconds.", "simulated")
    error = task.exception()
    if error is not None:
        return problem(500, f"{call.name} failed: {error}", "simulated")
    return task.result()


def _key(call: ToolCall) -> str:
    try:
        return f"{call.name} {canonical_json(parse_json(call.arguments))}"
    except ValueError:
        return f"{call.name} {call.arguments}"
