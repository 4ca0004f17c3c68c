"""The default encoder: TF-IDF of hashed character n-grams. Spelling alone, no model, the same on every machine."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from callwright.similarity.base import Vectors
from callwright.values.mentions import fold

SIZES = (3, 4, 5)
"""Characters of an n-gram; words carry a space on both sides, and no n-gram spans two words."""
DIMENSION = 2048

_WORD = re.compile(r"\w+")


class Ngrams:
    """Vectors of dimension 2048. Which n-grams count how much is fixed when it is made."""

    name = "ngrams"

    def __init__(self, weights: Vectors | None = None) -> None:
        """With the inverse document frequency of each place, shape (2048,); 1 unless given."""
        self._weights = np.ones(DIMENSION, np.float32) if weights is None else weights

    @classmethod
    def weighed_by(cls, corpus: Iterable[str]) -> Ngrams:
        """An encoder for which an n-gram counts less the more texts of the corpus have it."""
        holding = np.zeros(DIMENSION, np.int64)
        count = 0
        for text in corpus:
            count += 1
            holding[sorted({place for place, _ in _places(text)})] += 1
        # Smoothed, so that what the corpus never had weighs most and nothing weighs zero.
        weights: Vectors = (np.log((1 + count) / (1 + holding)) + 1).astype(np.float32)
        return cls(weights)

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), DIMENSION), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for place, sign in _places(text):
                row[place] += sign
            # The tenth time that an n-gram stands in a text says little more than the first.
            row[:] = np.sign(row) * np.log1p(np.abs(row)) * self._weights
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = vectors / np.maximum(lengths, np.float32(1e-12))
        return unit


def _places(text: str) -> Iterator[tuple[int, float]]:
    """The place of each n-gram and its sign; with signs, two that share a place do not look alike on average."""
    for word in _WORD.findall(fold(text)):
        padded = f" {word} "
        for size in SIZES:
            for start in range(max(1, len(padded) - size + 1)):
                code = zlib.crc32(padded[start : start + size].encode("utf-8", "surrogatepass"))
                yield code % DIMENSION, 1.0 if code & 0x80000000 else -1.0
