"""Which rows that call the same are asked for in nearly the same way: cosines, many at once.

Only rows whose calls another one repeats are encoded, all of a round together. A row is held against a block of its
group's matrix; which rows of its own round count is known only when their turn comes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from callwright.engine.gates.candidate import Candidate
from callwright.similarity import Encoder, Vectors

Halves = NDArray[np.float16]
"""Vectors, half as exact as an encoder makes them, for there may be many."""
Group = tuple[str, tuple[str, ...]]
"""Kind and calls; rows of one group are compared."""

_BLOCK = 256
"""Rows that are held against the others at once."""
_AGAINST = 8_192
"""Vectors that are brought to full size at once."""
_TEXTS = 1_024
"""Texts that are encoded at once."""


@dataclass(slots=True)
class _Shelf:
    """Chosen rows of one group, and the vectors of the first of them."""

    rows: list[Candidate] = field(default_factory=list)
    count: int = 0
    """Rows that have a vector."""
    _held: Halves | None = None

    @property
    def vectors(self) -> Halves:
        """Shape (count, d)."""
        return np.zeros((0, 0), np.float16) if self._held is None else self._held[: self.count]

    def add_vectors(self, vectors: Halves) -> None:
        """Vectors of the rows that come next; the room is doubled when it is used up."""
        wanted = self.count + len(vectors)
        if self._held is None or wanted > len(self._held):
            grown = np.empty((max(wanted, 2 * self.count), vectors.shape[1]), np.float16)
            grown[: self.count] = self.vectors if self.count else 0
            self._held = grown
        self._held[self.count : wanted] = vectors
        self.count = wanted


class Meaning:
    """Holds the chosen rows of each group.

    Args:
        encoder: Makes the encoder, when it is needed first.
        near: Cosine from which on two rows are the same.
        relatives: Whether two rows may stand beside each other all the same.
    """

    def __init__(
        self, encoder: Callable[[], Encoder], near: float, relatives: Callable[[Candidate, Candidate], bool]
    ) -> None:
        self._make = encoder
        self._encoder: Encoder | None = None
        self.near = near
        self.relatives = relatives
        self._shelves: defaultdict[Group, _Shelf] = defaultdict(_Shelf)
        self._fresh: dict[str, Halves] = {}
        """Vectors of the last round's rows."""

    def round(self, rows: Sequence[Candidate]) -> Round:
        """Rows that will be asked for in this order."""
        groups: defaultdict[Group, list[Candidate]] = defaultdict(list)
        for row in rows:
            if row.said.strip():
                groups[_group(row)].append(row)
        compared = {
            name: mine
            for name, mine in groups.items()
            if len(mine) + (len(self._shelves[name].rows) if name in self._shelves else 0) > 1
        }
        late = [
            (shelf, row)
            for name in compared
            for shelf in [self._shelves[name]]
            for row in shelf.rows[shelf.count :]
        ]
        vectors = self._encode([row.said for _, row in late])
        for (shelf, _), vector in zip(late, vectors, strict=True):
            shelf.add_vectors(vector[None])
        new = [row for mine in compared.values() for row in mine]
        vectors = self._encode([row.said for row in new])
        self._fresh = {row.result.trajectory_id: vector for row, vector in zip(new, vectors, strict=True)}
        ends = np.cumsum([0, *map(len, compared.values())])
        return Round(
            {
                name: _Compared(self, mine, vectors[start:end], self._shelves[name])
                for (name, mine), start, end in zip(compared.items(), ends[:-1], ends[1:], strict=True)
            }
        )

    def choose(self, row: Candidate) -> None:
        """A row that is chosen: later rounds are held against it."""
        shelf = self._shelves[_group(row)]
        vector = self._fresh.get(row.result.trajectory_id)
        if vector is not None and shelf.count == len(shelf.rows):
            shelf.add_vectors(vector[None])
        shelf.rows.append(row)

    def _encode(self, texts: Sequence[str]) -> Halves:
        if not texts:
            return np.zeros((0, 0), np.float16)
        if self._encoder is None:
            self._encoder = self._make()
        parts = (texts[start : start + _TEXTS] for start in range(0, len(texts), _TEXTS))
        return np.concatenate([self._encoder.encode(part).astype(np.float16) for part in parts])


class Round:
    """Rows of one round, asked for one after the other."""

    def __init__(self, groups: dict[Group, _Compared]) -> None:
        self._groups = groups

    def chosen(self, row: Candidate) -> Candidate | None:
        """The nearest row that was chosen before and is the same."""
        group = self._groups.get(_group(row))
        return group.nearest(row, chosen=True) if group else None

    def kept(self, row: Candidate) -> Candidate | None:
        """The nearest one among those that `keep` named and is the same."""
        group = self._groups.get(_group(row))
        return group.nearest(row, chosen=False) if group else None

    def keep(self, row: Candidate) -> None:
        """Later rows of the round are held against this one."""
        group = self._groups.get(_group(row))
        if group:
            group.keep(row)


class _Compared:
    """Rows of one group and one round."""

    def __init__(self, meaning: Meaning, rows: list[Candidate], vectors: Halves, shelf: _Shelf) -> None:
        self._meaning = meaning
        self._rows = rows
        self._vectors = vectors
        self._shelf = shelf
        self._places = {row.result.trajectory_id: place for place, row in enumerate(rows)}
        self._kept: list[int] = []
        self._block = range(0)
        self._before: list[int] = []
        """Those that were kept when the block began."""
        self._to_chosen = self._to_kept = self._within = np.zeros((0, 0), np.float32)
        """Cosines of the block's rows, shape (rows of the block, others)."""

    def keep(self, row: Candidate) -> None:
        place = self._places.get(row.result.trajectory_id)
        if place is not None:
            self._kept.append(place)

    def nearest(self, row: Candidate, *, chosen: bool) -> Candidate | None:
        place = self._places.get(row.result.trajectory_id)
        if place is None:
            return None
        if place not in self._block:
            self._begin(place)
        line = place - self._block.start
        if chosen:
            return self._first(row, self._to_chosen[line], self._shelf.rows)
        new = self._kept[len(self._before) :]
        cosines = np.concatenate(
            [self._to_kept[line], self._within[line, [one - self._block.start for one in new]]]
        )
        return self._first(row, cosines, [self._rows[one] for one in self._kept])

    def _first(self, row: Candidate, cosines: Vectors, others: Sequence[Candidate]) -> Candidate | None:
        """The nearest that is no relative, of equal ones the earliest."""
        near = np.flatnonzero(cosines >= self._meaning.near)
        for place in map(int, near[np.argsort(-cosines[near], kind="stable")]):
            if not self._meaning.relatives(row, others[place]):
                return others[place]
        return None

    def _begin(self, place: int) -> None:
        """A block whose first row is this one; all that were kept come before it."""
        self._block = range(place, min(place + _BLOCK, len(self._rows)))
        mine = self._vectors[place : self._block.stop]
        self._before = list(self._kept)
        self._to_chosen = _cosines(mine, self._shelf.vectors)
        self._to_kept = _cosines(mine, self._vectors[self._before])
        self._within = _cosines(mine, mine)


def _cosines(mine: Halves, others: Halves) -> Vectors:
    """Shape (rows of mine, rows of others)."""
    found = np.empty((len(mine), len(others)), np.float32)
    full = mine.astype(np.float32)
    for start in range(0, len(others), _AGAINST):
        part = others[start : start + _AGAINST].astype(np.float32)
        found[:, start : start + len(part)] = full @ part.T
    return found


def _group(row: Candidate) -> Group:
    return row.kind, row.calls
