"""A language model that invents good APIs, for tests of toolset construction: the rules' answers, as plain text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from callwright.generators.toolalpaca.toolsets import offline
from callwright.generators.toolalpaca.toolsets.seeds import Seed
from callwright.llm.base import Completion, Request
from callwright.llm.scripted import Line, say

RECIPES = Seed(
    name="Spoonbill",
    description="Recipes from home cooks, with ingredients",
    link="https://spoonbill.example.com/v1",
    category="Food & Drink",
)
TRAILS = Seed(name="Trailmark", description="Weather on hiking trails", link="", category="Weather")


def good(request: Request) -> Completion:
    """What an excellent model answers; a document that is sent back comes back whole."""
    purpose = request.purpose if request.purpose != "toolalpaca.repair" else "toolalpaca.specification"
    if request.purpose == "toolalpaca.repair" and request.reply_schema:
        purpose = "toolalpaca.functions"
    return say(offline.answers()[purpose](request).text)


def inventor(**faults: Callable[[Request], Line]) -> Callable[[Request], Line]:
    """The good model, but for the stages that are named: introduction, functions, specification, repair."""

    def line(request: Request) -> Line:
        stage = request.purpose.removeprefix("toolalpaca.")
        return faults[stage](request) if stage in faults else good(request)

    return line


def document(request: Request) -> dict[str, Any]:
    """The OpenAPI document that the good model answers, to be spoilt."""
    found: dict[str, Any] = json.loads(offline.answers()["toolalpaca.specification"](request).text)
    return found


def spoilt(change: Callable[[dict[str, Any]], object]) -> Callable[[Request], Completion]:
    """The good document with a fault in it."""

    def line(request: Request) -> Completion:
        body = document(request)
        change(body)
        return say(json.dumps(body))

    return line
