"""`callwright loop` from the command line: what it says, where, and how it ends."""

from __future__ import annotations

from pathlib import Path

from command import callwright, one_line
from looping import loop_recipe
from workshops import written


def test_the_table_goes_to_stdout_and_the_talk_to_stderr(tmp_path: Path):
    recipe = written(loop_recipe(), tmp_path / "recipe.yaml")
    result = callwright("loop", recipe, "--rounds", 1, "--no-prefect", "--data", "data", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    table, files = result.stdout.split("\n\n")
    assert [line.split("|")[2].strip() for line in table.splitlines()[2:]] == ["as it came", "small@1"]
    assert [Path(line).name for line in files.splitlines()] == ["report.md", "summary.md"]
    assert all((tmp_path / line).is_file() for line in files.splitlines())
    told = result.stderr.splitlines()
    assert told[:2] == ["small-seeds: 30 rows", "small-heldout: 6 rows"]
    assert all(line.startswith("round 1: ") for line in told[2:]), told


def test_a_recipe_that_cannot_be_used_is_one_line(tmp_path: Path):
    recipe = written(loop_recipe(row=9), tmp_path / "recipe.yaml")
    one_line(
        callwright("loop", recipe, cwd=tmp_path),
        2,
        "recipe.yaml:",
        "unknown key loop.row; did you mean rows?",
    )
    assert not (tmp_path / "data").exists()


def test_a_loop_that_cannot_be_is_refused_before_prefect_starts(tmp_path: Path):
    recipe = written(loop_recipe(held_out={"toolkits": ["nowhere"], "rows": 6}), tmp_path / "recipe.yaml")
    one_line(callwright("loop", recipe, "--data", "data", cwd=tmp_path), 2, "there is no toolkit nowhere")
    assert not (tmp_path / "data").exists()


def test_a_student_that_is_not_there_is_one_line_and_can_be_continued(tmp_path: Path):
    student = {"engine": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "toy", "retries": 0}
    training = {"hook": "external", "command": "true"}
    recipe = written(loop_recipe(student=student, training=training), tmp_path / "recipe.yaml")
    result = callwright("loop", recipe, "--no-prefect", "--json", cwd=tmp_path)
    *_, last = result.stderr.splitlines()
    assert (result.returncode, result.stdout) == (4, "")
    assert last.startswith("callwright: nothing answers at http://127.0.0.1:9/v1")
