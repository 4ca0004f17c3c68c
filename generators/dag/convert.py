"""REWRITE: a conversation whose calls were made one after the other becomes one that makes in a round what can be.

Codes, besides those of `steps.py`, `graph.py`, `advice.py` and `prose.py`:

no_calls           nothing is called
one_call           a single call has no order
already_parallel   the source makes its calls in the fewest rounds already
unsafe_parallel    the source makes calls at once of which each waits for the one before it
purely_serial      each call waits for the one before it
not_repeatable     executed again, the calls are answered otherwise than in the source
order_matters      some order that the graph allows comes to something else
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from callwright.errors import GenerationError, ReplyError
from callwright.generators.dag.dependencies import Dependencies
from callwright.generators.dag.graph import graph_of, orders, rounds
from callwright.generators.dag.prompts import digests
from callwright.generators.dag.proof import Proof
from callwright.generators.dag.prose import Prose, search_residue
from callwright.generators.dag.steps import Step, steps_of
from callwright.schemas.message import AssistantMessage, Message, ToolMessage, UserMessage
from callwright.schemas.task import IntendedCall, Trajectory
from callwright.schemas.verdict import Outcome, Verdict
from callwright.values.calls import same_call

JUDGE = "dag.order"
"""Who says what waits for what."""

SERIAL = ("purely_serial", "order_matters", "not_repeatable")
"""Codes of conversations that are good as they are, one call after the other."""

_REFUSALS = (409, 422)
"""What a server answers when it understood a call and does not do it: an answer, and no mistake of whoever called."""
_TELLS = re.compile(
    r"\b(?:at first|first (?:try|attempt)|tried|try again|retried|fail(?:ed|s|ure)?|error|refused|mistake|didn't work"
    r"|did not work|went wrong|unfortunately)\b",
    re.IGNORECASE,
)
"""What an answer says when it speaks of a call that failed."""


@dataclass
class Conversion:
    """What became of one conversation."""

    row: Trajectory | None = None
    """The new conversation; None where there is none."""
    code: str = ""
    message: str = ""
    rounds: list[list[int]] = field(default_factory=list)
    evidence: dict[str, Any] = field(default_factory=dict)
    proven: bool = False
    """Whether orders were executed."""

    def verdict(self) -> Verdict:
        """What was found out about the order of the calls."""
        outcome: Outcome = "pass" if self.proven else "undecided"
        return Verdict(
            trajectory="",
            judge=JUDGE,
            rung="L2",
            outcome=outcome,
            code="" if self.proven else "not_repeatable",
            message="" if self.proven else "the calls cannot be made again in another order",
            evidence=(self.evidence,),
        )


class Converter:
    """Finds what waits for what, proves it where it can be, and writes the conversation in rounds."""

    def __init__(self, dependencies: Dependencies, prose: Prose, most_orders: int) -> None:
        """`most_orders`: orders that are executed for one conversation before a sample has to do."""
        self._dependencies = dependencies
        self._prose = prose
        self._most = most_orders

    async def of(self, row: Trajectory, item: str) -> Conversion:
        """The conversation in rounds, or why there is none.

        Raises:
            ModelError: The endpoint failed for good.
        """
        made = Conversion()
        try:
            await self._convert(row, item, made)
        except (GenerationError, ReplyError) as error:
            made.code, made.message = error.code, str(error).removeprefix(f"{error.code}: ")
        return made

    async def _convert(self, row: Trajectory, item: str, made: Conversion) -> None:
        _check_users(row)
        every = steps_of(row)
        if not every:
            raise GenerationError("no_calls", "nothing is called")
        kept, dropped = _without_mistakes(row, every)
        if len(kept) < 2:
            raise GenerationError("one_call", "a single call has no order")
        steps = [
            Step(number, one.call, one.tool, one.turn, one.segment, one.result, one.at)
            for number, one in enumerate(kept)
        ]
        proof = Proof(row.task, steps)
        expected = ({step.number: step.result.observation for step in steps}, row.state)
        if proof.possible and await proof.play(range(len(steps))) != expected:
            raise GenerationError("not_repeatable", "executed again, the calls are answered otherwise")
        edges = await self._dependencies.of(row, steps, proof)
        graph = graph_of(len(steps), edges)
        made.rounds = rounds(graph)
        made.evidence = {
            "edges": [edge.model_dump(exclude_defaults=True) for edge in edges],
            "rounds": made.rounds,
            "turns_before": len({step.turn for step in every}),
            "dropped": [f"{one.call.name}: {one.result.observation.status}" for one in dropped],
            "cut": sum(step.result.observation.cut for step in steps),
        }
        made.proven = proof.possible and len(made.rounds) == len(
            steps
        )  # there is one order, and it was played
        _check_gain(made.rounds, steps)
        if proof.possible:
            allowed, all_of_them = orders(graph, self._most, row.task.seed)
            allowed += [
                [step for together in made.rounds for step in together],
                [step for together in made.rounds for step in reversed(together)],
            ]
            if not await proof.agree(allowed, expected):
                raise GenerationError(
                    "order_matters", "an order that nothing speaks against gives another result"
                )
            made.proven = True
            made.evidence |= {
                "orders": len({tuple(order) for order in allowed}),
                "all_orders": all_of_them,
                "state": row.state,
            }
        messages, keys = await self._written(row, steps, made.rounds, item)
        made.row = _row(row, messages, keys)
        made.evidence |= {"characters": [read(row.messages), read(messages)]}

    async def _written(
        self, row: Trajectory, steps: Sequence[Step], together: Sequence[Sequence[int]], item: str
    ) -> tuple[list[Message], list[str]]:
        """The messages of the new conversation: each turn of the user's, its rounds, and what closed it."""
        messages: list[Message] = []
        keys: list[str] = []
        segment = 0
        for message in row.messages:
            if isinstance(message, ToolMessage) or (
                isinstance(message, AssistantMessage) and message.tool_calls
            ):
                continue
            messages.append(message)
            if not isinstance(message, UserMessage):
                continue
            segment += 1
            for numbers in together:
                chosen = [steps[number] for number in numbers]
                if chosen[0].segment != segment:
                    continue
                turns = [row.messages[turn] for turn in dict.fromkeys(step.turn for step in chosen)]
                before = [turn for turn in turns if isinstance(turn, AssistantMessage)]
                spoken = [turn.content for turn in before]
                words, asked = await self._prose.before(row.task, messages, chosen, spoken, item)
                keys += asked
                calls = tuple(step.call for step in chosen)
                trained = all(turn.train for turn in before)
                messages.append(
                    AssistantMessage(
                        content=words, tool_calls=calls, train=trained, weight=1.0 if trained else 0.0
                    )
                )
                messages += [step.result for step in chosen]
        return messages, keys


