"""What is asked for, and the conversation that came of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from callwright.schemas.base import Record, digest
from callwright.schemas.message import AssistantMessage, Message, ToolCall, ToolMessage, UserMessage
from callwright.schemas.tool import Tool

Kind = Literal["no_call", "parallel", "clarification", "multi_step", "single"]
StopReason = Literal["answered", "step_limit", "length"]
KINDS: tuple[Kind, ...] = ("single", "multi_step", "parallel", "clarification", "no_call")


OFFLINE = "offline-rules"
"""The teacher that is rules."""


class IntendedCall(Record):
    """A call that a planner meant; a model-written conversation may differ from it."""

    name: str
    arguments: dict[str, Any]
    means: bool = False
    """Whether it only finds what another call needs, or is refused at first: another way there is as good."""
    changes: bool = False
    """Whether it changed the state when it was planned."""


class Task(Record):
    """One thing to be done with some offered tools."""

    method: str
    kind: Kind
    """The kind that was aimed at; the row's own kind is read off its messages."""
    attempt: int
    """Number within its method and kind."""
    seed: int
    toolkit: str
    instruction: str
    """The first thing the user says."""
    hidden: dict[str, Any] = {}
    """What the user knows and did not say yet: argument -> value, or `details` -> text."""
    tools: tuple[Tool, ...]
    """The offered tools, in the order in which they are shown."""
    withheld: Tool | None = None
    """The tool that would have served the request, when it is not offered on purpose."""
    intended: tuple[IntendedCall, ...] = ()
    goal: str | None = None
    """Digest of the state that the intended calls leave; None where none was planned or none can be seen."""
    plan: dict[str, Any] = {}
    """What the planner tells the offline teacher, never rendered into a prompt; empty for a language model."""
    clock: dt.date
    """The task's today; it stands in the system message."""
    parent: str | None = None
    """Id of the root task that this one descends from; None for a root."""

    @cached_property
    def id(self) -> str:
        return digest(self.record())

    @property
    def root(self) -> str:
        """Id of the task where the lineage begins; splits hang on it."""
        return self.parent or self.id

    def record(self) -> dict[str, Any]:
        """JSON form with tools by id, as the store and the spool keep it."""
        body = self.model_dump(mode="json", exclude={"tools", "withheld"})
        body["tools"] = [tool.id for tool in self.tools]
        body["withheld"] = self.withheld.id if self.withheld else None
        return body

    @classmethod
    def from_record(cls, body: Mapping[str, Any], tools: Mapping[str, Tool]) -> Task:
        """The task of a `record()`, its tools looked up by id."""
        withheld = body["withheld"]
        return cls.model_validate(
            {
                **body,
                "tools": tuple(tools[one] for one in body["tools"]),
                "withheld": tools[withheld] if withheld else None,
            }
        )


class Provenance(Record):
    """Who made a conversation, with what."""

    teacher: str
    """Engine and model: `offline-rules`, or `openai:Qwen/Qwen3-32B`."""
    prompts: dict[str, str] = {}
    """Purpose -> digest of the prompt file."""
    calls: tuple[str, ...] = ()
    """Keys of the ledger's entries that this row was made from."""
    source: str | None = None
    """Id of the conversation that this one was rewritten from; None for one that was made anew."""

    @property
    def teacher_name(self) -> str:
        """The teacher as cards and rows name it; the digest of rules is for lineage alone."""
        return teacher_name(self.teacher)


def teacher_name(identity: str) -> str:
    """`offline-rules:1a2b3c` as `offline-rules`; other engines keep their model."""
    return OFFLINE if identity.startswith(OFFLINE) else identity


class Note(Record):
    """What a method wrote down about one message, for whoever audits or measures; no trainer sees it."""

    step: int
    """Index of the message."""
    label: str
    body: dict[str, Any] = {}


class Trajectory(Record):
    """A whole conversation."""

    task: Task
    messages: tuple[Message, ...]
    provenance: Provenance
    notes: tuple[Note, ...] = ()
    stopped: StopReason = "answered"
    """Why the conversation ended."""
    state: str | None = None
    """Digest of the state that the calls left; None where none can be seen."""

    @cached_property
    def id(self) -> str:
        """Digest of what a trainer sees: the messages and the offered tools."""
        return digest(
            {
                "messages": [message.model_dump(mode="json") for message in self.messages],
                "tools": [tool.wire() for tool in self.task.tools],
            }
        )

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(call for turn in self.turns() for call in turn.tool_calls)

    def turns(self) -> Iterator[AssistantMessage]:
        """The assistant's turns, in order."""
        return (message for message in self.messages if isinstance(message, AssistantMessage))

    def observations(self) -> Iterator[ToolMessage]:
        return (message for message in self.messages if isinstance(message, ToolMessage))

    @cached_property
    def kind(self) -> Kind:
        """The row's kind; disjoint, first match wins."""
        turns = [turn for turn in self.turns() if turn.tool_calls]
        if not turns:
            return "no_call"
        if any(len(turn.tool_calls) > 1 for turn in turns):
            return "parallel"
        if self._asked_before_calling():
            return "clarification"
        return "multi_step" if len(turns) > 1 else "single"

    def _asked_before_calling(self) -> bool:
        """Whether the user had to speak a second time before the first call."""
        said = 0
        for message in self.messages:
            if isinstance(message, UserMessage):
                said += 1
            if isinstance(message, AssistantMessage) and message.tool_calls:
                return said > 1
        return False

    def record(self) -> dict[str, Any]:
        """JSON form with the task by id."""
        body = self.model_dump(mode="json", exclude={"task"})
        body["task"] = self.task.id
        return body

    @classmethod
    def from_record(cls, body: Mapping[str, Any], task: Task) -> Trajectory:
        """The conversation of a `record()`, with its task."""
        return cls.model_validate({**body, "task": task})
