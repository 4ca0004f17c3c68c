"""Failures of a student that nobody trained: rows that the offline teacher makes over worlds, and wrong answers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from serial import world_rows, worlds

from callwright.engine.rulings import Rulings
from callwright.generators.asktoact.explore import Clarifications
from callwright.generators.base import Rows
from callwright.generators.dag.explore import Rewriter
from callwright.generators.looptool.decisions import Decision, decisions
from callwright.generators.looptool.expanding import Expansion, Failed
from callwright.generators.looptool.novelty import Novelty
from callwright.generators.toolalpaca.episodes import Episodes
from callwright.llm.base import Model, Sampling
from callwright.schemas.loop import Expanding
from callwright.schemas.message import ToolCall
from callwright.schemas.probe import Failure, Prediction
from callwright.schemas.recipe import AskToAct, Dag
from callwright.schemas.task import Kind, Trajectory

NAMES = ("library", "calendar", "mail")
FAILURES: Mapping[Failure, tuple[Kind, ...]] = {
    "wrong_call": ("single", "multi_step", "parallel", "clarification"),
    "missing_call": ("parallel",),
    "extra_call": ("single",),
    "missed_question": ("clarification",),
    "over_calling": ("no_call",),
    "wrong_abstention": ("single", "multi_step"),
    "unusable": ("single", "no_call"),
}
"""Failure -> the kinds of rows in which it can happen."""


def failed(row: Trajectory, failure: Failure) -> Failed:
    """A student's failure at the first decision of a row where it can fail so."""
    at = next(one for one in decisions(row) if _can(one, failure))
    calls = at.label.tool_calls
    other = ToolCall(id="x", name=row.task.tools[0].name, arguments="{}")
    made: Mapping[Failure, Prediction] = {
        "wrong_call": Prediction(outcome="calls", tool_calls=(other,)),
        "missing_call": Prediction(outcome="calls", tool_calls=calls[:1]),
        "extra_call": Prediction(outcome="calls", tool_calls=(*calls, other)),
        "missed_question": Prediction(outcome="calls", tool_calls=(other,)),
        "over_calling": Prediction(outcome="calls", tool_calls=(other,)),
        "wrong_abstention": Prediction(outcome="words", text="I have nothing for that."),
        "unusable": Prediction(outcome="unparsable", text="<tool_call>{'name'"),
    }
    return Failed(row=row, step=at.step, failure=failure, prediction=made[failure])


def _can(at: Decision, failure: Failure) -> bool:
    if failure == "missed_question":
        return at.asks
    if failure == "missing_call":
        return len(at.label.tool_calls) > 1
    return failure in ("over_calling", "unusable") or bool(at.label.tool_calls)


@cache
def failures(each: int, names: tuple[str, ...] = NAMES) -> tuple[Failed, ...]:
    """So many of each kind of failure and of row."""
    return tuple(
        failed(row, failure)
        for failure, kinds in FAILURES.items()
        for kind in kinds
        for row in world_rows(names, kind, each)
    )


def expansion(given: tuple[Failed, ...], *, model: Model | None = None, **changes: Any) -> Expansion:
    """An expansion over worlds as an engine would put it together."""
    names = changes.pop("names", NAMES)
    shop = worlds(*names)
    teacher = model or shop.teacher(Path())
    toolbox = shop.toolbox(teacher)

    def mask(rows: Rows) -> Clarifications:
        settings = AskToAct.model_validate({"from": "x", "error_share": 0.0, "confirm_share": 0.0})
        return Clarifications(
            teacher, teacher, rows, shop.toolkits, settings, 7, synonyms=shop.synonyms, sampling=Sampling()
        )

    def parallel(rows: Rows) -> Rewriter:
        return Rewriter(
            teacher,
            toolbox,
            shop.toolkits,
            Dag.model_validate({"from": "x", "serial": 0.0}),
            rows,
            synonyms=shop.synonyms,
            authored=shop.authored,
            sampling=Sampling(),
        )

    settings = changes.pop("settings", Expanding())
    values: dict[str, Any] = {
        "rollout": Episodes(teacher, toolbox, shop.toolkits, Sampling(), 5),
        "rewriters": {"mask": mask, "parallel": parallel},
        "known": Novelty(settings.likeness),
        "sampling": Sampling(),
    }
    return Expansion(teacher, shop.toolkits, settings, given, 7, **(values | changes))


def rulings(names: tuple[str, ...] = NAMES) -> Rulings:
    return Rulings(worlds(*names).judges(), "L3", 8)
