"""An independent check of an exported `trl` folder: it shares no code with the judges or the values they use.

Everything is read anew from the parquet files: the order and pairing of messages, the calls against the offered
tools' schemas, and where each argument came from. Dates, numbers and words are understood by rules of its own.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pyarrow.parquet as pq

MONTHS = "january february march april may june july august september october november december".split(" ")
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split(" ")
ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
).split(" ")
WORDS: dict[float, str] = {**dict(enumerate(ONES)), 30: "thirty", 40: "forty", 50: "fifty"}

_ON_THE_SHELF = ("on the shelf", "checked out", "pick up today", "in right now", "copy on the shelf")
CUES = {
    "availableOnly": _ON_THE_SHELF,
    "available_only": _ON_THE_SHELF,
    "unread_only": ("haven't read", "unread", "opened already", "i've read"),
    "overdue_only": ("past due", "late", "overdue", "should have been back", "due date"),
    "permanently": ("for good", "completely", "in the trash", "permanently"),
    "flexible": ("earlier or later", "before and after", "flexible", "an hour either way"),
}
"""What people say who want a switch on, where they do not name it."""

MONEY = {
    "USD": "us dollars",
    "CAD": "canadian dollars",
    "EUR": "euros",
    "GBP": "british pounds",
    "CHF": "swiss francs",
    "JPY": "japanese yen",
    "KRW": "south korean won",
    "INR": "indian rupees",
    "THB": "thai baht",
    "ZAR": "south african rand",
    "AUD": "australian dollars",
    "NZD": "new zealand dollars",
    "MXN": "mexican pesos",
    "BRL": "brazilian reais",
    "CLP": "chilean pesos",
    "SEK": "swedish kronor",
    "NOK": "norwegian kroner",
    "DKK": "danish kroner",
    "PLN": "polish zlotys",
    "CZK": "czech korunas",
    "SGD": "singapore dollars",
    "AED": "uae dirhams",
    "EGP": "egyptian pounds",
    "MAD": "moroccan dirhams",
    "KES": "kenyan shillings",
    "FJD": "fijian dollars",
}
"""What people call a currency."""


def read(folder: Path, config: str) -> list[dict[str, Any]]:
    """All rows of a config, with messages and tools as Python values."""
    return [row for path in sorted(folder.glob(f"{config}/*.parquet")) for row in read_file(path)]


def read_file(path: Path) -> list[dict[str, Any]]:
    return [
        {**row, "messages": _plain(row["messages"]), "tools": _plain(row["tools"])}
        for row in pq.read_table(path).to_pylist()
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        value = json.loads(value)
    return [json.loads(one) if isinstance(one, str) else one for one in value]


def problems(folder: Path) -> list[str]:
    """What is wrong with an export, one line each."""
    found = []
    typed, portable = read(folder, "typed"), read(folder, "portable")
    if not typed:
        found.append("no rows")
    if [_comparable(row) for row in typed] != [_comparable(row) for row in portable]:
        found.append("the two configs differ")
    for row in typed:
        found += [f"{row['id'][:8]}: {problem}" for problem in row_problems(row)]
    return found


def _comparable(row: dict[str, Any]) -> tuple[Any, ...]:
    messages = [
        {
            **message,
            "tool_calls": [
                {
                    **call,
                    "function": {**call["function"], "arguments": _arguments(call)},
                }
                for call in message.get("tool_calls") or ()
            ],
        }
        for message in row["messages"]
    ]
    return row["id"], json.dumps(messages, sort_keys=True), json.dumps(row["tools"], sort_keys=True)


def mix(folder: Path) -> Counter[str]:
    """Rows of each kind, read off the messages."""
    return Counter(kind_of(row["messages"]) for row in read(folder, "typed"))


def kind_of(messages: list[dict[str, Any]]) -> str:
    turns = [message for message in messages if message.get("tool_calls")]
    if not turns:
        return "no_call"
    if any(len(turn["tool_calls"]) > 1 for turn in turns):
        return "parallel"
    before = itertools.takewhile(lambda message: not message.get("tool_calls"), messages)
    if sum(message["role"] == "user" for message in before) > 1:
        return "clarification"
    return "multi_step" if len(turns) > 1 else "single"


def row_problems(row: dict[str, Any]) -> Iterator[str]:
    messages, tools = row["messages"], row["tools"]
    if row.get("kind") != kind_of(messages):
        yield f"the kind is {row.get('kind')}, the messages say {kind_of(messages)}"
    if not 3 <= len(tools) <= 8:
        yield f"{len(tools)} tools"
    functions = {tool["function"]["name"]: tool["function"] for tool in tools}
    if len(functions) != len(tools):
        yield "two tools of one name"
    yield from _order(messages)
    yield from _pairs(messages)
    for index, message in enumerate(messages):
        for call in message.get("tool_calls") or ():
            yield from _call(call, functions, messages[:index])


def _order(messages: list[dict[str, Any]]) -> Iterator[str]:
    roles = "".join({"system": "s", "user": "u", "assistant": "a", "tool": "t"}[m["role"]] for m in messages)
    if not re.fullmatch(r"s(?:ua)(?:ua|t+a)*", roles):
        yield f"the roles are {roles}"
    if messages[-1].get("tool_calls"):
        yield "it ends with a call"
    for message in messages:
        if not message.get("content") and not message.get("tool_calls"):
            yield f"an empty {message['role']} turn"


def _pairs(messages: list[dict[str, Any]]) -> Iterator[str]:
    seen: set[str] = set()
    for index, message in enumerate(messages):
        calls = message.get("tool_calls") or ()
        answers = list(itertools.takewhile(lambda m: m["role"] == "tool", messages[index + 1 :]))
        if message["role"] == "assistant":
            wanted = [(call.get("id"), call["function"]["name"]) for call in calls]
            given = [(one.get("tool_call_id"), one.get("name")) for one in answers]
            if wanted != given:
                yield f"calls {wanted} are answered by {given}"
        for call in calls:
            if not call.get("id") or call["id"] in seen:
                yield f"the call id {call.get('id')} is no new one"
            seen.add(call["id"])


def _arguments(call: dict[str, Any]) -> Any:
    arguments = call["function"]["arguments"]
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return arguments


def _call(call: dict[str, Any], functions: dict[str, Any], before: list[dict[str, Any]]) -> Iterator[str]:
    name, arguments = call["function"]["name"], _arguments(call)
    if name not in functions:
        yield f"{name} is not offered"
        return
    if not isinstance(arguments, dict):
        yield f"{name}: the arguments are no object"
        return
    schema = functions[name]["parameters"]
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    for error in validator.iter_errors(arguments):
        yield f"{name}: {error.message}"
    unknown = set(arguments) - set(schema.get("properties", {}))
    if unknown:
        yield f"{name}: unknown {sorted(unknown)}"
    source = Source(before)
    for argument, value in arguments.items():
        about = schema.get("properties", {}).get(argument, {})
        for leaf in _leaves(value):
            if "default" in about and about["default"] == value:
                continue
            if not source.explains(argument, leaf):
                yield f"{name}: {argument}={leaf!r} stands nowhere"


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _leaves(child)
    else:
        yield value


class Source:
    """What the assistant had been told before a call: the user's words and earlier answers."""

    def __init__(self, before: list[dict[str, Any]]) -> None:
        self.today = _today(before[0]["content"])
        self.said = " \n ".join(message["content"] for message in before if message["role"] == "user")
        self.shown = " \n ".join(message["content"] for message in before if message["role"] == "tool")

    def explains(self, name: str, value: Any) -> bool:
        if isinstance(value, bool):
            return any(cue in _level(self.said) for cue in CUES.get(name, ())) or bool(
                _overlap(name, self.said)
            )
        if isinstance(value, int | float):
            return _has_number(value, self.said) or _has_number(value, self.shown)
        return isinstance(value, str) and self._explains_text(value)

    def _explains_text(self, value: str) -> bool:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            day = dt.date.fromisoformat(value)
            return value in self.shown or any(day in meant for meant in dates_in(self.said, self.today))
        if re.fullmatch(r"\d\d:\d\d", value):
            named = {"12:00": "noon", "00:00": "midnight"}.get(value, "")
            if named and _whole(named, _level(self.said)):
                return True
            return value in self.shown or _clock(value) in _level(self.said)
        if _whole(_level(value), _level(self.said)) or _whole(value, self.shown):
            return True
        if value in MONEY and _whole(MONEY[value], _level(self.said)):
            return True
        # A code such as in_transit or ebook, said in words: "in transit", "ebooks".
        words = [word for word in _level(value).split() if len(word) > 2]
        return " " not in value and bool(words) and all(_overlap(word, self.said) for word in words)


