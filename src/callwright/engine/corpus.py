"""The shape of a corpus, counted while its rows go by: what ToolAlpaca's and STE's papers report of theirs, and more.

Memory does not grow with the rows but for a number each. Near duplicates are looked for by comparing a sample of the
requests with all of them, in a second pass.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from callwright.engine.results import Result
from callwright.schemas.base import digest
from callwright.schemas.tool import Toolkit
from callwright.schemas.version import Corpus
from callwright.similarity import make_encoder
from callwright.values.mentions import fold

SAMPLE = 1_000
"""Requests that are compared with all others; with fewer rows, the share of near duplicates is exact."""
NEAR = 0.9
"""Cosine from which on two requests count as nearly the same."""
_BLOCK = 512


class CorpusCount:
    """Counts rows one by one; `corpus` is the result."""

    def __init__(self, toolkits: Sequence[Toolkit]) -> None:
        self._toolkits = {kit.name: kit for kit in toolkits}
        self._rows = 0
        self._named: Counter[str] = Counter()
        self._tools: set[tuple[str, str]] = set()
        self._by_calls: Counter[int] = Counter()
        self._by_steps: Counter[int] = Counter()
        self._words: Counter[str] = Counter()
        self._empty = 0
        self._requests: Counter[int] = Counter()
        self._sample: list[tuple[int, str, str]] = []

    def add(self, result: Result) -> None:
        messages = result.trajectory["messages"]
        turns = [message["tool_calls"] for message in messages if message.get("tool_calls")]
        calls = [call for turn in turns for call in turn]
        toolkit, request = result.task["toolkit"], request_of(result)
        self._rows += 1
        self._named[toolkit] += 1
        self._tools.update((toolkit, call["name"]) for call in calls)
        self._by_calls[len(calls)] += 1
        self._by_steps[len(turns)] += 1
        self._empty += sum(_is_empty(call["arguments"]) for call in calls)
        self._words["request"] += len(request.split())
        self._words["answer"] += len(_answer(messages).split())
        self._requests[_number(fold(request))] += 1
        self._keep(result.trajectory_id, request)

    def _keep(self, row: str, request: str) -> None:
        """The sample is the rows whose ids have the smallest digests, whatever order they come in."""
        place = (-_number(row), row, request)
        if len(self._sample) < SAMPLE:
            heapq.heappush(self._sample, place)
        else:
            heapq.heappushpop(self._sample, place)

    def corpus(self, results: Iterable[Result]) -> Corpus:
        """What was counted.

        Args:
            results: The same rows once more.
        """
        kits = [self._toolkits[name] for name in self._named if name in self._toolkits]
        categories: Counter[str] = Counter()
        for name, rows in self._named.items():
            categories[self._toolkits[name].category if name in self._toolkits else "other"] += rows
        sample = {row: request for _, row, request in self._sample}
        return Corpus(
            tools=len(self._tools),
            by_category=dict(sorted(categories.items())),
            functions_per_toolkit=_mean(sum(len(kit.tools) for kit in kits), len(kits)),
            by_calls=dict(sorted(self._by_calls.items())),
            by_steps=dict(sorted(self._by_steps.items())),
            calls=sum(calls * rows for calls, rows in self._by_calls.items()),
            empty_arguments=self._empty,
            request_words=_mean(self._words["request"], self._rows),
            answer_words=_mean(self._words["answer"], self._rows),
            same_requests=sum(count for count in self._requests.values() if count > 1),
            compared_requests=len(sample),
            near_requests=_near(sample, ((one.trajectory_id, request_of(one)) for one in results)),
        )


def request_of(result: Result) -> str:
    """The first thing that the user says."""
    said: str = next((one["content"] for one in result.trajectory["messages"] if one["role"] == "user"), "")
    return said


def _near(sample: Mapping[str, str], requests: Iterable[tuple[str, str]]) -> int:
    """How many of the sample have a request that is nearly the same in another row."""
    rows = list(sample)
    encoder = make_encoder("ngrams", sample.values())
    vectors = encoder.encode(list(sample.values()))
    found = np.zeros(len(rows), bool)
    for block in _blocks(requests):
        cosines = vectors @ encoder.encode([request for _, request in block]).T
        own = {row: column for column, (row, _) in enumerate(block)}
        for index, row in enumerate(rows):
            if row in own:
                cosines[index, own[row]] = 0.0
        found |= (cosines >= NEAR).any(axis=1)
    return int(found.sum())


def _blocks(values: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    source = iter(values)
    while block := list(islice(source, _BLOCK)):
        yield block


def _answer(messages: Sequence[Mapping[str, Any]]) -> str:
    last = messages[-1] if messages else {}
    return str(last.get("content", "")) if last.get("role") == "assistant" else ""


def _is_empty(arguments: str) -> bool:
    try:
        return not json.loads(arguments)
    except ValueError:
        return False


def _number(text: str) -> int:
    return int(digest(f"text:{text}")[:16], 16)


def _mean(total: float, count: int) -> float:
    return round(total / count, 2) if count else 0.0
