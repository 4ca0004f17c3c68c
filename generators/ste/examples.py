"""What a trial is good for besides itself: its last call as an example; and when two requests are too much alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from callwright.schemas.message import AssistantMessage, ToolMessage
from callwright.schemas.task import Trajectory
from callwright.values.derivations import Grounding, Synonyms, Ungrounded, Visible, ground
from callwright.values.mentions import Mentions, fold

_ALIKE = 0.85
"""Share of two requests' words that they have in common, from which on they say nearly the same."""


def last_call(row: Trajectory) -> Trajectory | None:
    """The request, the last call with its result, and the answer; None where that is the whole trial or no example."""
    steps = [
        i for i, turn in enumerate(row.messages) if isinstance(turn, AssistantMessage) and turn.tool_calls
    ]
    if len(steps) < 2:
        return None
    turn, result, *rest = row.messages[steps[-1] :]
    assert isinstance(turn, AssistantMessage)
    if len(turn.tool_calls) > 1 or not isinstance(result, ToolMessage) or not result.observation.succeeded:
        return None
    (call,) = turn.tool_calls
    if call.name not in {tool.name for tool in row.task.tools}:
        return None
    meant = [one for one in row.task.intended if not one.means or one.name == call.name]
    task = row.task.model_copy(update={"kind": "single", "parent": row.task.root, "intended": tuple(meant)})
    # Words beside a call that speak of the calls before it would point at nothing.
    alone = turn.model_copy(update={"content": ""})
    return row.model_copy(update={"task": task, "messages": (*row.messages[:2], alone, result, *rest)})


def grounded(row: Trajectory, request: str, synonyms: Synonyms) -> Iterator[Grounding | Ungrounded]:
    """For each value of a row's calls, how it stands in a request alone; in the same order for every request."""
    shown = [Visible(1, Mentions(request, row.task.clock))]
    schemas = {tool.name: tool.properties for tool in row.task.tools}
    for call in row.tool_calls:
        for name, value in json.loads(call.arguments).items():
            yield from ground(name, value, schemas[call.name].get(name, {}), shown, synonyms)


def unsaid_values(row: Trajectory, synonyms: Synonyms) -> Iterator[str]:
    """Where in the arguments the values stand that the request does not give."""
    found = grounded(row, row.task.instruction, synonyms)
    return (one.path for one in found if isinstance(one, Ungrounded))


class Known:
    """Requests so far, to tell whether another one is nearly the same."""

    def __init__(self) -> None:
        self._words: list[tuple[frozenset[str], str]] = []

    def add(self, request: str) -> None:
        self._words.append((_words(request), request))

    def near(self, request: str) -> str | None:
        """An earlier request with nearly the same words."""
        words = _words(request)
        return next((text for known, text in self._words if likeness(known, words) >= _ALIKE), None)


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard similarity of two sets of words."""
    return len(one & other) / max(len(one | other), 1)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+(?:[.:]\d+)*", fold(text)))
