"""L2: the calls, executed a second time somewhere else, are answered the same and leave the same state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from callwright.judges.base import Ruling
from callwright.schemas.message import AssistantMessage, Observation, ToolCall, ToolMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Rung, Verdict
from callwright.toolbox.base import Toolbox


class Replay:
    """Runs a conversation's calls again from its seed and clock, one verdict for each call and one for the state."""

    name = "replay"
    rung: Rung = "L2"

    def __init__(self, toolbox: Toolbox) -> None:
        """A toolbox that shares nothing with the one that the conversation was made with."""
        self._toolbox = toolbox

    async def judge(self, trajectory: Trajectory) -> list[Verdict]:
        ruling = Ruling(self, trajectory)
        simulated = sorted({m.observation.trust for m in trajectory.observations()} - {"executed"})
        if simulated:
            ruling.undecided("not_repeatable", f"{simulated[0]} answers cannot be asked for a second time")
            return ruling.verdicts()
        again, state = await self._again(trajectory)
        differing = [step for step, found in again.items() if not _agree(trajectory, step, found)]
        if differing and (await self._again(trajectory))[0] != again:
            ruling.undecided("not_repeatable", "the tools answer differently each time they are called")
            return ruling.verdicts()
        for step in again:
            if step in differing:
                message = trajectory.messages[step]
                assert isinstance(message, ToolMessage)
                ruling.fail(
                    "observation_differs", f"{message.name} answers otherwise when it is called again", step
                )
            else:
                ruling.settle(step, {"replayed": trajectory.messages[step].tool_call_id})  # type: ignore[union-attr]
        if state != trajectory.state:
            ruling.fail("state_differs", "the same calls leave another state than the one on record")
        ruling.evidence.append({"state": state, "calls": len(again)})
        return ruling.verdicts()

    async def _again(self, trajectory: Trajectory) -> tuple[Mapping[int, Observation], str | None]:
        """Index of each result -> what comes back this time; and the state that is left."""
        task = trajectory.task
        session = self._toolbox.open(
            task.tools, toolkit=task.toolkit, seed=task.seed, clock=task.clock, item=f"replay {trajectory.id}"
        )
        calls: dict[str, ToolCall] = {}
        found: dict[int, Observation] = {}
        try:
            for step, message in enumerate(trajectory.messages):
                if isinstance(message, AssistantMessage):
                    calls |= {call.id: call for call in message.tool_calls}
                if isinstance(message, ToolMessage) and message.tool_call_id in calls:
                    found[step] = await session.call(calls[message.tool_call_id])
        finally:
            state = await session.end()
        return found, state


def _agree(trajectory: Trajectory, step: int, found: Observation) -> bool:
    message: Any = trajectory.messages[step]
    return bool(message.observation == found)
