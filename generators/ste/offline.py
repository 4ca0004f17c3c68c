"""The offline teacher's part in STE: it words plans, and rules compare what was done with them.

A grammar, and it says so. What rules say of a trial can refute it; no rule knows that a trial is good.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from callwright.generators.planning.wording import Wording
from callwright.llm.base import Completion, Request
from callwright.schemas.base import canonical_json
from callwright.schemas.tool import Toolkit


def answers(toolkits: Sequence[Toolkit]) -> dict[str, Callable[[Request], Completion]]:
    """Purpose -> answerer, for trials over these toolkits."""
    by_name = {toolkit.name: toolkit for toolkit in toolkits}

    def worder(request: Request) -> Wording:
        # Nobody is asked in a trial: what the person would take instead is said at once.
        return Wording(by_name, {"withheld": None, "answered": True} | dict(request.variables))

    def imagine(request: Request) -> Completion:
        return _reply({"request": worder(request).request_with_fallback()})

    def act(request: Request) -> Completion:
        return worder(request).recovered_turn()

    def reflect(request: Request) -> Completion:
        seen, wording = request.variables["observations"], worder(request)
        served = bool(seen) and seen[-1]["status"] < 300
        told = served and wording.recovered_turn().text == request.variables["answer"]
        reason = "the last call succeeded, and the answer says what was planned"
        return _reply({"reason": reason if told else "it did not go as it was planned", "solved": told})

    def rule(request: Request) -> Completion:
        variables, plan = request.variables, request.variables["plan"]
        planned = [call for together in plan["rounds"] for call in together]
        meant = [{"name": call["name"], "arguments": call["arguments"]} for call in planned]
        seen = variables["observations"]
        told = worder(request).recovered_turn().text == variables["answer"]
        return _reply(
            {
                "informative": _aspect(bool(seen) and seen[-1]["status"] < 300, "the last call succeeded"),
                "faithful": _aspect(told, "the answer is worded from the results"),
                "appropriate": _aspect(variables["calls"] == meant, "the calls are those of the plan"),
            }
        )

    return {
        "ste.imagine": imagine,
        "ste.act": act,
        "ste.reflect": reflect,
        "ste.filter": rule,
        "ste.paraphrase": imagine,
    }


def _aspect(verdict: bool, reason: str) -> dict[str, Any]:
    return {"reason": reason if verdict else f"not so: {reason}", "verdict": verdict}


def _reply(value: dict[str, Any]) -> Completion:
    return Completion(text=canonical_json(value), parsed=value)
