"""From a scenario to a task's fields: its day, its plan with values, and what of it who sees."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

from callwright.errors import GenerationError
from callwright.generators.planning.plan import Planner
from callwright.generators.planning.scenario import Plan, Scenario
from callwright.llm.base import Model
from callwright.schemas.task import Kind
from callwright.schemas.tool import Toolkit, WorldBinding

REQUEST_REPLY = {
    "type": "object",
    "properties": {"request": {"type": "string", "minLength": 3}, "details": {"type": "string"}},
    "required": ["request", "details"],
    "additionalProperties": False,
}
"""The reply of whoever words a request: the text, and what the person leaves out for now."""

_FIRST_DAY, _DAYS = dt.date(2025, 1, 6), 900
"""Where the tasks' todays lie."""

_DRAWS = 8
"""How often a plan is drawn anew when a world says no to it."""


def some_day(rng: random.Random) -> dt.date:
    """A task's today."""
    return _FIRST_DAY + dt.timedelta(days=rng.randrange(_DAYS))


def plans(model: Model, toolkit: Toolkit) -> bool:
    """Whether requests are planned and executed first: always by rule, and for a model where calls can be run.

    A model does not know what a world holds; a planner that looked around does.
    """
    return model.reads_variables or all(isinstance(tool.binding, WorldBinding) for tool in toolkit.tools)


def drawn(
    toolkit: Toolkit,
    scenario: Scenario,
    *,
    seed: int,
    clock: dt.date,
    turn: int,
    rng: Callable[[int], random.Random],
    execute: bool = True,
) -> Plan:
    """A plan of a scenario, drawn anew where a world says no to what was drawn: a taken room, a closed account.

    Args:
        toolkit: The scenario's toolkit.
        scenario: What the request turns on.
        seed: Of the state in which it is tried out.
        clock: Its today.
        turn: How often this scenario had its turn before.
        rng: The source of chance of each draw.
        execute: False for a request that no offered tool can serve.

    Raises:
        GenerationError: No draw comes to a plan; or no rule yields a value.
    """
    for draw in range(_DRAWS):
        planner = Planner(toolkit, seed, clock, rng(draw))
        try:
            return planner.plan(scenario, turn, execute=execute)
        except GenerationError as error:
            if error.code != "plan_failed" or draw == _DRAWS - 1:
                raise
    raise AssertionError("unreachable")


def variables(plan: Plan | None, seed: int, clock: dt.date) -> dict[str, Any]:
    """What the offline teacher words a request from; nothing for a language model."""
    if plan is None:
        return {}
    return {"plan": plan.model_dump(mode="json"), "seed": seed, "clock": clock.isoformat()}


def hidden(kind: Kind, plan: Plan | None, details: str) -> dict[str, Any]:
    """What the user knows and does not say at first."""
    if plan is None:
        return {"details": details} if kind == "clarification" else {}
    name = plan.refusal.argument if plan.refusal else plan.scenario.missing
    served = plan.served[-1]
    return {name: served.names.get(name, served.arguments[name])} if name else {}
