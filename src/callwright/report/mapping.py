"""Requests on a plane: the default encoder, and the two directions in which they differ most (PCA)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from callwright.similarity import make_encoder

_DIGITS = 3
"""The last digits of a float depend on the machine; the page must not."""


def plane(texts: Sequence[str]) -> tuple[list[tuple[float, float]], float]:
    """A place for each text, within -1 to 1, and the share of the variance that both axes have.

    Texts of several versions are placed together, so that their maps can be laid over each other.
    """
    if len(texts) < 3:
        return [(0.0, 0.0)] * len(texts), 0.0
    vectors = make_encoder("ngrams", texts).encode(texts).astype(np.float64)
    vectors -= vectors.mean(axis=0)
    # The smaller of both products has the same eigenvalues.
    wide = len(texts) <= vectors.shape[1]
    values, axes = np.linalg.eigh(vectors @ vectors.T if wide else vectors.T @ vectors)
    total = float(values.clip(0).sum())
    if total <= 0:
        return [(0.0, 0.0)] * len(texts), 0.0
    first, second = axes[:, -1], axes[:, -2]
    if not wide:
        first, second = vectors @ first, vectors @ second
    places = np.stack([_upright(first), _upright(second)], axis=1)
    share = float(values[-2:].clip(0).sum()) / total
    return [(round(float(x), _DIGITS), round(float(y), _DIGITS)) for x, y in places], round(share, _DIGITS)


def _upright(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """The axis with its longest coordinate at 1: an eigenvector's sign and length mean nothing."""
    longest = axis[np.argmax(np.round(np.abs(axis), 6))]
    return axis / longest if longest else axis
