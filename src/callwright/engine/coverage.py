"""How much of its tools a version uses, and how evenly: per tool, parameter, capability and kind, counted row by row.

Memory grows by a number for each distinct call.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from callwright.engine.gates.candidate import arguments_in, calls_in
from callwright.engine.results import Result
from callwright.generators.toolalpaca.toolsets.capability import capability
from callwright.schemas.base import digest
from callwright.schemas.message import ToolCall
from callwright.schemas.tool import Tool, Toolkit
from callwright.schemas.version import Coverage, Prior, ToolCoverage
from callwright.values.intervals import wilson

LOPSIDED = 1.5
"""So many times its fair share, surely, is more than a value should have."""

Key = tuple[str, str]


class CoverageCount:
    """Counts rows one by one; `coverage` is the result."""

    def __init__(self, toolkits: Sequence[Toolkit]) -> None:
        self._tools: dict[Key, Tool] = {(kit.name, tool.name): tool for kit in toolkits for tool in kit.tools}
        self._places = {tool.id: key for key, tool in self._tools.items()}
        self._calls: Counter[Key] = Counter()
        self._rows: defaultdict[Key, Counter[str]] = defaultdict(Counter)
        self._given: defaultdict[Key, Counter[str]] = defaultdict(Counter)
        self._values: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        self._distinct: defaultdict[Key, set[int]] = defaultdict(set)

    def add(self, result: Result) -> None:
        offered = [self._places[one] for one in result.task.get("tools", ()) if one in self._places]
        places = {name: (kit, name) for kit, name in offered}
        kind = result.row_kind or result.kind
        seen: set[Key] = set()
        for call in calls_in(result.trajectory):
            key = places.get(call.name)
            if key is None:
                continue
            self._call(key, call)
            seen.add(key)
        for key in seen:
            self._rows[key][kind] += 1

    def _call(self, key: Key, call: ToolCall) -> None:
        arguments = arguments_in(call)
        self._calls[key] += 1
        self._given[key].update(list(arguments))
        self._distinct[key].add(int(digest(arguments)[:16], 16))
        options = _options(self._tools[key])
        for name, value in arguments.items():
            if name in options and (text := json.dumps(value)) in options[name]:
                self._values[(*key, name)][text] += 1

    def coverage(self) -> Coverage:
        by_capability: Counter[str] = Counter()
        for key, count in self._calls.items():
            by_capability[capability(self._tools[key])] += count
        return Coverage(
            tools=tuple(self._covered(key, tool) for key, tool in sorted(self._tools.items())),
            by_capability=dict(sorted(by_capability.items())),
            priors=tuple(self._priors()),
        )

    def _covered(self, key: Key, tool: Tool) -> ToolCoverage:
        given = self._given[key]
        return ToolCoverage(
            toolkit=key[0],
            tool=key[1],
            calls=self._calls[key],
            distinct=len(self._distinct[key]),
            by_kind=dict(sorted(self._rows[key].items())),
            by_parameter={name: given[name] for name in sorted(tool.parameters.get("properties", {}))},
        )

    def _priors(self) -> Iterator[Prior]:
        """Arguments of which one value is far more common than its fair share."""
        for (kit, tool, name), counts in sorted(self._values.items()):
            options = len(_options(self._tools[kit, tool])[name])
            value, most = min(counts.items(), key=lambda one: (-one[1], one[0]))
            if wilson(most, counts.total())[0] > min(LOPSIDED / options, 0.95):
                yield Prior(
                    toolkit=kit,
                    tool=tool,
                    argument=name,
                    value=value,
                    count=most,
                    of=counts.total(),
                    options=options,
                )


def _options(tool: Tool) -> dict[str, frozenset[str]]:
    """Argument -> its values as JSON texts, for arguments that have few."""
    found = {}
    for name, schema in tool.parameters.get("properties", {}).items():
        values = schema.get("enum") if isinstance(schema, Mapping) else None
        if values is None and isinstance(schema, Mapping) and schema.get("type") == "boolean":
            values = [False, True]
        if isinstance(values, list) and len(values) > 1:
            found[name] = frozenset(json.dumps(one) for one in values)
    return found
