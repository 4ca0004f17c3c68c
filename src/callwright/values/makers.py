"""Make up values for a field: from a phrase sheet, a documented example, or the schema; never a placeholder."""

from __future__ import annotations

import datetime as dt
import math
import random
import re
import uuid
from collections.abc import Mapping, Set
from functools import cache
from typing import Any

from faker import Faker

from callwright.schemas.phrases import Field_, PhraseSheet, Values

NOTHING: Any = object()
"""No rule yields a value; the caller refuses or leaves the field out."""

_NUMBER_RANGES: tuple[tuple[str, tuple[int, int]], ...] = (
    ("limit|page size|per page|max results", (5, 20)),
    ("page", (2, 5)),
    ("offset", (10, 50)),
    ("price|cost|amount|total|fee", (5, 80)),
    ("year", (1995, 2024)),
    ("count|quantity|number|copies|size", (2, 12)),
    ("people|persons|guests|adults|seats|passengers", (2, 8)),
    ("nights|days|weeks|hours", (2, 10)),
    ("minutes|duration", (15, 90)),
    ("weight|kg|kilograms|pounds", (2, 30)),
    ("distance|km|miles|radius", (2, 80)),
    ("age", (18, 70)),
    ("percent|percentage", (5, 60)),
)
_MAKER_BY_NAME: tuple[tuple[str, Values], ...] = (
    ("first name", "first_name"),
    ("e mail|email", "email"),
    ("phone|telephone|mobile", "phone"),
    ("(?:full|customer|guest|contact|user) name", "person"),
)
_PLACES = tuple(
    "Harbor Ridge Grove Hollow Crest Meadow Lantern Compass Orchard Summit Lagoon Beacon".split(" ")
)


def field_for(sheet: PhraseSheet | None, tool: str, name: str) -> Field_:
    """What the sheet says of a field; `tool.name` wins over `name`."""
    if sheet is None:
        return Field_()
    return sheet.fields.get(f"{tool}.{name}") or sheet.fields.get(name) or Field_()


def record_for(sheet: PhraseSheet, resource: str, names: Set[str], rng: random.Random) -> dict[str, Any]:
    """Values that belong together, where several of the names are fields of one thing; else nothing."""
    rows = [row for row in sheet.records.get(resource, ()) if len(names & set(row)) > 1]
    return dict(rng.choice(rows)) if rows else {}


def make(
    name: str,
    field: Field_,
    schema: Mapping[str, Any],
    rng: random.Random,
    clock: dt.date,
    known: tuple[Any, ...] = (),
) -> Any:
    """A value for a field, or NOTHING.

    Args:
        name: The field's name in plain words, such as "start date".
        field: What the phrase sheet says of it.
        schema: Its JSON Schema.
        rng: The source of chance.
        clock: The task's today; dates are drawn after it.
        known: Documented values of fields of this name.
    """
    if isinstance(field.values, tuple):
        return rng.choice(field.values)
    if field.values:
        return _MAKERS[field.values](rng, clock)
    return _from_schema(name, schema, rng, clock, known)


def _from_schema(
    name: str, schema: Mapping[str, Any], rng: random.Random, clock: dt.date, known: tuple[Any, ...]
) -> Any:
    for branch in schema.get("anyOf", ()):  # an optional argument: a value or null
        if branch.get("type") != "null":
            return _from_schema(name, {**schema, "anyOf": (), **branch}, rng, clock, known)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice([one for one in schema["enum"] if one is not None])
    kind = json_type(schema)
    known = tuple(known) + tuple(schema.get("examples", ()))
    form = schema.get("format") or _described_format(schema)
    if kind == "string" and form and ("format" in schema or not known):
        made = _formatted(form, rng, clock)
        if made is not NOTHING:
            return made
    known = known or described_examples(schema)
    if kind == "array":
        return _array(name, schema, rng, clock, known)
    if kind == "string":
        return _string(name, rng, clock, known)
    if kind in ("integer", "number"):
        return _number(name, kind, schema, rng, known)
    if kind == "boolean":
        return not schema["default"] if isinstance(schema.get("default"), bool) else rng.random() < 0.5
    return rng.choice(known) if known else NOTHING


