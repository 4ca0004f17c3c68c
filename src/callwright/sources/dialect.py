"""OpenAPI's way of writing schemas, 3.0 and 3.1, translated into plain JSON Schema 2020-12."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from callwright.sources.keywords import ANNOTATIONS, MANY, NAMED, NUMBERS, ONE, PLAIN, Schema, map_subschemas
from callwright.sources.merging import DROPPED, merge, reworded
from callwright.sources.problems import Unusable, mapping, sequence, shown
from callwright.sources.tidying import nullable, tidy_bounds, tidy_values, with_type


class Dialect:
    """Translates the schemas of one document, as a client sends them or as it receives them.

    A translated schema keeps its `$ref`s, so that a schema that contains itself stays finite;
    `callwright.sources.closing` makes it self-contained.
    """

    def __init__(self, document: Any, *, version: str = "3.1", left_out: str = "readOnly") -> None:
        """
        Args:
            document: What references point into.
            version: OpenAPI's, because 3.0 ignores what stands beside a `$ref`.
            left_out: The flag of properties that have no place in this direction: `readOnly` for what
                is sent, `writeOnly` for what comes back.
        """
        self.document = document
        self._only_words_beside_refs = version.startswith("3.0")
        self._left_out = left_out
        self._targets: dict[str, Schema] = {}
        self._pending: set[str] = set()

    def resolve(self, reference: Any) -> Any:
        """What a reference points to, as it stands in the document.

        Raises:
            Unusable: It points out of the document, or nowhere.
        """
        segments = _segments(reference)
        node = self.document
        if not segments and isinstance(node, dict) and "openapi" in node:
            raise Unusable("unresolved_ref", f"{reference} is the whole document, which is no schema")
        for segment in segments:
            try:
                node = node[int(segment)] if isinstance(node, list) else node[segment]
            except (KeyError, IndexError, ValueError, TypeError):
                raise Unusable("unresolved_ref", f"nothing stands at {reference}") from None
        return node

    def follow(self, node: Any, what: str) -> dict[Any, Any]:
        """A part of the document that is no schema (a parameter, an answer), its reference resolved."""
        seen = set()
        found = mapping(node, what)
        while "$ref" in found:
            reference = found["$ref"]
            found = mapping(self.resolve(reference), what)
            if reference in seen:
                raise Unusable("circular_ref", f"{reference} leads back to itself")
            seen.add(reference)
        return found

    def target(self, reference: str) -> Schema:
        """The translated schema that a reference points to."""
        if reference not in self._targets:
            self._pending.add(reference)
            try:
                self._targets[reference] = self.translate(self.resolve(reference))
            finally:
                self._pending.discard(reference)
        return self._targets[reference]

    def opened(self, schema: Schema) -> Schema:
        """A translated schema that says itself what its top-level reference points to.

        Raises:
            Unusable: The reference leads back to itself.
        """
        seen = set()
        while isinstance(schema, dict) and "$ref" in schema:
            reference = schema["$ref"]
            if reference in seen:
                raise Unusable("circular_ref", f"{reference} leads back to itself")
            seen.add(reference)
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            found = self.target(reference)
            schema = reworded(found, beside) if isinstance(found, dict) and beside else found
        return schema

    def translate(self, raw: Any) -> Schema:
        """One schema of the document in JSON Schema 2020-12.

        Raises:
            Unusable: It is no schema, or refers to what cannot be read.
        """
        if raw is None:
            return {}
        if isinstance(raw, bool):
            return raw
        if not isinstance(raw, dict):
            raise Unusable("invalid_schema", f"a schema is {shown(raw)}, expected a mapping")
        if "$dynamicRef" in raw or "$recursiveRef" in raw:
            raise Unusable("unsupported_ref", "dynamic references are not supported")
        schema = self._known_words(raw)
        tidy_bounds(schema, raw)
        schema = with_type(schema)
        tidy_values(schema, raw)
        self._leave_out(schema, raw)
        schema = self._unwrapped(schema)
        return nullable(schema) if raw.get("nullable") is True else schema

    def _known_words(self, raw: dict[Any, Any]) -> dict[str, Any]:
        """Only the words that JSON Schema knows, their subschemas translated."""
        allowed = ANNOTATIONS if "$ref" in raw and self._only_words_beside_refs else _KNOWN
        schema: dict[str, Any] = {}
        if "$ref" in raw:
            self.resolve(raw["$ref"])
            schema["$ref"] = "#" + unquote(raw["$ref"][1:])
        for key, value in raw.items():
            if key in allowed:
                schema |= self._word(key, value)
        return schema

    def _word(self, key: str, value: Any) -> dict[str, Any]:
        if key == "items" and isinstance(value, list):
            return {"prefixItems": [self.translate(each) for each in value]}
        if key in ONE:
            return {key: self.translate(value)}
        if key in MANY:
            members = [self.translate(each) for each in sequence(value, key)]
            return {key: members} if members else {}
        if key in NAMED:
            return {key: {_name(k): self.translate(v) for k, v in mapping(value, key).items()}}
        if key in NUMBERS and not (isinstance(value, int | float) or key.startswith("exclusive")):
            raise Unusable("invalid_schema", f"{key} is {shown(value)}, expected a number")
        return {key: value}

    def _leave_out(self, schema: dict[str, Any], raw: dict[Any, Any]) -> None:
        """Drop the properties that this direction does not have, and remember their names."""
        written = raw.get("properties")
        if not isinstance(written, dict):
            return
        names = [_name(name) for name, each in written.items() if self._is_left_out(each)]
        if names:
            schema["properties"] = {k: v for k, v in schema["properties"].items() if k not in names}
            schema[DROPPED] = names

    def _is_left_out(self, raw: Any) -> bool:
        """Whether a property carries the flag, itself or through a reference or `allOf`."""
        pending, seen = [raw], set()
        while pending:
            node = pending.pop()
            if not isinstance(node, dict) or id(node) in seen:
                continue
            seen.add(id(node))
            if node.get(self._left_out) is True:
                return True
            if "$ref" in node:
                pending.append(self.resolve(node["$ref"]))
            if isinstance(node.get("allOf"), list):
                pending.extend(node["allOf"])
        return False

    def _unwrapped(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema with `allOf` merged into it and without choices of one."""
        for word in ("oneOf", "anyOf"):
            if len(schema.get(word, ())) == 1:
                schema["allOf"] = [*schema.get("allOf", []), *schema.pop(word)]
        if "allOf" not in schema:
            return schema
        outer = {key: value for key, value in schema.items() if key != "allOf"}
        members = [member for member in schema["allOf"] if member is not True and member != {}]
        if any(member is False for member in members):
            return {**outer, "not": {}}
        if len(members) == 1 and outer.keys() <= ANNOTATIONS:
            # The usual wrapper around a reference; left alone it stays a reference, and may be recursive.
            return {**members[0], **outer}
        if any(self._is_pending(member) for member in members):
            return {**outer, "allOf": members}
        return self._merged(members, outer)

    def _is_pending(self, member: dict[str, Any]) -> bool:
        """Whether a member of `allOf` is a schema that is being translated right now, around us."""
        seen = set()
        while "$ref" in member and member["$ref"] not in seen:
            if member["$ref"] in self._pending:
                return True
            seen.add(member["$ref"])
            found = self.target(member["$ref"])
            if not isinstance(found, dict):
                return False
            member = found
        return False

    def _merged(self, members: list[dict[str, Any]], outer: dict[str, Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for member in members:
            opened = self.opened(member)
            if opened is False:
                return {**outer, "not": {}}
            merged = merge(merged, opened) if isinstance(opened, dict) else merged
        return reworded(merged, outer)


_KNOWN = (ONE | MANY | NAMED | PLAIN | ANNOTATIONS) - {"$defs"}


def _segments(reference: Any) -> list[str]:
    """The names along a reference into the same document."""
    if not isinstance(reference, str):
        raise Unusable("unresolved_ref", f"a reference is {shown(reference)}, expected text")
    if not reference.startswith("#"):
        raise Unusable("external_ref", f"{reference} points to another file; bundle the files into one first")
    if reference != "#" and not reference.startswith("#/"):
        raise Unusable("unsupported_ref", f"{reference} is an anchor; only pointers (#/...) are read")
    parts = unquote(reference[1:]).split("/")[1:]
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def _name(key: Any) -> str:
    """A property's name; YAML reads an unquoted `404:` or `true:` as a number or a boolean."""
    return key if isinstance(key, str) else json.dumps(key)


def without_marks(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without our own mark; names that were left out are not required either."""
    if DROPPED not in schema:
        return schema
    kept = {key: value for key, value in schema.items() if key not in (DROPPED, "required")}
    gone = set(schema[DROPPED]) - kept.get("properties", {}).keys()
    required = [name for name in schema.get("required", ()) if name not in gone]
    return {**kept, "required": required} if required else kept


def plain(schema: Schema, change: Any) -> Schema:
    """A translated schema without marks, its subschemas changed by `change`."""
    return map_subschemas(without_marks(schema), change) if isinstance(schema, dict) else schema
