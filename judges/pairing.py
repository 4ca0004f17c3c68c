"""L0: calls and results pair up, and a successful answer has the documented shape."""

from __future__ import annotations

from callwright.judges.base import Ruling, body_of
from callwright.schemas.message import AssistantMessage, ToolMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Rung, Verdict
from callwright.values.validation import errors


class Pairing:
    name = "pairing"
    rung: Rung = "L0"

    async def judge(self, trajectory: Trajectory) -> list[Verdict]:
        ruling = Ruling(self, trajectory)
        self._pair(trajectory, ruling)
        self._shapes(trajectory, ruling)
        return ruling.verdicts()

    def _pair(self, trajectory: Trajectory, ruling: Ruling) -> None:
        open_calls: dict[str, str] = {}
        seen: set[str] = set()
        for step, message in enumerate(trajectory.messages):
            if isinstance(message, ToolMessage):
                if open_calls.pop(message.tool_call_id, None) != message.name:
                    ruling.fail(
                        "unpaired_result", f"no call {message.tool_call_id} to {message.name} is open", step
                    )
                continue
            if open_calls:
                ruling.fail("unpaired_call", f"no result for {', '.join(sorted(open_calls))}", step)
                open_calls = {}
            if isinstance(message, AssistantMessage):
                for call in message.tool_calls:
                    if call.id in seen:
                        ruling.fail("repeated_call_id", f"the id {call.id} was used before", step)
                    seen.add(call.id)
                    open_calls[call.id] = call.name
        if open_calls:
            ruling.fail("unpaired_call", f"no result for {', '.join(sorted(open_calls))}")

    def _shapes(self, trajectory: Trajectory, ruling: Ruling) -> None:
        offered = {tool.name: tool for tool in trajectory.task.tools}
        for step, message in enumerate(trajectory.messages):
            if not isinstance(message, ToolMessage) or not message.observation.succeeded:
                continue
            if message.observation.cut:  # a part of an answer need not have the shape of the whole
                continue
            tool = offered.get(message.name)
            if tool is None or tool.returns is None or "json" not in message.observation.media_type:
                continue
            for path, reason, _ in errors(tool.returns, body_of(message.observation)):
                ruling.fail("observation_schema", f"{message.name}: {path}: {reason}", step)
