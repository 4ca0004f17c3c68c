"""Who is wrong, the label or the student? Calls that were executed decide first, a model's votes where none can.

Zhang et al. 2025 (LoopTool), judgement-guided label verification. Unlike there, a label that execution proves is
never replaced, whatever a judge says, and an answer takes a label's place only with a whole conversation that the
exact judges accept.

What a label is worth            what becomes of it
    right by evidence            it stays; the answer is run in its place: the same comes back and the same state is
                                 left, and nothing else is against it (`both_right`), or not (`prediction_wrong`)
    wrong by evidence            the answer takes its place, the conversation is finished and proved up to L3
                                 (`label_wrong`), or the row goes (`both_wrong`)
    not known                    a model's votes rule; `undecided` without a model

What leaves a label undecided (the message begins with the code):

    no_judge_model               nothing was executed that could tell, and there is no model to ask
    no_quorum                    the votes do not come to one ruling, or the two orders disagree
    unproven_answer              the judge prefers the answer, and the exact judges refuse a conversation with it
    untrusted_judge              the judge's word is not good enough to replace labels (`trusting`)
    unusable_answer              the answer is wrong by rule, which says nothing of a label that nothing proves
    not_executed                 the tools themselves failed when the answer was tried
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from callwright.errors import GenerationError, ReplyError
from callwright.generators.conversing import in_session
from callwright.generators.looptool.answers import asks, failure_of
from callwright.generators.looptool.comparing import Ballot, Comparer
from callwright.generators.looptool.decisions import Decision
from callwright.generators.looptool.differing import analysis, approach
from callwright.schemas.base import Record, canonical_json, digest
from callwright.schemas.message import AssistantMessage, Message, Observation, ToolCall, ToolMessage
from callwright.schemas.probe import Comparison, Probe, Ruling
from callwright.schemas.task import Task, Trajectory
from callwright.schemas.verdict import Outcome, Verdict, highest_rung
from callwright.toolbox.base import Session, Toolbox
from callwright.values.calls import tool_match
from callwright.values.thoughts import spoken

Evidence = Literal["right", "wrong", "unknown"]
Judged = Callable[[Trajectory], Awaitable[Sequence[Verdict]]]
"""The exact judges' verdicts on a conversation: hygiene and L0 to L3."""
Finish = Callable[[Task, Sequence[Message], str], Awaitable[Trajectory]]
"""Plays a conversation to its end that begins with given messages; the last argument names it in the ledger."""

_LABEL: dict[Ruling, Outcome] = {
    "prediction_wrong": "pass",
    "both_right": "pass",
    "label_wrong": "fail",
    "both_wrong": "fail",
    "undecided": "undecided",
}
"""Ruling -> what it says of the label."""


class Verified(Record):
    """The ruling on one decision, and the conversation that takes the row's place where the label is wrong."""

    comparison: Comparison
    judge: str = ""
    """The model that was asked; empty where none was."""
    voted: Ruling | None = None
    """What its votes came to, whatever became of that."""
    replacement: Trajectory | None = None
    """With `label_wrong` alone: the student's answer in the label's place, and what follows from it."""
    proof: tuple[Verdict, ...] = ()
    """The exact judges' verdicts on the replacement."""

    @property
    def verdict(self) -> Verdict:
        """The ruling as a verdict on the label: L3 where execution decided, L4 where a model was asked."""
        found = self.comparison
        outcome: Outcome = "undecided" if found.by == "rule" else _LABEL[found.ruling]
        codes = {"pass": "", "fail": found.ruling, "undecided": found.message.partition(":")[0]}
        return Verdict(
            trajectory=found.trajectory,
            judge="looptool.compare",
            rung="L3" if found.by == "execution" else "L4",
            outcome=outcome,
            code=codes[outcome],
            message="" if outcome == "pass" else found.message,
            step=found.step,
            evidence=({"by": self.judge or found.by, "ruling": found.ruling, "votes": found.votes},),
        )


