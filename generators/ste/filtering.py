"""The filter: a judge rules on three aspects of a trial, each by itself, as often as the recipe says.

Wang et al. 2024 (STE), section 3.2. Verdicts are booleans of a JSON reply; what the reasons say is for people.
"""

from __future__ import annotations

import json
from typing import Any

from callwright.errors import ReplyError
from callwright.generators.conversing import observations, together
from callwright.generators.prompting import one_line
from callwright.generators.ste.prompts import prompt
from callwright.generators.ste.trials import Trial
from callwright.llm.base import Model, Request, Sampling
from callwright.llm.replies import ask
from callwright.schemas.message import AssistantMessage, ToolMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Verdict

CODES = {"informative": "uninformative", "faithful": "unfaithful", "appropriate": "inappropriate_call"}
"""Aspect -> the code of a trial that fails it."""

_SHOWN = 6_000
"""Characters of one result that the judge is shown."""

_URGENCY = 1000

_ASPECT = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "verdict": {"type": "boolean"}},
    "required": ["reason", "verdict"],
    "additionalProperties": False,
}
_RULED = {
    "type": "object",
    "properties": dict.fromkeys(CODES, _ASPECT),
    "required": list(CODES),
    "additionalProperties": False,
}

Vote = dict[str, dict[str, Any]]
"""Aspect -> its reason and verdict."""


class Filter:
    """Asks a judge about a trial; the majority of its votes rules on each aspect, and a tie is no pass."""

    def __init__(self, judge: Model, votes: int, sampling: Sampling) -> None:
        self._judge = judge
        self._votes = votes
        self._sampling = sampling

    async def rule(self, row: Trajectory, trial: Trial) -> Verdict:
        """The verdict on a trial or its last call, with every vote, and how far they agree, in its evidence.

        Raises:
            ModelError: The endpoint failed for good.
        """
        answers = await together(
            self._vote(self._request(row, trial, number)) for number in range(self._votes)
        )
        votes = [vote for vote in answers if isinstance(vote, dict)]
        rules = self._judge.reads_variables
        if not votes:
            (*_, error) = (one for one in answers if isinstance(one, ReplyError))
            return _verdict(row, "undecided", error.code, error.message, ())
        for_it = {aspect: sum(vote[aspect]["verdict"] for vote in votes) for aspect in CODES}
        passed = {aspect: 2 * count > len(votes) for aspect, count in for_it.items()}
        evidence: dict[str, Any] = {
            "by": "rules" if rules else self._judge.id,
            "votes": len(votes),
            "unusable": len(answers) - len(votes),
            "agreement": {
                aspect: round(max(count, len(votes) - count) / len(votes), 3)
                for aspect, count in for_it.items()
            },
            **{aspect: [vote[aspect] for vote in votes] for aspect in CODES},
        }
        against = [aspect for aspect in CODES if not passed[aspect]]
        if against:
            reason = next(
                (vote[against[0]]["reason"] for vote in votes if not vote[against[0]]["verdict"]), ""
            )
            return _verdict(row, "fail", CODES[against[0]], reason, (evidence,))
        if rules:  # they can refute, and never confirm
            return _verdict(row, "undecided", "no_judge_model", "rules found nothing", (evidence,))
        return _verdict(row, "pass", "", "", (evidence,))

    async def _vote(self, request: Request) -> Vote | ReplyError:
        try:
            vote: Vote = (await ask(self._judge, request)).parsed
        except ReplyError as error:
            return error
        return vote

    def _request(self, row: Trajectory, trial: Trial, number: int) -> Request:
        answer = row.messages[-1].content
        called = {call.name for call in row.tool_calls}
        tools = [tool.wire()["function"] for tool in row.task.tools if tool.name in called]
        said = [
            *(f"A tool: {json.dumps(tool, ensure_ascii=False)}" for tool in tools),
            f"Today: {row.task.clock.isoformat()}",
            f"The request: {one_line(row.task.instruction)}",
            *_calls(row),
            f"The answer: {one_line(answer)}",
        ]
        variables: dict[str, Any] = {}
        if self._judge.reads_variables:
            made = [{"name": call.name, "arguments": json.loads(call.arguments)} for call in row.tool_calls]
            seen = observations(row.messages)
            variables = trial.variables | {"observations": seen, "answer": answer, "calls": made}
        return Request(
            purpose="ste.filter",
            messages=(
                {"role": "system", "content": prompt("filter").template},
                {"role": "user", "content": "\n\n".join(said)},
            ),
            reply_schema=_RULED,
            variables=variables,
            sampling=self._sampling,
            sample=trial.number * self._votes + number,
            item=trial.item,
            urgency=_URGENCY,
        )


def _calls(row: Trajectory) -> list[str]:
    """Each call with what came back, in their order."""
    results = {one.tool_call_id: one for one in row.messages if isinstance(one, ToolMessage)}
    made = []
    for turn in row.messages:
        for call in turn.tool_calls if isinstance(turn, AssistantMessage) else ():
            came = results.get(call.id)
            shown = (
                f"status {came.observation.status}: {one_line(came.content[:_SHOWN])}" if came else "nothing"
            )
            made.append(f"A call: {call.name} {call.arguments}\nWhat came back: {shown}")
    return made


def _verdict(
    row: Trajectory, outcome: Any, code: str, message: str, evidence: tuple[dict[str, Any], ...]
) -> Verdict:
    return Verdict(
        trajectory=row.id,
        judge="ste.filter",
        rung="L4",
        outcome=outcome,
        code=code,
        message=message,
        evidence=evidence,
    )
