"""The packaged sentence model, without a network. Run: make test-extras."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from callwright.similarity import make_encoder


@pytest.fixture(scope="module")
def encoder():
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*_args, **_kwargs):
            raise OSError("no network in this test")

        patch.setattr(socket.socket, "connect", refuse)
        yield make_encoder("minilm")


def test_meaning_counts_where_spelling_says_nothing(encoder):
    texts = ["Will it rain in Oslo?", "Do I need an umbrella in Norway's capital?", "Book a table for two."]
    vectors = encoder.encode(texts)
    assert vectors.shape == (3, 384) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert vectors[0] @ vectors[1] > 0.4 > 0.2 > vectors[0] @ vectors[2]
    spelt = make_encoder("ngrams").encode(texts)
    assert spelt[0] @ spelt[1] < 0.4


def test_no_text_is_no_row(encoder):
    assert encoder.encode([]).shape == (0, 384)
