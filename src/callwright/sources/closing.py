"""Schemas made self-contained: references are written out, or kept as `$defs` where a schema contains itself."""

from __future__ import annotations

import re
from collections import deque
from typing import Any

import networkx as nx

from callwright.sources.dialect import Dialect, plain
from callwright.sources.keywords import IN_PLACE, Schema, references, subschemas
from callwright.sources.merging import reworded
from callwright.sources.problems import Unusable

WRITTEN_OUT = 1_000
"""Schemas within a schema up to which every reference is written out; above it, parts are shared as `$defs`."""
LARGEST = 3_000
"""Schemas that arguments may hold: more fit in no prompt."""
CUT_AT = 1_000
"""Schemas of an answer that are kept when it drags half of the document along; what lies further out is left open."""
DEPTH_LIMIT = 40
SMALL = 10
"""What is no larger than this is written out in any case: a date, a name."""


_FOLDERS = frozenset({"#", "components", "schemas", "$defs", "definitions"})
"""Parts of a reference that say nothing about the schema it points to."""


class Closer:
    """Makes the translated schemas of one document self-contained; what two tools share is built once."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._links: dict[str, tuple[str, ...]] = {}
        self._recursive: set[str] = set()
        self._circular: set[str] = set()
        self._sizes: dict[str, tuple[int, int]] = {}
        self._written: dict[tuple[str, bool], Schema] = {}
        self._measured: dict[tuple[str, bool], tuple[int, tuple[str, ...]]] = {}
        self._names: dict[str, str] = {}
        self._places: dict[str, str] = {}

    def close(self, schema: Schema, *, cut: bool = False) -> Schema:
        """A JSON Schema 2020-12 whose every reference points into its own `$defs`.

        Args:
            schema: A translated schema.
            cut: Whether one that is too large is left open at its far ends. Otherwise it is refused.

        Raises:
            Unusable: A reference is broken, a schema is nothing but itself, or it is too large.
        """
        reached = self._reach(schema)
        if circular := sorted(reached & self._circular):
            raise Unusable("circular_ref", f"{circular[0]} leads back to itself")
        sizes = [self._size(schema), *(self._size_of(each) for each in reached & self._recursive)]
        shared = sum(size for size, _ in sizes) > WRITTEN_OUT or max(deep for _, deep in sizes) > DEPTH_LIMIT
        result = self._write(schema, shared)
        if not isinstance(result, dict):
            return result
        definitions = self._definitions(result, shared, cut)
        return {**result, "$defs": definitions} if definitions else result

    def _definitions(self, root: dict[str, Any], shared: bool, cut: bool) -> dict[str, Schema]:
        """What the references left in a schema point to, by name; the nearest first."""
        found: dict[str, Schema] = {}
        size, near = _measure(root)
        pending = deque(near)
        while pending:
            place = pending.popleft()
            name = place.removeprefix("#/$defs/")
            if name in found:
                continue
            written, (parts, further) = self._part(self._places[place], shared)
            if cut and size > CUT_AT:
                written, parts, further = _left_open(written), 1, ()
            found[name] = written
            size += parts
            pending.extend(further)
            if not cut and size > LARGEST:
                break
        if not cut and size > LARGEST:
            raise Unusable("too_large", f"the arguments hold more than {LARGEST:,} schemas")
        return dict(sorted(found.items()))

    def _part(self, reference: str, shared: bool) -> tuple[Schema, tuple[int, tuple[str, ...]]]:
        """A definition, and what `_measure` says about it."""
        written = self._write_target(reference, shared)
        key = (reference, shared)
        if key not in self._measured:
            self._measured[key] = _measure(written)
        return written, self._measured[key]

    def _write(self, schema: Schema, shared: bool) -> Schema:
        """The schema with every reference written out that is not kept."""
        if not isinstance(schema, dict) or "$ref" not in schema:
            return plain(schema, lambda inner: self._write(inner, shared))
        reference = schema["$ref"]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        written = plain(beside, lambda inner: self._write(inner, shared))
        assert isinstance(written, dict)
        if self._is_kept(reference, shared):
            return {"$ref": self._place(reference), **written}
        target = self._write_target(reference, shared)
        return reworded(target, written) if isinstance(target, dict) and written else target

    def _write_target(self, reference: str, shared: bool) -> Schema:
        key = (reference, shared)
        if key not in self._written:
            self._written[key] = self._write(self._dialect.target(reference), shared)
        return self._written[key]

    def _is_kept(self, reference: str, shared: bool) -> bool:
        return reference in self._recursive or (shared and self._size_of(reference)[0] > SMALL)

    def _place(self, reference: str) -> str:
        """`#/$defs/NAME`, the name made of the reference's own."""
        if reference not in self._names:
            parts = [part for part in reference.split("/") if part not in _FOLDERS]
            stem = re.sub(r"[^a-zA-Z0-9_.-]+", "_", "_".join(parts)) or "schema"
            place, number = f"#/$defs/{stem}", 2
            while place in self._places:
                place, number = f"#/$defs/{stem}_{number}", number + 1
            self._names[reference], self._places[place] = place, reference
        return self._names[reference]

    def _reach(self, schema: Schema) -> set[str]:
        """Every reference that a schema leads to. New ones are looked at once, for cycles."""
        reached: set[str] = set()
        fresh = []
        pending = list(references(schema))
        while pending:
            reference = pending.pop()
            if reference in reached:
                continue
            reached.add(reference)
            if reference not in self._links:
                self._links[reference] = tuple(references(self._dialect.target(reference)))
                fresh.append(reference)
            pending.extend(self._links[reference])
        self._recursive |= _in_cycles({each: self._links[each] for each in fresh})
        in_place = {each: tuple(references(self._dialect.target(each), IN_PLACE)) for each in fresh}
        self._circular |= _in_cycles(in_place)
        return reached

    def _size(self, schema: Schema) -> tuple[int, int]:
        """How many schemas, and how deep, a schema would be with its references written out."""
        if not isinstance(schema, dict):
            return 1, 1
        parts = [self._size(inner) for inner in subschemas(schema)]
        size = 1 + sum(part[0] for part in parts)
        depth = 1 + max((part[1] for part in parts), default=0)
        if "$ref" in schema and schema["$ref"] not in self._recursive:
            inside = self._size_of(schema["$ref"])
            return size + inside[0], max(depth, inside[1])
        return size, depth

    def _size_of(self, reference: str) -> tuple[int, int]:
        if reference not in self._sizes:
            self._sizes[reference] = self._size(self._dialect.target(reference))
        return self._sizes[reference]


def _measure(schema: Schema) -> tuple[int, tuple[str, ...]]:
    """How many schemas a schema is made of, and what it refers to."""
    total, found, pending = 0, [], deque([schema])
    while pending:
        node = pending.popleft()
        total += 1
        if isinstance(node, dict):
            if "$ref" in node:
                found.append(node["$ref"])
            pending.extend(subschemas(node))
    return total, tuple(found)


def _left_open(schema: Schema) -> Schema:
    """No more than a schema's type and description."""
    return (
        {key: schema[key] for key in ("type", "description") if key in schema}
        if isinstance(schema, dict)
        else schema
    )


def _in_cycles(links: dict[str, tuple[str, ...]]) -> set[str]:
    """The nodes that can be reached from themselves. A cycle never mixes these with nodes seen before."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edges_from((source, target) for source, targets in links.items() for target in targets)
    found = {
        node
        for component in nx.strongly_connected_components(graph)
        if len(component) > 1
        for node in component
    }
    return found | set(nx.nodes_with_selfloops(graph))
