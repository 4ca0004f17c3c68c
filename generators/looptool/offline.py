"""The offline teacher's part in the loop: it words the plan of a variant. A grammar, and it says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from callwright.generators.planning.wording import Wording
from callwright.llm.base import Completion, Request
from callwright.schemas.base import canonical_json
from callwright.schemas.tool import Toolkit


def answers(toolkits: Sequence[Toolkit]) -> dict[str, Callable[[Request], Completion]]:
    """Purpose -> answerer, for variants over these toolkits."""
    by_name = {toolkit.name: toolkit for toolkit in toolkits}

    def variant(request: Request) -> Completion:
        reply = {"request": Wording(by_name, request.variables).request(), "details": ""}
        return Completion(text=canonical_json(reply), parsed=reply)

    return {"looptool.variant": variant}
