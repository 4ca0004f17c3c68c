"""A judge reads what each of the assistant's turns asks for; the dialogue's own record says what it should.

One question to the judge for each dialogue; it sees neither the record nor what was made wrong on purpose.
"""

from __future__ import annotations

import json
from typing import Any

from callwright.errors import ReplyError
from callwright.generators.asktoact.dialogue import described
from callwright.generators.asktoact.prompts import prompt
from callwright.generators.prompting import one_line
from callwright.llm.base import Model, Request, Sampling
from callwright.llm.replies import ask
from callwright.schemas.message import WRONG, AssistantMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Outcome, Verdict

_URGENCY = 1000


class Reviewer:
    """Rules on whether each turn asks for what it should, and for nothing else."""

    def __init__(self, judge: Model) -> None:
        self._judge = judge

    async def rule(self, row: Trajectory, number: int) -> Verdict:
        """The verdict on a dialogue.

        Raises:
            ModelError: The endpoint failed for good.
        """
        due = _due(row)
        values = _values(row)
        request = self._request(row, list(due), values, number)
        try:
            turns = (await ask(self._judge, request)).parsed["turns"]
        except ReplyError as error:
            return self._verdict(row, "undecided", error.code, error.message, [])
        if len(turns) != len(due):
            return self._verdict(
                row, "undecided", "unusable_review", f"{len(turns)} turns for {len(due)}", turns
            )
        for (step, asked), read in zip(due.items(), turns, strict=True):
            if set(read) != asked:
                told = (
                    f"message {step} was to ask for {sorted(asked)}, and reads as asking for {sorted(read)}"
                )
                return self._verdict(row, "fail", "wrong_question", told, turns)
        return self._verdict(row, "pass", "", "", turns)

    def _request(self, row: Trajectory, steps: list[int], values: dict[str, str], number: int) -> Request:
        listed = "\n".join(f"- {id_}: {one_line(text)}" for id_, text in values.items())
        turns = "\n".join(f"{place}. {one_line(_learned(row, step))}" for place, step in enumerate(steps, 1))
        schema = {
            "type": "object",
            "properties": {
                "turns": {
                    "type": "array",
                    "items": {"type": "array", "items": {"type": "string", "enum": [*values, "other"]}},
                }
            },
            "required": ["turns"],
            "additionalProperties": False,
        }
        request = one_line(row.task.instruction)
        said = f"The request: {request}\n\nThe values:\n{listed}\n\nThe assistant's turns:\n{turns}"
        return Request(
            purpose="asktoact.review",
            messages=(
                {"role": "system", "content": prompt("review").template},
                {"role": "user", "content": said},
            ),
            reply_schema=schema,
            sampling=Sampling(),
            sample=number,
            item=f"asktoact/review/{number}",
            urgency=_URGENCY,
        )

    def _verdict(
        self, row: Trajectory, outcome: Outcome, code: str, message: str, turns: list[Any]
    ) -> Verdict:
        return Verdict(
            trajectory=row.id,
            judge="asktoact.review",
            rung="L4",
            outcome=outcome,
            code=code,
            message=message,
            evidence=({"by": self._judge.id, "turns": turns},),
        )


def _due(row: Trajectory) -> dict[int, set[str]]:
    """Index of each question -> the intents that it should ask for."""
    return {note.step: set(note.body["asks"]) for note in row.notes if note.label == "question"}


def _values(row: Trajectory) -> dict[str, str]:
    """What could be asked for: the intents, and every other argument of the calls, by ids that tell nothing."""
    tools = {tool.name: tool for tool in row.task.tools}
    found: dict[str, str] = {}
    taken: set[tuple[str, str]] = set()
    for one in row.task.hidden["intents"]:
        found[one["id"]] = described(tools[one["asked"]["tool"]], one["asked"]["argument"])
        taken |= {(slot["tool"], slot["argument"]) for slot in (*one["slots"], one["asked"])}
    rest = dict.fromkeys((call.name, name) for call in row.tool_calls for name in json.loads(call.arguments))
    for number, (tool, argument) in enumerate((pair for pair in rest if pair not in taken), 1):
        found[f"v{number}"] = described(tools[tool], argument)
    return found


def _learned(row: Trajectory, step: int) -> str:
    """What a turn says, without what was said wrongly on purpose."""
    message = row.messages[step]
    assert isinstance(message, AssistantMessage)
    text = message.content
    for span in sorted(message.spans, key=lambda span: -span.start):
        if span.label == WRONG:
            text = text[: span.start] + text[span.end :]
    return text.strip()
