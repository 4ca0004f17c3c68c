"""How alike two texts are: vectors for retrieval and for finding near duplicates."""

from callwright.similarity.base import ENCODERS, Encoder, Vectors, make_encoder, nearest

__all__ = ["ENCODERS", "Encoder", "Vectors", "make_encoder", "nearest"]
