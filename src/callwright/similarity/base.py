"""What every encoder does, and the one way to get one by its name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from callwright.errors import UsageError

Vectors = NDArray[np.float32]
"""Shape (n, d): one row for each text, of unit length, so that a dot product is a cosine."""


class Encoder(Protocol):
    """Turns texts into vectors."""

    @property
    def name(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One row of unit length for each text, in their order; the row of a text without content is zero."""
        ...


ENCODERS = ("ngrams", "minilm")


def make_encoder(name: str, corpus: Iterable[str] = ()) -> Encoder:
    """The encoder of that name.

    Args:
        name: `ngrams` needs nothing; `minilm` needs the extra `embed`.
        corpus: Texts that `ngrams` weighs its n-grams by, so that what many texts share counts less.

    Raises:
        UsageError: There is no such encoder, or its extra is not installed.
    """
    if name == "ngrams":
        from callwright.similarity.ngrams import Ngrams

        return Ngrams.weighed_by(corpus)
    if name == "minilm":
        from callwright.similarity.minilm import MiniLM

        return MiniLM.loaded()
    raise UsageError(f"unknown encoder {name}; there are: {', '.join(ENCODERS)}")


_TIE = 1e-5
"""Cosines that differ by less are equal: the last digits of a float depend on the machine."""


def nearest(query: Vectors, candidates: Vectors, ids: Sequence[str]) -> list[tuple[int, float]]:
    """All candidates as (index, cosine), most similar first, ties by id.

    Args:
        query: Shape (d,).
        candidates: Shape (n, d).
        ids: One for each candidate.
    """
    cosines = candidates @ query
    rounded = np.round(cosines / _TIE).astype(int)
    order = sorted(range(len(ids)), key=lambda index: (-rounded[index], ids[index]))
    return [(index, float(cosines[index])) for index in order]