def evidence_of(row: Trajectory, verdicts: Sequence[Verdict]) -> Evidence:
    """What exact verdicts prove of a row: what fails at L0 to L3 is wrong; right is what reaches the planned goal with
    executed calls, or calls nothing where the tool that would have served was withheld.
    """
    exact = [one for one in verdicts if one.rung in ("L0", "L1", "L2", "L3")]
    if any(one.outcome == "fail" for one in exact):
        return "wrong"
    equal = [one for one in exact if one.judge == "equality"]
    if not equal or any(one.outcome != "pass" for one in equal):
        return "unknown"
    if row.tool_calls:
        return "right"
    return "right" if any("nothing_fits" in found for one in exact for found in one.evidence) else "unknown"


class Verifier:
    """Rules on decisions at which a student's answer differs from the label."""

    def __init__(
        self, judged: Judged, finish: Finish, toolbox: Toolbox, comparer: Comparer | None = None
    ) -> None:
        """`toolbox` runs calls to see what they come to; `comparer` is for what they cannot tell."""
        self._judged = judged
        self._finish = finish
        self._toolbox = toolbox
        self._comparer = comparer
        self._audits: dict[str, Evidence] = {}

    async def audit(self, row: Trajectory) -> Evidence:
        """What execution and rules prove of a row's label."""
        if row.id not in self._audits:
            self._audits[row.id] = evidence_of(row, await self._judged(row))
        return self._audits[row.id]

    async def verify(self, row: Trajectory, probe: Probe) -> Verified:
        """Rule on a probe that is not correct. At most 2 x `votes` questions go to the judge.

        A judge's `label_wrong` is provisional: `trusting.settled` says whether its word counts.

        Raises:
            ModelError: An endpoint failed for good.
        """
        case = _Case(row, probe)
        label = await self.audit(row)
        if case.unusable:
            return case.unusable_answer(label)
        if label == "right":
            return await self._beside_right(case)
        if label == "wrong":
            return await self._beside_wrong(case)
        return await self._by_judge(case)

    # Execution

    async def _beside_right(self, case: _Case) -> Verified:
        """The label is proven. The answer may be as good."""
        try:
            other = await self._same_outcome(case)
        except GenerationError as error:
            return case.ruled("undecided", "rule", message=f"not_executed: {error}")
        if other is not None and await self.audit(other) == "right":
            return case.ruled("both_right", "execution", message="the answer comes to the same as the label")
        return case.ruled(
            "prediction_wrong",
            "execution",
            message="the label reaches what was asked for when it is executed; the answer does something else",
            right=case.label,
            wrong=case.made,
        )

    async def _same_outcome(self, case: _Case) -> Trajectory | None:
        """The row with the answer in the label's place, where that comes to the same."""
        made, label = case.made, case.label
        if not made.tool_calls:
            return None
        if not label.tool_calls:
            # A call in place of a question is right only if nothing was missing; in place of an abstention, never.
            finished = await self._finished(case) if case.decision.asks else None
            return finished if isinstance(finished, Trajectory) else None
        calls = tuple(
            call.model_copy(update={"id": digest([case.decision.name, index])[:9]})
            for index, call in enumerate(made.tool_calls)
        )
        meant, found = [
            await self._outcome(case, which, turn)
            for which, turn in (("label", label.tool_calls), ("answer", calls))
        ]
        if meant[1] != found[1] or not _same_results(meant[0], found[0]):
            return None
        return case.exchanged(made.model_copy(update={"tool_calls": calls}), found[0])

    async def _outcome(
        self, case: _Case, which: str, calls: Sequence[ToolCall]
    ) -> tuple[list[Observation], str | None]:
        """What calls are answered after the conversation so far, and the state that they leave."""
        row, decision = case.decision.row, case.decision
        made = {call.id: call for turn in row.turns() for call in turn.tool_calls}

        async def play(session: Session) -> list[Observation]:
            for message in decision.before:
                if isinstance(message, ToolMessage):
                    await session.call(made[message.tool_call_id])
            return [await session.call(call) for call in calls]

        return await in_session(self._toolbox, row.task, f"looptool/verify/{decision.name}/{which}", play)

    async def _beside_wrong(self, case: _Case) -> Verified:
        """The label is proven wrong: nothing but a proven answer can take its place."""
        found = await self._finished(case)
        if not isinstance(found, Trajectory):
            return case.ruled("both_wrong", "execution", message=f"the label is refuted, and {found}")
        proof = tuple(await self._judged(found))
        if highest_rung(proof) != "L3" or evidence_of(found, proof) != "right":
            return case.ruled(
                "both_wrong",
                "execution",
                message=f"the label is refuted, and the answer is not proven: {_against(proof)}",
            )
        ruled = case.ruled(
            "label_wrong",
            "execution",
            message="the label is refuted, and the answer reaches what was asked for",
            right=case.made,
            wrong=case.label,
        )
        return ruled.model_copy(update={"replacement": found, "proof": proof})

    async def _finished(self, case: _Case) -> Trajectory | str:
        """The conversation with the answer in the label's place, played to its end; or why there is none."""
        decision = case.decision
        messages = (*decision.before, case.as_planned())
        try:
            row = await self._finish(decision.row.task, messages, f"looptool/finish/{decision.name}")
        except (GenerationError, ReplyError) as error:
            return f"a conversation with the answer cannot be finished ({error})"
        return case.descended(row)

    # A model's word

    async def _by_judge(self, case: _Case) -> Verified:
        if self._comparer is None:
            return case.ruled(
                "undecided",
                "judge",
                message="no_judge_model: nothing was executed that could tell who is right",
            )
        ballot = await self._comparer.compare(case.decision, case.label, case.made)
        judge = self._comparer.id
        if ballot.ruling == "undecided":
            why = "no_quorum: the votes come to no ruling that holds in both orders"
            return case.voted(judge, ballot, "undecided", why)
        if ballot.ruling != "label_wrong":
            return case.voted(judge, ballot, ballot.ruling, "so voted")
        found = await self._finished(case)
        if not isinstance(found, Trajectory):
            return case.voted(
                judge, ballot, "undecided", f"unproven_answer: the judge prefers the answer, but {found}"
            )
        proof = tuple(await self._judged(found))
        refused = _breaks_rules(proof)
        if refused:
            why = f"unproven_answer: the judge prefers the answer, but {refused}"
            return case.voted(judge, ballot, "undecided", why)
        why = "so voted, and the exact judges have nothing against the answer"
        ruled = case.voted(judge, ballot, "label_wrong", why)
        return ruled.model_copy(update={"replacement": found, "proof": proof})


