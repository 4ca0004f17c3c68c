"""One row of a version as a chat: what every view starts from, checked before anything is written."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from callwright.errors import CallwrightError
from callwright.schemas.message import AssistantMessage, Message, ToolMessage, to_wire
from callwright.schemas.task import teacher_name
from callwright.schemas.tool import Tool
from callwright.schemas.verdict import Rung
from callwright.schemas.version import Member, Split, Version
from callwright.store import Store
from callwright.values.secrets import find_secret

_MESSAGES: TypeAdapter[tuple[Message, ...]] = TypeAdapter(tuple[Message, ...])


class ViewError(CallwrightError):
    """A view cannot be written, or must not be."""


class RowError(Exception):
    """One row cannot be written as it is; the view that meets it is refused."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Chat:
    """A row. Each message and each tool is JSON text: exact, and absent keys stay absent."""

    id: str
    split: Split
    messages: tuple[str, ...]
    tools: tuple[str, ...]
    kind: str
    method: str
    toolkit: str
    teacher: str
    evidence: str
    """The highest rung that it passed, or `none`."""
    trusts: tuple[str, ...] = ()
    """Where each observation comes from."""
    masked: int = 0
    """Assistant turns that were marked as not to be trained on."""


@dataclass
class Tally:
    """What was written, counted on the way; dataset cards and manifests read it."""

    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(kind, split) -> rows"""
    toolkits: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(toolkit, split) -> rows"""
    teachers: Counter[str] = field(default_factory=Counter)
    evidence: Counter[str] = field(default_factory=Counter)
    trusts: Counter[str] = field(default_factory=Counter)
    masked: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Config -> rows that it cannot hold."""

    def add(self, row: Chat) -> None:
        self.rows[row.kind, row.split] += 1
        self.toolkits[row.toolkit, row.split] += 1
        self.teachers[row.teacher] += 1
        self.evidence[row.evidence] += 1
        self.trusts.update(row.trusts)
        self.masked += row.masked


def chats(store: Store, version: Version) -> Iterator[Chat]:
    """The rows of a version, in its order. Every row is looked at, even when an earlier one is refused.

    Raises:
        ViewError: At the end, when a row could not be written as it is, or holds what looks like a secret.
    """
    evidence = store.evidence(version)
    tools = _Tools(store)
    refused: list[tuple[str, RowError]] = []
    for member, trajectory, task in store.rows(version):
        try:
            yield _chat(member, trajectory, task, tools, evidence.get(member.trajectory))
        except RowError as error:
            refused.append((member.trajectory, error))
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


def _chat(
    member: Member, trajectory: dict[str, Any], task: dict[str, Any], tools: _Tools, rung: Rung | None
) -> Chat:
    messages = _MESSAGES.validate_python(trajectory["messages"])
    return Chat(
        id=member.trajectory,
        split=member.split,
        messages=tuple(checked_json(_plain(message)) for message in messages),
        tools=tuple(tools.text(one) for one in task["tools"]),
        kind=member.kind,
        method=member.method,
        toolkit=task["toolkit"],
        teacher=teacher_name(trajectory["provenance"]["teacher"]),
        evidence=rung or "none",
        trusts=tuple(one.observation.trust for one in messages if isinstance(one, ToolMessage)),
        masked=sum(isinstance(one, AssistantMessage) and not one.train for one in messages),
    )


def _plain(message: Message) -> dict[str, Any]:
    """The message as chat templates read it: arguments are an object, no key is null."""
    wire = to_wire(message)
    for call in wire.get("tool_calls", ()):
        call["function"]["arguments"] = arguments_of(call["function"]["arguments"], call["id"])
    if isinstance(message, AssistantMessage) and message.reasoning is not None:
        wire["reasoning_content"] = message.reasoning
    return wire


def arguments_of(text: str, call: str) -> dict[str, Any]:
    """The object that a call's raw arguments spell.

    Raises:
        RowError: They do not, or a key stands twice, or a number is not finite.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise RowError("arguments_not_json", f"the arguments of call {call} are not JSON ({error})") from None
    if not isinstance(value, dict):
        raise RowError("arguments_not_json", f"the arguments of call {call} are no JSON object")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


def checked_json(value: Any) -> str:
    """The JSON text of a value, keys in their order.

    Raises:
        RowError: No file could hold it, or it holds what looks like a secret.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except UnicodeEncodeError:
        raise RowError("lone_surrogate", "its text holds half a surrogate pair") from None
    except ValueError:
        raise RowError("number_not_finite", "it holds NaN or an infinity") from None
    secret = find_secret(text)
    if secret:
        raise RowError("secret", f"it holds what looks like a secret ({secret})")
    return text


class _Tools:
    """The JSON texts of tools by id: few tools serve many rows."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._texts: dict[str, str | RowError] = {}

    def text(self, id: str) -> str:
        if id not in self._texts:
            self._texts[id] = _tool_text(self._store.tools([id])[id])
        found = self._texts[id]
        if isinstance(found, RowError):
            raise found
        return found


def _tool_text(tool: Tool) -> str | RowError:
    try:
        return checked_json(tool.wire())
    except RowError as error:
        return RowError(error.code, f"tool {tool.name}: {error}")
