"""The view `retrieval`: requests with the tools that suffice for them, and offered tools that are no alternative."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from callwright.schemas.base import Record
from callwright.schemas.message import AssistantMessage, UserMessage
from callwright.schemas.tool import Tool
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.values.mentions import fold
from callwright.values.resources import share_resource
from callwright.views.contract import line_faults
from callwright.views.folder import Manifest
from callwright.views.lines import DEFAULT, Lines, export_lines
from callwright.views.loss import wrong_spans
from callwright.views.rows import Row, ToolTexts, checked, checked_json
from callwright.views.turns import REASONS, NoPlaceError

ABOUT = """
Requests for training and testing what finds tools. `sufficient` are the sets of tools that are known to serve the
request, each enough by itself; `negatives` are tools that were offered beside them and act on other things. The config
`corpus` has every tool once, with its documentation as text; its `id` is what the rows refer to.
"""
CORPUS = "corpus"


class Options(Record):
    pass


class _Asked(NamedTuple):
    id: str
    split: str
    labels: dict[str, str]
    query: str
    root: str
    called: frozenset[str]
    """Ids of tools."""
    others: tuple[str, ...]
    """Ids of offered tools that were not called and share no resource with those that were."""


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        ViewError: A row must not be exported, no row fits, or something else is in the place.
    """

    def write(lines: Lines) -> None:
        tools: dict[str, tuple[str, Tool]] = {}
        texts = ToolTexts(lambda tool: tool.wire()["function"])
        made = list(checked(store, version, lambda row: _asked(row, tools, texts, lines.dropped)))
        asked = [one for one in made if one]
        # The same request, or another wording of it, may have been served by other tools in another row.
        serving: dict[str, set[frozenset[str]]] = defaultdict(set)
        related: dict[str, set[str]] = defaultdict(set)
        for one in asked:
            serving[fold(one.query)].add(one.called)
            related[one.root] |= one.called
        for one in asked:
            sets = sorted(serving[fold(one.query)] - {one.called}, key=sorted)
            known = related[one.root].union(one.called, *sets)
            negatives = [id_ for id_ in one.others if id_ not in known]
            lines.dropped["serves_elsewhere"] += len(one.others) - len(negatives)
            named = {id_: {"id": id_, "name": tools[id_][1].name} for id_ in {*known, *negatives}}
            listed = [[named[id_] for id_ in sorted(each)] for each in (one.called, *sets)]
            body = {
                **one.labels,
                "query": one.query,
                "sufficient": listed,
                "negatives": [named[id_] for id_ in negatives],
            }
            lines.add(one.split, checked_json(body))
        for id_, (toolkit, tool) in sorted(tools.items()) if asked else ():
            [text] = texts.of([tool])
            told = {"id": id_, "name": tool.name, "toolkit": toolkit, "text": _document(tool), "tool": text}
            lines.add("train", checked_json(told), CORPUS)

    return export_lines(
        version, folder, "retrieval", options, ABOUT, write, reasons=REASONS, overwrite=overwrite
    )


def _asked(
    row: Row, tools: dict[str, tuple[str, Tool]], texts: ToolTexts, dropped: Counter[str]
) -> _Asked | None:
    try:
        query, called = _served(row)
    except NoPlaceError as reason:
        dropped[str(reason)] += 1
        return None
    spare = [tool for tool in row.tools if tool.id not in {one.id for one in called}]
    others = [tool for tool in spare if not any(share_resource(tool, one) for one in called)]
    dropped["maybe_alternative"] += len(spare) - len(others)
    texts.of([*row.tools, *called])
    tools.update({tool.id: (row.toolkit, tool) for tool in (*row.tools, *called)})
    return _Asked(
        row.id,
        str(row.split),
        {**row.labels, "evidence": row.evidence},
        query,
        row.root,
        frozenset(tool.id for tool in called),
        tuple(tool.id for tool in others),
    )


def _served(row: Row) -> tuple[str, list[Tool]]:
    """What a person asked for, in all words before the first call, and the tools that served it.

    Raises:
        NoPlaceError: The person went on asking after a call, or nothing is known to serve.
    """
    said: list[str] = []
    names: list[str] = []
    for message in row.messages:
        if isinstance(message, UserMessage):
            if names:
                raise NoPlaceError("several_requests")
            said.append(message.content)
        elif isinstance(message, AssistantMessage):
            if message.tool_calls and (not message.train or wrong_spans(message)):
                raise NoPlaceError("masked")
            names += [call.name for call in message.tool_calls]
    if not said:
        raise NoPlaceError("no_request")
    if not names:
        if row.withheld is None:
            raise NoPlaceError("nothing_withheld")
        return said[0], [row.withheld]
    offered = {tool.name: tool for tool in row.tools}
    if not offered.keys() >= set(names):
        raise NoPlaceError("not_offered")
    return "\n".join(said), [offered[name] for name in dict.fromkeys(names)]


def _document(tool: Tool) -> str:
    """A tool as text to search in: its name, what it does, and its parameters."""
    lines = [f"{tool.name}: {tool.description}"]
    for name, schema in tool.properties.items():
        told = schema.get("description", "") if isinstance(schema, dict) else ""
        lines.append(f"- {name}: {told}" if told else f"- {name}")
    return "\n".join(lines)


class _Named(Record):
    id: str
    name: str


class _Line(Record):
    id: str
    kind: str
    method: str
    toolkit: str
    evidence: str
    query: str
    sufficient: tuple[tuple[_Named, ...], ...]
    negatives: tuple[_Named, ...]


class _Document(Record):
    id: str
    name: str
    toolkit: str
    text: str
    tool: str


def validate(folder: Path) -> list[str]:
    """What breaks the contract of an export of this view, file and line by line."""
    known: dict[str, str] = {}

    def document(line: _Document) -> Iterator[str]:
        if line.id in known:
            yield f"{line.name} stands twice in the corpus"
        known[line.id] = line.name

    def faults(line: _Line) -> Iterator[str]:
        if not line.query.strip():
            yield "query: is empty"
        if not line.sufficient or not all(line.sufficient):
            yield "sufficient: no set of tools, or an empty one"
        serving = {one.id for each in line.sufficient for one in each}
        for one in (*line.negatives, *(one for each in line.sufficient for one in each)):
            if known.get(one.id) != one.name:
                yield f"{one.name} is not in the corpus"
        yield from (
            f"negatives: {one.name} serves the request" for one in line.negatives if one.id in serving
        )

    found = line_faults(folder, _Document, document, f"{CORPUS}/*.jsonl")
    return [*found, *line_faults(folder, _Line, faults, f"{DEFAULT}/*.jsonl")]