class _Case:
    """One decision with the student's answer."""

    def __init__(self, row: Trajectory, probe: Probe) -> None:
        self.decision = Decision(row, probe.step)
        self.label = self.decision.label
        prediction = probe.greedy
        self.unusable = prediction.outcome not in ("calls", "words")
        self.made = AssistantMessage(content=spoken(prediction.text), tool_calls=prediction.tool_calls)
        self._failure = failure_of(self.decision, prediction)
        self._prediction = prediction

    def ruled(
        self,
        ruling: Ruling,
        by: Literal["execution", "judge", "rule"],
        *,
        message: str,
        right: AssistantMessage | None = None,
        wrong: AssistantMessage | None = None,
    ) -> Verified:
        """A ruling; where the right turn is known, what is wrong with the other is said by rule."""
        asking = self.decision.asks if right is self.label else bool(right and asks(right.content))
        comparison = Comparison(
            trajectory=self.decision.row.id,
            step=self.decision.step,
            ruling=ruling,
            by=by,
            failure=self._failure,
            analysis=analysis(self.decision.tools, right, wrong, asking=asking) if right and wrong else "",
            approach=approach(right, asking=asking) if right else "",
            message=message,
        )
        return Verified(comparison=comparison)

    def voted(self, judge: str, ballot: Ballot, ruling: Ruling, message: str) -> Verified:
        """A ruling that a model's votes lead to."""
        ruled = self.ruled(ruling, "judge", message=message)
        told = {"votes": ballot.votes, "analysis": ballot.analysis, "approach": ballot.approach}
        return Verified(comparison=ruled.comparison.model_copy(update=told), judge=judge, voted=ballot.ruling)

    def unusable_answer(self, label: Evidence) -> Verified:
        """Nobody can act on the answer, so it is wrong whatever the label is."""
        outcome = self._prediction.outcome
        if label == "wrong":
            why = f"the label is refuted, and the answer is {outcome}"
            return self.ruled("both_wrong", "execution", message=why)
        ruled = self.ruled(
            "prediction_wrong", "rule", message=f"unusable_answer: an answer that is {outcome} is none"
        )
        told = {"analysis": _UNUSABLE[outcome], "approach": approach(self.label, asking=self.decision.asks)}
        return Verified(comparison=ruled.comparison.model_copy(update=told))

    def exchanged(self, turn: AssistantMessage, results: Sequence[Observation]) -> Trajectory:
        """The row with another turn, and its results, in the label's place."""
        row = self.decision.row
        rest = list(row.messages[self.decision.step + 1 :])
        while rest and isinstance(rest[0], ToolMessage):
            rest.pop(0)
        seen = [
            ToolMessage(tool_call_id=call.id, name=call.name, observation=result)
            for call, result in zip(turn.tool_calls, results, strict=True)
        ]
        return row.model_copy(update={"messages": (*self.decision.before, turn, *seen, *rest)})

    def as_planned(self) -> AssistantMessage:
        """The answer with its calls in the plan's order: it means the same, and rules word results by that order."""
        task, tools = self.decision.row.task, self.decision.tools
        planned = [
            ToolCall(id="", name=one.name, arguments=canonical_json(one.arguments)) for one in task.intended
        ]

        def place(call: ToolCall) -> int:
            found = (at for at, one in enumerate(planned) if tool_match(tools, [one], [call]))
            return next(found, len(planned))

        return self.made.model_copy(update={"tool_calls": tuple(sorted(self.made.tool_calls, key=place))})

    def descended(self, row: Trajectory) -> Trajectory:
        """A finished conversation with its lineage: the row that it replaces, and the student's answer."""
        own = row.provenance
        keys = dict.fromkeys(key for key in (self._prediction.key, *own.calls) if key)
        made_by = own.model_copy(update={"source": self.decision.row.id, "calls": tuple(keys)})
        return row.model_copy(update={"provenance": made_by})


