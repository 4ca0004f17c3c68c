"""Rules play the server: seeded, with memory, in the documented shape, and never with placeholder text."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from callwright.errors import GenerationError
from callwright.llm.base import Completion, Request
from callwright.schemas.base import canonical_json, digest
from callwright.schemas.phrases import PhraseSheet
from callwright.schemas.tool import OpenAPIBinding, Tool, Toolkit
from callwright.toolbox.simulated import PURPOSE
from callwright.values.makers import NOTHING, field_for, is_id_name, json_type, make, mimic
from callwright.values.mentions import fold
from callwright.values.spoken import humanise, singular
from callwright.values.validation import errors

_START = re.compile(r"\b(?:start|from|since|after|begin)\b")
_END = re.compile(r"\b(?:end|to|until|till|before)\b")
_LIMIT = re.compile(r"\b(?:limit|page size|per page|max results|size)\b")
_QUERY = re.compile(r"^(?:q|query|search|keyword|keywords|text|term)$")
_ACTIONS = frozenset(
    "add archive assign book cancel close copy create delete disable enable invite mark move open order pause pay "
    "post publish register remove rename renew reserve reset restore save schedule send set share start stop submit "
    "subscribe transfer turn unsubscribe update upload".split(" ")
)
"""Verbs of tools whose answer is that it was done."""
_COUNT = re.compile(r"^(?:count|total|total count|total results|number)$")
_LINK = re.compile(r"^(?:next|previous|prev)$")


def answers(toolkits: Sequence[Toolkit]) -> dict[str, Callable[[Request], Completion]]:
    """The server's part of the offline teacher, for the tools of these toolkits."""
    by_name = {toolkit.name: toolkit for toolkit in toolkits}

    def answer(request: Request) -> Completion:
        asked = request.variables
        toolkit = by_name[asked["toolkit"]]
        server = RuleServer(toolkit, asked["seed"], dt.date.fromisoformat(asked["clock"]), asked["history"])
        status, body = server.answer(toolkit.tool(asked["tool"]), asked["arguments"])
        reply = {"status": status, "body": body}
        return Completion(text=canonical_json(reply), parsed=reply)

    return {PURPOSE: answer}


def only_reads(tool: Tool) -> bool:
    """Whether calls are known to change nothing without being tried out: GET requests to a server that is played."""
    binding = tool.binding
    return isinstance(binding, OpenAPIBinding) and binding.method.upper() == "GET" and not binding.live


