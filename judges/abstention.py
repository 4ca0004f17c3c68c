"""L1: a row without calls is right only when nothing that was offered could have served."""

from __future__ import annotations

from callwright.judges.base import Ruling
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Rung, Verdict
from callwright.values.resources import share_resource


class Abstention:
    """`nothing_fits`: the tool that would have served was withheld, and no offered one is of its resource."""

    name = "abstention"
    rung: Rung = "L1"

    async def judge(self, trajectory: Trajectory) -> list[Verdict]:
        ruling = Ruling(self, trajectory)
        task = trajectory.task
        if trajectory.tool_calls:
            if task.withheld:
                ruling.fail(
                    "called_without_need", f"{task.withheld.name} was withheld, yet something was called"
                )
            return ruling.verdicts()
        if task.withheld is None:
            ruling.undecided(
                "no_judge_model", "no call was made and no tool was withheld; only a model could tell"
            )
            return ruling.verdicts()
        for tool in task.tools:
            if share_resource(tool, task.withheld):
                ruling.fail(
                    "something_fits",
                    f"{tool.name} is offered and acts on {tool.resource or 'it'} too",
                )
        ruling.evidence.append({"nothing_fits": task.withheld.name, "resource": task.withheld.resource})
        return ruling.verdicts()
