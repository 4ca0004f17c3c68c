"""The same row twice, in one split or in two, and the same calls asked for in nearly the same words."""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callwright.lint.conversation import Call, Conversation
from callwright.values.words import number_of, words_of

MOST = 1_000_000
"""Rows that are remembered; later ones are compared with these."""
NEAR = 0.8
"""Share of the pairs of words that two requests have in common, of all that they have, from which on they are near."""
_SKETCH = 48
"""Numbers that stand for a request: the smallest of its pairs of words' (bottom-k, Broder 1997)."""
_BUCKET = 32
"""Requests with the same calls that a request is compared with, at the most."""
_SPLITS = re.compile(r"(?:\A|[^a-z])(train|test|unseen_tools|validation|valid|val|dev|eval)(?![a-z])")

Sketch = NDArray[np.uint32]


class Duplicates:
    """Remembers rows by digests.

    Rows are compared within a folder, for folders beside each other hold the same rows in several forms.
    """

    def __init__(self) -> None:
        self.passed_over = 0
        self._places: list[str] = []
        self._splits: list[str] = []
        self._rows: dict[int, int] = {}
        self._requests: dict[int, list[tuple[int, bytes]]] = {}

    def check(self, row: Conversation, file: Path, place: str) -> None:
        if not row.turns:
            return
        scope, split = str(file.parent), split_of(file)
        digest = _digest(
            scope,
            [[turn.role, turn.text, [_call(one) for one in turn.calls]] for turn in row.turns],
            row.tools,
        )
        if (earlier := self._rows.get(digest)) is not None:
            if self._splits[earlier] != split:
                told = f"it stands in {self._splits[earlier]} too, at {self._places[earlier]}"
                row.report("split_overlap", told)
            else:
                row.report("duplicate_row", f"it stands at {self._places[earlier]} too")
            return
        if len(self._places) >= MOST:
            self.passed_over += 1
            return
        number = len(self._places)
        self._places.append(place)
        self._splits.append(split)
        self._rows[digest] = number
        if row.calls:
            self._near(row, scope, number)

    def _near(self, row: Conversation, scope: str, number: int) -> None:
        shape = [[turn.role, [_call(one) for one in turn.calls]] for turn in row.turns]
        bucket = self._requests.setdefault(_digest(scope, shape, None), [])
        said = _sketch([turn.text for turn in row.turns if turn.role == "user"])
        for earlier, other in bucket:
            if _likeness(said, np.frombuffer(other, np.uint32)) >= NEAR:
                row.report("near_duplicate", f"nearly the request at {self._places[earlier]}, and its calls")
                return
        if len(bucket) < _BUCKET:
            bucket.append((number, said.tobytes()))


def split_of(file: Path) -> str:
    """The split that a file's name tells, as the Hub reads it; `train` where it tells none."""
    found = _SPLITS.search(file.stem.lower())
    return found[1] if found else "train"


def _call(call: Call) -> list[Any]:
    return [call.name, call.arguments if call.parsed is None else call.parsed]


def _digest(*values: object) -> int:
    text = json.dumps(values, sort_keys=True)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _sketch(texts: list[str]) -> Sketch:
    """The smallest numbers of the pairs of neighbouring words, in order."""
    pairs: set[int] = set()
    for text in texts:
        words = ["", *words_of(text), ""]
        pairs.update(
            number_of(f"{one} {other}") & 0xFFFFFFFF for one, other in zip(words, words[1:], strict=False)
        )
    return np.array(sorted(pairs)[:_SKETCH], np.uint32)


def _likeness(one: Sketch, other: Sketch) -> float:
    """The share of the smallest numbers of both that both have: an estimate of the Jaccard index."""
    both = np.union1d(one, other)[:_SKETCH]
    shared = np.intersect1d(np.intersect1d(one, other), both)
    return len(shared) / len(both) if len(both) else 1.0