class RuleServer:
    """One episode's server. The same calls after the same history always get the same answers."""

    def __init__(
        self, toolkit: Toolkit, seed: int, clock: dt.date, history: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self._toolkit = toolkit
        self._sheet = toolkit.phrases
        self._seed = seed
        self._clock = clock
        self._history = list(history)

    def answer(self, tool: Tool, arguments: Mapping[str, Any]) -> tuple[int, Any]:
        """Status and body of a valid call.

        Raises:
            GenerationError: `offline_no_value`: the documentation does not say enough to make a body up.
        """
        missing = self._unknown_id(tool, arguments)
        if missing:
            return 404, {"error": f"No {singular(humanise(tool.resource))} with {missing} was found."}
        status = tool.reply.status
        if tool.reply.media_type is None:
            return status, None
        if "json" not in tool.reply.media_type:
            rng = self._rng(tool, arguments)
            return status, {"media_type": tool.reply.media_type, "size_bytes": rng.randint(2_000, 60_000)}
        if tool.returns is None and not tool.reply.examples:
            return status, self._undocumented(tool)
        body = Body(
            tool, arguments, self._sheet, self._rng(tool, arguments), self._clock, self._entities()
        ).make()
        if body is NOTHING or (tool.returns is not None and errors(tool.returns, body)):
            raise GenerationError(
                "offline_no_value", f"{tool.name}: the documented reply cannot be made up by rules"
            )
        return status, body

    def _undocumented(self, tool: Tool) -> Any:
        """The reply of a tool that does something; one that looks something up would have to be made up."""
        verb = humanise(tool.name).split()[0]
        if verb not in _ACTIONS:
            raise GenerationError(
                "offline_no_value", f"{tool.name}: the documentation does not say what it answers"
            )
        return {"status": "success"}

    def _rng(self, tool: Tool, arguments: Mapping[str, Any]) -> random.Random:
        # What was only read moves nothing, so that reading is answered the same in any order.
        tools = {one.name: one for one in self._toolkit.tools}
        moves = sum(one["tool"] not in tools or not only_reads(tools[one["tool"]]) for one in self._history)
        return random.Random(digest([self._seed, tool.name, dict(arguments), moves]))

    def _entities(self) -> list[dict[str, Any]]:
        """Everything that earlier answers told of, newest first."""
        found: list[dict[str, Any]] = []
        for past in reversed(self._history):
            if 200 <= past["status"] < 300:
                found.extend(_objects(past["body"]))
        return found

    def _unknown_id(self, tool: Tool, arguments: Mapping[str, Any]) -> str | None:
        """An opaque id that this server never gave out."""
        known = {canonical_json(value) for entity in self._entities() for value in entity.values()}
        for name, value in arguments.items():
            lookup = field_for(self._sheet, tool.name, name).lookup
            if lookup and canonical_json(value) not in known:
                return f"{humanise(name)} {value}"
        return None


class Body:
    """Makes one response body by the tool's response schema."""

    def __init__(
        self,
        tool: Tool,
        arguments: Mapping[str, Any],
        sheet: PhraseSheet | None,
        rng: random.Random,
        clock: dt.date,
        entities: Sequence[Mapping[str, Any]],
    ) -> None:
        self._tool = tool
        self._arguments = arguments
        self._sheet = sheet
        self._rng = rng
        self._clock = clock
        self._entities = entities
        self._known = _documented(tool)

    def make(self) -> Any:
        """The whole body, or NOTHING."""
        schema = self._resolved(self._tool.returns or {})
        kind = json_type(schema) or ("object" if "properties" in schema else None)
        if kind == "array":
            return self._list(schema)
        if kind != "object":
            return self._value("", "", schema)
        subject = self._subject()
        record = self._record(schema, {**subject, **self._arguments})
        body = self._object(schema, {**record, **subject}, {**subject, **self._arguments})
        for name, child in schema.get("properties", {}).items():
            if body is not NOTHING and _COUNT.match(humanise(name)) and json_type(child) == "integer":
                counted = next((value for value in body.values() if isinstance(value, list)), None)
                body |= {name: len(counted)} if counted is not None else {}
        return body

    def _subject(self) -> dict[str, Any]:
        """What an earlier answer told of the thing that the arguments name by its id."""
        ids = {canonical_json(value) for name, value in self._arguments.items() if is_id_name(name)}
        for entity in self._entities:
            if any(is_id_name(name) and canonical_json(value) in ids for name, value in entity.items()):
                return dict(entity)
        return {}

    def _object(self, schema: Mapping[str, Any], given: Mapping[str, Any], echoed: Mapping[str, Any]) -> Any:
        """An object: what the request set, what is known of the thing, then made-up values."""
        made: dict[str, Any] = {}
        for name, child in schema.get("properties", {}).items():
            child = self._resolved(child)
            if name not in schema.get("required", ()) and self._foreign_id(name, {**given, **echoed}):
                continue
            value = self._property(name, child, given, echoed)
            if value is not NOTHING:
                made[name] = value
            elif name in schema.get("required", ()):
                return NOTHING
        return made

    def _foreign_id(self, name: str, known: Mapping[str, Any]) -> bool:
        """Whether an optional field names another thing, of which nothing is known."""
        own = (
            name.lower() in ("id", "uuid", "_id", "gid", "guid", "uid", "key", "code", "hash", "sha")
            or singular(self._tool.resource.split("-")[-1]) in name.lower()
        )
        return is_id_name(name) and not own and name not in known and name.lower().endswith("id")

    def _property(
        self, name: str, schema: Mapping[str, Any], given: Mapping[str, Any], echoed: Mapping[str, Any]
    ) -> Any:
        for source in (self._arguments, given, echoed):
            if name in source and not errors(_open(schema, self._tool.returns), source[name]):
                return source[name]
        flag = next(
            (arg for arg in self._arguments if self._arguments[arg] is True and _flags(arg, name)), None
        )
        if flag and json_type(schema) == "boolean":
            return True
        if flag and json_type(schema) == "integer":
            return self._rng.randint(1, 4)
        if _LINK.match(humanise(name)):
            return None if "null" in schema.get("type", ()) else NOTHING
        return self._value(name, humanise(name), schema)

    def _value(self, name: str, words: str, schema: Mapping[str, Any]) -> Any:
        kind = json_type(schema)
        if kind == "array" and json_type(self._resolved(schema.get("items", {}))) == "object":
            return self._list(schema)
        if kind == "object" or "properties" in schema:
            return self._object(schema, {}, {})
        known = self._known.get(name, ())
        field = field_for(self._sheet, self._tool.name, name)
        looks = field.values if isinstance(field.values, tuple) else (*known, *schema.get("examples", ()))
        if is_id_name(name) and looks and all(isinstance(one, str) for one in looks) and "enum" not in schema:
            return mimic(
                self._rng.choice(looks), self._rng
            )  # examples show how an id looks, not which there are
        if field.values is None and not known and is_id_name(name) and kind == "integer":
            return self._rng.randint(100, 9_999)
        return make(words, field, schema, self._rng, self._clock, known)

    def _list(self, schema: Mapping[str, Any]) -> Any:
        items = self._resolved(schema.get("items", {}))
        if json_type(items) != "object" and "properties" not in items:
            return make("", field_for(None, "", ""), schema, self._rng, self._clock)
        days = self._days(items)
        if days:
            rows = [self._object(items, {"date": day}, {}) for day in days]
        else:
            records = self._records(items)
            rows = self._apart([self._dated(self._object(items, record, {})) for record in records])
        return NOTHING if any(row is NOTHING for row in rows) else rows

    def _apart(self, rows: list[Any]) -> list[Any]:
        """The rows without those whose name was there before."""
        names = [row.get("name", row.get("title")) if row is not NOTHING else None for row in rows]
        return [row for i, row in enumerate(rows) if names[i] is None or names[i] not in names[:i]]

    def _length(self) -> int:
        limits = [
            v for name, v in self._arguments.items() if _LIMIT.search(humanise(name)) and isinstance(v, int)
        ]
        return max(1, min([self._rng.randint(3, 6), *limits]))

    def _days(self, items: Mapping[str, Any]) -> list[str]:
        """A list with one entry a day: its days, in the window that was asked for."""
        date = items.get("properties", {}).get("date", {})
        if "date" not in items.get("required", ()) or self._resolved(date).get("format") != "date":
            return []
        start, end = self._window()
        limits = [
            v for name, v in self._arguments.items() if _LIMIT.search(humanise(name)) and isinstance(v, int)
        ]
        length = min([(end - start).days + 1, 10, *limits])
        return [(start + dt.timedelta(days=day)).isoformat() for day in range(max(1, length))]

    def _window(self) -> tuple[dt.date, dt.date]:
        """The days that date arguments ask for; a week from the start where no end is given."""
        start, end = self._clock, None
        for name, value in self._arguments.items():
            date = _as_date(value)
            if date and _END.search(humanise(name)):
                end = date
            elif date:
                start = date
        return start, max(start, end or start + dt.timedelta(days=6))

    def _dated(self, row: Any) -> Any:
        """Move made-up dates into the window that was asked for, in order."""
        asked = any(_as_date(value) for value in self._arguments.values())
        if row is NOTHING or not asked:
            return row
        start, end = self._window()
        span = (end - start).days
        for name, value in row.items():
            if isinstance(value, list) and value and all(_as_date(one) for one in value):
                days = sorted(self._rng.sample(range(span + 1), min(len(value), span + 1)))
                row[name] = [(start + dt.timedelta(days=day)).isoformat() for day in days]
            elif _as_date(value) and name not in self._arguments:
                row[name] = (start + dt.timedelta(days=self._rng.randint(0, span))).isoformat()
        return row

    def _records(self, items: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Distinct things for a list, only those that match what was searched for where any does."""
        pool = self._pool(items)
        self._rng.shuffle(pool)
        texts = {name: value for name, value in self._arguments.items() if isinstance(value, str)}
        queries = [fold(value) for name, value in texts.items() if is_query(humanise(name))]
        exact = {name: fold(value) for name, value in texts.items() if name in items.get("properties", {})}
        matching = [
            row
            for row in pool
            if all(fold(str(row.get(name, value))) == value for name, value in exact.items())
            and all(any(query in fold(str(value)) for value in row.values()) for query in queries)
        ]
        if matching:
            pool = matching
        elif queries:
            pool = self._named(queries[0], items) + pool
        return pool[: self._length()] or [{} for _ in range(self._length())]

    def _named(self, query: str, items: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A thing that the phrase sheet knows by the words of the query."""
        for name in items.get("properties", {}):
            values = field_for(self._sheet, self._tool.name, name).values
            for value in values if isinstance(values, tuple) else ():
                if isinstance(value, str) and query in fold(value):
                    return [{name: value}]
        return []

    def _pool(self, items: Mapping[str, Any]) -> list[dict[str, Any]]:
        properties = items.get("properties", {})
        records = (self._sheet.records if self._sheet else {}).get(self._tool.resource, ())
        rows = [dict(row) for row in records if set(row) & set(properties)]
        if not rows:
            rows = [
                row
                for example in self._tool.reply.examples
                for row in _rows(example)
                if set(row) & set(properties)
            ]
        # A documented row keeps what it is called; its id and dates are made anew.
        return [
            {
                name: value
                for name, value in row.items()
                if name in properties and not is_id_name(name) and not _date_like(value)
            }
            for row in rows
        ]

    def _record(self, schema: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """One thing that belongs together, for an answer that is a single object; the very one where it is known."""
        pool = self._pool(schema)
        agreeing = [
            sum(row.get(name) == value for name, value in known.items() if name in row) for row in pool
        ]
        best = max(agreeing, default=0)
        if best:
            return next(row for row, agreed in zip(pool, agreeing, strict=True) if agreed == best)
        return self._rng.choice(pool) if pool else {}

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        for _ in range(16):
            reference = schema.get("$ref") if isinstance(schema, dict) else None
            if not isinstance(reference, str) or not self._tool.returns:
                break
            schema = self._tool.returns.get("$defs", {}).get(reference.rsplit("/", 1)[-1], {})
        return schema if isinstance(schema, dict) else {}


def _open(schema: Mapping[str, Any], root: Mapping[str, Any] | None) -> dict[str, Any]:
    """A part of a schema that can stand alone, with the definitions of its root."""
    definitions = (root or {}).get("$defs")
    return {**schema, "$defs": definitions} if definitions else dict(schema)


def _documented(tool: Tool) -> dict[str, tuple[Any, ...]]:
    """Field name -> values that the documentation shows for it."""
    found: dict[str, list[Any]] = {}
    for example in (*tool.reply.examples, *tool.examples):
        for row in _objects(example):
            for name, value in row.items():
                if not isinstance(value, dict) and value is not None:
                    found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a value, the value itself first."""
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from _objects(child)
    elif isinstance(value, list):
        for child in value:
            yield from _objects(child)


def _rows(example: Any) -> list[dict[str, Any]]:
    if isinstance(example, dict):
        lists = [value for value in example.values() if isinstance(value, list)]
        return [example] + [row for rows in lists for row in rows if isinstance(row, dict)]
    return [row for row in example if isinstance(row, dict)] if isinstance(example, list) else []


def is_query(words: str) -> bool:
    """Whether an argument of that name, in plain words, takes free text to search for."""
    return bool(_QUERY.match(words))


def _flags(argument: str, name: str) -> bool:
    """Whether a switch like `availableOnly` speaks of a field like `copiesAvailable`."""
    words = set(humanise(argument).split()) - {"only", "include", "is", "has", "show", "with"}
    return bool(words & set(humanise(name).split()))


def _as_date(value: Any) -> dt.date | None:
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


def _date_like(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(
        _as_date(one) or (isinstance(one, str) and re.match(r"\d{4}-\d\d-\d\dT", one)) for one in values
    )
