"""STE's metrics (Wang et al. 2024, arXiv 2403.04746), split by whether the right call has arguments at all.

Four of ten right calls of the paper's test set have none, and for those being correct is no more than choosing the
tool; an average over both says little. So there is none without its parts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callwright.schemas.base import Record, canonical_json
from callwright.schemas.tool import Tool
from callwright.scoring.calls import Answered, Call, CallError, call_of, read_answer
from callwright.scoring.files import ScoreError, lines_of, one_id
from callwright.values.calls import same_call


class Ratio(Record):
    count: int = 0
    of: int = 0


class Group(Record):
    """The metrics of some of the items."""

    items: int
    wellformed: Ratio
    """Answers with calls that could all be read / items."""
    api_match: Ratio
    """Right tool / wellformed answers."""
    correct: Ratio
    """Right tool and the right arguments by STE's string rule: each right argument is there with the same text,
    whatever its case; more arguments do no harm / items."""
    correct_typed: Ratio
    """Right tool and the very same arguments, types and defaults minded; more arguments are wrong / items."""


class SteScore(Record):
    everything: Group
    without_arguments: Group
    """Items whose right calls have no arguments."""
    with_arguments: Group
    problems: dict[str, int]
    """Why answers were not wellformed."""


@dataclass(frozen=True)
class Item:
    """One prediction beside what is right."""

    id: str
    gold: tuple[Call, ...]
    answered: Answered
    tools: Mapping[str, Tool]
    """The tools that are known, for their defaults."""

    @property
    def wellformed(self) -> bool:
        return not self.answered.problem

    @property
    def matches(self) -> bool:
        names = sorted(call.name for call in self.answered.calls)
        return self.wellformed and names == sorted(call.name for call in self.gold)

    def correct(self, same: Callable[[Tool, Mapping[str, Any], Mapping[str, Any]], bool]) -> bool:
        return self.matches and _paired(
            self.gold,
            self.answered.calls,
            lambda one, other: (
                one.name == other.name
                and same(self.tools.get(one.name, _UNKNOWN), one.arguments, other.arguments)
            ),
        )


_UNKNOWN = Tool(name="unknown", description="", parameters={"type": "object"})


def read_items(path: Path) -> Iterator[Item]:
    """The items of a file of JSON lines: `id`, `gold` (calls), `predicted` (text, calls or a message), maybe `tools`.

    Raises:
        ScoreError: The file cannot be read, or a line has no id, no gold call or no prediction.
    """
    seen: set[str] = set()
    for where, body in lines_of(path):
        id_ = one_id(where, body, seen)
        answer = body["predicted"] if "predicted" in body else body.get("tool_calls", _MISSING)
        if answer is _MISSING:
            raise ScoreError(f"{where}: has no predicted; put the model's text or its tool calls there")
        try:
            gold = tuple(map(call_of, body.get("gold") or ()))
        except (CallError, TypeError) as error:
            raise ScoreError(
                f"{where}: gold: is no list of calls with name and arguments ({error})"
            ) from None
        if not gold:
            raise ScoreError(f"{where}: has no gold call; this metric is for requests that need one")
        yield Item(id_, gold, read_answer(answer), _tools(body.get("tools"), where))


_MISSING = object()


def score(items: Iterable[Item]) -> SteScore:
    """The metrics of all items and of both parts."""
    known = list(items)
    empty = [not any(call.arguments for call in item.gold) for item in known]
    return SteScore(
        everything=_group(known),
        without_arguments=_group([item for item, bare in zip(known, empty, strict=True) if bare]),
        with_arguments=_group([item for item, bare in zip(known, empty, strict=True) if not bare]),
        problems=dict(sorted(Counter(i.answered.problem for i in known if i.answered.problem).items())),
    )


def _group(items: Sequence[Item]) -> Group:
    wellformed = sum(item.wellformed for item in items)
    return Group(
        items=len(items),
        wellformed=Ratio(count=wellformed, of=len(items)),
        api_match=Ratio(count=sum(item.matches for item in items), of=wellformed),
        correct=Ratio(count=sum(item.correct(_string_rule) for item in items), of=len(items)),
        correct_typed=Ratio(count=sum(item.correct(same_call) for item in items), of=len(items)),
    )


def _string_rule(tool: Tool, gold: Mapping[str, Any], predicted: Mapping[str, Any]) -> bool:
    return all(name in predicted and _text(predicted[name]) == _text(value) for name, value in gold.items())


def _text(value: Any) -> str:
    return (value if isinstance(value, str) else canonical_json(value)).lower()


def _paired(gold: Sequence[Call], found: Sequence[Call], same: Callable[[Call, Call], bool]) -> bool:
    """Whether each right call has a call of its own that is the same: a perfect matching, by augmenting paths."""
    fitting = [[place for place, one in enumerate(found) if same(call, one)] for call in gold]
    taken: dict[int, int] = {}

    def placed(index: int, tried: set[int]) -> bool:
        for place in sorted(fitting[index], key=taken.__contains__):
            if place not in tried:
                tried.add(place)
                if place not in taken or placed(taken[place], tried):
                    taken[place] = index
                    return True
        return False

    return len(gold) == len(found) and all(placed(index, set()) for index in range(len(gold)))


def _tools(given: Any, where: str) -> dict[str, Tool]:
    """Tools in OpenAI's form, as a list or its JSON text."""
    try:
        listed = json.loads(given) if isinstance(given, str) else given or []
        return {one["function"]["name"]: tool_of(one["function"]) for one in listed}
    except (ValueError, TypeError, KeyError):
        raise ScoreError(f"{where}: tools: is no list of tools in OpenAI's form") from None


def tool_of(function: Mapping[str, Any]) -> Tool:
    """A tool of OpenAI's form, as far as scores need it.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    tool = Tool(name=function["name"], description="", parameters=function.get("parameters") or {})
    if not all(isinstance(schema, dict) for schema in dict(tool.properties).values()):
        raise TypeError(f"properties of {tool.name} are no mapping of schemas")
    return tool
