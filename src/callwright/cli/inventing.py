"""`tools invent`: toolkits from one-line descriptions of APIs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from callwright.cli.talk import PLAIN_EVERY_S, say, show_json, show_table
from callwright.engine.recipes import apply_overrides, check_models, load_recipe
from callwright.engine.teachers import language_model
from callwright.engine.toolsets import Order, invent, rules
from callwright.errors import UsageError
from callwright.schemas.recipe import Model, OfflineModel
from callwright.schemas.toolset import Toolset

_TOLD = 5
"""Reasons of rejections that are told; `toolset.yaml` has them all."""
_MAX_TOKENS = 4096
"""Tokens of one completion unless the teacher says otherwise: most documents fit, longer ones are continued."""


def invent_(
    order: Order,
    model: str | None,
    base_url: list[str],
    recipe: Path | None,
    sets: list[str],
    as_json: bool,
) -> None:
    config = _teacher(model, base_url, recipe, sets)
    if isinstance(config, OfflineModel):
        teacher, max_tokens = rules(), _MAX_TOKENS
    else:
        teacher, max_tokens = language_model(config, order.out / "batch"), config.max_tokens
    toolset = asyncio.run(
        invent(order, teacher, in_flight=config.in_flight, max_tokens=max_tokens, on_change=_progress())
    )
    if as_json:
        show_json(toolset.model_dump(mode="json") | {"reasons": toolset.reasons})
        return
    _tell(toolset, order.out)


def _teacher(model: str | None, base_url: list[str], recipe: Path | None, sets: list[str]) -> Model:
    if recipe is not None:
        if model or base_url:
            raise UsageError("--recipe names the teacher already; leave out --model and --base-url")
        return load_recipe(recipe, sets).models.teacher
    if bool(model) != bool(base_url):
        raise UsageError("a teacher needs both --model and --base-url")
    teacher: dict[str, Any] = {"engine": "offline"}
    if model:
        teacher = {"engine": "openai", "model": model, "base_url": base_url, "max_tokens": _MAX_TOKENS}
    body: dict[str, Any] = {"models": {"teacher": teacher}}
    apply_overrides(body, sets)
    unknown = sorted(set(body) - {"models"})
    if unknown:
        raise UsageError(
            f"--set {unknown[0]}: only keys of models can be set here, such as models.teacher.in_flight"
        )
    return check_models(body["models"], "--set").teacher


def _progress() -> Callable[[int, int], None]:
    """A line every few seconds."""
    last_s = time.monotonic()

    def told(done: int, wanted: int) -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= PLAIN_EVERY_S:
            last_s = time.monotonic()
            say(f"{done} of {wanted} APIs are done")

    return told


def _tell(toolset: Toolset, out: Path) -> None:
    functions = sum(one.functions for one in toolset.accepted)
    print(f"{out}: {len(toolset.accepted)} toolkits with {functions} functions, by {toolset.teacher}")
    show_table(
        ("category", *(capabilities := sorted({name for row in toolset.coverage.values() for name in row}))),
        [
            [category, *(row.get(name, "-") for name in capabilities)]
            for category, row in toolset.coverage.items()
        ],
    )
    for level, values in toolset.trees.items():
        say(f"{level}: {', '.join(f'{value} {count}' for value, count in values.items())}")
    for code, count in list(toolset.reasons.items())[:_TOLD]:
        example = next(one for one in toolset.rejected if one.code == code)
        say(f"rejected: {count} for {code}, such as {example.title} ({example.message[:120]})")
    for purpose, cost in toolset.stages.items():
        say(
            f"{purpose}: {cost.calls} calls, {cost.prompt_tokens:,} and {cost.completion_tokens:,} tokens "
            "of prompts and completions"
        )
    say(f"use them in a recipe as {{toolset: {out}}}, or look at them with: callwright tools check {out}")
