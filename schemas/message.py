"""Messages of a conversation, told apart by role; the model's own text is kept raw."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.schemas.base import Record

Trust = Literal["real", "executed", "simulated"]


class ToolCall(Record):
    id: str
    name: str
    arguments: str
    """Raw JSON text, exactly as the model wrote it."""


class Observation(Record):
    """What came back from a call."""

    content: str
    """The text that the model is shown."""
    status: int = 200
    """HTTP-like status; 2xx is success."""
    trust: Trust = "simulated"
    media_type: str = "application/json"
    cut: bool = False
    """Whether the answer was larger than a model is shown: `{"cut": [notes], "result": what is left of it}`."""

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status < 300


WRONG = "error"
"""Label of a stretch that is mistaken on purpose: no trainer learns it, and no judge takes it for a claim."""
RIGHT = "correction"
"""Label of the stretch that puts it right."""


class Span(Record):
    """A stretch of a message's content, in characters."""

    start: int
    end: int
    label: str


class SystemMessage(Record):
    role: Literal["system"] = "system"
    content: str


class UserMessage(Record):
    role: Literal["user"] = "user"
    content: str


class AssistantMessage(Record):
    role: Literal["assistant"] = "assistant"
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str | None = None
    train: bool = True
    """Whether a trainer should learn this turn."""
    weight: float = 1.0
    spans: tuple[Span, ...] = ()


class ToolMessage(Record):
    role: Literal["tool"] = "tool"
    tool_call_id: str
    name: str
    observation: Observation

    @property
    def content(self) -> str:
        return self.observation.content


Message = Annotated[SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")]


def to_wire(message: Message) -> dict[str, Any]:
    """The message in OpenAI's chat format: arguments as text, no key with null."""
    if isinstance(message, ToolMessage):
        return {
            "role": "tool",
            "tool_call_id": message.tool_call_id,
            "name": message.name,
            "content": message.content,
        }
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    if isinstance(message, AssistantMessage) and message.tool_calls:
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return wire
