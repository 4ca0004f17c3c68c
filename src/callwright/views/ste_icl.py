"""The view `ste-icl`: test rows with documentation and demonstrations in the prompt, as STE tests models that are not
trained (Wang et al. 2024, arXiv 2403.04746).

The documentation is of an "oracle 15": the right tool and the 14 whose documentation is most like it. Demonstrations
are the 8 train rows whose requests are most like the test row's.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from callwright.schemas.base import Record
from callwright.schemas.message import AssistantMessage, ToolCall
from callwright.schemas.tool import Tool
from callwright.schemas.version import Split, Version
from callwright.similarity import Encoder, Vectors, make_encoder, nearest
from callwright.store import Store
from callwright.values import react
from callwright.values.mentions import WEEKDAYS, fold
from callwright.views.folder import Manifest
from callwright.views.lines import Lines, export_lines
from callwright.views.prompts import prompt
from callwright.views.rows import Row, RowError, checked, checked_json
from callwright.views.turns import REASONS, Example, NoPlaceError, example_of

ABOUT = """
One test for each test row: `prompt` is what a model gets, `gold` the right calls with their arguments as JSON text. Add
what the model answers as `predicted` (its text, or its tool calls) and run `callwright score FILE --metric ste`.
`demonstrations` says which train rows stand in the prompt and how similar they are, `tools` is the documentation.
"""


class Options(Record):
    demonstrations: int = Field(default=8, ge=0)
    """Demonstrations in a prompt."""
    documents: int = Field(default=15, ge=1)
    """Tools in a prompt; all of them when there are fewer."""
    encoder: Literal["ngrams", "minilm"] = "ngrams"
    """What finds similar texts."""


@dataclass(frozen=True)
class Asked:
    """What is kept of a row that fits."""

    id: str
    root: str
    split: Split
    labels: dict[str, str]
    system: str
    clock: str
    request: str
    calls: tuple[ToolCall, ...]
    right: tuple[Tool, ...]
    """The tools that are called."""


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    All train requests are held as vectors, 8 KB each.

    Raises:
        UsageError: The encoder's extra is not installed.
        ViewError: A row must not be exported, no test row fits, or something else is in the place.
    """

    def write(lines: Lines) -> None:
        tools: dict[str, Tool] = {}
        # A train row without a place here is no loss to a test.
        dropped = {"train": Counter[str]()}

        def asked(row: Row) -> Asked | None:
            tools.update((tool.id, tool) for tool in row.tools)
            checked_json([one.content for one in row.messages])
            try:
                if any(isinstance(one, AssistantMessage) and not one.train for one in row.messages):
                    raise NoPlaceError("masked")
                return _asked(row, example_of(row))
            except NoPlaceError as reason:
                dropped.get(row.split, lines.dropped)[str(reason)] += 1
                return None

        found = [one for one in checked(store, version, asked) if one]
        train, same = distinct([one for one in found if one.split == "train"])
        lines.dropped["same_request"] += same
        shelf = Shelf(train, list(tools.values()), options)
        for test in (one for one in found if one.split != "train"):
            body = shelf.test(test)
            lines.dropped["few_demonstrations"] += len(body["demonstrations"]) < options.demonstrations
            lines.add(test.split, checked_json(body))

    return export_lines(
        version, folder, "ste-icl", options, ABOUT, write, reasons=REASONS, overwrite=overwrite
    )


def _asked(row: Row, example: Example) -> Asked:
    called = {call.name for call in example.calls}
    right = tuple(tool for tool in row.tools if tool.name in called)
    if len(right) < len(called):
        raise RowError("unknown_tool", "it calls a tool that is not offered")
    return Asked(
        id=row.id,
        root=row.root,
        split=row.split,
        labels={"kind": row.kind, "method": row.method, "toolkit": row.toolkit},
        system=row.system,
        clock=row.clock,
        request=example.request,
        calls=example.calls,
        right=right,
    )