def read(messages: Sequence[Message]) -> int:
    """Characters that a model reads and writes in all of a conversation: each turn reads what stands before it."""
    total, so_far = 0, 0
    for message in messages:
        written = len(message.content)
        if isinstance(message, AssistantMessage):
            written += sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
            total += so_far + written
        so_far += written
    return total


def _check_users(row: Trajectory) -> None:
    for at, message in enumerate(row.messages):
        if isinstance(message, UserMessage) and at > 1 and search_residue(message.content):
            raise GenerationError("search_residue", f"message {at} was said to a search, not by a person")


def _check_gain(together: Sequence[Sequence[int]], steps: Sequence[Step]) -> None:
    if len(together) == len(steps) > len({step.turn for step in steps}):
        raise GenerationError("unsafe_parallel", "the source makes calls at once that wait for each other")
    if len(together) == len(steps):
        raise GenerationError("purely_serial", "each call waits for the one before it")
    if len(together) == len({step.turn for step in steps}):
        raise GenerationError(
            "already_parallel", f"the source makes {len(steps)} calls in {len(together)} rounds"
        )


def _without_mistakes(row: Trajectory, steps: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """The steps that the conversation needs, and those that it is better without.

    Without: the same call with the same answer once more, and a call that was wrong, before the right one, when
    nobody asked for it and the answer says nothing of it.
    """
    kept: list[Step] = []
    dropped: list[Step] = []
    for step in steps:
        again = any(step.same_as(one) for one in kept)
        (dropped if again or _is_mistake(row, step, steps) else kept).append(step)
    return kept, dropped


def _is_mistake(row: Trajectory, step: Step, steps: Sequence[Step]) -> bool:
    if (
        not step.failed
        or step.result.observation.status in _REFUSALS
        or _TELLS.search(row.messages[-1].content)
    ):
        return False
    righted = any(
        one.call.name == step.call.name and one.segment == step.segment and not one.failed
        for one in steps[step.number + 1 :]
    )
    return (righted or step.tool is None) and not any(
        step.tool is not None and step.arguments is not None and _meant(step, call)
        for call in row.task.intended
    )


def _meant(step: Step, call: IntendedCall) -> bool:
    assert step.tool is not None and step.arguments is not None
    return call.name == step.call.name and same_call(step.tool, step.arguments, call.arguments)


def _row(row: Trajectory, messages: Sequence[Message], keys: Sequence[str]) -> Trajectory:
    made_by = row.provenance.model_copy(
        update={
            "prompts": {**row.provenance.prompts, **digests()},
            "calls": (*row.provenance.calls, *keys),
        }
    )
    return row.model_copy(update={"messages": tuple(messages), "provenance": made_by})
