"""The offline teacher's part in DAG: it words joined plans. A grammar, and it says so.

It proposes no edges and merges no thoughts: what execution and values do not tell stays in its order, and a round
goes out without words where the source's do not fit any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from callwright.generators.planning.wording import Wording
from callwright.llm.base import Completion, Request
from callwright.schemas.base import canonical_json
from callwright.schemas.tool import Toolkit


def answers(toolkits: Sequence[Toolkit]) -> dict[str, Callable[[Request], Completion]]:
    """Purpose -> answerer, for conversations over these toolkits."""
    by_name = {toolkit.name: toolkit for toolkit in toolkits}

    def request(asked: Request) -> Completion:
        reply = {"request": Wording(by_name, asked.variables).request()}
        return Completion(text=canonical_json(reply), parsed=reply)

    def answer(asked: Request) -> Completion:
        return Wording(by_name, asked.variables).assistant_turn()

    return {"dag.request": request, "dag.answer": answer}
