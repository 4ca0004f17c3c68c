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
from functools import cache
from typing import TYPE_CHECKING, Any

from callwright.engine.gates.candidate import Candidate
from callwright.engine.gates.meaning import Meaning
from callwright.schemas.base import digest
from callwright.schemas.recipe import Duplicates
from callwright.similarity import make_encoder
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


class Near:
    """Tells near duplicates; holds the chosen rows of each kind."""

    def __init__(self, settings: Duplicates) -> None:
        self._settings = settings
        self._chosen: defaultdict[str, _Shelf] = defaultdict(self._shelf)
        self._hashed: dict[str, MinHash] = {}
        """Of the last round's rows."""
        self._meaning = Meaning(lambda: make_encoder(settings.encoder), settings.near, _relatives)

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
        ordered = sorted(rows, key=lambda one: (-one.rung, one.result.attempt, one.result.trajectory_id))
        meaning = self._meaning.round(ordered)
        self._hashed = {}
        for row in ordered:
            hashed = _hashed(row)
            twin = (
                self._in_words(row, hashed, self._chosen[row.kind])
                or _in_meaning(meaning.chosen(row))
                or self._in_words(row, hashed, kept[row.kind])
                or _in_meaning(meaning.kept(row))
            )
            if twin:
                found[row.result.trajectory_id] = twin
            else:
                _put(row, hashed, kept[row.kind])
                meaning.keep(row)
                self._hashed[row.result.trajectory_id] = hashed
        return found

    def choose(self, row: Candidate) -> None:
        """A row that is chosen: later ones are held against it."""
        if self.on:
            hashed = self._hashed.get(row.result.trajectory_id) or _hashed(row)
            _put(row, hashed, self._chosen[row.kind])
            self._meaning.choose(row)

    def _in_words(self, row: Candidate, hashed: MinHash, shelf: _Shelf) -> tuple[Twin, str] | None:
        mine = _shingles(row)
        for name in sorted(shelf.index.query(hashed)):
            other = shelf.rows[name]
            if not _relatives(row, other):
                theirs = _shingles(other)
                index = len(mine & theirs) / max(len(mine | theirs), 1)
                if index >= self._settings.near:
                    return Twin("near_text", f"{index:.0%} of its words and calls are row {name[:8]}'s"), name
        return None

    def _shelf(self) -> _Shelf:
        from datasketch import MinHashLSH  # takes a second to import

        # A little below, so that an estimate that falls short loses no pair.
        return _Shelf(MinHashLSH(threshold=max(self._settings.near - 0.1, 0.05), num_perm=PERMUTATIONS))


def _put(row: Candidate, hashed: MinHash, shelf: _Shelf) -> None:
    name = row.result.trajectory_id
    if name not in shelf.rows:
        shelf.index.insert(name, hashed)
        shelf.rows[name] = row


def _in_meaning(other: Candidate | None) -> tuple[Twin, str] | None:
    if other is None:
        return None
    name = other.result.trajectory_id
    return Twin("near_meaning", f"the calls of row {name[:8]}, asked for in nearly its words"), name


def _relatives(one: Candidate, other: Candidate) -> bool:
    return bool(one.root) and one.root == other.root and one.result.method != other.result.method


@cache
def _blank() -> MinHash:
    """Drawing its permutations takes longer than filling it."""
    from datasketch import MinHash

    return MinHash(num_perm=PERMUTATIONS, seed=1)


def _hashed(row: Candidate) -> MinHash:
    made = _blank().copy()
    made.update_batch([one.encode("utf-8", "surrogatepass") for one in sorted(_shingles(row))])
    return made


def _shingles(row: Candidate) -> frozenset[str]:
    words = frozenset(run for _, run in runs_of(row.said, SHINGLE, 0))
    return words | {f"call {digest(one)}" for one in row.calls}
