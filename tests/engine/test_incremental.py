"""What is asked again when something changes, counted at a real server on the loopback: only what depends on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import loopback as lb
import pytest
from teacher import museum_teacher
from workshops import TOOLS, museum_recipe

from callwright.engine.build import Built, build
from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.settings import shipped_folder
from callwright.store import Store

SHEET = (shipped_folder() / "seeds/museum.phrases.yaml").read_text(encoding="utf-8")
SAID = "The website keeps timing out on me."
OLD, NEW = "Get upcoming museum operating hours.", "Get the hours in which the museum is open."


def recipe(base: Path, base_url: str, **changes: Any) -> Workshop:
    """Three toolkits of one API; the files lie in `base`."""
    body = museum_recipe(base_url, size=12) | changes
    body["tools"] = [
        {"openapi": f"{name}.yaml", "name": name}
        | ({"phrases": f"{name}.phrases.yaml"} if (base / f"{name}.phrases.yaml").exists() else {})
        for name in ("east", "west", "north")
    ]
    return Workshop.of(check_recipe(body, "three"), base)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name in ("east", "west", "north"):
        (tmp_path / f"{name}.yaml").write_bytes((TOOLS / "museum.yaml").read_bytes())
    return tmp_path


async def built(base: Path, **changes: Any) -> tuple[Built, list[str]]:
    """A build, and the texts of what was asked for it."""
    async with lb.Loopback(museum_teacher) as server:
        found = await build(recipe(base, server.base_url, **changes), base / "data")
    return found, [json.dumps(body) for body in server.bodies]


def ledger(base: Path) -> dict[str, dict[str, Any]]:
    """Key -> entry of all that was ever asked."""
    with Store.open(base / "data", write=False) as store:
        return {entry["key"]: entry for entry in store.calls("openai:toy")}


async def test_nothing_changed_makes_nothing_and_asks_nothing(base: Path):
    first, asked = await built(base)
    assert first.made and asked
    again, asked = await built(base)
    assert (again.made, again.version, asked) == (False, first.version, [])


async def test_a_changed_tool_asks_again_for_what_shows_it_and_for_nothing_else(base: Path):
    first, before = await built(base)
    known = ledger(base)
    path = base / "east.yaml"
    text = path.read_text(encoding="utf-8")
    assert OLD in text
    path.write_text(text.replace(OLD, NEW), encoding="utf-8")
    second, asked = await built(base)
    assert second.made and second.version.id != first.version.id
    assert 0 < len(asked) < len(before) / 2
    anew = [one for key, one in ledger(base).items() if key not in known]
    touched = {one["item"] for one in anew if NEW in json.dumps(one["request"])}
    assert len(anew) == len(asked)
    # The rest of a conversation follows from its changed part; no other conversation is touched.
    assert {one["item"] for one in anew} == touched


async def test_a_changed_gate_asks_nothing_that_was_answered(base: Path):
    first, before = await built(base)
    second, asked = await built(base, accept={"rung": "L0"})
    assert before
    assert second.version.recipe_digest != first.version.recipe_digest
    assert not asked


async def test_a_changed_phrase_asks_a_language_model_nothing(base: Path):
    for name in ("east", "west", "north"):
        (base / f"{name}.phrases.yaml").write_text(SHEET, encoding="utf-8")
    first, before = await built(base)
    (base / "east.phrases.yaml").write_text(SHEET.replace(SAID, SAID + " For real."), encoding="utf-8")
    second, asked = await built(base)
    assert before
    assert second.version.recipe_digest != first.version.recipe_digest
    assert not asked
