from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from workshops import DEMO, TOOLS, demo, museum

from callwright.engine.recipes import check_recipe, load_recipe, write_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import UsageError
from callwright.settings import shipped_folder

GOOD = """\
dataset: museum
size: 10
tools:
  - {openapi: museum.yaml}
models:
  teacher: {engine: offline}
mix:
  single: 1.0
"""


def refused(tmp_path: Path, text: str, *overrides: str) -> str:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_recipe(path, overrides)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("size: 10", "siez: 10"), ":2: unknown key siez; did you mean size?"),
        (("engine: offline", "engin: offline"), ":6: the key models.teacher.engine is missing"),
        (("offline}", "offline, inflight: 3}"), ":6: unknown key models.teacher.inflight; did you mean in_flight?"),
        (("{openapi:", "{opanapi:"), ":4: unknown key tools.0.opanapi; did you mean openapi?"),
        (("size: 10", "size: many"), ":2: size: Input should be a valid integer"),
        (("size: 10", "size: 0"), ":2: size: Input should be greater than or equal to 1, got 0"),
        (("dataset: museum", "dataset: Museum!"), ":1: dataset: "),
        (("single: 1.0", "singel: 1.0"), ":8: mix.singel"),
        (("single: 1.0", "single: 0.5"), ": mix: the shares add up to 0.5, not to 1"),
        (("size: 10\n", ""), ": the key size is missing"),
        (("tools:\n  - {openapi: museum.yaml}\n", "tools: []\n"), ":3: tools: "),
    ],
)  # fmt: skip
def test_a_wrong_recipe_is_told_by_line_and_key(tmp_path: Path, change: tuple[str, str], message: str):
    assert refused(tmp_path, GOOD.replace(*change)).startswith(message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "schedule: {cron: '0 2 * * *', interval: 6h}",
            ":9: schedule: a schedule has either cron or interval",
        ),
        ("schedule: {interval: 6 hours}", ":9: schedule.interval: must be a number with its unit"),
        ("schedule: {interval: 0h}", ":9: schedule.interval: must be a number with its unit"),
        ("schedule: {interval: 6h, timezone: Mars/Olympus}", ":9: schedule.timezone: is no time zone"),
        ("schedule: {interval: 6h, timezone: ../../etc/passwd}", ":9: schedule.timezone: is no time zone"),
        (
            "schedule: {interval: 6h, catchup: none}",
            ":9: unknown key schedule.catchup; did you mean catch_up?",
        ),
    ],
)
def test_a_wrong_schedule_is_told_by_line_and_key(tmp_path: Path, line: str, message: str):
    assert refused(tmp_path, f"{GOOD}{line}\n").startswith(message)


def test_a_schedule_may_be_a_cron_line_alone_and_decides_no_row():
    recipe = demo("schedule=0 2 * * *")
    assert recipe.recipe.schedule is not None
    assert (recipe.recipe.schedule.cron, recipe.recipe.schedule.catch_up) == ("0 2 * * *", "once")
    assert recipe.digest == demo().digest == demo("schedule={interval: 6h}").digest


def test_the_smaller_number_of_offered_tools_comes_first(tmp_path: Path):
    lines = "methods: {toolalpaca: {offered: [3, 2]}}\n"
    assert "offered: the smaller number comes first" in refused(tmp_path, GOOD + lines)


def test_rules_are_no_judge(tmp_path: Path):
    judge = GOOD.replace("offline}", "offline}\n  judge: {engine: offline}")
    assert "rules cannot judge; leave it out, and the teacher rules" in refused(tmp_path, judge)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (
            "methods: {ste: {}}",
            "no method of this recipe makes clarification and no_call rows; add toolalpaca",
        ),
        ("mix: any", "mix: any is for one method alone"),
        (
            "mix: {single: 1}\nmethods: {toolalpaca: {rows: 2}, ste: {rows: 3}}",
            "leave 5 rows to nobody",
        ),
        ("mix: any\nmethods: {ste: {rows: 4}}", "leave 6 rows to nobody"),
        ("mix: {single: 1}\nmethods: {ste: {episodse: 4}}", "did you mean episodes?"),
        ("mix: {single: 1}\nmethods: {ste: {examples: some}}", "methods.ste.examples"),
    ],
)
def test_methods_that_cannot_make_the_mix_are_refused(tmp_path: Path, lines: str, complaint: str):
    assert complaint in refused(tmp_path, f"{GOOD.partition('mix:')[0]}{lines}\n")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("world: calendar, python: tools.py", "exactly one of openapi, json, world, python, mcp and toolset"),
        ("mcp: server, toolbox: http", "toolbox: http is for OpenAPI files"),
        ("mcp: server, headers: {Authorization: TOKEN}", "headers: an MCP server over stdio is sent none"),
        ("mcp: 'http://x/mcp', hosts: [x], headers: {A: B}", "hosts: for OpenAPI files alone"),
        ("world: calendar, headers: {A: B}", "headers: for OpenAPI files alone"),
        ("mcp: 'http://x/mcp', headers: {A: 'Bearer abc'}", "must be the name of an environment variable"),
        ("openapi: museum.yaml, toolbox: http", "needs the hosts that calls may go to"),
        ("openapi: museum.yaml, toolbox: htpp", "toolbox"),
        ("wrold: calendar", "did you mean world?"),
    ],
)
def test_a_tool_source_that_makes_no_sense_is_refused(tmp_path: Path, source: str, complaint: str):
    assert complaint in refused(tmp_path, GOOD.replace("openapi: museum.yaml", source))


