"""REWRITE: a masked request becomes a dialogue: a question for each thing that is missing, then the calls as they were.

Zhang et al. 2025 (AskToAct): the assistant asks, a simulated user answers from what was taken out.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any, Protocol

from callwright.errors import GenerationError
from callwright.generators.asktoact.intents import REQUEST, Intent, is_said, new_fact
from callwright.generators.asktoact.ledger import Ledger, Move, moves
from callwright.generators.asktoact.prompts import prompt
from callwright.generators.conversing import in_full
from callwright.llm.base import Completion, Request
from callwright.schemas.message import AssistantMessage, Message, UserMessage
from callwright.schemas.recipe import UserStyle
from callwright.schemas.task import Note, Trajectory
from callwright.schemas.tool import Tool
from callwright.values.derivations import Synonyms, leaves
from callwright.values.mentions import Mentions, contains, fold
from callwright.values.spoken import plain_words

_ASKED = {
    "type": "object",
    "properties": {"question": {"type": "string", "minLength": 3}},
    "required": ["question"],
    "additionalProperties": False,
}
_SAID = {
    "type": "object",
    "properties": {"message": {"type": "string", "minLength": 1}},
    "required": ["message"],
    "additionalProperties": False,
}


class Teacher(Protocol):
    """Asks the model on behalf of one attempt, and keeps the ledger's keys."""

    async def ask(self, request: Request) -> Completion:
        """An answer that has the shape that was asked for.

        Raises:
            ModelError: The endpoint failed for good.
            ReplyError: The answer does not have that shape.
        """
        ...


class Dialogue:
    """One dialogue under way."""

    def __init__(
        self,
        row: Trajectory,
        request: str,
        masked: Sequence[Intent],
        style: UserStyle,
        wrong: dict[str, str],
        synonyms: Synonyms,
        rng: random.Random,
    ) -> None:
        """
        Args:
            row: The verified conversation.
            request: Its request, without the masked values.
            masked: What the user knows and did not say.
            style: How the user talks.
            wrong: Intent id -> another value in words, for who says or reads something wrong.
            synonyms: Words that phrase sheets declare for values.
            rng: Where a style shows.
        """
        self.messages: list[Message] = [row.messages[0], UserMessage(content=request)]
        self.notes: list[Note] = [self._note(REQUEST, "request", Ledger(masked))]
        self._row = row
        self._ledger = Ledger(masked)
        self._style: UserStyle = style
        self._wrong = wrong
        self._synonyms = synonyms
        self._rng = rng
        self._tools = {tool.name: tool for tool in row.task.tools}

    async def play(self, teacher: Teacher, at_once: int) -> None:
        """Ask for everything that is missing.

        Raises:
            GenerationError: A question or an answer says what it must not, or not what it must.
            ModelError: The endpoint failed for good.
            ReplyError: An answer does not have the shape that was asked for.
        """
        groups = [
            self._ledger.intents[first : first + at_once]
            for first in range(0, len(self._ledger.intents), at_once)
        ]
        able = [at_once == 1 and group[0].id in self._wrong for group in groups]
        plan = moves(self._style, able, self._rng)
        for group, turns in zip(groups, plan, strict=True):
            for number, move in enumerate(turns):
                await self._ask(teacher, group, again=number > 0)
                await self._answer(teacher, group, move)
        rest = self._row.messages[REQUEST + 1 :]
        self.notes.append(self._note(len(self.messages), "solution", self._ledger))
        self.messages += rest

    async def _ask(self, teacher: Teacher, group: Sequence[Intent], *, again: bool) -> None:
        reply = await teacher.ask(self._question_request(group, again))
        question = str(reply.parsed["question"]).strip()
        self._check_question(question)
        self._ledger.asked += [one.id for one in group if one.id not in self._ledger.asked]
        note = {"asks": [one.id for one in group], "again": again}
        self.notes.append(self._note(len(self.messages), "question", self._ledger, **note))
        self.messages.append(AssistantMessage(content=question))

    async def _answer(self, teacher: Teacher, group: Sequence[Intent], move: Move) -> None:
        owed = self._ledger.owed
        reply = await teacher.ask(self._answer_request(group, move, owed))
        message = str(reply.parsed["message"]).strip()
        self._check_answer(message, group, move, owed)
        note: dict[str, Any] = {"style": self._style, "move": move, "gives": []}
        if move in ("answer", "slip_and_correct"):
            note["gives"] = [one.id for one in group]
        if move in ("slip", "slip_and_correct"):
            note["wrong"] = {group[0].id: self._wrong[group[0].id]}
        if owed:
            note["gives"] = [owed.id, *note["gives"]]
            note["corrects"] = owed.id
        self._ledger.given += [one for one in note["gives"] if one not in self._ledger.given]
        self._ledger.owed = group[0] if move == "slip" else None
        self.notes.append(self._note(len(self.messages), "answer", self._ledger, **note))
        self.messages.append(UserMessage(content=message))

    def _check_question(self, question: str) -> None:
        if "?" not in question:
            raise GenerationError("no_question", f"{question[:80]!r} asks nothing")
        for one in self._ledger.open:
            schema = self._tools[one.asked.tool].properties.get(one.asked.argument, {})
            if "enum" not in schema and is_said(one, question, self._row, self._synonyms, fully=False):
                raise GenerationError("value_told", f"the assistant says {one.said!r} before the user does")
        added = self._added(question)
        if added:
            raise GenerationError("fact_added", f"the assistant says {added!r}, which nobody has said")

    def _check_answer(self, message: str, group: Sequence[Intent], move: Move, owed: Intent | None) -> None:
        due = [*([owed] if owed else []), *(group if move in ("answer", "slip_and_correct") else ())]
        for one in due:
            if not is_said(one, message, self._row, self._synonyms):
                raise GenerationError("value_lost", f"the user was to say {one.said!r}")
        for one in self._ledger.open:
            if one not in due and is_said(one, message, self._row, self._synonyms, fully=False):
                raise GenerationError("value_told", f"the user says {one.said!r} unasked")
        wrong = self._wrong[group[0].id] if move in ("slip", "slip_and_correct") else ""
        if wrong and not contains(fold(message), fold(wrong)):
            raise GenerationError("value_lost", f"the user was to say {wrong!r} by mistake")
        added = self._added(message, wrong, *(one.said for one in due), *map(_values, due))
        if added:
            raise GenerationError("fact_added", f"the user says {added!r}, which is no part of the task")

    def _added(self, text: str, *allowed: str) -> str | None:
        """Words of a text for a fact that nobody has said and that is not allowed."""
        clock = self._row.task.clock
        seen = [Mentions(one.content, clock) for one in self.messages]
        seen += [Mentions(one, clock) for one in allowed]
        options = [
            str(option)
            for one in self._ledger.intents
            for option in self._tools[one.asked.tool].properties.get(one.asked.argument, {}).get("enum", ())
        ]
        seen.append(Mentions("\n".join(options), clock))
        return new_fact(text, seen, clock)

    def _question_request(self, group: Sequence[Intent], again: bool) -> Request:
        wanted = "\n".join(f"- {self._described(one)}" for one in group)
        told = [
            f"Today: {in_full(self._row.task.clock)}",
            f"The conversation so far:\n{transcript(self.messages)}",
            f"What is missing:\n{wanted}",
        ]
        if again:
            told.append("You have asked for it already, and the person did not say it. Ask once more.")
        return Request(
            purpose="asktoact.question",
            messages=(
                {"role": "system", "content": prompt("question").template},
                {"role": "user", "content": "\n\n".join(told)},
            ),
            reply_schema=_ASKED,
            variables=self._variables(group) | {"again": again, "place": len(self.messages)},
            urgency=len(self.messages),
        )

    def _answer_request(self, group: Sequence[Intent], move: Move, owed: Intent | None) -> Request:
        wrong = self._wrong.get(group[0].id, "")
        told = [
            f"Today: {in_full(self._row.task.clock)}",
            f"The conversation so far:\n{transcript(self.messages, you='user')}",
            f"Your manner: {_MANNERS[self._style]}",
            "This turn:\n" + "\n".join(_instructions(group, move, owed, wrong)),
        ]
        return Request(
            purpose="asktoact.user",
            messages=(
                {"role": "system", "content": prompt("user").template},
                {"role": "user", "content": "\n\n".join(told)},
            ),
            reply_schema=_SAID,
            variables=self._variables(group)
            | {
                "style": self._style,
                "move": move,
                "wrong": wrong,
                "owed": owed.model_dump(mode="json") if owed else None,
                "owed_wrong": self._wrong[owed.id] if owed else "",
                "place": len(self.messages),
            },
            urgency=len(self.messages),
        )

    def _variables(self, group: Sequence[Intent]) -> dict[str, Any]:
        return {
            "toolkit": self._row.task.toolkit,
            "seed": self._row.task.seed,
            "intents": [one.model_dump(mode="json") for one in group],
        }

    def _described(self, one: Intent) -> str:
        return described(self._tools[one.asked.tool], one.asked.argument)

    def _note(self, step: int, label: str, ledger: Ledger, **body: Any) -> Note:
        return Note(step=step, label=label, body={**body, "ledger": ledger.state()})


