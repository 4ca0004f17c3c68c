"""L1: every argument value is traceable to something the model could see."""

from __future__ import annotations

from callwright.judges.base import Ruling, parsed
from callwright.schemas.message import AssistantMessage, SystemMessage, ToolMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Rung, Verdict
from callwright.values.derivations import (
    Grounding,
    Synonyms,
    Visible,
    ground,
    observed_text,
    visible_messages,
)


class Grounded:
    """Values come from user turns and earlier observations, from a default, or by a named derivation."""

    name = "grounding"
    rung: Rung = "L1"

    def __init__(self, synonyms: Synonyms | None = None) -> None:
        self._synonyms: Synonyms = synonyms or {}

    async def judge(self, trajectory: Trajectory) -> list[Verdict]:
        ruling = Ruling(self, trajectory)
        sources = sources_of(trajectory)
        schemas = {tool.name: tool.properties for tool in trajectory.task.tools}
        for step, message in enumerate(trajectory.messages):
            if not isinstance(message, AssistantMessage):
                continue
            visible = [source for source in sources if source.index < step]
            for call in message.tool_calls:
                arguments = parsed(call.arguments)
                properties = schemas.get(call.name, {})
                for name, value in (arguments if isinstance(arguments, dict) else {}).items():
                    for found in ground(name, value, properties.get(name, {}), visible, self._synonyms):
                        if isinstance(found, Grounding):
                            ruling.evidence.append({"call": call.id, **found.model_dump()})
                        else:
                            _unexplained(ruling, call.name, *found, step)
        return ruling.verdicts()


def _unexplained(ruling: Ruling, tool: str, path: str, value: object, step: int) -> None:
    if isinstance(value, bool) or value is None:
        ruling.undecided("no_cue", f"{tool}: nothing visible says {path} = {value}", step)
    else:
        ruling.fail("ungrounded_argument", f"{tool}: {path} = {value!r} stands in nothing visible", step)


def sources_of(trajectory: Trajectory) -> list[Visible]:
    """User turns and observations as texts; the assistant's own words prove nothing."""
    texts = []
    for index, message in enumerate(trajectory.messages):
        if isinstance(message, ToolMessage):
            texts.append((index, observed_text(message.content)))
        elif not isinstance(message, AssistantMessage | SystemMessage):
            texts.append((index, message.content))
    return visible_messages(texts, trajectory.task.clock)
