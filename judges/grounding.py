"""L1: every argument value is traceable to something the model could see."""

from __future__ import annotations

from collections.abc import Set

from callwright.judges.base import Ruling, parsed
from callwright.schemas.message import AssistantMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Rung, Verdict
from callwright.values.derivations import Grounding, Synonyms, Ungrounded, ground
from callwright.values.visible import sources_of


class Grounded:
    """Values come from user turns and earlier observations, from a default, or by a named derivation.

    Text that the assistant composes itself, such as a mail's body, may say no fact that is not visible.
    """

    name = "grounding"
    rung: Rung = "L1"

    def __init__(
        self, synonyms: Synonyms | None = None, authored: Set[tuple[str, str]] = frozenset()
    ) -> None:
        self._synonyms: Synonyms = synonyms or {}
        self._authored = authored

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
                    schema, authored = properties.get(name, {}), (call.name, name) in self._authored
                    for found in ground(
                        name, value, schema, visible, self._synonyms, declared_authored=authored
                    ):
                        if isinstance(found, Grounding):
                            ruling.evidence.append({"call": call.id, **found.model_dump()})
                        else:
                            _unexplained(ruling, call.name, found, step)
        return ruling.verdicts()


def _unexplained(ruling: Ruling, tool: str, found: Ungrounded, step: int) -> None:
    path, value, words = found
    if isinstance(value, bool) or value is None:
        ruling.undecided("no_cue", f"{tool}: nothing visible says {path} = {value}", step)
    elif words:
        told = f"{tool}: {path} says {words!r}, which stands in nothing visible"
        ruling.fail("ungrounded_argument", told, step)
    else:
        ruling.fail("ungrounded_argument", f"{tool}: {path} = {value!r} stands in nothing visible", step)
