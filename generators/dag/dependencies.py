"""What waits for what in one conversation: values first, then execution, then the plan or a model, then caution."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

import networkx as nx

from callwright.generators.dag.graph import Edge, graph_of
from callwright.generators.dag.proof import Proof
from callwright.generators.dag.steps import Step
from callwright.generators.planning.scenario import Plan
from callwright.schemas.message import ToolMessage, UserMessage
from callwright.schemas.task import Trajectory
from callwright.toolbox.offline import only_reads
from callwright.values.dependencies import needs
from callwright.values.derivations import Synonyms
from callwright.values.visible import sources_of

_ORDERED = re.compile(
    r"\b(?:if|unless|otherwise|in case|depending on|as long as|then|after that|afterwards|once (?:that|it|this|you)"
    r"|first,|only when|when that)\b",
    re.IGNORECASE,
)
"""What a request says where one thing may have to wait for another without any value that tells."""

Pair = tuple[int, int]


class Adviser(Protocol):
    """Says what waits for what where neither values nor execution can tell."""

    async def waits(self, row: Trajectory, steps: Sequence[Step], known: nx.DiGraph[int]) -> set[Pair]:
        """(Before, after) of steps, each pair in the order in which they were made.

        Raises:
            GenerationError: What it says is no graph over these steps.
            ModelError: It cannot be asked.
        """
        ...


class Dependencies:
    """Finds the edges of a conversation's graph."""

    def __init__(
        self, synonyms: Synonyms, authored: Collection[tuple[str, str]], adviser: Adviser | None = None
    ) -> None:
        """Without an adviser, what nobody can tell keeps its order."""
        self._synonyms = synonyms
        self._authored = authored
        self._adviser = adviser

    async def of(self, row: Trajectory, steps: Sequence[Step], proof: Proof) -> list[Edge]:
        edges = [*self.data(row, steps), *_spoken(steps), *_after_failures(steps)]
        planned = _planned(row, steps)
        edges += planned or ()
        words = planned is None and any(
            _ORDERED.search(message.content) for message in row.messages if isinstance(message, UserMessage)
        )
        graph = graph_of(len(steps), edges)
        unknown: list[Pair] = []
        for after in range(len(steps)):
            for before in reversed(range(after)):
                if nx.has_path(graph, before, after):
                    continue
                if proof.possible:
                    if not await proof.commute(before, after, graph):
                        graph.add_edge(before, after)
                        edges.append(Edge(before=before, after=after, reason="state"))
                elif not (_reads(steps[before]) and _reads(steps[after])):
                    unknown.append((before, after))
        if unknown or words:
            edges += await self._advised(row, steps, graph, unknown, words)
        return edges

    def data(self, row: Trajectory, steps: Sequence[Step]) -> Iterator[Edge]:
        """An edge from every answer that a value can have come from; from all earlier ones where it stands nowhere."""
        sources = sources_of(row)
        answered = {one.index: one for one in sources if isinstance(row.messages[one.index], ToolMessage)}
        number = {step.at: step.number for step in steps}
        for step in steps:
            if step.arguments is None:
                continue
            said = [one for one in sources if one.index not in answered and one.index < step.turn]
            shown = [answered[at] for at in number if at < step.turn]
            own = {name for tool, name in self._authored if tool == step.call.name}
            schemas: Mapping[str, Mapping[str, object]] = step.tool.properties if step.tool else {}
            for need in needs(step.arguments, schemas, said, shown, self._synonyms, own):
                for at, how in zip(need.sources, need.derivations, strict=True):
                    told = f"{need.path} {how}"
                    yield Edge(
                        before=number[at],
                        after=step.number,
                        reason="data",
                        value=told,
                        ambiguous=need.ambiguous,
                    )
                if not need.explained:
                    for earlier in steps[: step.number]:
                        yield Edge(
                            before=earlier.number,
                            after=step.number,
                            reason="unexplained",
                            value=need.path,
                        )

    async def _advised(
        self,
        row: Trajectory,
        steps: Sequence[Step],
        graph: nx.DiGraph[int],
        unknown: Sequence[Pair],
        words: bool,
    ) -> list[Edge]:
        if self._adviser:
            waits = await self._adviser.waits(row, steps, graph)
            return [Edge(before=before, after=after, reason="model") for before, after in sorted(waits)]
        if words:
            later = [(one, other) for one, other in _in_a_row(steps) if not nx.has_path(graph, one, other)]
            return [Edge(before=one, after=other, reason="order") for one, other in later]
        return [Edge(before=one, after=other, reason="unknown_state") for one, other in unknown]


def _in_a_row(steps: Sequence[Step]) -> Iterator[Pair]:
    """Each step and those of the turn before it."""
    for step in steps:
        earlier = [one for one in steps if one.turn < step.turn]
        for one in earlier:
            if one.turn == earlier[-1].turn:
                yield one.number, step.number


def _reads(step: Step) -> bool:
    return step.tool is not None and only_reads(step.tool)


def _spoken(steps: Sequence[Step]) -> Iterator[Edge]:
    """Nothing is moved across what the user said."""
    for step in steps:
        for earlier in steps[: step.number]:
            if earlier.segment < step.segment:
                yield Edge(before=earlier.number, after=step.number, reason="user")


def _after_failures(steps: Sequence[Step]) -> Iterator[Edge]:
    """What came after a call that failed was done because it had."""
    for step in steps:
        if step.failed:
            for later in steps[step.number + 1 :]:
                if later.turn > step.turn:
                    yield Edge(before=step.number, after=later.number, reason="retry")


def _planned(row: Trajectory, steps: Sequence[Step]) -> list[Edge] | None:
    """What the request says of the order, read off its plan; None where the calls are not those of a plan.

    A goal that follows another is worded "and then ...", and no plan holds a condition.
    """
    if not row.task.plan:
        return None
    plan = Plan.model_validate(row.task.plan)
    if [(call.name, call.arguments) for call in plan.calls] != [(s.call.name, s.arguments) for s in steps]:
        return None
    return [
        Edge(before=plan.served[index - 1].call, after=plan.served[index].call, reason="order")
        for index, goal in enumerate(plan.scenario.goals)
        if goal.follows
    ]
