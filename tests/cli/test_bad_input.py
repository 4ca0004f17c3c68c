"""What goes wrong is one clear line on stderr, with the right exit code and no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from command import callwright, one_line
from workshops import DEMO, TOOLS, museum_recipe, written

from callwright.store import Store

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
RECIPE = "dataset: demo\nsize: 8\ntools:\n  - {openapi: museum.yaml}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ("bad.yaml: no such file",)),
        ("dataset: [", ("bad.yaml: line ", "not YAML")),
        (BOMB, ("bad.yaml: ", "a bomb?")),
        (RECIPE.replace("size", "siez"), ("bad.yaml:2: unknown key siez; did you mean size?",)),
        (RECIPE.replace("8", "many"), ("bad.yaml:2: size: ", "'many'")),
        (RECIPE + "schedule: {interval: daily}\n", ("bad.yaml:5: schedule.interval: ", "such as 90s")),
        (RECIPE, ("museum.yaml: no such file",)),
    ],
    ids=["no file", "no YAML", "bomb", "unknown key", "wrong type", "wrong schedule", "no tools"],
)
def test_a_recipe_that_cannot_be_used(tmp_path: Path, text: str | None, words: tuple[str, ...]):
    if text is not None:
        (tmp_path / "bad.yaml").write_text(text, encoding="utf-8")
    result = callwright("build", "bad.yaml", "--no-prefect", cwd=tmp_path)
    one_line(result, 1 if text == RECIPE else 2, *words)
    assert not (tmp_path / "data").exists()


def test_build_wants_a_recipe_or_tools_and_not_both(tmp_path: Path):
    for arguments in ((), (DEMO, "--tools", TOOLS / "museum.yaml")):
        one_line(callwright("build", *arguments, cwd=tmp_path), 2, "give either a recipe or --tools SRC")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ("tools.yaml: no such file",)),
        ("hello: world\n", ("tools.yaml: ", "OpenAPI")),
        (BOMB, ("tools.yaml: ", "a bomb?")),
    ],
    ids=["no file", "no OpenAPI", "bomb"],
)
def test_a_file_of_tools_that_cannot_be_read(tmp_path: Path, text: str | None, words: tuple[str, ...]):
    if text is not None:
        (tmp_path / "tools.yaml").write_text(text, encoding="utf-8")
    one_line(callwright("build", "--tools", "tools.yaml", "--no-prefect", cwd=tmp_path), 1, *words)


LAUNCHED = "import sys; sys.stderr.write('No database.\\n'); sys.exit(3)"


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("world:calender", 2, ("unknown world calender; did you mean calendar?",)),
        ("world:zzz", 2, ("unknown world zzz; there are: bank, calendar",)),
        ("world:", 2, ("'world:' names no tools; write world:calendar",)),
        ("mcp:", 2, ("'mcp:' names no tools",)),
        ("", 2, ("'' names no tools",)),
        ("missing.py", 1, ("there is no Python file missing.py",)),
        ("raises.py", 1, ("raises.py: cannot be imported: RuntimeError: no key",)),
        ("broken.py", 1, ("broken.py: cannot be imported: SyntaxError",)),
        ("fine.py:git_price", 1, ("has no function git_price; it has: get_price",)),
        ("python:no_such_module", 1, ("No module named 'no_such_module'",)),
        ("mcp:no-such-server", 1, ("there is no such program on the PATH", "install the MCP server")),
        ("mcp:python dies.py", 1, ("the MCP server cannot be started", "its last words: No database.")),
        ("mcp:http://127.0.0.1:9/mcp", 1, ("127.0.0.1: the MCP server cannot be reached",)),
    ],
)
def test_tools_of_every_kind_that_cannot_be_read(
    tmp_path: Path, source: str, code: int, words: tuple[str, ...]
):
    for name, text in {
        "raises.py": 'raise RuntimeError("no key in the environment")',
        "broken.py": "def f(:",
        "fine.py": "def get_price(count: int) -> int:\n    return count",
        "dies.py": LAUNCHED,
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    one_line(callwright("build", "--tools", source, "-n", "4", "--no-prefect", cwd=tmp_path), code, *words)
    one_line(callwright("init", "new.yaml", "--tools", source, cwd=tmp_path), code, *words)
    assert not (tmp_path / "data").exists() and not (tmp_path / "new.yaml").exists()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"toolbox": "http"}, "http.yaml:4: tools.0: toolbox: http needs the hosts that calls may go to"),
        ({"toolbox": "https"}, "http.yaml:6: tools.0.toolbox: Input should be 'simulated' or 'http', got 'https'"),
        ({"toolbox": "http", "hosts": ["api.exmaple.com"]}, "api.example.com may not be asked"),
        ({"toolbox": "http", "hosts": ["api.example.com"], "host": 1}, "unknown key tools.0.host; did you mean hosts?"),
        ({"world": "calendar"}, "exactly one of openapi, json, world, python, mcp and toolset"),
    ],
    ids=["no hosts", "no such toolbox", "host with a typo", "key with a typo", "two sources"],
)  # fmt: skip
def test_calls_that_could_not_go_out_are_refused_before_a_run_begins(
    tmp_path: Path, source: dict[str, object], words: str
):
    given = {"openapi": str(TOOLS / "harbor.yaml"), "server": "https://api.example.com", **source}
    recipe = written({"dataset": "http", "size": 4, "tools": [given]}, tmp_path / "http.yaml")
    one_line(callwright("build", recipe, "--no-prefect", cwd=tmp_path), 2, words)
    assert not (tmp_path / "data").exists()


def test_a_wrong_option_is_a_usage_error(tmp_path: Path):
    result = callwright("build", DEMO, "--sise", "3", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert "No such option: --sise" in result.stderr and "Traceback" not in result.stderr


def test_an_endpoint_that_is_down_stops_the_build_resumably(tmp_path: Path):
    recipe = written(museum_recipe(size=4), tmp_path / "down.yaml")
    result = callwright("build", recipe, "--no-prefect", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (4, "")
    progress, last = result.stderr.splitlines()
    assert progress.startswith("museum: stopped, 0 accepted of 4 wanted")
    assert last.startswith("callwright: nothing answers at http://127.0.0.1:9/v1")
    assert last.endswith("start the server, or correct base_url in the recipe, and run again")


def test_a_quota_that_is_not_met_names_kind_count_and_reason(tmp_path: Path):
    tools = [
        {
            "name": "get_time",
            "description": "Tell the time.",
            "parameters": {"type": "object", "properties": {}},
        }
    ]
    (tmp_path / "clock.json").write_text(json.dumps(tools), encoding="utf-8")
    body = {"dataset": "clock", "size": 2, "tools": [{"json": "clock.json"}], "mix": {"multi_step": 1.0}}
    result = callwright("build", written(body, tmp_path / "clock.yaml"), "--no-prefect", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (3, "")
    assert "multi_step: 2 of 2 rows missing" in result.stderr.splitlines()[-1]
    assert "no_scenario" in result.stderr.splitlines()[-1]


def test_a_store_that_another_process_holds_is_named_with_its_holder(tmp_path: Path):
    with Store.open(tmp_path / "data", write=True):
        result = callwright("tools", "import", TOOLS / "museum.yaml", "--data", "data", cwd=tmp_path)
    one_line(result, 1, "data: the store is in use by process", "choose another folder with --data")


def test_a_data_folder_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").touch()
    for arguments in (
        ("build", DEMO, "--no-prefect"),
        ("build", DEMO),
        ("tools", "import", TOOLS / "museum.yaml"),
    ):
        one_line(
            callwright(*arguments, "--data", "file/data", cwd=tmp_path), 1, "file/data", "Not a directory"
        )


def test_a_store_of_a_newer_callwright_is_left_alone(tmp_path: Path):
    with Store.open(tmp_path, write=True):
        pass
    with duckdb.connect(str(tmp_path / "callwright.duckdb")) as connection:
        connection.execute("INSERT INTO migrations VALUES (99, 'm099_tomorrow', now()::TIMESTAMP)")
    before = (tmp_path / "callwright.duckdb").read_bytes()
    for arguments in (
        ("dataset", "list"),
        ("build", DEMO, "--no-prefect", "--set", "size=4"),
        ("build", DEMO, "--no-prefect", "--set", "size=4", "--replay"),
        ("tools", "import", TOOLS / "museum.yaml"),
    ):
        result = callwright(*arguments, "--data", tmp_path, cwd=tmp_path)
        one_line(result, 1, "written by a newer callwright (schema 99", "upgrade callwright")
    assert (tmp_path / "callwright.duckdb").read_bytes() == before


def test_a_file_that_is_no_store_is_refused(tmp_path: Path):
    (tmp_path / "callwright.duckdb").write_text("my diary", encoding="utf-8")
    one_line(callwright("dataset", "list", "--data", tmp_path, cwd=tmp_path), 1, "callwright.duckdb")
    assert (tmp_path / "callwright.duckdb").read_text(encoding="utf-8") == "my diary"


def test_names_that_do_not_exist(tmp_path: Path):
    one_line(
        callwright("dataset", "list", cwd=tmp_path), 1, "no store here yet; `callwright build` makes one"
    )
    built = callwright("build", DEMO, "--set", "size=4", "--no-prefect", "--data", "d", cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    for arguments, code, words in (
        (("dataset", "show", "deno"), 1, "demo"),
        (("dataset", "show", "demo@7"), 1, "demo@7: no such version; demo has 1, the newest is demo@1"),
        (("dataset", "show", "demo:best"), 1, "best"),
        (("dataset", "log", "demi"), 1, "demo"),
        (("dataset", "show", "demo", "--kind", "triple"), 2, "unknown kind triple; there are: single"),
        (("export", "demo", "--view", "csv"), 2, "unknown view csv; there are: trl, "),
        (("tools", "show", "getMusem"), 2, "no tool named getMusem"),
    ):
        one_line(callwright(*arguments, "--data", "d", cwd=tmp_path), code, words)


def test_nothing_is_overwritten_unasked(tmp_path: Path):
    (tmp_path / "recipe.yaml").write_text("mine", encoding="utf-8")
    one_line(callwright("init", cwd=tmp_path), 2, "recipe.yaml exists already")
    assert (tmp_path / "recipe.yaml").read_text(encoding="utf-8") == "mine"
