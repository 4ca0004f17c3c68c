"""What is documented is there, and what is there is documented."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import shlex
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
import typer
from command import callwright
from pages import PAGES as PAGE_FILES
from pages import TAGS, blocks, follow, steps
from reason_codes import reason_codes

import callwright as package
from callwright import errors
from callwright.cli.main import app
from callwright.schemas.recipe import ViewName
from callwright.store import query
from callwright.views.turns import REASONS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md")))
PAGES_WITH_COMMANDS = [page for page in PAGE_FILES if any(one.commands for one in blocks(page))]
RUNNABLE = [page for page in PAGE_FILES if any(one.commands for one in steps(page))]
GUIDE = ROOT / "docs" / "guide.md"
COMMAND: Any = typer.main.get_command(app)


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = generator()


def commands() -> list[tuple[str, Any]]:
    return list(GENERATE.commands(COMMAND))


@pytest.mark.parametrize("page", list(GENERATE.PAGES))
def test_a_page_that_is_made_of_the_code_is_as_the_code_is(page: str):
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == GENERATE.PAGES[page](), "make docs"


@pytest.mark.parametrize(("name", "command"), commands(), ids=[name for name, _ in commands()])
def test_every_command_and_option_has_help(name: str, command: Any):
    assert command.help and command.help.splitlines()[0].endswith(".")
    for parameter in command.params:
        assert parameter.help, f"{name}: {parameter.name}"


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_is_in_the_readme_or_the_docs(name: str):
    assert f"callwright {name}" in README + PAGES


def test_every_command_in_the_readme_is_there():
    known = {name for name, _ in commands()}
    named = set(re.findall(r"^\$ callwright ((?:tools|dataset|run) \w+|\w+)", README + PAGES, re.MULTILINE))
    assert named and named <= known


@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS, ids=lambda page: page.stem)
def test_every_command_of_a_page_can_be_typed(page: Path):
    for block in blocks(page):
        assert block.commands or "$ callwright" not in block.text, (
            f"a block of commands is ```console: {block.text}"
        )
        assert not block.commands or block.label in ("", *TAGS), block.label
        for line in block.commands:
            words = shlex.split(line, comments=True)
            while words and "=" in words[0]:  # a variable of the environment
                del words[0]
            if words[:1] == ["callwright"]:
                typed(words[1:])


def typed(words: list[str]) -> None:
    """Parse a command line as the program would, and go no further."""
    command, name = COMMAND, "callwright"
    while hasattr(command, "commands"):
        name, *words = words
        if name in SHELL:
            return
        command = command.commands[name]
    command.make_context(name, words)


SHELL = {"--help", "--version"}


def clone(folder: Path) -> Path:
    """What a clone has in `data`."""
    for name in ("recipes", "seeds"):
        shutil.copytree(ROOT / "data" / name, folder / "data" / name)
    return folder


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone, and what the pages speak of: two datasets, recipes, tools, and files to check and to score."""
    folder = clone(tmp_path_factory.mktemp("stage"))
    files = [ROOT / "data" / "seeds" / name for name in ("museum.yaml", "museum.phrases.yaml")]
    for file in (*files, *(ROOT / "tests" / "data" / "pages").iterdir()):
        shutil.copy(file, folder)
    begun("init", "museum.recipe.yaml", "--tools", "museum.yaml", cwd=folder)
    shutil.copy(folder / "museum.recipe.yaml", folder / "recipe.yaml")
    for recipe, sizes in {"museum.recipe.yaml": (40, 44, 48), "data/recipes/demo.yaml": (40, 44)}.items():
        for size in sizes:
            begun("build", recipe, "--no-prefect", "--set", f"size={size}", cwd=folder)
    return folder


def begun(*words: str, cwd: Path) -> None:
    done = callwright(*words, cwd=cwd)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in RUNNABLE if page != GUIDE], ids=lambda page: page.stem)
def test_the_commands_of_a_page_do_what_it_says(page: Path, stage: Path, tmp_path: Path):
    folder = tmp_path / "here"
    shutil.copytree(stage, folder)
    [[row]] = query(folder / "data" / "warehouse", "SELECT min(id) FROM rows", limit=1).rows
    follow(steps(page), folder, {"36148fe9": row})


