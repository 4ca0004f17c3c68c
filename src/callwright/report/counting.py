"""What the pictures show, counted while a version's rows go by; memory grows with tools and lengths, not with rows."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from callwright.errors import StoreError
from callwright.report.texts import first_words, request_of
from callwright.schemas.report import Gate, Lengths, Picture, Point, ToolUse
from callwright.schemas.tool import Tool
from callwright.schemas.verdict import RUNGS
from callwright.schemas.version import Member, Version
from callwright.store import Store
from callwright.values.public import file_name

MAPPED = 1_500
"""Requests on the map."""
REQUEST_CHARACTERS = 160

_GATES = ("generation", *RUNGS, "splits", "leaks", "duplicates", "loop", "selection")
"""The order in which attempts meet them; a gate of another name comes last."""

ToolKey = tuple[str, str]
"""Toolkit and name."""


class Catalogue:
    """Every tool of a store, by id, with its toolkit."""

    def __init__(self, store: Store) -> None:
        self._tools = {tool.id: (toolkit, tool) for toolkit, tool in store.all_tools()}

    def tool(self, id: str) -> Tool:
        return self._found(id)[1]

    def toolkit(self, id: str) -> str:
        return self._found(id)[0]

    def _found(self, id: str) -> tuple[str, Tool]:
        try:
            return self._tools[id]
        except KeyError:
            raise StoreError(
                f"tool {id} of a row is missing from the store; build the version anew"
            ) from None


class Count:
    """Counts rows one by one; `picture` is the result, but for the places on the map."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._offered: dict[str, None] = {}
        self._by_kind: defaultdict[ToolKey, Counter[str]] = defaultdict(Counter)
        self._calls: Counter[ToolKey] = Counter()
        self._parameters: defaultdict[ToolKey, Counter[str]] = defaultdict(Counter)
        self._lengths: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._per_turn: Counter[int] = Counter()
        self._per_row: Counter[int] = Counter()
        self._evidence: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.points: list[tuple[Point, str]] = []
        """The first rows without their places, each with its whole request."""

    def add(
        self, member: Member, trajectory: Mapping[str, Any], task: Mapping[str, Any], evidence: str
    ) -> None:
        """Count one row.

        Args:
            member: The row as the version has it.
            trajectory: Record of its conversation.
            task: Record of its task.
            evidence: The highest rung that it passed, or `none`.
        """
        messages: Sequence[Mapping[str, Any]] = trajectory["messages"]
        turns = [message["tool_calls"] for message in messages if message.get("tool_calls")]
        self._count_tools(member, task, [call for turn in turns for call in turn])
        self._per_turn.update(len(turn) for turn in turns)
        self._per_row[sum(map(len, turns))] += 1
        self._evidence[evidence][member.kind] += 1
        request = request_of(messages)
        texts = [_text(message) for message in messages]
        for what, length in (
            ("request_words", len(request.split())),
            ("answer_words", len(texts[-1].split())),
            ("messages", len(messages)),
            ("characters", sum(map(len, texts)) // 100 * 100),
        ):
            self._lengths[what][length] += 1
        if len(self.points) < MAPPED:
            point = Point(
                row=member.trajectory,
                x=0.0,
                y=0.0,
                request=first_words(request, REQUEST_CHARACTERS),
                toolkit=task["toolkit"],
                kind=member.kind,
                method=member.method,
            )
            self.points.append((point, request))

    def _count_tools(
        self, member: Member, task: Mapping[str, Any], calls: Sequence[Mapping[str, Any]]
    ) -> None:
        self._offered.update(dict.fromkeys(task["tools"]))
        keys = {self._catalogue.tool(one).name: self._key(one) for one in task["tools"]}
        called = [(keys.get(call["name"], (task["toolkit"], call["name"])), call) for call in calls]
        for key in {key for key, _ in called}:
            self._by_kind[key][member.kind] += 1
        for key, call in called:
            self._calls[key] += 1
            self._parameters[key].update(_names(call["arguments"]))
        if task["withheld"] and not calls:
            self._offered[task["withheld"]] = None
            self._by_kind[self._key(task["withheld"])][member.kind] += 1

    def _key(self, id: str) -> ToolKey:
        return self._catalogue.toolkit(id), self._catalogue.tool(id).name

    def picture(self, version: Version, points: Sequence[Point]) -> Picture:
        """The version in numbers."""
        counts = version.statistics
        dropped = sum(drop.count for drop in counts.drops)
        rows = sum(self._per_row.values())
        return Picture(
            version=version.name,
            id=version.id,
            made_at=version.created_at.isoformat(timespec="seconds"),
            teacher=counts.teacher,
            student=counts.student,
            rows=rows,
            attempts=rows + dropped,
            by_split=counts.by_split,
            by_method=counts.by_method,
            by_reason=counts.by_reason,
            gates=gates_of(version),
            tools=self._tools(),
            lengths=Lengths(**{what: dict(sorted(found.items())) for what, found in self._lengths.items()}),
            calls_per_turn=dict(sorted(self._per_turn.items())),
            calls_per_row=dict(sorted(self._per_row.items())),
            evidence={
                rung: dict(sorted(self._evidence[rung].items()))
                for rung in ("none", *RUNGS)
                if rung in self._evidence
            },
            spent=counts.by_purpose,
            points=tuple(points),
            sources=tuple(one.model_copy(update={"origin": file_name(one.origin)}) for one in counts.sources),
            recovered=counts.recovered,
        )

    def _tools(self) -> tuple[ToolUse, ...]:
        documented: dict[ToolKey, Tool] = {self._key(one): self._catalogue.tool(one) for one in self._offered}
        found = []
        for key in sorted(documented.keys() | self._by_kind.keys()):
            tool, given = documented.get(key), self._parameters[key]
            names = list(dict.fromkeys([*(tool.properties if tool else ()), *sorted(given)]))
            found.append(
                ToolUse(
                    toolkit=key[0],
                    name=key[1],
                    by_kind=dict(sorted(self._by_kind[key].items())),
                    calls=self._calls[key],
                    parameters={name: given[name] for name in names},
                    required=tool.required if tool else (),
                )
            )
        return tuple(found)


def gates_of(version: Version) -> tuple[Gate, ...]:
    """What each gate that dropped anything left, in the order in which attempts meet them."""
    by_gate: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for drop in version.statistics.drops:
        by_gate[drop.gate][drop.code] += drop.count
    found, left = [], version.statistics.rows + sum(drop.count for drop in version.statistics.drops)
    for name in sorted(by_gate, key=_place):
        left -= by_gate[name].total()
        codes = sorted(by_gate[name].items(), key=lambda one: (-one[1], one[0]))
        found.append(Gate(name=name, dropped=dict(codes), left=left))
    return tuple(found)


def _place(gate: str) -> tuple[int, str]:
    return (_GATES.index(gate) if gate in _GATES else len(_GATES), gate)


def _names(arguments: str) -> list[str]:
    try:
        value = json.loads(arguments)
    except ValueError:
        return []
    return list(value) if isinstance(value, dict) else []


def _text(message: Mapping[str, Any]) -> str:
    said: str = message["observation"]["content"] if message["role"] == "tool" else message["content"]
    return said + "".join(call["name"] + call["arguments"] for call in message.get("tool_calls", ()))
