"""PROBE: whole tasks, with the tools and without them: are they needed, do they help, do they harm?

That both kinds of run tell where a tool is needed is the idea of Tool-Star and of Adapting While Learning, which decide
by one to three stored answers; the fewest calls among right runs are those of OTC (Optimal Tool Calls).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from callwright.errors import GenerationError, ReplyError
from callwright.generators.conversing import Conversation, in_session, together
from callwright.generators.looptool.answers import asks, prediction_of
from callwright.generators.looptool.decisions import Decision
from callwright.llm.base import Model, Request, Sampling
from callwright.schemas.loop import Probing
from callwright.schemas.message import AssistantMessage, SystemMessage, UserMessage
from callwright.schemas.probe import Necessity, RunProbe
from callwright.schemas.task import StopReason, Task, Trajectory
from callwright.schemas.verdict import Verdict
from callwright.toolbox.base import Session, Toolbox
from callwright.values.facts import unseen, unseen_names
from callwright.values.mentions import Mentions
from callwright.values.thoughts import spoken

Judged = Callable[[Trajectory], Awaitable[Sequence[Verdict]]]
"""The exact judges' verdicts on a conversation."""

SOLVED = 0.5
"""Share of right runs from which on a student can do a task."""


class RunProber:
    """Has a student do whole tasks: `runs` times with the tools that its row offers, `runs` times with none.

    A run with tools is right if it ends with an answer, no exact judge says otherwise, and `equality` (L3) confirms
    what was to be done. One without is right if its words tell what the row's own answer tells and nobody had said;
    for a row that rightly makes no call, if they tell nothing that nobody had said.

    A run costs at most `max_steps + 1` answers, and one for each reply of the user's.
    """

    def __init__(
        self,
        student: Model,
        toolbox: Toolbox,
        judged: Judged,
        settings: Probing,
        sampling: Sampling,
        max_steps: int,
    ) -> None:
        self._student = student
        self._toolbox = toolbox
        self._judged = judged
        self._runs = settings.runs
        self._sampling = sampling.model_copy(update={"temperature": settings.temperature, "logprobs": False})
        self._max_steps = max_steps

    async def probe(self, row: Trajectory) -> RunProbe:
        """What the student does with the task of a row that is right.

        Where the judges cannot confirm the row itself, they could not confirm a run either: nothing is asked, and
        nothing is said. A run that the toolbox breaks off is not counted.

        Raises:
            ModelError: An endpoint failed for good; that is no run.
        """
        found = RunProbe(task=row.task.id, student=self._student.id)
        if not await self._right(row):
            return found
        with_tools = await together(self._with_tools(row, number) for number in range(1, self._runs + 1))
        counted = [one for one in with_tools if one is not None]
        without = await self._without_tools(row)
        right = tuple(one.right for one in counted)
        return found.model_copy(
            update={
                "with_tools": right,
                "without_tools": without,
                "calls": tuple(one.calls for one in counted),
                "necessity": necessity(right, without),
                "min_correct_calls": min((one.calls for one in counted if one.right), default=None),
            }
        )

    async def _right(self, run: Trajectory) -> bool:
        verdicts = await self._judged(run)
        confirmed = any(one.judge == "equality" and one.outcome == "pass" for one in verdicts)
        return confirmed and run.stopped == "answered" and all(one.outcome != "fail" for one in verdicts)

    async def _with_tools(self, row: Trajectory, number: int) -> _Run | None:
        async def play(session: Session) -> tuple[Conversation, StopReason | None]:
            run = _Play(self._student, row, self._sampling, number, tools=True)
            return run.talk, await run.play(session, self._max_steps)

        item = f"looptool.run/{self._student.id}/{row.id}/{number}"
        try:
            (talk, stopped), state = await in_session(self._toolbox, row.task, item, play)
        except GenerationError:
            return None
        run = talk.trajectory(row.task, {}, stopped or "answered", state)
        return _Run(right=stopped is not None and await self._right(run), calls=len(run.tool_calls))

    async def _without_tools(self, row: Trajectory) -> tuple[bool, ...]:
        """Right or not, run by run; none where no words could show that a task was done."""
        if any(call.changes for call in row.task.intended):
            # Nobody books a room by saying so.
            return (False,) * self._runs
        computed = list(_computed(row))
        if row.tool_calls and not computed:
            return ()
        runs = (self._told(row, number, bool(computed)) for number in range(1, self._runs + 1))
        return tuple(await together(runs))

    async def _told(self, row: Trajectory, number: int, computed: bool) -> bool:
        run = _Play(self._student, row, self._sampling, number, tools=False)
        if await run.play(None, 0) is None:
            return False
        said = _mentions(spoken(run.talk.messages[-1].content), row.task)
        if computed:
            return not any(_facts(_answer(row), [*_heard(row), said]))
        return not any(_facts(said, _heard(row)))


