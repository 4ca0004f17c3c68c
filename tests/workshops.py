"""Recipes and their workshops for tests that build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from callwright.engine.recipes import check_recipe, load_recipe
from callwright.engine.workshop import Workshop
from callwright.settings import shipped_folder

TOOLS = Path(__file__).parent / "data"
DEMO = shipped_folder() / "recipes" / "demo.yaml"
MIX = {"single": 0.4, "multi_step": 0.25, "clarification": 0.2, "no_call": 0.15}


def demo(*overrides: str) -> Workshop:
    """The shipped demo, small unless told otherwise."""
    return Workshop.of(load_recipe(DEMO, ("size=60", *overrides)), DEMO.parent)


def museum_recipe(
    base_url: str = "http://127.0.0.1:9/v1", *, size: int = 40, **teacher: Any
) -> dict[str, Any]:
    """A recipe whose teacher is an endpoint; keyword arguments are keys of the teacher."""
    model = {"engine": "openai", "base_url": base_url, "model": "toy", "in_flight": 8}
    return {
        "dataset": "museum",
        "size": size,
        "seed": 7,
        "tools": [{"openapi": str(TOOLS / "museum.yaml")}],
        "models": {"teacher": model | teacher},
        "mix": MIX,
    }


def museum(base_url: str = "http://127.0.0.1:9/v1", **changes: Any) -> Workshop:
    return Workshop.of(check_recipe(museum_recipe(base_url, **changes), "museum"), Path())


def written(body: dict[str, Any], path: Path) -> Path:
    """The recipe as a YAML file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(body, sort_keys=False), encoding="utf-8")
    return path
