"""The phrase sheet: how people speak of a toolkit's tools, written by hand beside the tool file.

Templates are plain sentences with slots in braces. `{startDate}` is an argument, as a person would say it;
`{reply.price}` is a field of the tool's answer; `{count}` and `{items}` stand for a list in the answer and
`{facts}` for the plain fields of an answer that is one thing.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from callwright.schemas.base import Record

Register = Literal["plain", "polite", "terse", "chatty"]
REGISTERS: tuple[Register, ...] = ("plain", "polite", "terse", "chatty")

Values = Literal[
    "future_date",
    "future_dates",
    "person",
    "first_name",
    "email",
    "phone",
    "time",
    "count",
]
"""Made-up values: dates after the task's today, people with addresses from reserved domains and numbers."""


class Lookup(Record):
    """An opaque id that people never know: found by a name in the answer of another tool."""

    tool: str
    """The tool whose answer lists it."""
    by: str
    """The field that people use instead of the id, such as a title."""
    field: str | None = None
    """The field that holds the id; the argument's own name unless given."""


class Field_(Record):
    """What an argument or a field of an answer may be, and how it is said."""

    values: Values | tuple[Any, ...] | None = None
    """Values to draw from: a list, or the name of a maker."""
    say: str | dict[str, str] | None = None
    """How a value is spoken: a template with `{value}`, or value -> words."""
    lookup: Lookup | None = None
    authored: bool = False
    """The assistant composes this text itself, like a mail's body: its words are free, its facts must be visible.

    Arguments called body, message, text, content, note, comment or description need not say so.
    """


class ToolPhrases(Record):
    """How people ask for one tool, and how its answer is told."""

    does: str
    """A verb phrase without subject: "cancel a special event"."""
    combinations: tuple[tuple[str, ...], ...] = ()
    """Which arguments go together; `kind=general` fixes a value. Empty: the required ones alone."""
    asks: dict[Register, tuple[str, ...]]
    """Whole requests by register. One is usable when all of its slots are among the arguments."""
    details: dict[str, tuple[str, ...]] = {}
    """Argument -> whole sentences that carry it when the request itself does not."""
    questions: dict[str, tuple[str, ...]] = {}
    """Argument -> how an assistant asks for it when it is missing."""
    replies: dict[str, tuple[str, ...]] = {}
    """Argument -> how a person answers that question."""
    follows: dict[str, tuple[str, ...]] = {}
    """Tool that takes our id too, or answers with it -> how people ask for us in the same breath ("and its code")."""
    answers: tuple[str, ...]
    """What the assistant says after the call succeeded."""
    item: str | None = None
    """One entry of `{items}`, with the entry's fields as slots: "{name} in the {location}"."""
    empty: tuple[str, ...] = ()
    """What the assistant says when the list in the answer is empty."""

    @model_validator(mode="after")
    def _has_words(self) -> ToolPhrases:
        if not any(self.asks.values()):
            raise ValueError("asks: at least one wording is needed")
        return self


class PhraseSheet(Record):
    """One toolkit's wordings."""

    noun: str
    """What people call the service: "the museum"."""
    contexts: tuple[str, ...] = ()
    """True-to-life sentences without any argument, put around a request."""
    records: dict[str, tuple[dict[str, Any], ...]] = Field(default_factory=dict)
    """Resource -> things of that kind whose fields belong together (a book's title with its author)."""
    fields: dict[str, Field_] = Field(default_factory=dict)
    """Argument or answer field -> values and speech; `tool.argument` wins over `argument`."""
    tools: dict[str, ToolPhrases] = Field(default_factory=dict)
