"""A chat as text in the ChatML form that many models share, and which of it is the assistant's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callwright.llm import hermes
from callwright.schemas.message import AssistantMessage, Message, ToolMessage
from callwright.schemas.tool import Tool
from callwright.views.loss import Range, learned, wrong_spans
from callwright.views.rows import checked_json


@dataclass(frozen=True)
class Rendered:
    text: str
    learned: tuple[Range, ...]
    """The assistant's turns, each with the mark that ends it."""
    wrong: tuple[Range, ...]
    """Mistakes within them, which must not be learned."""


def rendered(messages: Sequence[Message], tools: Sequence[Tool]) -> Rendered:
    """The text of a whole chat; a shorter chat's text is where the longer one's begins."""
    text = ""
    inside: list[Range] = []
    wrong: list[Range] = []
    offered = "".join(f"\n{checked_json(tool.wire())}" for tool in tools)
    for place, message in enumerate(messages):
        role = "user" if isinstance(message, ToolMessage) else message.role
        text += f"<|im_start|>{role}\n"
        start = len(text)
        if isinstance(message, ToolMessage):
            text += f"<tool_response>\n{message.content}\n</tool_response>"
        else:
            text += message.content
        if isinstance(message, AssistantMessage) and message.tool_calls:
            text += ("\n" if message.content else "") + hermes.write("", message.tool_calls)
        if not place and offered:
            text += f"\n\n<tools>{offered}\n</tools>"
        wrong += [(start + span.start, start + span.end) for span in wrong_spans(message)]
        text += "<|im_end|>"
        if learned(message):
            inside.append((start, len(text)))
        text += "\n"
    return Rendered(text, tuple(inside), tuple(wrong))
