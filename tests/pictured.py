"""Rows and versions for the tests of reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from builders import RECIPE, call, commit, task, tool, toolkit, trajectory, verdict

from callwright.report.page import make_report
from callwright.schemas.message import AssistantMessage, Observation, Span, ToolMessage, UserMessage
from callwright.schemas.report import Report
from callwright.schemas.task import Trajectory
from callwright.schemas.version import DropCount, Statistics
from callwright.store import Store

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)><!-- \u2028 ' \" & \ud83d"
LIST = tool("list_events", "All events.", room={"type": "string"})
READ = tool("get_event", event_id={"type": "string"}, detail={"type": "string"})
CHAIN = trajectory(
    task("Tell me of the talk.", kind="multi_step", tools=[LIST, READ]),
    messages=[
        UserMessage(content="Tell me of the talk in the hall."),
        AssistantMessage(tool_calls=(call("list_events", "a", room="hall"),)),
        ToolMessage(
            tool_call_id="a", name="list_events", observation=Observation(content='["e7"]', trust="executed")
        ),
        AssistantMessage(tool_calls=(call("get_event", "b", event_id="e7"),)),
        ToolMessage(tool_call_id="b", name="get_event", observation=Observation(content="gone", status=404)),
        AssistantMessage(content="😀 wrong. It is gone.", spans=(Span(start=2, end=8, label="error"),)),
    ],
)
GROUNDED = verdict(CHAIN).model_copy(
    update={
        "evidence": (
            {"call": "a", "path": "/room", "derivation": "verbatim", "source": 0, "text": "hall"},
            {"call": "b", "path": "/event_id", "derivation": "verbatim", "source": 2, "text": "e7"},
            {"call": "b", "path": "/detail", "derivation": "default", "source": None, "text": ""},
        )
    }
)
ABSTAINED = trajectory(task(HOSTILE, kind="no_call", attempt=1, withheld=LIST, tools=[READ]), [])
STATISTICS = Statistics(
    rows=2,
    drops=(DropCount(gate="selection", code="over_quota", count=3), DropCount(gate="L1", code="b", count=1)),
)
KIT = toolkit(LIST, READ, tool())


def reported(
    folder: Path, *rows: Trajectory, second: list[Trajectory] | None = None, **changes: Any
) -> Report:
    """The report of a version of those rows, beside a second one if there is any."""
    with Store.open(folder, write=True) as store:
        first = store.commit(commit(*rows, **({"toolkits": [KIT]} | changes)))
        if second is None:
            return make_report(store, first)
        later = store.commit(commit(*second, recipe=RECIPE | {"seed": 3}, recipe_digest="r2", toolkits=[KIT]))
        return make_report(store, later, first)