def test_an_override_wins_and_is_checked_like_the_file(tmp_path: Path):
    path = tmp_path / "recipe.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert load_recipe(path, ["size=25", "models.teacher.in_flight=4"]).size == 25
    assert "size: " in refused(tmp_path, GOOD, "size=none")
    assert "unknown key siez; did you mean size?" in refused(tmp_path, GOOD, "siez=3")
    assert refused(tmp_path, GOOD, "size").endswith("expected key=value, such as --set size=50")
    assert refused(tmp_path, GOOD, "size.more=3").endswith("size is not a mapping")
    assert refused(tmp_path, GOOD, "size={").endswith("the value is not YAML")


def test_a_recipe_that_is_no_mapping_is_refused(tmp_path: Path):
    assert "a recipe is a mapping of keys" in refused(tmp_path, "- 1\n")
    assert "a recipe is a mapping of keys" in refused(tmp_path, "")


def test_a_written_recipe_reads_back_as_itself(tmp_path: Path):
    recipe = load_recipe(DEMO)
    write_recipe(recipe, tmp_path / "again.yaml")
    assert load_recipe(tmp_path / "again.yaml") == recipe


def copied_museum(folder: Path, **changes: Any) -> Workshop:
    """The museum with its phrase sheet in a folder of its own, so that a test may edit the files."""
    body = {"dataset": "museum", "size": 20, "seed": 7, "tools": [{"openapi": "museum.yaml"}]} | changes
    for name in ("museum.yaml", "museum.phrases.yaml"):
        if not (folder / name).exists():
            folder.mkdir(exist_ok=True)
            shutil.copy(shipped_folder() / "seeds" / name, folder / name)
    return Workshop.of(check_recipe(body, "museum"), folder)


def test_what_decides_no_row_is_not_in_the_digest(tmp_path: Path):
    plain = copied_museum(tmp_path / "one")
    for other in (
        copied_museum(tmp_path / "two"),
        copied_museum(tmp_path / "one", models={"teacher": {"engine": "offline", "in_flight": 9}}),
        copied_museum(tmp_path / "one", views=["trl"]),
    ):
        assert other.digest == plain.digest
    moved = museum("http://127.0.0.1:10/v1", in_flight=3, timeout_s=5.0, retries=1, api_key_env="OTHER")
    assert moved.digest == museum().digest


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 8},
        {"size": 21},
        {"mix": {"single": 1.0}},
        {"splits": {"test": 0.2}},
        {"accept": {"rung": "L0"}},
        {"methods": {"toolalpaca": {"max_steps": 4}}},
        {"methods": {"toolalpaca": {}, "ste": {}}},
        {"methods": {"toolalpaca": {}, "ste": {"votes": 3}}},
        {"models": {"teacher": {"engine": "openai", "base_url": "http://x/v1", "model": "toy"}}},
    ],
)
def test_what_decides_rows_is_in_the_digest(tmp_path: Path, changes: dict[str, Any]):
    assert copied_museum(tmp_path, **changes).digest != copied_museum(tmp_path).digest


def test_the_model_and_its_sampling_are_in_the_digest():
    digests = {
        museum(**one).digest for one in ({}, {"model": "other"}, {"temperature": 0.1}, {"max_tokens": 99})
    }
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("museum.yaml", "Purchase museum tickets", "Buy museum tickets"),
        ("museum.phrases.yaml", "opening hours", "visiting hours"),
    ],
)
def test_tools_and_phrases_are_in_the_digest_by_content(tmp_path: Path, file: str, old: str, new: str):
    before = copied_museum(tmp_path).digest
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new), encoding="utf-8")
    assert copied_museum(tmp_path).digest != before


def test_two_toolkits_of_one_name_are_refused():
    body = {"dataset": "d", "size": 1, "tools": [{"openapi": str(TOOLS / "museum.yaml")}] * 2}
    with pytest.raises(UsageError, match="two toolkits are called .* give one of them a `name:`"):
        Workshop.of(check_recipe(body, "d"), Path())


def test_the_demo_covers_two_toolkits_and_four_kinds():
    workshop = demo()
    assert len(workshop.toolkits) == 2
    assert set(workshop.recipe.quotas()) == {"single", "multi_step", "clarification", "no_call"}
