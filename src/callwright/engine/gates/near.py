"""Rows that are nearly the same as a better one: by their words (MinHash), then by their meaning (an encoder).

Rows of one kind are compared, whichever methods made them. Two are the same by their words where the shingles of what
the user says and the calls have a Jaccard index of `near` or more. MinHash (Broder 1997) with locality-sensitive
hashing finds the pairs; the index itself is computed exactly. They are the same in meaning where they call the
same with the same values and what the user says has a cosine of `near` or more. Relatives that another method
made are no duplicates: a rewritten row may stand beside its origin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from callwright.engine.gates.candidate import Candidate
from callwright.schemas.base import digest
from callwright.schemas.recipe import Duplicates
from callwright.similarity import Encoder, Vectors, make_encoder
from callwright.values.words import runs_of

if TYPE_CHECKING:
    from datasketch import MinHash

PERMUTATIONS = 128
SHINGLE = 3
"""Words of a shingle."""


@dataclass(frozen=True)
class Twin:
    """Why a row is left out."""

    code: str
    """`near_text` or `near_meaning`."""
    message: str


@dataclass
class _Shelf:
    """Rows that later ones are held against."""

    index: Any
    """datasketch's index of MinHashes."""
    rows: dict[str, Candidate] = field(default_factory=dict)
    vectors: dict[str, NDArray[np.float16]] = field(default_factory=dict)
    """Of rows that were compared with one of the same calls; half as exact, for there may be many."""
    by_calls: defaultdict[tuple[str, ...], list[str]] = field(default_factory=lambda: defaultdict(list))


class Near:
    """Tells near duplicates; holds the chosen rows of each kind."""

    def __init__(self, settings: Duplicates) -> None:
        self._settings = settings
        self._chosen: defaultdict[str, _Shelf] = defaultdict(self._shelf)
        self._encoder: Encoder | None = None

    @property
    def on(self) -> bool:
        return self._settings.near < 1.0

    @property
    def name(self) -> str:
        """How it compares, for whoever reads a version's statistics; empty when it does not."""
        return f"minhash and {self._settings.encoder} at {self._settings.near:g}" if self.on else ""

    def twins(self, rows: Sequence[Candidate]) -> dict[str, tuple[Twin, str]]:
        """Rows to leave out: id -> why, and the id of the better row among these, or an earlier chosen one.

        The best evidence first, then the lowest attempt: the order in which rows come does not matter.
        """
        if not self.on:
            return {}
        kept: defaultdict[str, _Shelf] = defaultdict(self._shelf)
        found: dict[str, tuple[Twin, str]] = {}
        for row in sorted(rows, key=lambda one: (-one.rung, one.result.attempt, one.result.trajectory_id)):
            name = row.result.trajectory_id
            hashed = _hashed(row)
            twin = next(
                (
                    pair
                    for shelf in (self._chosen[row.kind], kept[row.kind])
                    if (pair := self._twin(row, hashed, shelf))
                ),
                None,
            )
            if twin:
                found[name] = twin
            else:
                _put(row, hashed, kept[row.kind])
        return found

    def choose(self, row: Candidate) -> None:
        """A row that is chosen: later ones are held against it."""
        if self.on:
            _put(row, _hashed(row), self._chosen[row.kind])

    def _twin(self, row: Candidate, hashed: MinHash, shelf: _Shelf) -> tuple[Twin, str] | None:
        mine = _shingles(row)
        for name in sorted(shelf.index.query(hashed)):
            other = shelf.rows[name]
            if not _relatives(row, other):
                theirs = _shingles(other)
                index = len(mine & theirs) / max(len(mine | theirs), 1)
                if index >= self._settings.near:
                    return Twin("near_text", f"{index:.0%} of its words and calls are row {name[:8]}'s"), name
        others = [
            shelf.rows[one] for one in shelf.by_calls[row.calls] if not _relatives(row, shelf.rows[one])
        ]
        if not others or not row.said.strip():
            return None
        vectors = np.stack([self._vector(one, shelf) for one in others]).astype(np.float32)
        cosines = vectors @ self._encode(row.said)
        nearest = int(cosines.argmax())
        if cosines[nearest] < self._settings.near:
            return None
        name = others[nearest].result.trajectory_id
        return Twin("near_meaning", f"the calls of row {name[:8]}, asked for in nearly its words"), name

    def _vector(self, row: Candidate, shelf: _Shelf) -> NDArray[np.float16]:
        name = row.result.trajectory_id
        if name not in shelf.vectors:
            shelf.vectors[name] = self._encode(row.said).astype(np.float16)
        return shelf.vectors[name]

    def _encode(self, text: str) -> Vectors:
        if self._encoder is None:
            self._encoder = make_encoder(self._settings.encoder)
        vector: Vectors = self._encoder.encode([text])[0]
        return vector

    def _shelf(self) -> _Shelf:
        from datasketch import MinHashLSH  # takes a second to import

        # A little below, so that an estimate that falls short loses no pair.
        return _Shelf(MinHashLSH(threshold=max(self._settings.near - 0.1, 0.05), num_perm=PERMUTATIONS))


def _put(row: Candidate, hashed: MinHash, shelf: _Shelf) -> None:
    name = row.result.trajectory_id
    if name not in shelf.rows:
        shelf.index.insert(name, hashed)
        shelf.rows[name] = row
        shelf.by_calls[row.calls].append(name)


def _relatives(one: Candidate, other: Candidate) -> bool:
    return bool(one.root) and one.root == other.root and one.result.method != other.result.method


def _hashed(row: Candidate) -> MinHash:
    from datasketch import MinHash

    made = MinHash(num_perm=PERMUTATIONS, seed=1)
    made.update_batch([one.encode("utf-8", "surrogatepass") for one in sorted(_shingles(row))])
    return made


def _shingles(row: Candidate) -> frozenset[str]:
    words = frozenset(run for _, run in runs_of(row.said, SHINGLE, 0))
    return words | {f"call {digest(one)}" for one in row.calls}
