"""A model judges two answers at one point of a conversation: in both orders, several times, and it may abstain.

Zhang et al. 2025 (LoopTool), judgement-guided label verification: label and prediction are compared, nothing is written
anew. Both orders are asked, so that a judge's liking for one place of the two counts for nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from callwright.errors import ReplyError
from callwright.generators.conversing import in_full, together
from callwright.generators.looptool.decisions import Decision
from callwright.generators.looptool.prompts import prompt
from callwright.llm.base import Model, Request, Sampling
from callwright.llm.replies import ask
from callwright.schemas.base import Record, canonical_json
from callwright.schemas.loop import Verifying
from callwright.schemas.message import AssistantMessage, Message, ToolCall, ToolMessage
from callwright.schemas.probe import Ruling
from callwright.values.canonical import parse_json

_URGENCY = 1000

_WORDS = {"type": "string"}
_REPLY = {
    "type": "object",
    "properties": {
        "analysis": _WORDS,
        "approach": _WORDS,
        "verdict": {"enum": ["first_wrong", "second_wrong", "both_right", "both_wrong", "cannot_tell"]},
    },
    "required": ["analysis", "approach", "verdict"],
    "additionalProperties": False,
}

_LABEL_FIRST: dict[str, Ruling] = {
    "first_wrong": "label_wrong",
    "second_wrong": "prediction_wrong",
    "both_right": "both_right",
    "both_wrong": "both_wrong",
    "cannot_tell": "undecided",
}
_LABEL_SECOND: dict[str, Ruling] = {
    **_LABEL_FIRST,
    "first_wrong": "prediction_wrong",
    "second_wrong": "label_wrong",
}


class Vote(Record):
    """One reply of the judge's; undecided where it abstains or cannot be read."""

    ruling: Ruling
    analysis: str = ""
    approach: str = ""


class Ballot(Record):
    """What all votes of a judge come to."""

    ruling: Ruling
    votes: dict[str, int]
    """Ruling -> votes, both orders together. Two orders that disagree are two votes for `undecided`."""
    analysis: str = ""
    approach: str = ""


class Comparer:
    """Asks a judge which of two answers is right."""

    def __init__(self, judge: Model, settings: Verifying, sampling: Sampling) -> None:
        self.id = judge.id
        self._judge = judge
        self._settings = settings
        self._sampling = sampling

    async def compare(self, decision: Decision, label: AssistantMessage, other: AssistantMessage) -> Ballot:
        """Rule on a label and another answer, by 2 x `votes` questions.

        Raises:
            ModelError: The endpoint failed for good; that is never a vote.
        """
        numbers = range(self._settings.votes)
        votes = await together(
            self._vote(decision, pair, rulings, number)
            for number in numbers
            for pair, rulings in (((label, other), _LABEL_FIRST), ((other, label), _LABEL_SECOND))
        )
        return counted(list(zip(votes[::2], votes[1::2], strict=True)), self._settings.quorum)

    async def _vote(
        self,
        decision: Decision,
        pair: tuple[AssistantMessage, AssistantMessage],
        rulings: Mapping[str, Ruling],
        number: int,
    ) -> Vote:
        try:
            reply = (await ask(self._judge, self._request(decision, pair, number))).parsed
        except ReplyError:
            return Vote(ruling="undecided")
        return Vote(
            ruling=rulings[reply["verdict"]],
            analysis=reply["analysis"].strip(),
            approach=reply["approach"].strip(),
        )

    def _request(
        self, decision: Decision, pair: tuple[AssistantMessage, AssistantMessage], number: int
    ) -> Request:
        return Request(
            purpose="looptool.compare",
            messages=(
                {"role": "system", "content": prompt("compare").template},
                {"role": "user", "content": shown(decision, *pair)},
            ),
            reply_schema=_REPLY,
            sampling=self._sampling,
            sample=number,
            item=f"looptool/compare/{decision.name}",
            urgency=_URGENCY,
        )


def counted(pairs: list[tuple[Vote, Vote]], quorum: float) -> Ballot:
    """The ruling of pairs of votes, one vote for each order.

    It needs `quorum` of all votes; those of a pair that disagrees count for nothing.
    """
    agreed = [one if one.ruling == other.ruling else Vote(ruling="undecided") for one, other in pairs]
    votes = Counter[str]()
    for vote in agreed:
        votes[vote.ruling] += 2
    for vote in agreed:
        if vote.ruling != "undecided" and votes[vote.ruling] >= quorum * 2 * len(pairs) - 1e-9:
            return Ballot(
                ruling=vote.ruling, votes=dict(votes), analysis=vote.analysis, approach=vote.approach
            )
    return Ballot(ruling="undecided", votes=dict(votes))


def shown(decision: Decision, first: AssistantMessage, second: AssistantMessage) -> str:
    """What the judge is shown: one line of JSON for each tool, message and answer, so that no text can pass for another
    part of the question. The answers come last, for the sake of prefix caches.
    """
    task = decision.row.task
    tools = [_line(tool.wire()["function"]) for tool in task.tools]
    said = [_line(_shown(message)) for message in decision.before]
    return "\n\n".join(
        (
            "The tools:\n" + "\n".join(tools),
            f"Today is {in_full(task.clock)}. The conversation so far:\n" + "\n".join(said),
            "The first answer:\n" + _line(_turn(first)),
            "The second answer:\n" + _line(_turn(second)),
        )
    )


def _shown(message: Message) -> dict[str, Any]:
    if isinstance(message, AssistantMessage):
        return {"role": "assistant"} | _turn(message)
    if isinstance(message, ToolMessage):
        return {"role": "tool", "name": message.name, "returned": _value(message.content)}
    return {"role": message.role, "words": message.content}


def _turn(message: AssistantMessage) -> dict[str, Any]:
    """A turn in a form that tells nothing of who wrote it: no ids, sorted arguments, empty parts left out."""
    words = {"words": message.content.strip()} if message.content.strip() else {}
    calls = {"calls": [_call(call) for call in message.tool_calls]} if message.tool_calls else {}
    return words | calls or {"words": ""}


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = _value(call.arguments)
    if isinstance(arguments, dict):
        arguments = parse_json(canonical_json(arguments))
    return {"tool": call.name, "arguments": arguments}


def _value(text: str) -> Any:
    """A JSON text as its value, any other as it is."""
    try:
        return parse_json(text)
    except ValueError:
        return text


def _line(value: Any) -> str:
    """JSON in one line, names before what they name."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
