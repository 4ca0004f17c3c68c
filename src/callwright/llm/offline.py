"""The embedded teacher: rules answer, with no model and no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from callwright.errors import ModelError
from callwright.llm.base import Completion, Request

Answerer = Callable[[Request], Completion]
"""Words the variables of a request; the same request always gets the same answer."""


class Offline:
    """Hands each question to the answerer of its purpose; the answers live with the rooms that ask."""

    reads_variables = True

    def __init__(self, answerers: Mapping[str, Answerer], rules_digest: str) -> None:
        """`rules_digest` names the rules and phrases, so that other rules are never taken for these."""
        self.id = f"offline-rules:{rules_digest[:12]}"
        self.stats: Counter[str] = Counter()
        self._answerers = dict(answerers)

    async def complete(self, request: Request) -> Completion:
        answerer = self._answerers.get(request.purpose)
        if answerer is None:
            known = ", ".join(sorted(self._answerers)) or "none"
            raise ModelError(
                f"the offline rules cannot answer {request.purpose!r} (they know: {known}); "
                "set models.teacher.engine to openai in the recipe"
            )
        return answerer(request)

    async def close(self) -> None:
        pass
