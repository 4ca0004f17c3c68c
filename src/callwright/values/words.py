"""Texts as words and numbers, to tell which say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b

from callwright.values.mentions import fold

COPY = 13
"""Words in a row that count as a copy (the 13-gram overlap of Brown et al. 2020, appendix C)."""

_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """The words of a text, without case and punctuation."""
    return _WORD.findall(fold(text))


def number_of(text: str) -> int:
    """64 bits that stand for a text."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def runs_of(text: str, length: int, shortest: int) -> Iterator[tuple[int, str]]:
    """(number, words) for each run of so many words; of a shorter text, its words as a whole.

    Args:
        text: Where they stand.
        length: Words of a run.
        shortest: Words of a text at the least; a shorter one has no run.
    """
    words = words_of(text)
    if len(words) < shortest:
        return
    for start in range(max(1, len(words) - length + 1)):
        run = " ".join(words[start : start + length])
        yield number_of(run), run