_SHOWN = re.compile(
    r"""(?:e\.g\.|for example|such as),?:? ((?:(?:, |,? (?:or|and) )?(['"`])[^'"`]{1,40}\2)+)""", re.I
)
_FORMS = {"HH:MM": "clock", "YYYY-MM-DD": "date"}


def described_examples(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Values that a description quotes: (e.g., 'America/New_York', 'Europe/London')."""
    if json_type(schema) != "string":
        return ()
    found = _SHOWN.findall(schema.get("description", ""))
    return tuple(text for quoted, _ in found for _, text in re.findall(r"""(['"`])([^'"`]+)\1""", quoted))


def _described_format(schema: Mapping[str, Any]) -> str | None:
    found = re.search(r"\b(?:HH:MM|YYYY-MM-DD)(?![\w:-])", schema.get("description", ""))
    return _FORMS[found[0]] if found else None


def json_type(schema: Mapping[str, Any]) -> str | None:
    """The one type of a schema, leaving null aside; None when it has several or none."""
    kinds = schema.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"]
    return kinds[0] if len(kinds) == 1 else None


def _array(
    name: str, schema: Mapping[str, Any], rng: random.Random, clock: dt.date, known: tuple[Any, ...]
) -> Any:
    items = schema.get("items") or {}
    singles = tuple(one for value in known if isinstance(value, list) for one in value)
    first = _from_schema(name, items, rng, clock, singles)
    if first is NOTHING:
        return NOTHING
    wanted = max(schema.get("minItems", 1), min(2, schema.get("maxItems", 2)))
    made = [first]
    for _ in range(12):
        if len(made) >= wanted:
            break
        another = _from_schema(name, items, rng, clock, singles)
        if another not in made:
            made.append(another)
    return sorted(made) if all(isinstance(one, str) for one in made) else made


def _string(name: str, rng: random.Random, clock: dt.date, known: tuple[Any, ...]) -> Any:
    for pattern, maker in _MAKER_BY_NAME:
        if re.search(rf"\b(?:{pattern})\b", name):
            return _MAKERS[maker](rng, clock)
    texts = [one for one in known if isinstance(one, str) and one]
    if texts and all(re.fullmatch(r"\d{4}-\d\d-\d\d", one) for one in texts):
        return _MAKERS["future_date"](rng, clock)
    if not texts and re.search(r"(?:^|\b(?:display|full|item|short) )(?:name|title)$", name):
        faker = _seeded(rng)
        return f"{faker.safe_color_name().title()} {rng.choice(_PLACES)}"
    return rng.choice(texts) if texts else NOTHING


def _number(
    name: str, kind: str, schema: Mapping[str, Any], rng: random.Random, known: tuple[Any, ...]
) -> Any:
    low, high = _bounds(kind, schema)
    usual = next((pair for pattern, pair in _NUMBER_RANGES if re.search(rf"\b(?:{pattern})s?\b", name)), None)
    fitting = [one for one in known if isinstance(one, int | float) and not isinstance(one, bool)]
    if usual is None and (low is None or high is None or high - low > 10_000):
        return rng.choice(fitting) if fitting else NOTHING
    least, most = (None if low is None else math.ceil(low)), (None if high is None else math.floor(high))
    first, last = usual or (least or 0, most or 0)
    first = first if least is None else max(first, least)
    last = last if most is None else min(last, most)
    if first > last:  # what is usual lies outside of what is allowed
        first = least if least is not None else last
        last = most if most is not None else first
    if first > last:
        return NOTHING
    step = schema.get("multipleOf")
    drawn = rng.randint(first, last)
    if not isinstance(step, int) or step <= 1:
        return drawn
    below, above = drawn - drawn % step, drawn + -drawn % step
    return next((one for one in (below, above) if first <= one <= last), NOTHING)


def _bounds(kind: str, schema: Mapping[str, Any]) -> tuple[float | None, float | None]:
    low, high = schema.get("minimum"), schema.get("maximum")
    margin = 1 if kind == "integer" else 0.5
    if "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + margin
    if "exclusiveMaximum" in schema:
        high = schema["exclusiveMaximum"] - margin
    return low, high


def _formatted(name: str, rng: random.Random, clock: dt.date) -> Any:
    if name == "uuid":
        return str(uuid.UUID(int=rng.getrandbits(128), version=4))
    if name == "date":
        return _MAKERS["future_date"](rng, clock)
    if name == "date-time":
        return f"{_future(rng, clock).isoformat()}T{rng.randint(8, 18):02d}:{rng.choice((0, 15, 30, 45)):02d}:00Z"
    if name == "clock":
        return _MAKERS["time"](rng, clock)
    if name == "time":
        return f"{_MAKERS['time'](rng, clock)}:00Z"
    if name == "email":
        return _MAKERS["email"](rng, clock)
    if name in ("uri", "url"):
        return f"https://www.example.com/{rng.randint(1000, 9999)}"
    return NOTHING


_ID_NAME = re.compile(
    r"(?:^|[_-])(?:id|uuid|guid|gid|uid|sid|key|token|hash|sha|code)s?$"
    r"|(?:Id|ID|Uuid|UUID|Guid|GUID|Gid|Uid|Sid|Key|Token|Hash|Code)s?$"
)
_CODE_NAME = re.compile(r"(?:^|[_-])codes?$|Codes?$")
_ID_LOOK = re.compile(r"\d{3,}|(?=[^\s]*\d)(?=[^\s]*[a-z])[0-9a-z]+(?:[-_][0-9a-z]+)*", re.IGNORECASE)


def is_id_name(name: str, *, codes: bool = True) -> bool:
    """Whether a field of that name holds an identifier; `codes` says whether "confirmationCode" counts."""
    return bool(_ID_NAME.search(name)) and (codes or not _CODE_NAME.search(name))


def looks_like_id(value: Any) -> bool:
    """Whether a documented value is a made-up sign: "12345", "bk-204918", a UUID; never a word or a date."""
    return isinstance(value, str) and len(value) > 3 and bool(_ID_LOOK.fullmatch(value))


def mimic(example: str, rng: random.Random) -> str:
    """A fresh id of the same look: digits for digits, hexadecimal letters where the example has them."""
    runs = re.findall(r"[0-9a-f]{3,}|.", example, re.S)
    return "".join(_mimic_run(run, rng) for run in runs)


def _mimic_run(run: str, rng: random.Random) -> str:
    hexadecimal = any(c.isdigit() for c in run) and any(c.isalpha() for c in run)
    alphabet = "0123456789abcdef" if hexadecimal else "0123456789"
    return "".join(rng.choice(alphabet) if hexadecimal or c.isdigit() else c for c in run)


def _future(rng: random.Random, clock: dt.date) -> dt.date:
    near = rng.random() < 0.35
    return clock + dt.timedelta(days=rng.randint(1, 6) if near else rng.randint(7, 90))


@cache
def _faker() -> Faker:
    return Faker("en_US")


def _seeded(rng: random.Random) -> Faker:
    faker = _faker()
    faker.seed_instance(rng.getrandbits(32))
    return faker


def _person(rng: random.Random) -> tuple[str, str]:
    faker = _seeded(rng)
    return faker.first_name(), faker.last_name()


def _email(rng: random.Random) -> str:
    first, last = (name.lower().replace("'", "") for name in _person(rng))
    local = rng.choice(
        [f"{first}.{last}", f"{first[0]}{last}", f"{first}{rng.randint(2, 98)}", f"{last}.{first}"]
    )
    return f"{local}@example.{rng.choice(('com', 'org', 'net'))}"


def _time(rng: random.Random) -> str:
    return f"{rng.randint(9, 20):02d}:{rng.choice((0, 30)):02d}"


_MAKERS: Mapping[str, Any] = {
    "future_date": lambda rng, clock: _future(rng, clock).isoformat(),
    "future_dates": lambda rng, clock: sorted(
        {_future(rng, clock).isoformat() for _ in range(rng.randint(2, 3))}
    ),
    "person": lambda rng, clock: " ".join(_person(rng)),
    "first_name": lambda rng, clock: _person(rng)[0],
    "email": lambda rng, clock: _email(rng),
    # 555-0100 to 555-0199 are reserved for fiction.
    "phone": lambda rng, clock: f"{rng.choice((212, 312, 415, 617))}-555-01{rng.randint(0, 99):02d}",
    "time": lambda rng, clock: _time(rng),
    "count": lambda rng, clock: rng.randint(2, 9),
}
