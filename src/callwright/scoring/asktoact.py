"""AskToAct's questions to a model: does it find out what is missing, without asking for more, and call rightly then?

Zhang et al. 2025 (AskToAct) name the measures; their formulas are not published, so each is spelled out here. Any
transcript can be scored: an intent is recovered when a later turn of the user's says it, not when it was guessed.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callwright.schemas.base import Record
from callwright.schemas.tool import Tool
from callwright.scoring.calls import Call, CallError, call_of, read_answer
from callwright.scoring.files import ScoreError, lines_of, one_id
from callwright.scoring.ste import Ratio, tool_of
from callwright.values.calls import meaning
from callwright.values.derivations import Grounding, Visible, ground
from callwright.values.mentions import Mentions, contains, fold


class Group(Record):
    """The measures of some of the items."""

    items: int
    recovery: Ratio
    """Intents that the user said after the request / intents that were taken out."""
    efficiency: Ratio
    """Questions that were answered with a missing intent / questions."""
    asked_needlessly: Ratio
    """Whole requests that were answered with a question / whole requests."""
    tools: Ratio
    """Items in which the tools that were called are the right ones, each as often / items."""
    parameters: Ratio
    """Arguments of the right calls that are there with the right value / arguments of the right calls."""
    solved: Ratio
    """Items whose calls are the right ones, arguments and all, and no more / items."""


class AskToActScore(Record):
    everything: Group
    by_missing: dict[str, Group]
    """Intents that were taken out (`0`, `1`, `2`, `3+`) -> the items with so many."""
    by_tools: dict[str, Group]
    """Tools of the right calls (`1`, `2`, `3+`) -> the items with so many."""


@dataclass(frozen=True)
class Intent:
    value: Any
    slots: tuple[tuple[str, str], ...]
    """(Tool, argument) pairs that it goes to."""


@dataclass(frozen=True)
class Item:
    """One transcript beside what is right."""

    intents: tuple[Intent, ...]
    gold: tuple[Call, ...]
    messages: tuple[Mapping[str, Any], ...]
    tools: Mapping[str, Tool]
    clock: dt.date

    @property
    def calls(self) -> tuple[Call, ...]:
        """Everything that was called; what cannot be read is no call."""
        return tuple(
            call
            for message in self.messages
            if message.get("role") == "assistant"
            for call in read_answer(dict(message)).calls
        )

    def answers(self) -> list[tuple[str, str]]:
        """Each question of the assistant's with what the user said to it."""
        return [
            (_text(one), _text(after))
            for one, after in zip(self.messages, self.messages[1:], strict=False)
            if one.get("role") == "assistant" and after.get("role") == "user" and not one.get("tool_calls")
        ]

    @property
    def questions(self) -> int:
        """Turns that ask and call nothing, before the first call."""
        count = 0
        for message in self.messages:
            if message.get("role") != "assistant":
                continue
            if read_answer(dict(message)).calls:
                break
            count += "?" in _text(message)
        return count

    def says(self, intent: Intent, text: str) -> bool:
        """Whether a text says an intent's value, in whatever form."""
        shown = [Visible(0, Mentions(text, self.clock))]
        found: list[bool] = []
        for tool, argument in intent.slots:
            schema = self.tools[tool].properties.get(argument, {}) if tool in self.tools else {}
            found += [
                isinstance(one, Grounding) and one.source is not None
                for one in ground(argument, intent.value, schema, shown, {})
            ]
        return all(found) or contains(fold(text), fold(str(intent.value)))


def read_items(path: Path) -> Iterator[Item]:
    """The items of a file of JSON lines.

    A line is a row of the view `spans` (`id`, `clock`, `tools`, `intents`, `messages`) with the transcript that a model
    and a user made of its request as `predicted`: a list of messages in OpenAI's form. `gold` (calls) may stand in
    place of `messages`.

    Raises:
        ScoreError: The file cannot be read, or a line lacks something; the message says which and what.
    """
    seen: set[str] = set()
    for where, body in lines_of(path):
        one_id(where, body, seen)
        if not isinstance(body.get("predicted"), list):
            raise ScoreError(f"{where}: has no predicted; put the transcript's messages there")
        try:
            yield _item(body)
        except (AttributeError, CallError, KeyError, TypeError, ValueError) as error:
            raise ScoreError(
                f"{where}: is no row of the view spans ({type(error).__name__}: {error})"
            ) from None


