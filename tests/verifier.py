"""Rows with a student's answers and, where it is wanted, labels that are wrong: for tests of whoever rules on them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from callwright.engine.workshop import Workshop
from callwright.errors import GenerationError
from callwright.generators.looptool.answers import is_right
from callwright.generators.looptool.comparing import Comparer
from callwright.generators.looptool.decisions import Decision, decisions
from callwright.generators.looptool.verifying import Verifier
from callwright.llm.base import Completion, Request, Sampling
from callwright.llm.scripted import Scripted, reply
from callwright.schemas.loop import Verifying
from callwright.schemas.message import AssistantMessage, ToolCall
from callwright.schemas.probe import Prediction, Probe
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Verdict
from callwright.values.mutations import mutated

VERDICTS = ("first_wrong", "second_wrong", "both_right", "both_wrong", "cannot_tell")


class Desk:
    """A verifier over a workshop's tools, with the offline teacher and the exact judges."""

    def __init__(self, workshop: Workshop, judge: Scripted | None = None, **settings: Any) -> None:
        teacher = workshop.teacher(Path())
        toolbox = workshop.toolbox(teacher)
        self.episodes: Any = workshop.operators(teacher, toolbox)["toolalpaca"].rollout
        self.comparer = Comparer(judge, Verifying(**settings), Sampling()) if judge else None
        self.verifier = Verifier(exact(workshop), self.episodes.finish, toolbox, self.comparer)

    async def again(self, row: Trajectory, step: int, turn: AssistantMessage) -> Trajectory:
        """A row with another turn at a step, and what follows from it."""
        made: Trajectory = await self.episodes.finish(row.task, (*row.messages[:step], turn), "again")
        return made


def exact(workshop: Workshop) -> Callable[[Trajectory], Any]:
    judges = workshop.judges()

    async def judged(row: Trajectory) -> list[Verdict]:
        return [verdict for judge in judges for verdict in await judge.judge(row)]

    return judged


def probe(row: Trajectory, step: int, prediction: Prediction) -> Probe:
    return Probe(
        task=row.task.id,
        trajectory=row.id,
        step=step,
        student="student",
        greedy=prediction,
        correct=is_right(Decision(row, step), prediction),
    )


def calls(*made: ToolCall, **fields: Any) -> Prediction:
    return Prediction(outcome="calls", tool_calls=made, **fields)


def words(text: str) -> Prediction:
    return Prediction(outcome="words", text=text)


def calling(row: Trajectory) -> list[Decision]:
    return [one for one in decisions(row) if one.label.tool_calls]


def changed(call: ToolCall, **arguments: Any) -> ToolCall:
    """A call with other arguments; None leaves one out."""
    given = json.loads(call.arguments) | arguments
    kept = {name: value for name, value in given.items() if value is not None}
    return call.model_copy(update={"arguments": json.dumps(kept, ensure_ascii=False)})


async def with_wrong_label(desk: Desk, row: Trajectory, rng: random.Random) -> tuple[Trajectory, int] | None:
    """A row of which a call was changed so that the goal is missed, with all that follows executed anew; and the step
    of that call. None where every mistake that was tried is refused by the server.
    """
    changing = {call.name for call in row.task.intended if call.changes}
    for decision in calling(row):
        if not changing & {call.name for call in decision.label.tool_calls}:
            continue
        for _ in range(6):
            mistaken = mutated(decision.tools, decision.label.tool_calls, rng)
            if not mistaken:
                continue
            turn = decision.label.model_copy(update={"tool_calls": mistaken[1]})
            try:
                made = await desk.again(row, decision.step, turn)
            except GenerationError:
                continue
            if made.state != row.task.goal:
                return made, decision.step
    return None


# Judges of known accuracy


Truth = Callable[[Any, Any], str]
"""The verdict that is right of two answers, as the judge is shown them."""


def answers_of(request: Request) -> tuple[Any, Any]:
    """The two answers that a judge is asked about."""
    text = request.messages[1]["content"]
    found = re.search(r"\n\nThe first answer:\n(.*)\n\nThe second answer:\n(.*)$", text)
    assert found
    return json.loads(found[1]), json.loads(found[2])


def ruling_judge(truth: Truth, accuracy: float, seed: int = 0) -> Scripted:
    """A judge that is right at a rate, each time by itself, and else says any other of the verdicts."""

    def says(request: Request) -> Completion:
        right = truth(*answers_of(request))
        rng = random.Random(f"{seed} {request.messages[1]['content']} {request.sample}")
        others = [one for one in VERDICTS if one != right]
        verdict = right if rng.random() < accuracy else rng.choice(others)
        return reply({"analysis": "It is wrong.", "approach": "Do it right.", "verdict": verdict})

    return Scripted(says, id="scripted-judge")


def prefers(verdict: str) -> Scripted:
    """A judge that always says the same."""
    return Scripted(
        lambda request: reply({"analysis": "", "approach": "", "verdict": verdict}), id="scripted-judge"
    )


def favours(*right: ToolCall) -> Truth:
    """What a judge should say where these calls are right and any others are wrong."""
    shown = [{"tool": one.name, "arguments": json.loads(one.arguments)} for one in right]

    def truth(first: Any, second: Any) -> str:
        is_right = [one.get("calls") == shown for one in (first, second)]
        return {
            (True, False): "second_wrong",
            (False, True): "first_wrong",
            (True, True): "both_right",
            (False, False): "both_wrong",
        }[(is_right[0], is_right[1])]

    return truth
