"""One row of a version as a chat: messages and tools as exact JSON texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from callwright.schemas.message import AssistantMessage, Message, ToolMessage
from callwright.schemas.version import Split, Version
from callwright.store import Store
from callwright.values.exact import checked_json, plain
from callwright.views.loss import wrong_spans
from callwright.views.parallel import Parallel, reshaped
from callwright.views.rows import Row, checked
from callwright.views.turns import NoPlaceError

__all__ = ["Chat", "Tally", "chats", "plain"]


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
    prompts: tuple[tuple[str, str], ...] = ()
    """(Purpose, digest of the prompt) that it was written with."""
    trusts: tuple[str, ...] = ()
    """Where each observation comes from."""
    wrong: bool = False
    """Whether a part of a turn must not be learned, which a chat has no place for."""
    turns: tuple[int, ...] = ()
    """Indices of the assistant's messages."""
    learned: tuple[int, ...] = ()
    """Those of them that are learned whole."""


@dataclass
class Tally:
    """What was written, counted on the way; dataset cards and manifests read it."""

    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(kind, split) -> rows"""
    toolkits: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(toolkit, split) -> rows"""
    teachers: Counter[str] = field(default_factory=Counter)
    evidence: Counter[str] = field(default_factory=Counter)
    prompts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(Purpose, digest of the prompt) -> rows"""
    trusts: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    """Config -> rows that it cannot hold; `mistakes`: those with something that must not be learned."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Reason -> how often the view had no place for something."""

    def add(self, row: Chat) -> None:
        self.rows[row.kind, row.split] += 1
        self.toolkits[row.toolkit, row.split] += 1
        self.teachers[row.teacher] += 1
        self.evidence[row.evidence] += 1
        self.prompts.update(row.prompts)
        self.trusts.update(row.trusts)


def chats(
    store: Store, version: Version, parallel: Parallel = "as-is", dropped: Counter[str] | None = None
) -> Iterator[Chat]:
    """The rows of a version, in its order. Every row is looked at, even when an earlier one is refused.

    Args:
        store: Where they are.
        version: Whose rows.
        parallel: What becomes of turns with several calls.
        dropped: Counts what that leaves out.

    Raises:
        ViewError: At the end, when a row could not be written as it is, or holds what looks like a secret.
    """
    counts: Counter[str] = Counter() if dropped is None else dropped

    def made(row: Row) -> Chat | None:
        try:
            return _chat(row, reshaped(row.messages, parallel, counts))
        except NoPlaceError as reason:
            counts[str(reason)] += 1
            return None

    return (one for one in checked(store, version, made) if one is not None)


def _chat(row: Row, messages: Sequence[Message]) -> Chat:
    turns = {place: one for place, one in enumerate(messages) if isinstance(one, AssistantMessage)}
    return Chat(
        id=row.id,
        split=row.split,
        messages=tuple(checked_json(plain(message)) for message in messages),
        tools=row.tool_texts,
        kind=row.kind,
        method=row.method,
        toolkit=row.toolkit,
        teacher=row.teacher,
        evidence=row.evidence,
        prompts=tuple(sorted(row.prompts.items())),
        trusts=tuple(one.observation.trust for one in row.messages if isinstance(one, ToolMessage)),
        wrong=any(map(wrong_spans, turns.values())),
        turns=tuple(turns),
        learned=tuple(place for place, one in turns.items() if one.train and not wrong_spans(one)),
    )