def _today(system: str) -> dt.date:
    found = re.search(r"(\w+) (\d{1,2}), (\d{4})", system)
    assert found, f"no date in {system!r}"
    return dt.date(int(found[3]), MONTHS.index(found[1].lower()) + 1, int(found[2]))


def _level(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text.replace("’", "'").lower()).strip()


def _whole(piece: str, text: str) -> bool:
    return bool(re.search(rf"(?<![^\W_]){re.escape(piece)}(?![^\W_])", text))


def _overlap(name: str, text: str) -> list[str]:
    """Words of the text that begin like a word of the name: `audiobook` and "audiobooks"."""
    stems = [word[:5] for word in _level(re.sub(r"([a-z])([A-Z])", r"\1 \2", name)).split() if len(word) > 2]
    return [
        word for word in re.findall(r"[a-z]+", _level(text)) if any(word.startswith(stem) for stem in stems)
    ]


def _has_number(value: float, text: str) -> bool:
    for day in _dates_and_times(text):
        text = text.replace(day, " ")
    digits = re.findall(r"(?<![\w-])\d[\d,]*(?:\.\d+)?(?![\w-])", text)
    if any(float(one.replace(",", "")) == value for one in digits):
        return True
    return value in WORDS and _whole(WORDS[value], _level(text))