def distinct(rows: Iterable[Asked]) -> tuple[list[Asked], int]:
    """The first row by id of each request, and how many others there are."""
    ordered = sorted(rows, key=lambda one: one.id)
    first: dict[str, Asked] = {}
    for one in ordered:
        first.setdefault(fold(one.request), one)
    return list(first.values()), len(ordered) - len(first)


class Shelf:
    """All demonstrations and all documentation, to be looked up by likeness."""

    def __init__(self, train: Sequence[Asked], tools: Sequence[Tool], options: Options) -> None:
        self._options = options
        self._train = train
        self._ids = [one.id for one in train]
        requests = [one.request for one in train]
        self._encoder = make_encoder(options.encoder, requests)
        self._requests = self._encoder.encode(requests)
        self._tools = sorted(tools, key=lambda tool: (tool.name, tool.id))
        documents = [document(tool) for tool in self._tools]
        librarian: Encoder = make_encoder(options.encoder, documents)
        self._documents = librarian.encode(documents)

    def test(self, asked: Asked) -> dict[str, Any]:
        """The line of one test row."""
        demonstrations = self.demonstrations(asked)
        tools = self.oracle(asked.right)
        shown = "\n---\n".join(_block(one) for one, _ in demonstrations)
        system = prompt("ste_icl").substitute(
            system=asked.system,
            documents="\n".join(map(document, tools)),
            demonstrations=shown or "(There are none.)",
        )
        return {
            "id": asked.id,
            **asked.labels,
            "query": asked.request,
            "gold": [_call(call) for call in asked.calls],
            "tools": json.dumps([tool.wire() for tool in tools], ensure_ascii=False),
            "demonstrations": [
                {"id": one.id, "query": one.request, "similarity": round(cosine, 3)}
                for one, cosine in demonstrations
            ],
            "prompt": [
                {"role": "system", "content": system.strip()},
                {"role": "user", "content": asked.request},
            ],
        }

    def demonstrations(self, asked: Asked) -> list[tuple[Asked, float]]:
        """Train rows with their cosines, most similar first, ties by row id; never the request or a relative."""
        query = self._encoder.encode([asked.request])[0]
        found: list[tuple[Asked, float]] = []
        for index, cosine in nearest(query, self._requests, self._ids):
            if len(found) >= self._options.demonstrations:
                break
            one = self._train[index]
            if one.root != asked.root and fold(one.request) != fold(asked.request):
                found.append((one, cosine))
        return found

    def oracle(self, right: Sequence[Tool]) -> list[Tool]:
        """The called tools and those whose documentation is most like theirs, by name: order says nothing."""
        likeness = self._likeness({tool.id for tool in right})
        chosen = {tool.name: tool for tool in right}
        for index, _ in likeness:
            if len(chosen) >= self._options.documents:
                break
            chosen.setdefault(self._tools[index].name, self._tools[index])
        return [chosen[name] for name in sorted(chosen)]

    def _likeness(self, right: set[str]) -> list[tuple[int, float]]:
        """All tools by their likeness to the nearest of the right ones."""
        at = [index for index, tool in enumerate(self._tools) if tool.id in right]
        best: Vectors = np.max(self._documents @ self._documents[at].T, axis=1, keepdims=True)
        return nearest(np.ones(1, np.float32), best, [tool.id for tool in self._tools])


def document(tool: Tool) -> str:
    """A tool's documentation as one line of JSON."""
    return json.dumps(tool.wire()["function"], ensure_ascii=False)


def _block(asked: Asked) -> str:
    """One demonstration. The date stands with it, for "next Friday" means nothing without."""
    date = dt.date.fromisoformat(asked.clock)
    calls = [react.write(react.Turn(action=one.name, text=one.arguments)) for one in asked.calls]
    head = f"Date: {date} ({WEEKDAYS[date.weekday()]})\nUser Query: {asked.request}"
    return "\n".join([head, *calls])


def _call(call: ToolCall) -> dict[str, str]:
    return {"name": call.name, "arguments": call.arguments}
