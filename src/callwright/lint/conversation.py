"""One row as a conversation, whatever its format: what every check reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from callwright.lint.codes import Finding

Role = Literal["system", "user", "assistant", "tool"]


@dataclass
class Call:
    name: str
    arguments: Any
    """As they stand: an object, JSON text, or something that is neither."""
    id: str | None = None
    parsed: dict[str, Any] | None = None
    """The arguments as an object, once they are read."""
    faulty: bool = False
    """Whether it breaks its tool's schema."""


@dataclass
class Turn:
    role: Role
    text: str = ""
    calls: list[Call] = field(default_factory=list)
    call_id: str | None = None
    """Of a result: the call that it answers."""
    name: str | None = None
    """Of a result: the tool that was called."""
    answers_all: bool = False
    """Whether a result is that of all calls before it, as LLaMA-Factory has it."""
    broken: bool = False
    """Whether it has calls that cannot be read, so that it is not void."""


@dataclass
class Conversation:
    turns: list[Turn] = field(default_factory=list)
    tools: list[Any] | None = None
    """Tool documents as they stand; None where none are offered."""
    complete: bool = True
    """Whether the assistant is expected to say something: rows for reinforcement learning end with a request."""
    textual: bool = False
    """Whether calls are ReAct text, which carries no tool documents of a known form."""
    forms: set[str] = field(default_factory=set)
    """`object` and `text`: how arguments stand in calls with a field of their own."""
    found: list[Finding] = field(default_factory=list)

    def report(self, code: str, message: str) -> None:
        self.found.append(Finding(code, message))

    @property
    def calls(self) -> list[Call]:
        return [call for turn in self.turns for call in turn.calls]

    @property
    def kind(self) -> str:
        """The row's kind, by the rule that `callwright.schemas.task` has; first match wins."""
        calling = [turn for turn in self.turns if turn.calls]
        if not calling:
            return "no_call"
        if any(len(turn.calls) > 1 for turn in calling):
            return "parallel"
        before = self.turns[: self.turns.index(calling[0])]
        if sum(turn.role == "user" for turn in before) > 1:
            return "clarification"
        return "multi_step" if len(calling) > 1 else "single"