def _clock(value: str) -> str:
    hour, minute = map(int, value.split(":"))
    half = "am" if hour < 12 else "pm"
    return f"{hour % 12 or 12}{f':{minute:02d}' if minute else ''} {half}"


def _dates_and_times(text: str) -> list[str]:
    month = "|".join(MONTHS)
    pattern = rf"(?:{month}) \d{{1,2}}\w*|\d{{1,2}} (?:{month})|\d{{4}}-\d\d-\d\d|\d{{1,2}}(?::\d\d)? ?[ap]m|\d\d:\d\d"
    return re.findall(pattern, text, re.I)


def dates_in(text: str, today: dt.date) -> Iterator[set[dt.date]]:
    """What each date in a text can mean, seen from that day."""
    month = "|".join(MONTHS)
    plain = re.sub(r"(\d)(?:st|nd|rd|th)\b", r"\1", text.lower())
    first = rf"(?P<m>{month}) (?P<d>\d{{1,2}})(?:,? (?P<y>\d{{4}}))?"
    second = rf"(?P<d2>\d{{1,2}}) (?P<m2>{month})(?: (?P<y2>\d{{4}}))?"
    for found in re.finditer(f"{first}|{second}", plain):
        number = MONTHS.index(found["m"] or found["m2"]) + 1
        day, year = int(found["d"] or found["d2"]), found["y"] or found["y2"]
        years = [int(year)] if year else range(today.year, today.year + 9)
        meant = [dt.date(one, number, day) for one in years if _exists(one, number, day)]
        yield set(meant) if year else {min(one for one in meant if one >= today)}
    for words, distance in (("tomorrow", 1), ("today", 0), ("tonight", 0), ("the day after tomorrow", 2)):
        if _whole(words, plain):
            yield {today + dt.timedelta(days=distance)}
    for found in re.finditer(rf"(?:(this|next) )?\b({'|'.join(DAYS)})\b(?!,? (?:{month}))", plain):
        ahead = (DAYS.index(found[2]) - today.weekday()) % 7 or 7
        yield {today + dt.timedelta(days=ahead)}


def _exists(year: int, month: int, day: int) -> bool:
    try:
        dt.date(year, month, day)
    except ValueError:
        return False
    return True
