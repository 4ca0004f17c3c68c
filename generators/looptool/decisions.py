"""Where an assistant has to decide: call, ask, or say that nothing fits. A row is taken apart into these points.

Zhang et al. 2025 (LoopTool), section 3: one sample for each turn with calls. Questions and abstentions are decisions,
too; a last answer, which tells what calls came to, is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from callwright.llm.base import Request, Sampling
from callwright.schemas.message import WRONG, AssistantMessage, Message, ToolMessage, UserMessage, to_wire
from callwright.schemas.task import Trajectory
from callwright.schemas.tool import Tool


@dataclass(frozen=True)
class Decision:
    """One turn of the assistant's in a row, and what stands before it."""

    row: Trajectory
    step: int

    @property
    def name(self) -> str:
        return f"{self.row.id}/{self.step}"

    @property
    def label(self) -> AssistantMessage:
        """What the row says is right."""
        message = self.row.messages[self.step]
        assert isinstance(message, AssistantMessage)
        return message

    @property
    def before(self) -> tuple[Message, ...]:
        return self.row.messages[: self.step]

    @cached_property
    def tools(self) -> Mapping[str, Tool]:
        """Name -> offered tool."""
        return {tool.name: tool for tool in self.row.task.tools}

    @property
    def asks(self) -> bool:
        """Whether the label is a question that the user answers."""
        after = self.row.messages[self.step + 1 : self.step + 2]
        return not self.label.tool_calls and any(isinstance(one, UserMessage) for one in after)

    def request(self, sampling: Sampling, sample: int = 0, *, tools: bool = True) -> Request:
        """What a student is asked: the conversation so far and the offered tools, whole, and nothing else."""
        return Request(
            purpose="looptool.student",
            messages=tuple(to_wire(message) for message in self.before),
            tools=tuple(tool.wire() for tool in self.row.task.tools) if tools else (),
            variables=self._variables(),
            sampling=sampling,
            sample=sample,
            item=self.name,
        )

    def _variables(self) -> dict[str, Any]:
        """For a simulated student, which has skills and no words of its own."""
        task = self.row.task
        return {
            "decision": self.name,
            "label": to_wire(self.label),
            "asks": self.asks,
            "later": any(isinstance(one, ToolMessage) for one in self.before),
            "kind": task.kind,
            "toolkit": task.toolkit,
        }


def decisions(row: Trajectory) -> Iterator[Decision]:
    """The decisions of a row, in order; turns that nobody should learn are left out."""
    for step, message in enumerate(row.messages):
        if not isinstance(message, AssistantMessage) or not message.train:
            continue
        if any(span.label == WRONG for span in message.spans):
            continue
        if message.tool_calls or not isinstance(row.messages[step - 1], ToolMessage):
            yield Decision(row, step)
