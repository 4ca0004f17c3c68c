"""Hold rows against what is protected.

Exact, renamed and descended rows are found for sure; a paraphrase is a matter of likeness. Its rules are few: so many
words in a row (13, the usual window of decontamination, Brown et al. 2020); much the same spelling, where what the rows
at hand have in common counts little; or less alike, while the numbers and names in both agree. Two rows that both call,
and call with other values, ask for different things however alike their words are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from callwright.leaks.items import Item
from callwright.similarity import Encoder, Vectors, make_encoder
from callwright.values.mentions import fold
from callwright.values.words import COPY, runs_of, words_of

SPELT = (0.65, 0.6, 0.3)
"""Cosine of weighed character n-grams from which on a request is a paraphrase: whatever it names, where what one of the
two names is part of what the other does, and where both name the same."""
MEANT = (0.8, 0.68, 0.6)
"""The same for a sentence model."""
_BLOCK = 256
_TELLING = re.compile(r"\d[\w.:/-]*|[\w.+-]+@[\w.-]+")
_NAME = re.compile(r"(?<=[\w,;:\"'“‘(] )[\"'“‘(]?[A-Z][\w'-]+")


@dataclass(frozen=True)
class Leak:
    """A row of ours and what it repeats."""

    code: str
    """`exact`, `renamed`, `paraphrased`, `lineage`, `tool` or `canary`."""
    row: str
    item: str
    message: str


class Protected:
    """Rows that nothing which is trained on may repeat. Holds a vector for each, 8 KB."""

    def __init__(
        self,
        items: Sequence[Item],
        corpus: Iterable[str] = (),
        *,
        tools: bool = True,
        encoder: str = "ngrams",
        roots: Collection[str] = (),
    ) -> None:
        """
        Args:
            items: Of one file.
            corpus: Requests of the rows that will be held against them: what many of them say counts little.
            tools: Whether its tools are protected, too.
            encoder: `minilm` looks for meaning besides.
            roots: Root tasks of the items, as far as they are known: their descendants leak.
        """
        self._asked = [item for item in items if item.said.strip()]
        texts = [item.said for item in self._asked]
        self._spelling = make_encoder("ngrams", (*texts, *corpus))
        self._meaning: Encoder | None = make_encoder(encoder) if encoder != "ngrams" else None
        self._spelt = self._spelling.encode(texts)
        self._meant: Vectors | None = self._meaning.encode(texts) if self._meaning else None
        self._telling = [telling(text) for text in texts]
        self._by_text = {_folded(text): item.name for item in items for text in item.texts}
        self._windows = {window: item for item in items for text in item.texts for window in _windows(text)}
        self._by_values: defaultdict[tuple[tuple[str, ...], ...], list[Item]] = defaultdict(list)
        for item in items:
            if item.calls:
                self._by_values[item.values].append(item)
        self._ids = {one: item.name for item in items for one in item.ids}
        self._roots = frozenset(roots)
        self._tools = {tool.key: item.name for item in items for tool in item.tools} if tools else {}

    def leaks(self, rows: Iterable[Item]) -> Iterator[Leak]:
        """What rows repeat: of each row, the first thing that is found."""
        source = iter(rows)
        while block := list(islice(source, _BLOCK)):
            spelt = self._spelling.encode([row.said for row in block]) @ self._spelt.T
            meant = None
            if self._meaning is not None and self._meant is not None:
                meant = self._meaning.encode([row.said for row in block]) @ self._meant.T
            for place, row in enumerate(block):
                likeness = spelt[place], None if meant is None else meant[place]
                found = self._exact(row) or self._renamed(row) or self._paraphrased(row, *likeness)
                if found:
                    yield found
                if tool := self._tool(row):
                    yield tool

    def _exact(self, row: Item) -> Leak | None:
        for one in sorted(row.ids):
            if one in self._ids:
                return Leak("lineage", row.name, self._ids[one], "it is made of this row")
            if one in self._roots:
                return Leak(
                    "lineage",
                    row.name,
                    f"root task {one[:8]}",
                    "it descends from a protected row's root task",
                )
        for text in row.texts:
            name = self._by_text.get(_folded(text))
            if name and words_of(text):
                return Leak("exact", row.name, name, "the same request")
        for text in row.texts:
            for window in _windows(text):
                item = self._windows.get(window)
                if item and not _contradict(row, item):
                    return Leak("paraphrased", row.name, item.name, f"{COPY} words in a row")
        return None

    def _renamed(self, row: Item) -> Leak | None:
        """Calls of the same structure with the same values, where that cannot be by chance."""
        if not row.calls:
            return None
        for item in self._by_values.get(row.values, ()):
            specific = {value for call in row.values for value in call if _is_specific(value)}
            tools = sorted(fold(call.name) for call in row.calls) == sorted(
                fold(call.name) for call in item.calls
            )
            names = sorted(tuple(sorted(call.arguments)) for call in row.calls) == sorted(
                tuple(sorted(call.arguments)) for call in item.calls
            )
            if len(specific) >= (1 if tools else 3):
                code = "exact" if tools and names else "renamed"
                return Leak(
                    code, row.name, item.name, "the same calls" + ("" if names else " by other names")
                )
        return None

    def _paraphrased(self, row: Item, spelt: Vectors, meant: Vectors | None) -> Leak | None:
        if not self._asked or not row.said.strip():
            return None
        mine = telling(row.said)
        for cosines, bounds, what in ((spelt, SPELT, "spelt"), (meant, MEANT, "meant")):
            if cosines is None:
                continue
            for place in np.flatnonzero(cosines >= min(bounds)):
                item, theirs = self._asked[place], self._telling[place]
                if cosines[place] >= bounds[_agreement(mine, theirs)] and not _contradict(row, item):
                    return Leak("paraphrased", row.name, item.name, f"{what} {cosines[place]:.0%} alike")
        return None

    def _tool(self, row: Item) -> Leak | None:
        for tool in row.tools:
            if tool.key in self._tools:
                return Leak(
                    "tool",
                    row.name,
                    self._tools[tool.key],
                    f"the tool {tool.name}, its arguments and its description",
                )
        return None


def telling(text: str) -> frozenset[str]:
    """The numbers, addresses and names in a text, folded: what a paraphrase keeps."""
    found = _TELLING.findall(text) + [one.strip("\"'“‘(") for one in _NAME.findall(text)]
    return frozenset(
        fold(one).strip(".:/-").removesuffix("'s") for one in found if fold(one) not in _NO_NAMES
    )


_NO_NAMES = frozenset(
    {"i", "i'm", "i'd", "i'll", "i've", "ok", "okay", "please", "can", "could", "what", "is", "the"}
)


def _agreement(mine: frozenset[str], theirs: frozenset[str]) -> int:
    """2 where two texts name the same, 1 where one names a part of what the other does, 0 else."""
    if not mine or not theirs:
        return 0
    return 2 if mine == theirs else int(mine <= theirs or theirs <= mine)


def _contradict(row: Item, item: Item) -> bool:
    """Whether both call, and less than half of the values are the same."""
    mine, theirs = ({value for call in one.values for value in call} for one in (row, item))
    return bool(mine) and bool(theirs) and 2 * len(mine & theirs) < min(len(mine), len(theirs))


def _is_specific(value: str) -> bool:
    """Whether two rows hardly have a value in common by chance: no switch, small number or single short word."""
    return len(value) >= 5 and value not in ("false", "null")


def _folded(text: str) -> str:
    return " ".join(words_of(text))


def _windows(text: str) -> Iterator[int]:
    return (number for number, _ in runs_of(text, COPY, COPY))
