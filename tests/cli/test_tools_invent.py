"""`tools invent` and what reads its folder, as real processes."""

import json

import pytest
from command import callwright, one_line
from workshops import DEMO

from callwright.cli.inventing import invent_
from callwright.engine.recipes import load_recipe
from callwright.engine.toolsets import Order
from callwright.engine.workshop import Workshop
from callwright.errors import UsageError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the toolset `kits`, invented by rules."""
    place = tmp_path_factory.mktemp("invent")
    result = callwright("tools", "invent", "--out", "kits", "-n", 3, "--seed", 3, cwd=place)
    assert result.returncode == 0, result.stderr
    assert "kits: 3 toolkits" in result.stdout
    assert "toolalpaca.specification: 3 calls" in result.stderr
    return place


def test_the_same_command_again_asks_nothing_and_prints_json(folder):
    before = (folder / "kits" / "journal.jsonl").read_bytes()
    result = callwright("tools", "invent", "--out", "kits", "-n", 3, "--seed", 3, "--json", cwd=folder)
    told = json.loads(result.stdout)
    assert (len(told["accepted"]), told["teacher"], told["reasons"]) == (3, "offline-rules", {})
    assert (folder / "kits" / "journal.jsonl").read_bytes() == before


def test_a_build_refuses_toolkits_of_the_rules_and_a_starting_recipe_allows_them(folder):
    refused = callwright("build", "--tools", "kits", "-n", 8, "--no-prefect", cwd=folder)
    one_line(refused, 2, "rules invented the toolkit", "allow_rules: true")
    assert callwright("init", "kits.recipe.yaml", "--tools", "kits", cwd=folder).returncode == 0
    recipe = load_recipe(folder / "kits.recipe.yaml")
    assert [toolkit.name for toolkit in Workshop.of(recipe, folder).toolkits]


def test_a_required_cell_that_is_empty_ends_with_exit_code_3(tmp_path):
    cell = ("--require", "Weather:delete", "-n", 1)
    one_line(
        callwright("tools", "invent", "--out", "kits", *cell, cwd=tmp_path), 3, "required cell Weather:delete"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "toy"}, "both --model and --base-url"),
        ({"sets": ["size=3"]}, "--set size: only keys of models"),
        (
            {"sets": ["models.teacher.in_flght=3"]},
            "unknown key models.teacher.in_flght; did you mean in_flight",
        ),
        ({"model": "toy", "recipe": DEMO}, "leave out --model"),
    ],
)
def test_a_teacher_that_cannot_be_is_a_usage_error(tmp_path, options, said):
    given = {"model": None, "base_url": [], "recipe": None, "sets": [], "as_json": False} | options
    with pytest.raises(UsageError, match=said):
        invent_(Order(out=tmp_path, count=1), **given)
