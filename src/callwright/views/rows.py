"""A version's rows as every view reads them, and the rule that one bad row refuses the whole view."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter

from callwright.errors import CallwrightError
from callwright.schemas.message import Message, SystemMessage
from callwright.schemas.task import Kind, teacher_name
from callwright.schemas.tool import Tool
from callwright.schemas.version import Split, Version
from callwright.store import Store, tool_text
from callwright.values.exact import RowError, arguments_of, checked_json, exact_json

__all__ = [
    "Row",
    "RowError",
    "ToolTexts",
    "ViewError",
    "arguments_of",
    "checked",
    "checked_json",
    "checked_line",
    "exact_json",
]

_MESSAGES: TypeAdapter[tuple[Message, ...]] = TypeAdapter(tuple[Message, ...])

T = TypeVar("T")


class ViewError(CallwrightError):
    """A view cannot be written, or must not be."""


@dataclass(frozen=True)
class Row:
    """One row with all that a view may show of it."""

    id: str
    split: Split
    kind: Kind
    method: str
    toolkit: str
    task: str
    """Id of what was asked for."""
    root: str
    """Id of the task where its lineage begins: a paraphrase has its seed's."""
    clock: str
    """The row's today, as an ISO date."""
    teacher: str
    prompts: Mapping[str, str]
    """Purpose -> digest of the prompt that it was written with."""
    evidence: str
    """The highest rung that it passed, or `none`."""
    messages: tuple[Message, ...]
    hidden: Mapping[str, Any]
    """What the user knew and did not say at first; AskToAct's `intents` among it."""
    tools: tuple[Tool, ...]
    """The offered tools, in their order."""
    withheld: Tool | None
    """The tool that would have served, where it was not offered on purpose."""
    tool_texts: tuple[str, ...]
    """Each tool as JSON text in OpenAI's chat format, checked."""

    @property
    def labels(self) -> dict[str, str]:
        """What tells a row from others, for formats that have room for it."""
        return {"id": self.id, "kind": self.kind, "method": self.method, "toolkit": self.toolkit}

    @property
    def system(self) -> str:
        """The system message, empty where there is none."""
        return next((one.content for one in self.messages if isinstance(one, SystemMessage)), "")


def checked(store: Store, version: Version, make: Callable[[Row], T]) -> Iterator[T]:
    """What `make` makes of each row, in the version's order. Every row is tried, even when one was refused.

    Raises:
        ViewError: At the end, when `make` raised RowError for some rows.
    """
    tools = _Tools(store)
    refused: list[tuple[str, RowError]] = []
    both = zip(store.evidence(version), store.rows(version), strict=True)
    for (_, evidence), (member, trajectory, task) in both:
        try:
            row = Row(
                id=member.trajectory,
                split=member.split,
                kind=member.kind,
                method=member.method,
                toolkit=task["toolkit"],
                task=trajectory["task"],
                root=task["parent"] or trajectory["task"],
                clock=task["clock"],
                teacher=teacher_name(trajectory["provenance"]["teacher"]),
                prompts=trajectory["provenance"]["prompts"],
                evidence=evidence,
                hidden=task["hidden"],
                messages=_MESSAGES.validate_python(trajectory["messages"]),
                tools=tuple(tools.tool(one) for one in task["tools"]),
                withheld=tools.tool(task["withheld"]) if task["withheld"] else None,
                tool_texts=tuple(tools.text(one) for one in task["tools"]),
            )
            made = make(row)
        except RowError as error:
            refused.append((member.trajectory, error))
        else:
            yield made
    if refused:
        raise ViewError(_refusal(version, refused))


def _refusal(version: Version, refused: list[tuple[str, RowError]]) -> str:
    counts = Counter(error.code for _, error in refused)
    summary = ", ".join(f"{code} {count}" for code, count in sorted(counts.items()))
    row, error = refused[0]
    return (
        f"{version.name}: {len(refused)} rows must not be exported ({summary}); first row {row}: {error}. "
        "Nothing was written; correct the source or the gate that let it through, and build again"
    )


def checked_line(body: Mapping[str, Any], checked: Mapping[str, str]) -> str:
    """The JSON text of an object: members that have yet to be checked, then others whose JSON texts were.

    Raises:
        RowError: No file could hold it, or it holds what looks like a secret.
    """
    more = "".join(f", {json.dumps(name)}: {text}" for name, text in checked.items())
    return f"{checked_json(body)[:-1]}{more}}}"


class ToolTexts:
    """Tools in a view's own form, as JSON text: each is checked once, for few tools serve many rows."""

    def __init__(self, form: Callable[[Tool], Any]) -> None:
        self._form = form
        self._texts: dict[str, str] = {}

    def of(self, tools: Iterable[Tool]) -> list[str]:
        """The text of each tool.

        Raises:
            RowError: No file could hold it, or it holds what looks like a secret.
        """
        return [self._text(tool) for tool in tools]

    def _text(self, tool: Tool) -> str:
        if tool.id not in self._texts:
            self._texts[tool.id] = checked_json(self._form(tool))
        return self._texts[tool.id]


class _Tools:
    """Tools by id with their JSON texts: few tools serve many rows."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tools: dict[str, Tool] = {}
        self._texts: dict[str, str | RowError] = {}

    def tool(self, id: str) -> Tool:
        if id not in self._tools:
            self._tools[id] = self._store.tools([id])[id]
        return self._tools[id]

    def text(self, id: str) -> str:
        if id not in self._texts:
            self._texts[id] = tool_text(self.tool(id))
        found = self._texts[id]
        if isinstance(found, RowError):
            raise found
        return found
