"""What is nothing new: a variant that repeats its seed, another variant of it, or what no round may train on.

A request counts as a copy by the cosine of its character n-grams, or by 13 words in a row of a protected text (the
usual window of decontamination, Brown et al. 2020); calls, by their canonical form. Code: `near_duplicate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from callwright.schemas.message import UserMessage
from callwright.schemas.task import Trajectory
from callwright.similarity import Encoder, Vectors, make_encoder
from callwright.values.calls import call_key
from callwright.values.words import COPY, runs_of

_KEPT = 1024
"""Vectors of texts that are kept: the variants of one seed are compared with each other again and again."""

Key = tuple[str, ...]
"""Canonical text of each call of a conversation, in their alphabetical order."""


class Novelty:
    """Tells copies from variants."""

    def __init__(
        self,
        likeness: float,
        protected: Iterable[Trajectory] = (),
        texts: Mapping[str, str] | None = None,
        also: Callable[[Trajectory], str] = lambda row: "",
    ) -> None:
        """
        Args:
            likeness: Cosine from which on a request is a copy.
            protected: Rows that nothing may be like: held-out and test rows.
            texts: Name -> a further text that nothing may be like, such as a benchmark's question.
            also: What else a conversation repeats, and how; empty when nothing.
        """
        rows = list(protected)
        named = [(f"row {row.id[:8]}", row.task.instruction) for row in rows] + list((texts or {}).items())
        said = [(f"row {row.id[:8]}", text) for row in rows for text in _said(row)]
        self._likeness = likeness
        self._also = also
        self._encoder: Encoder = make_encoder("ngrams")
        self._names = [name for name, _ in named]
        self._vectors = self._encoder.encode([text for _, text in named])
        self._vector = lru_cache(_KEPT)(lambda text: self._encoder.encode([text])[0])
        self._runs = {
            number: name for name, text in [*said, *named] for number, _ in runs_of(text, COPY, COPY)
        }
        self._calls = {key: f"row {row.id[:8]}" for row in rows if (key := calls_of(row))}

    def against_protected(self, row: Trajectory) -> str:
        """Which protected thing a conversation repeats, and how; empty when none."""
        key = calls_of(row)
        if key in self._calls:
            return f"the calls of the protected {self._calls[key]}"
        for text in _said(row):
            for number, _ in runs_of(text, COPY, COPY):
                if number in self._runs:
                    return f"{COPY} words of the protected {self._runs[number]}"
        found = self._like(self._vector(row.task.instruction), self._vectors)
        return f"the request of the protected {self._names[found]}" if found is not None else self._also(row)

    def among(self, row: Trajectory, others: Sequence[tuple[str, Trajectory]]) -> str:
        """Which of some conversations, each with what to call it, a conversation repeats, and how; empty when none."""
        key = calls_of(row)
        for name, other in others:
            if key and key == calls_of(other):
                return f"the calls of {name}"
        if not others:
            return ""
        vectors = np.stack([self._vector(other.task.instruction) for _, other in others])
        found = self._like(self._vector(row.task.instruction), vectors)
        return f"the request of {others[found][0]}" if found is not None else ""

    def _like(self, vector: Vectors, others: Vectors) -> int | None:
        """The first that is alike."""
        alike = np.flatnonzero(others @ vector >= self._likeness)
        return int(alike[0]) if alike.size else None


def calls_of(row: Trajectory) -> Key:
    """What a conversation calls, in any order; empty where no call has an argument, or one cannot be read."""
    tools = {tool.name: tool for tool in row.task.tools}
    keys = [call_key(tools, call) for call in row.tool_calls]
    telling = any(call.arguments.strip() not in ("", "{}") for call in row.tool_calls)
    if not telling or None in keys:
        return ()
    return tuple(sorted(key for key in keys if key is not None))


def _said(row: Trajectory) -> list[str]:
    """What the user says in a conversation."""
    return [one.content for one in row.messages if isinstance(one, UserMessage)]
