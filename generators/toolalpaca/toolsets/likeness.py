"""Which introductions say the same: by the share of three-word runs that two texts have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping

ALIKE = 0.7
"""Jaccard similarity from which on two introductions count as one."""


class Likeness:
    """Introductions that were seen so far."""

    def __init__(self) -> None:
        self._seen: dict[str, frozenset[tuple[str, ...]]] = {}

    def twin(self, name: str, text: str) -> str | None:
        """The name of an earlier text that this one repeats; one that repeats none is remembered.

        A service's own name tells nothing of what it does, so it is left out of the comparison.
        """
        runs = _runs(re.sub(re.escape(name), " ", text, flags=re.IGNORECASE))
        found = _nearest(self._seen, runs)
        if found is None:
            self._seen[name] = runs
        return found


def _nearest(seen: Mapping[str, frozenset[tuple[str, ...]]], runs: frozenset[tuple[str, ...]]) -> str | None:
    return next((name for name, other in seen.items() if _jaccard(runs, other) >= ALIKE), None)


def _jaccard(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    return len(one & other) / max(1, len(one | other))


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return frozenset(zip(words, words[1:], words[2:], strict=False)) or frozenset({tuple(words)})
