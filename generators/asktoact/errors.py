"""REWRITE: the assistant makes a mistake in a dialogue, notices it and puts it right; or checks, and was right.

Zhang et al. 2025 (AskToAct): four kinds of mistakes. The mistaken words stay in the conversation and give no loss, what
puts them right does; so they are spans of the message that holds both.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from callwright.errors import GenerationError
from callwright.generators.asktoact.dialogue import Teacher, described, transcript
from callwright.generators.asktoact.intents import Intent, is_said
from callwright.generators.asktoact.prompts import prompt
from callwright.generators.asktoact.wordings import bare, frames
from callwright.generators.conversing import in_full
from callwright.llm.base import Request
from callwright.schemas.message import RIGHT, WRONG, AssistantMessage, Span
from callwright.schemas.task import Note, Trajectory
from callwright.values.derivations import Synonyms
from callwright.values.mentions import contains, fold
from callwright.values.spoken import plain_words

KEPT = "confirmed"
"""Label of a check that found what was there to be right."""

_SLIPPED = {
    "type": "object",
    "properties": {
        "mistake": {"type": "string", "minLength": 2},
        "correction": {"type": "string", "minLength": 2},
    },
    "required": ["mistake", "correction"],
    "additionalProperties": False,
}


class Slips:
    """Puts one mistake, or one check, into dialogues that are right."""

    def __init__(self, synonyms: Synonyms) -> None:
        self._synonyms = synonyms

    async def into(
        self,
        teacher: Teacher,
        kind: str,
        row: Trajectory,
        kept: Sequence[Intent],
        wrong: dict[str, str],
        rng: random.Random,
    ) -> Trajectory:
        """The dialogue with a slip of one kind: `redundant`, `irrelevant`, `missed`, `misread`, or `confirmed`.

        Args:
            teacher: Words it.
            kind: Which.
            row: The dialogue, as `Dialogue` makes it.
            kept: What the request still says.
            wrong: Intent id -> another value in words, which nobody has said.
            rng: Where it happens.

        Raises:
            GenerationError: `no_place`: the dialogue has none for it; or the words are not what they should be.
            ModelError: The endpoint failed for good.
            ReplyError: The answer does not have the shape that was asked for.
        """
        intents = {one["id"]: Intent.model_validate(one) for one in row.task.hidden["intents"]}
        step, about = rng.choice(_places(kind, row, intents, kept, wrong) or [_nowhere(kind)])
        reply = (await teacher.ask(self._request(kind, row, step, about, wrong))).parsed
        mistake, correction = reply["mistake"].strip(), reply["correction"].strip()
        self._check(kind, row, about, mistake, correction, wrong)
        message = row.messages[step]
        assert isinstance(message, AssistantMessage)
        rest = bare(message.content)
        text = " ".join(part for part in (mistake, correction, rest) if part)
        labels = (KEPT, KEPT) if kind == "confirmed" else (WRONG, RIGHT)
        start, end = len(mistake) + 1, len(mistake) + 1 + len(correction)
        spans = (
            Span(start=0, end=len(mistake), label=labels[0]),
            Span(start=start, end=end, label=labels[1]),
        )
        told = message.model_copy(update={"content": text, "spans": spans})
        note = Note(step=step, label="slip", body={"kind": kind, "about": about.id})
        return row.model_copy(
            update={
                "messages": (*row.messages[:step], told, *row.messages[step + 1 :]),
                "notes": (*row.notes, note),
            }
        )

    def _check(
        self, kind: str, row: Trajectory, about: Intent, mistake: str, correction: str, wrong: dict[str, str]
    ) -> None:
        if mistake[-1] not in ".!?…" or correction[-1] not in ".!?…:":
            raise GenerationError("bad_slip", "a mistake and its correction are whole sentences")
        if kind in ("redundant", "irrelevant") and "?" not in mistake:
            raise GenerationError("bad_slip", f"{mistake[:80]!r} asks nothing")
        if kind in ("missed", "misread", "confirmed") and "?" in mistake:
            raise GenerationError("bad_slip", f"{mistake[:80]!r} is a question")
        if kind == "misread" and not contains(fold(mistake), fold(wrong[about.id])):
            raise GenerationError("bad_slip", f"{mistake[:80]!r} does not say {wrong[about.id]!r}")
        if kind in ("redundant", "misread") and not is_said(about, correction, row, self._synonyms):
            raise GenerationError("bad_slip", f"{correction[:80]!r} does not say {about.said!r}")

    def _request(
        self, kind: str, row: Trajectory, step: int, about: Intent, wrong: dict[str, str]
    ) -> Request:
        tool = next(tool for tool in row.task.tools if tool.name == about.asked.tool)
        message = row.messages[step]
        told = [
            f"Today: {in_full(row.task.clock)}",
            f"The conversation so far:\n{transcript(row.messages[:step])}",
            "What you go on with, after the slip: "
            + (message.content or "you call the tools that you have, without a further word."),
            f"The slip: {prompt(kind).substitute(_values(about, wrong), about=described(tool, about.asked.argument))}",
        ]
        return Request(
            purpose="asktoact.slip",
            messages=(
                {"role": "system", "content": prompt("slip").template},
                {"role": "user", "content": "\n\n".join(told)},
            ),
            reply_schema=_SLIPPED,
            variables={
                "toolkit": row.task.toolkit,
                "seed": row.task.seed,
                "kind": kind,
                "about": about.model_dump(mode="json"),
                "wrong": wrong.get(about.id, ""),
                "asks": bool(message.content),
                "avoid": _meant(row),
                "place": step,
            },
            urgency=step,
        )


def _values(about: Intent, wrong: dict[str, str]) -> dict[str, Any]:
    return {"said": about.said, "wrong": wrong.get(about.id, "")}


def _nowhere(kind: str) -> tuple[int, Intent]:
    raise GenerationError("no_place", f"the dialogue has no place for a {kind} turn")


def _places(
    kind: str,
    row: Trajectory,
    intents: dict[str, Intent],
    kept: Sequence[Intent],
    wrong: dict[str, str],
) -> list[tuple[int, Intent]]:
    """Where a slip of a kind can stand, and what it is about."""
    asking = [note for note in row.notes if note.label == "question" and not note.body["again"]]
    answered = [note for note in row.notes if note.label == "answer" and note.body["gives"]]
    if kind == "redundant":
        told = [one for one in kept if _askable(one)]
        return [
            (note.step, one)
            for note in asking
            for one in (*told, *(intents[id_] for id_ in note.body["ledger"]["given"]))
            # What has the same name is asked for in the same words.
            if one.asked.argument not in {intents[id_].asked.argument for id_ in note.body["asks"]}
        ]
    if kind in ("irrelevant", "missed"):
        return [(note.step, intents[note.body["asks"][0]]) for note in asking]
    after = [
        (note.step + 1, intents[note.body["gives"][-1]])
        for note in answered
        if "wrong" not in note.body and "corrects" not in note.body
    ]
    if kind == "misread":
        return [(step, one) for step, one in after if one.id in wrong]
    return after + [(note.step, intents[note.body["asks"][0]]) for note in asking]


def _askable(one: Intent) -> bool:
    """Whether somebody could ask for a kept value: not for a yes or no, nor for a text as long as a sentence."""
    return (
        isinstance(one.value, str | int | float) and not isinstance(one.value, bool) and len(one.said) <= 60
    )


def _meant(row: Trajectory) -> list[str]:
    """Irrelevant questions that an offered tool has a parameter for."""
    known = fold(
        " ".join(
            f"{plain_words(name)} {schema.get('description', '')}"
            for tool in row.task.tools
            for name, schema in tool.properties.items()
        )
    )
    return [
        question
        for question in frames()["irrelevant_questions"]
        if any(contains(known, word) for word in content_words(question))
    ]


def content_words(text: str) -> list[str]:
    """The words of a question that say what it is about."""
    words = [word.strip(".,!?:;\"'") for word in fold(text).split()]
    return [word for word in words if len(word) > 3 and word not in _SMALL]


_SMALL = frozenset(
    "what which would like your have many with does this that from should could tell please need want know about "
    "there here them they when where will into more than much kind mean must give call called calls name take "
    "make made going been were something anything also just only over under each other exactly prefer using".split()
)
