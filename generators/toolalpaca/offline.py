"""The offline teacher's part in ToolAlpaca: it words a plan. A grammar, and it says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from callwright.generators.planning.wording import Wording
from callwright.llm.base import Completion, Request
from callwright.schemas.base import canonical_json
from callwright.schemas.tool import Toolkit


def answers(toolkits: Sequence[Toolkit]) -> dict[str, Callable[[Request], Completion]]:
    """Purpose -> answerer, for conversations over these toolkits."""
    by_name = {toolkit.name: toolkit for toolkit in toolkits}

    def worder(request: Request) -> Wording:
        return Wording(by_name, request.variables)

    def instruction(request: Request) -> Completion:
        reply = {"request": worder(request).request(), "details": ""}
        return Completion(text=canonical_json(reply), parsed=reply)

    def assistant(request: Request) -> Completion:
        return worder(request).assistant_turn()

    def user(request: Request) -> Completion:
        reply = {"asked": True, "reply": worder(request).user_reply()}
        return Completion(text=canonical_json(reply), parsed=reply)

    return {"toolalpaca.instruction": instruction, "toolalpaca.assistant": assistant, "toolalpaca.user": user}
