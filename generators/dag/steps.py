"""A conversation's calls as numbered steps, each with its answer; what cannot be read so is refused with a code.

broken_call_id     an id stands twice, or an answer has an id that no open call has
missing_result     a call that was never answered
search_residue     the user speaks where nobody asked: a search that began anew, or was told to be different
masked_span        a part of the conversation is marked by its place, such as words not to be learned; it would move
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from callwright.errors import GenerationError
from callwright.schemas.base import canonical_json
from callwright.schemas.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from callwright.schemas.task import Trajectory
from callwright.schemas.tool import Tool
from callwright.values.canonical import parse_json


@dataclass(frozen=True)
class Step:
    """One call with what came back."""

    number: int
    call: ToolCall
    tool: Tool | None
    """None where no such tool is offered."""
    turn: int
    """Index of the assistant's message that made the call."""
    segment: int
    """How often the user had spoken; nothing is moved across that."""
    result: ToolMessage
    at: int
    """Index of the message with the answer."""

    @cached_property
    def arguments(self) -> dict[str, Any] | None:
        """The parsed arguments; None where the text spells no object."""
        try:
            value = parse_json(self.call.arguments)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    @property
    def failed(self) -> bool:
        return not self.result.observation.succeeded

    def same_as(self, other: Step) -> bool:
        """Whether another step is the same call, answered the same."""
        return (
            self.call.name == other.call.name
            and self.result.observation == other.result.observation
            and (self.call.arguments == other.call.arguments or self._text == other._text)
        )

    @property
    def _text(self) -> str:
        return self.call.arguments if self.arguments is None else canonical_json(self.arguments)


def steps_of(trajectory: Trajectory) -> list[Step]:
    """The steps in the order of their calls.

    Raises:
        GenerationError: With one of the codes above.
    """
    tools = {tool.name: tool for tool in trajectory.task.tools}
    messages = trajectory.messages
    if trajectory.notes:
        raise GenerationError("masked_span", "notes are kept of its messages by their places")
    results: dict[str, tuple[int, ToolMessage]] = {}
    calls: list[tuple[ToolCall, int, int]] = []
    segment = 0
    for at, message in enumerate(messages):
        if isinstance(message, UserMessage):
            _check_user(messages, at)
            segment += 1
        elif isinstance(message, AssistantMessage):
            if message.tool_calls and message.spans:
                raise GenerationError("masked_span", f"message {at} has a part that is not to be learnt")
            calls += [(call, at, segment) for call in message.tool_calls]
        elif isinstance(message, ToolMessage):
            named = [call for call, _, _ in calls if call.id == message.tool_call_id]
            if len(named) != 1 or named[0].name != message.name or message.tool_call_id in results:
                told = f"message {at} answers {message.tool_call_id}, which is no open call of {message.name}"
                raise GenerationError("broken_call_id", told)
            results[message.tool_call_id] = (at, message)
    if len({call.id for call, _, _ in calls}) != len(calls):
        raise GenerationError("broken_call_id", "two calls have one id")
    missing = next((call for call, _, _ in calls if call.id not in results), None)
    if missing:
        raise GenerationError("missing_result", f"{missing.name} ({missing.id}) was never answered")
    found = []
    for number, (call, turn, spoken) in enumerate(calls):
        at, result = results[call.id]
        found.append(Step(number, call, tools.get(call.name), turn, spoken, result, at))
    return found


def _check_user(messages: Sequence[Message], at: int) -> None:
    """Whoever speaks to somebody who is at work was not asked."""
    before = messages[at - 1] if at else None
    asked = isinstance(before, AssistantMessage) and not before.tool_calls
    if not (before is None or asked or isinstance(before, SystemMessage)):
        raise GenerationError("search_residue", f"message {at}: the user speaks while calls are under way")
