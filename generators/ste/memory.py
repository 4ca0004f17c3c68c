"""What an explorer remembers: everything that was ever asked for (long term), and the episode so far (short term).

Wang et al. 2024 (STE), section 3.1. Long-term memory holds requests and whether they were solved, and nothing else; it
is shown where a request is imagined, and never kept in the short-term memory.
"""

from __future__ import annotations

from typing import Any

from callwright.schemas.base import Record
from callwright.values.mentions import fold


class Tried(Record):
    """One request that was tried."""

    request: str
    solved: bool | None
    """None where nobody said."""

    @property
    def line(self) -> str:
        flag = {True: " (solved)", False: " (not solved)", None: ""}[self.solved]
        return f"- {' '.join(self.request.split())}{flag}"


class LongTermMemory:
    """The requests of one tool's chain, in their order."""

    def __init__(self) -> None:
        self.tried: list[Tried] = []

    def add(self, request: str, solved: bool | None) -> None:
        self.tried.append(Tried(request=request, solved=solved))

    def knows(self, request: str) -> bool:
        """Whether a request was made before, to the letter."""
        return fold(request) in {fold(one.request) for one in self.tried}

    @property
    def lines(self) -> str:
        return "\n".join(one.line for one in self.tried)


class ShortTermMemory:
    """The messages of one episode, in OpenAI's chat format, without the system's."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def add(self, role: str, content: str) -> None:
        self.messages.append({"role": role, "content": content})

    def cut(self, length: int) -> None:
        """Forget what came after so many messages."""
        del self.messages[length:]
