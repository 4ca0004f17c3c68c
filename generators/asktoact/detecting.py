"""Find slips in a dialogue by reading it: what the assistant asks and claims, against what is missing and was said.

It knows nothing of how slips are made, nor of the spans: it reads messages, tools and the calls that are right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from callwright.generators.asktoact.errors import content_words
from callwright.generators.asktoact.intents import Intent, is_said, new_fact
from callwright.generators.asktoact.wordings import bare, noun, questions
from callwright.schemas.message import AssistantMessage, UserMessage
from callwright.schemas.phrases import PhraseSheet
from callwright.schemas.task import Trajectory
from callwright.schemas.tool import Tool
from callwright.values.derivations import Synonyms, leaves, observed_text
from callwright.values.makers import field_for
from callwright.values.mentions import Mentions, contains, fold

_SENTENCE = re.compile(r"(?<=[.!?…])\s+")
_COMPLETE = re.compile(
    r"\b(?:that's|that is|i have|i've got|we have|got) (?:all|everything)\b|\bnothing(?: else)? is missing\b"
    r"|\bi(?:'ll| will) (?:go ahead|get started|take care of it|do it)\b",
    re.IGNORECASE,
)
"""What somebody says who believes that nothing is missing."""

Pair = tuple[str, str]
"""Tool and argument."""


class Slip(NamedTuple):
    step: int
    kind: str


def slips(row: Trajectory, sheet: PhraseSheet | None, synonyms: Synonyms) -> list[Slip]:
    """Every slip of the assistant's before the first result: `redundant`, `irrelevant`, `missed`, `misread`."""
    reader = _Reader(row, sheet, synonyms)
    found: list[Slip] = []
    for step, message in enumerate(row.messages):
        if message.role == "tool":
            break
        if isinstance(message, AssistantMessage):
            found += [Slip(step, kind) for kind in reader.kinds(step, message)]
    return list(dict.fromkeys(found))


class _Reader:
    def __init__(self, row: Trajectory, sheet: PhraseSheet | None, synonyms: Synonyms) -> None:
        self._row = row
        self._sheet = sheet
        self._synonyms = synonyms
        self._intents = [Intent.model_validate(one) for one in row.task.hidden.get("intents", ())]
        self._right = {
            (call.name, argument) for call in row.tool_calls for argument in json.loads(call.arguments)
        }
        self._worded = list(self._wordings())

    def kinds(self, step: int, message: AssistantMessage) -> Iterator[str]:
        said = [one.content for one in self._row.messages[:step] if isinstance(one, UserMessage)]
        text = "\n".join(said)
        missing = [
            one
            for one in self._intents
            if not any(is_said(one, each, self._row, self._synonyms) for each in said)
        ]
        if message.tool_calls and missing:
            yield "missed"
        for sentence in _SENTENCE.split(message.content):
            if sentence.endswith("?"):
                yield from self._question(sentence, missing)
            elif _COMPLETE.search(sentence) and missing:
                yield "missed"
            elif self._says_what_nobody_said(sentence, text):
                yield "misread"

    def _question(self, sentence: str, missing: Sequence[Intent]) -> Iterator[str]:
        asked = self._asked(sentence)
        wanted = {(slot.tool, slot.argument) for one in missing for slot in (*one.slots, one.asked)}
        if asked & wanted:
            return
        known = {(one.asked.tool, one.asked.argument) for one in self._intents} | self._right
        yield "redundant" if asked & known else "irrelevant"

    def _asked(self, sentence: str) -> set[Pair]:
        """The arguments that a question asks for: by the sheet's own words, else by the words that it shares."""
        norm = _norm(sentence)
        exact = {pair for words, pair in self._worded if words == norm}
        if exact:
            return exact
        said = set(content_words(sentence))
        shared = {pair: len(said & about) for pair, about in self._about().items()}
        most = max(shared.values(), default=0)
        return {pair for pair, count in shared.items() if count == most and count}

    def _wordings(self) -> Iterator[tuple[str, Pair]]:
        for tool in self._row.task.tools:
            for argument in tool.properties:
                for text in questions(self._sheet, tool.name, argument):
                    for sentence in _SENTENCE.split(text):
                        if sentence.endswith("?"):
                            yield _norm(sentence), (tool.name, argument)

    def _about(self) -> dict[Pair, set[str]]:
        """What each argument is about, in words of its name and documentation."""
        return {
            (tool.name, argument): set(
                content_words(f"{noun(argument)} {tool.properties[argument].get('description', '')}")
            )
            for tool in self._row.task.tools
            for argument in tool.properties
        }

    def _says_what_nobody_said(self, sentence: str, said: str) -> bool:
        clock = self._row.task.clock
        seen = [Mentions(said, clock), Mentions(clock.isoformat(), clock)]
        seen += [Mentions(observed_text(one.content), clock) for one in self._row.observations()]
        if new_fact(sentence, seen, clock):
            return True
        folded, heard = fold(sentence), fold(said)
        for one in self._intents:
            named = {fold(option) for option in self._options(one) if contains(folded, fold(option))}
            if len(named) == 1 and not contains(heard, *named):  # several are a choice
                return True
        return False

    def _options(self, one: Intent) -> Iterator[str]:
        """The values that an intent could have had, in words."""
        for slot in one.slots:
            tool: Tool = next(tool for tool in self._row.task.tools if tool.name == slot.tool)
            values = field_for(self._sheet, slot.tool, slot.argument).values
            known = values if isinstance(values, tuple) else ()
            listed = (*tool.properties.get(slot.argument, {}).get("enum", ()), *known)
            for option in leaves(list(listed)):
                if isinstance(option, str) and option not in leaves(one.value):
                    yield option.replace("_", " ")


def _norm(sentence: str) -> str:
    return fold(bare(sentence)).strip(" .!?")
