"""One variant of one failure: a focus becomes a plan, the plan a request, the request a conversation."""

from __future__ import annotations

import random
from collections.abc import Sequence

from callwright.errors import GenerationError
from callwright.generators.base import Rollout
from callwright.generators.looptool.casework import messages
from callwright.generators.looptool.focusing import Aim, Failed, Target
from callwright.generators.looptool.prompts import digests
from callwright.generators.planning.drawing import REQUEST_REPLY, drawn, hidden, plans, some_day, variables
from callwright.generators.planning.scenario import Plan, Scenario
from callwright.generators.planning.walks import scenarios
from callwright.llm.base import Model, Request, Sampling
from callwright.llm.replies import ask
from callwright.schemas.base import digest
from callwright.schemas.task import Kind, Note, Task, Trajectory
from callwright.schemas.tool import Toolkit

METHOD = "looptool"
NOTE = "variant"
"""Label of the note that says what a row is a variant of."""


class Variants:
    """Makes variants; each depends on its failure and its name alone."""

    def __init__(
        self, model: Model, toolkits: Sequence[Toolkit], rollout: Rollout, sampling: Sampling
    ) -> None:
        self._model = model
        self._toolkits = {kit.name: kit for kit in toolkits}
        self._rollout = rollout
        self._sampling = sampling
        self._found: dict[tuple[str, Kind], list[Scenario]] = {}

    async def of(self, failed: Failed, focus: str, name: str, attempt: int) -> Trajectory:
        """A conversation in which the failed decision comes again, otherwise.

        Args:
            failed: The failure.
            focus: One of `FOCI`.
            name: All chance comes from it.
            attempt: The try's number.

        Raises:
            GenerationError: `no_scenario`: the row's tools do not allow it; or there is no plan, or no conversation.
            ReplyError: The request does not have the shape that was asked for.
            ModelError: The endpoint failed for good.
        """
        toolkit = self._toolkits.get(failed.row.task.toolkit)
        if toolkit is None:
            raise GenerationError("no_scenario", f"there is no toolkit {failed.row.task.toolkit}")
        planned = plans(self._model, toolkit)
        target = Target(failed, toolkit, self._scenarios if planned else None)
        aim = target.aim(focus, _rng(name, "aim"))
        task, key = await self._task(failed, aim, toolkit, name, attempt)
        row = await self._rollout.trajectory(task, f"{METHOD}/{attempt}")
        body = {"focus": focus, "way": aim.way, "failure": failed.failure, "round": failed.round}
        note = Note(step=1, label=NOTE, body=body | {"row": failed.row.id, "step": failed.step})
        provenance = row.provenance.model_copy(
            update={
                "prompts": row.provenance.prompts | digests(),
                "calls": (*([key] if key else []), *row.provenance.calls),
                "source": failed.row.id,
            }
        )
        return row.model_copy(update={"notes": (*row.notes, note), "provenance": provenance})

    async def _task(
        self, failed: Failed, aim: Aim, toolkit: Toolkit, name: str, attempt: int
    ) -> tuple[Task, str]:
        """The task, and the ledger's name for the question that worded it."""
        first = failed.row.task
        seed, clock = int(name[:15], 16), some_day(_rng(name, "day"))
        plan: Plan | None = None
        if aim.scenario:
            plan = drawn(
                toolkit,
                aim.scenario,
                seed=seed,
                clock=clock,
                turn=aim.turn,
                rng=lambda draw: _rng(name, f"plan {draw}"),
                execute=aim.kind != "no_call",
            )
            beyond = {call.name for call in plan.calls} - {tool.name for tool in first.tools}
            if beyond:
                raise GenerationError("no_scenario", f"{', '.join(sorted(beyond))} would be called")
        worded = await ask(
            self._model,
            Request(
                purpose="looptool.variant",
                messages=messages(failed, aim, plan, toolkit, clock, _rng(name, "voice")),
                reply_schema=REQUEST_REPLY,
                variables=variables(plan, seed, clock) if self._model.reads_variables else {},
                sampling=self._sampling,
                sample=seed % 2**31,
                item=f"{METHOD}/{attempt}",
            ),
        )
        task = Task(
            method=METHOD,
            kind=aim.kind,
            attempt=attempt,
            seed=seed,
            toolkit=toolkit.name,
            instruction=worded.parsed["request"].strip(),
            hidden=hidden(aim.kind, plan, worded.parsed["details"]),
            tools=first.tools,
            withheld=first.withheld if aim.kind == "no_call" else None,
            intended=plan.calls if plan else (),
            goal=plan.state if plan else None,
            plan=plan.model_dump(mode="json") if plan and self._model.reads_variables else {},
            clock=clock,
            parent=first.root,
        )
        return task, worded.key

    def _scenarios(self, toolkit: Toolkit, kind: Kind) -> list[Scenario]:
        key = toolkit.name, kind
        if key not in self._found:
            self._found[key] = [one for listed in scenarios(toolkit, kind).values() for one in listed]
        return self._found[key]


def note_of(row: Trajectory) -> Note | None:
    """What a row is a variant of; None for any other row."""
    return next((note for note in row.notes if note.label == NOTE), None)


def _rng(name: str, purpose: str) -> random.Random:
    return random.Random(digest([name, purpose]))
