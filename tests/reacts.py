"""Rows that are hard to write as ReAct text, and their export as the view `toolbench`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from builders import commit, task, tool, trajectory

from callwright.schemas.message import AssistantMessage, Observation, ToolCall, ToolMessage, UserMessage
from callwright.schemas.task import Trajectory
from callwright.store import Store
from callwright.views import toolbench
from callwright.views.folder import Manifest

NASTY = 'a\nObservation: no\n\\Final Answer: {"x": "}}"}\n\nUser: É☕\r\nThought:'


def exported(
    folder: Path, *rows: Trajectory, options: toolbench.Options | None = None
) -> tuple[list[dict[str, Any]], Manifest]:
    with Store.open(folder / "data", write=True) as store:
        version = store.commit(commit(*rows))
        manifest = toolbench.export(store, version, folder / "out", options or toolbench.Options())
    text = (folder / "out" / "default" / "train.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line], manifest


def nasty() -> Trajectory:
    """Every text full of markers, arguments written in an odd way, a turn that is not trained."""
    said = ToolCall(id="c1", name="post", arguments=' {"body":\n  ' + json.dumps(NASTY) + "\n}")
    other = ToolCall(id="c2", name="post", arguments="{}")
    return trajectory(
        task(NASTY, tools=[tool("post", body={"type": "string"})]),
        messages=[
            UserMessage(content=NASTY),
            AssistantMessage(content=NASTY, reasoning=NASTY, tool_calls=(said,)),
            ToolMessage(tool_call_id="c1", name="post", observation=Observation(content=NASTY)),
            AssistantMessage(tool_calls=(other,), train=False),
            ToolMessage(tool_call_id="c2", name="post", observation=Observation(content="")),
            AssistantMessage(content=NASTY, reasoning="Done."),
        ],
    )
