"""A planted benchmark item is refused in a loop's seeds, in variants and in prompts; reports count what is alike."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import task, trajectory
from failures import expansion, failures
from looping import loop_recipe, looped, reports, workshop_of
from serial import worlds

from callwright.engine.build import build
from callwright.engine.gates.leaking import leak_texts, leaked_calls
from callwright.engine.loop.plan import seeds_of
from callwright.engine.workshop import Workshop
from callwright.errors import LeakError
from callwright.generators.base import Explored
from callwright.generators.looptool.novelty import Novelty
from callwright.generators.looptool.prompts import prompt
from callwright.schemas.loop import Expanding
from callwright.schemas.recipe import LeakFile
from callwright.schemas.task import Trajectory
from callwright.store import Store

HARMLESS = {"question": "Which of the lighthouses on the northern shore are lit tonight?"}
ONE = {"size": 12, "mix": {"single": 1.0}, "accept": {"rung": "L1"}}


def planted(folder: Path, *items: dict[str, Any]) -> Path:
    path = folder / "bench.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in (HARMLESS, *items)), encoding="utf-8")
    return path


def protecting(path: Path, **settings: Any) -> dict[str, Any]:
    return loop_recipe(**settings) | ONE | {"leaks": [str(path)]}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the seeds of a loop that protects nothing."""
    folder = tmp_path_factory.mktemp("unprotected")
    asyncio.run(build(seeds_of(workshop_of(loop_recipe() | ONE)), folder))
    return folder


@pytest.fixture(scope="module")
def seed(data: Path) -> tuple[str, dict[str, Any]]:
    """A row that is trained on, and what a benchmark's file would say of it."""
    with Store.open(data, write=False) as store:
        for member, row, _ in store.rows(store.version("small-seeds@1")):
            if member.split == "train" and any(one.get("tool_calls") for one in row["messages"]):
                asked = next(one["content"] for one in row["messages"] if one["role"] == "user")
                return member.trajectory, {"question": asked}
    raise AssertionError("no row")


def test_a_loops_seeds_with_a_benchmarks_item_are_not_built(seed: tuple[str, dict[str, Any]], tmp_path: Path):
    id_, item = seed
    body = protecting(planted(tmp_path, item))
    with pytest.raises(LeakError, match=f"no version was made: 1 leaks: row {id_[:12]} and bench.jsonl:2: "):
        asyncio.run(build(seeds_of(workshop_of(body)), tmp_path / "data"))


def test_nor_are_seeds_taken_from_a_version_that_was_made_before(
    data: Path, seed: tuple[str, dict[str, Any]], tmp_path: Path
):
    id_, item = seed
    body = protecting(planted(tmp_path, item), seeds="small-seeds@1")
    for _ in range(2):  # and no more the second time
        with pytest.raises(LeakError, match=f"row {id_[:12]} and bench.jsonl:2: "):
            asyncio.run(looped(body, data, 1))


def test_a_prompt_with_a_benchmarks_item_as_an_example_stops_the_build(tmp_path: Path):
    text = " ".join(prompt("variant").template.split())
    example = next(one for one in text.split(". ") if len(one.split()) > 13)
    body = protecting(planted(tmp_path, {"question": example}))
    with pytest.raises(LeakError, match=r"the prompt looptool/variant and bench.jsonl:2: "):
        asyncio.run(build(seeds_of(workshop_of(body)), tmp_path / "data"))


def variants(known: Novelty) -> list[Explored]:
    """All tries at two failures of a student that nobody trained."""
    given = failures(1, ("library",))[:2]
    explorer = expansion(given, names=("library",), known=known, settings=Expanding(variants=3))

    async def tried() -> list[Explored]:
        return [one for chain in explorer.chains() for one in await explorer.explore(chain)]

    return asyncio.run(tried())


def asked(row: Trajectory) -> dict[str, Any]:
    return {"question": row.task.instruction}


def called(row: Trajectory) -> dict[str, Any]:
    """Its calls alone, with other names for what they name."""
    return {
        "calls": [
            {
                "name": one.name,
                "arguments": {f"the_{name}": value for name, value in json.loads(one.arguments).items()},
            }
            for one in row.tool_calls
        ]
    }


@pytest.mark.parametrize("form", [asked, called])
def test_a_variant_with_a_benchmarks_item_is_dropped(form: Any, tmp_path: Path):
    made = variants(Novelty(0.9))
    telling = [one for one in made if one.trajectory and is_telling(one.trajectory)]
    copied = telling[-1]
    assert copied.trajectory is not None
    guard = guarded(planted(tmp_path, form(copied.trajectory)))
    again = variants(guard)
    dropped = next(one for one in again if one.attempt == copied.attempt)
    assert (dropped.trajectory, dropped.gate, dropped.code) == (None, "novelty", "near_duplicate")
    assert dropped.message.endswith("of the protected bench.jsonl:2")
    others = {one.attempt: one.trajectory for one in made if one.attempt != copied.attempt}
    kept = {one.attempt: one.trajectory for one in again if one.attempt in others}
    assert sum(kept[number] == row for number, row in others.items()) >= len(others) - 1


def is_telling(row: Trajectory) -> bool:
    """Whether its calls name something that two rows hardly have in common by chance."""
    values = [value for one in row.tool_calls for value in json.loads(one.arguments).values()]
    return any(isinstance(value, str) and len(value) > 4 for value in values)


def guarded(path: Path) -> Novelty:
    shop: Workshop = worlds("library")
    recipe = shop.recipe.model_copy(update={"leaks": (LeakFile(path=str(path)),)})
    shop = replace(shop, recipe=recipe)
    return Novelty(0.9, (), leak_texts(shop), leaked_calls(shop))


def test_calls_of_other_values_or_of_none_are_no_leak(tmp_path: Path):
    row = trajectory(task("Show me e1."))
    assert guarded(planted(tmp_path)).against_protected(row) == ""
    other = {"calls": [{"name": "get_event", "arguments": {"event_id": "e1-of-another-museum"}}]}
    assert guarded(planted(tmp_path, other)).against_protected(row) == ""


def test_every_rounds_report_tells_the_overlap(tmp_path: Path):
    body = protecting(planted(tmp_path))
    asyncio.run(looped(body, tmp_path / "data", 1))
    [report] = reports(tmp_path / "data")
    assert report["protected"] == 6 + 1  # held-out rows, and the item
    [text] = (tmp_path / "data").glob("runs/*/round-01/report.md")
    told = "- Overlap: 0 new rows are like one of the 7 held-out rows and benchmark items.\n"
    assert told in text.read_text(encoding="utf-8")