def necessity(with_tools: Sequence[bool], without_tools: Sequence[bool]) -> Necessity | None:
    """Whether a task needs its tools; None where one of the two ways was not tried.

    A way solves the task if at least half of its runs are right.
    """
    if not with_tools or not without_tools:
        return None
    helped, alone = (sum(runs) / len(runs) >= SOLVED for runs in (with_tools, without_tools))
    if alone:
        return "unneeded" if helped else "harmful"
    return "helpful" if helped else "unsolved"


@dataclass(frozen=True)
class _Run:
    right: bool
    calls: int


class _Play:
    """One run under way: the student is the assistant, the user says what the row's own user says."""

    def __init__(
        self, student: Model, row: Trajectory, sampling: Sampling, number: int, *, tools: bool
    ) -> None:
        system = next((one.content for one in row.messages if isinstance(one, SystemMessage)), "")
        first, *self._replies = [one.content for one in row.messages if isinstance(one, UserMessage)]
        self.talk = Conversation(student, row.task.seed, system, first)
        self._student = student
        self._row = row
        self._sampling = sampling
        self._number = number
        self._tools = tools

    async def play(self, session: Session | None, max_steps: int) -> StopReason | None:
        """Why the run ended; None if in an answer that nobody can act on.

        A student gets no second try at a turn, as it would get none from the user.
        """
        steps = 0
        while True:
            try:
                completion = await self._student.complete(self._request())
            except ReplyError:
                return None
            outcome = prediction_of(completion).outcome
            if outcome not in ("calls", "words"):
                return None
            calls = self.talk.answer(completion)
            if not calls:
                if not self._replies or not asks(completion.text):
                    return "answered"
                self.talk.reply(self._replies.pop(0))
                continue
            if session is None:
                return None
            await self.talk.observe(session, calls)
            steps += 1
            if steps > max_steps:
                return "step_limit"

    def _request(self) -> Request:
        # Where the row stands after as many turns of the assistant's, for a simulated student.
        turns = [step for step, one in enumerate(self._row.messages) if isinstance(one, AssistantMessage)]
        made = sum(isinstance(one, AssistantMessage) for one in self.talk.messages)
        at = Decision(self._row, turns[min(made, len(turns) - 1)])
        asked = at.request(self._sampling, self._number, tools=self._tools)
        return asked.model_copy(
            update={"messages": tuple(self.talk.wire), "urgency": len(self.talk.messages)},
        )


# What a row's answer tells


def _computed(row: Trajectory) -> Iterator[str]:
    """The facts of a row's last answer that only its calls can have told."""
    return _facts(_answer(row), _heard(row)) if row.tool_calls else iter(())


def _facts(said: Mentions, shown: Sequence[Mentions]) -> Iterator[str]:
    """What a text states and no shown one does."""
    yield from (words for _, words in unseen(said, shown))
    yield from unseen_names(said, shown)


def _answer(row: Trajectory) -> Mentions:
    last = row.messages[-1]
    return _mentions(spoken(last.content) if isinstance(last, AssistantMessage) else "", row.task)


def _heard(row: Trajectory) -> list[Mentions]:
    """What was said to the assistant before any call."""
    told = [one.content for one in row.messages if isinstance(one, SystemMessage | UserMessage)]
    return [_mentions(text, row.task) for text in (row.task.clock.isoformat(), *told)]


def _mentions(text: str, task: Task) -> Mentions:
    return Mentions(text, task.clock)