def _item(body: Mapping[str, Any]) -> Item:
    listed = _parsed(body["tools"])
    made = [call for one in body.get("messages", ()) for call in one.get("tool_calls") or ()]
    return Item(
        intents=tuple(
            Intent(one["value"], tuple(map(_slot, one["slots"]))) for one in _parsed(body["intents"])
        ),
        gold=tuple(map(call_of, body.get("gold", made))),
        messages=tuple(dict(one) for one in body["predicted"]),
        tools={one["function"]["name"]: tool_of(one["function"]) for one in listed},
        clock=dt.date.fromisoformat(body["clock"]),
    )


def _slot(given: Mapping[str, Any]) -> tuple[str, str]:
    tool, argument = given["tool"], given["argument"]
    if not isinstance(tool, str) or not isinstance(argument, str):
        raise TypeError("a slot has the names of a tool and of its argument")
    return tool, argument


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def score(items: Iterable[Item]) -> AskToActScore:
    """The measures of all items, and of those with so many intents and tools."""
    known = list(items)
    return AskToActScore(
        everything=_group(known),
        by_missing=_by(known, [len(item.intents) for item in known]),
        by_tools=_by(known, [len({call.name for call in item.gold}) for item in known]),
    )


def _by(items: Sequence[Item], counts: Sequence[int]) -> dict[str, Group]:
    names = ["3+" if count > 2 else str(count) for count in counts]
    return {
        name: _group([item for item, one in zip(items, names, strict=True) if one == name])
        for name in sorted(set(names))
    }


def _group(items: Sequence[Item]) -> Group:
    whole = [item for item in items if not item.intents]
    missing = [item for item in items if item.intents]
    right = [_right_arguments(item) for item in items]
    return Group(
        items=len(items),
        recovery=Ratio(count=sum(map(_recovered, missing)), of=sum(len(item.intents) for item in missing)),
        efficiency=Ratio(count=sum(map(_useful, items)), of=sum(item.questions for item in items)),
        asked_needlessly=Ratio(count=sum(item.questions > 0 for item in whole), of=len(whole)),
        tools=Ratio(count=sum(_names(item.calls) == _names(item.gold) for item in items), of=len(items)),
        parameters=Ratio(
            count=sum(right), of=sum(len(call.arguments) for item in items for call in item.gold)
        ),
        solved=Ratio(count=sum(_solved(item) for item in items), of=len(items)),
    )


def _recovered(item: Item) -> int:
    answers = [answer for _, answer in item.answers()]
    return sum(any(item.says(intent, answer) for answer in answers) for intent in item.intents)


def _useful(item: Item) -> int:
    """Questions whose answer says an intent that no earlier answer said."""
    left, useful = list(item.intents), 0
    for _, answer in item.answers()[: item.questions]:
        got = [intent for intent in left if item.says(intent, answer)]
        left = [intent for intent in left if intent not in got]
        useful += bool(got)
    return useful


def _right_arguments(item: Item) -> int:
    """Arguments of the right calls that the made calls have, each made call used for one right call."""
    left = list(item.calls)
    count = 0
    for gold in item.gold:
        named = [call for call in left if call.name == gold.name]
        if not named:
            continue
        best = max(named, key=lambda call: _shared(item, gold, call))
        count += _shared(item, gold, best)
        left.remove(best)
    return count


def _shared(item: Item, gold: Call, made: Call) -> int:
    tool = item.tools.get(gold.name, _UNKNOWN)
    return sum(
        name in made.arguments and meaning(tool, {name: value}) == meaning(tool, {name: made.arguments[name]})
        for name, value in gold.arguments.items()
    )


def _solved(item: Item) -> bool:
    def key(call: Call) -> str:
        return json.dumps(
            [call.name, meaning(item.tools.get(call.name, _UNKNOWN), call.arguments)], sort_keys=True
        )

    return sorted(map(key, item.calls)) == sorted(map(key, item.gold))


def _names(calls: Iterable[Call]) -> list[str]:
    return sorted(call.name for call in calls)


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else ""


_UNKNOWN = Tool(name="unknown", description="", parameters={"type": "object"})