@pytest.mark.slow
def test_the_guide_can_be_followed_in_a_clone(tmp_path: Path):
    follow(steps(GUIDE), clone(tmp_path))


def test_the_python_in_the_readme_calls_what_is_there():
    snippets = [ast.parse(text) for text in re.findall(r"```python\n(.*?)```", README, re.DOTALL)]
    ours = [
        node
        for snippet in snippets
        for node in ast.walk(snippet)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "callwright"
    ]
    assert {node.func.attr for node in ours} == {"build", "load"}
    for node in ours:
        function = getattr(package, node.func.attr)
        inspect.signature(function).bind(*node.args, **{keyword.arg: None for keyword in node.keywords})


def test_every_path_and_link_in_the_pages_leads_somewhere():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
    tree = README[README.index("## The house") :]
    for folder in re.findall(r"^ {0,2}([\w/]+/)\s", tree, re.MULTILINE):
        assert (ROOT / folder).is_dir() or (ROOT / "src" / "callwright" / folder).is_dir(), folder


def test_every_heading_that_a_link_names_is_there():
    for page in PAGE_FILES:
        for target, heading in re.findall(
            r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8")
        ):
            text = (page.parent / target if target else page).read_text(encoding="utf-8")
            headings = {GENERATE.anchor(one) for one in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
            assert heading in headings, f"{page.name}: {target}#{heading}"


@pytest.mark.parametrize("view", get_args(ViewName))
def test_every_option_of_a_view_is_on_its_page(view: str):
    page = (ROOT / "docs" / "views.md").read_text(encoding="utf-8")
    shared, *sections = re.split(r"^## ", page, flags=re.MULTILINE)
    [section] = [one for one in sections if one.startswith(f"{view}\n")]
    for option in importlib.import_module(f"callwright.views.{view.replace('-', '_')}").Options.model_fields:
        told = shared if option == "parallel" else section
        assert f"`{option}`" in told or f"{option}=" in told, option


def test_the_exit_codes_in_the_readme_are_those_of_the_errors():
    codes = {
        error.exit_code
        for _, error in inspect.getmembers(importlib.import_module("callwright.errors"), inspect.isclass)
        if issubclass(error, callwright_error())
    }
    told = re.search(r"Exit codes:(.*?)\.\n", README, re.DOTALL)
    assert told is not None
    assert codes | {0, 130} == {int(code) for code in re.findall(r"\b\d+\b", told[1])}


def test_every_reason_code_is_on_the_page_of_troubles_and_no_other():
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    cells = [
        cell.strip() for line in page.splitlines() if line.startswith("| ") for cell in line.split("|")[1:3]
    ]
    named = {
        code
        for cell in cells
        if re.fullmatch(r"(`[\w*]+`(, )?)+", cell)
        for code in re.findall(r"`(.+?)`", cell)
    }
    assert named == set(reason_codes()) | set(REASONS)


def test_the_page_of_troubles_has_every_exit_code():
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    codes = {error.exit_code for error in vars(errors).values() if hasattr(error, "exit_code")}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)} == codes | {0, 130}


def callwright_error() -> type[Exception]:
    from callwright.errors import CallwrightError

    return CallwrightError


def test_the_tests_that_pages_name_are_there():
    named = set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?", README + PAGES))
    assert len(named) > 40
    for path, name in sorted(named):
        assert (ROOT / path).is_file(), path
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not name or re.search(rf"^(?:async )?def {name}\(", text, re.MULTILINE), f"{path}::{name}"


def test_each_check_of_a_loop_has_a_test():
    page = (ROOT / "docs" / "methods" / "looptool.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (\d+) \| (.+) \| (.*) \|$",
        page[page.index("## Checks") : page.index("## Measured")],
        re.MULTILINE,
    )
    assert [int(number) for number, _, _ in rows] == list(range(1, 14))
    for number, what, tests in rows:
        assert what and re.search(r"`tests/[\w/]+\.py", tests), number
