"""What a model could see of a conversation, as texts to look values up in."""

from __future__ import annotations

from callwright.schemas.message import AssistantMessage, SystemMessage, ToolMessage
from callwright.schemas.task import Trajectory
from callwright.values.derivations import Visible, observed_text
from callwright.values.mentions import Mentions


def sources_of(trajectory: Trajectory) -> list[Visible]:
    """User turns and observations as texts; the assistant's own words prove nothing."""
    clock = trajectory.task.clock
    sources = []
    for index, message in enumerate(trajectory.messages):
        if isinstance(message, ToolMessage):
            content = message.content
            sources.append(Visible(index, Mentions(observed_text(content), clock), content))
        elif not isinstance(message, AssistantMessage | SystemMessage):
            sources.append(Visible(index, Mentions(message.content, clock)))
    return sources