_UNUSABLE = {
    "unparsable": "The answer held no call or words that anybody could act on.",
    "truncated": "The answer went on until it was cut off.",
    "refused": "There was no answer: the conversation did not fit the model's context.",
}


def _same_results(meant: Sequence[Observation], found: Sequence[Observation]) -> bool:
    """Whether the same came back, in whatever order; a call that is refused comes to nothing."""

    def told(results: Sequence[Observation]) -> list[tuple[int, str]]:
        return sorted((one.status, one.content) for one in results)

    return all(one.succeeded for one in (*meant, *found)) and told(meant) == told(found)


def _breaks_rules(verdicts: Sequence[Verdict]) -> str:
    """What exact judges have against a conversation that a model prefers; empty for nothing.

    Where only a model could tell whether no call is right, it has told.
    """
    for one in verdicts:
        low = one.rung in ("hygiene", "L0", "L1")
        told = one.judge == "abstention" and one.code == "no_judge_model"
        if one.outcome == "fail" or (low and one.outcome == "undecided" and not told):
            return f"{one.judge} says {one.code}: {one.message}"
    return ""


def _against(verdicts: Sequence[Verdict]) -> str:
    first = next((one for one in verdicts if one.outcome != "pass"), None)
    return f"{first.code}, {first.message}" if first else "nothing was planned that could be reached"