def described(tool: Tool, argument: str) -> str:
    """An argument in words, with its documentation."""
    schema = {key: value for key, value in tool.properties.get(argument, {}).items() if key != "title"}
    documented = json.dumps(schema, ensure_ascii=False)
    return f"the {plain_words(argument)} (`{argument}` of `{tool.name}`: {documented})"


def transcript(messages: Sequence[Message], you: str = "assistant") -> str:
    """What was said, for a prompt; "You" is whoever is asked to go on."""
    other = {"assistant": "The person", "user": "The assistant"}[you]
    return "\n".join(
        f"{'You' if one.role == you else other}: {one.content}"
        for one in messages
        if one.role in ("user", "assistant") and one.content
    )


def _values(one: Intent) -> str:
    return "\n".join(str(leaf) for leaf in leaves(one.value))


_MANNERS: dict[UserStyle, str] = {
    "terse": "as few words as will do: the bare value, no greeting, no full sentence",
    "wordy": "talkative: a remark about how you feel or what a day it is around the answer, without any new fact",
    "evasive": "reluctant: you do not see why it matters, and come out with it only when you are asked again",
    "off_topic": "easily distracted: you talk of something else before you come to the point",
    "corrects_himself": "hasty: you mix things up and put them right yourself",
}


def _instructions(group: Sequence[Intent], move: Move, owed: Intent | None, wrong: str) -> list[str]:
    values = " and ".join(json.dumps(one.said, ensure_ascii=False) for one in group)
    told = {
        "answer": [f"Say {values}. Nothing else that could be a value."],
        "evade": [
            "Do not answer yet: ask why it matters, or say that you would rather not decide it. No value."
        ],
        "stray": ["Do not answer yet: bring up something that has nothing to do with it. No value."],
        "slip": [
            f"Say {json.dumps(wrong, ensure_ascii=False)}, which is wrong; you do not notice yet. Not {values}."
        ],
        "slip_and_correct": [
            f"Say {json.dumps(wrong, ensure_ascii=False)} first, notice at once that it is wrong, and say {values}."
        ],
    }[move]
    if owed:
        told.append(
            f"Then put right what you said before: it is {json.dumps(owed.said, ensure_ascii=False)}."
        )
    return told
