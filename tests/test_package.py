"""The prescribed rooms are one installed package, whichever way it is installed."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import callwright

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("flows", "generators", "judges", "schemas", "data")
HEAVY = ("prefect", "torch", "datasets", "duckdb", "pyarrow", "aiohttp", "pandas")


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_is_a_real_folder_and_part_of_the_package(room: str):
    assert (ROOT / room).is_dir() and not (ROOT / room).is_symlink()
    link = ROOT / "src" / "callwright" / room
    assert link.is_symlink() and not link.readlink().is_absolute()
    assert link.resolve() == ROOT / room
    if room != "data":
        module = importlib.import_module(f"callwright.{room}")
        assert Path(module.__path__[0]).resolve() == ROOT / room


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that was made of it, from a copy with run-time data lying about."""
    copy = tmp_path_factory.mktemp("package") / "copy"
    leave = shutil.ignore_patterns(
        ".*", "__pycache__", "build", "dist", "*.egg-info", "warehouse", "exports", "tests"
    )
    shutil.copytree(ROOT, copy, symlinks=True, ignore=leave)
    for place in (
        "data/warehouse/callwright.duckdb",
        "data/exports/demo@1/trl/README.md",
        "data/warehouse/run.yaml",
    ):
        (copy / place).parent.mkdir(parents=True, exist_ok=True)
        (copy / place).write_text("private", encoding="utf-8")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(copy / "dist"), str(copy))
    return copy / "dist"


def run(*command: str, **env: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(command, env=inherited | env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return result.stdout


def wheel_names(built: Path) -> set[str]:
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def sdist_names(built: Path) -> set[str]:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        return {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}


def wanted() -> set[str]:
    """Every module, prompt and shipped file, as it lies below the package."""
    package = ROOT / "src" / "callwright"
    found = {package / "py.typed"}
    for folder in (package, *(package / room for room in ROOMS)):
        for pattern in ("*.py", "*.md", "*.yaml", "*.html", "*.css", "*.js", "*.LICENSE"):
            found |= set(folder.resolve().rglob(pattern))
    rooms = {(ROOT / room): package / room for room in ROOMS}
    names = set()
    for path in found:
        home = next((room for room in rooms if room in path.parents), None)
        path = rooms[home] / path.relative_to(home) if home else path
        names.add(path.relative_to(package.parent).as_posix())
    return {
        name
        for name in names
        if not name.startswith(("callwright/data/warehouse", "callwright/data/exports"))
    }


def test_the_wheel_holds_every_room_prompt_and_recipe_and_no_run_time_data(built: Path):
    names = wheel_names(built)
    assert wanted() <= names
    assert "callwright/generators/toolalpaca/prompts/instruction.md" in names
    assert "callwright/data/seeds/museum.LICENSE" in names
    assert {name.split("/")[0] for name in names} == {"callwright", "callwright-0.1.0.dist-info"}
    assert not [name for name in names if "warehouse" in name or "exports/" in name]


def test_so_does_the_sdist(built: Path):
    names = sdist_names(built)
    assert {f"src/{name}" for name in wanted()} <= names
    assert {"pyproject.toml", "README.md", "LICENSE"} <= names
    assert not [
        name for name in names if "warehouse" in name or "/exports/" in name or name.startswith("tests")
    ]


def test_the_wheel_works_where_there_is_no_repository(built: Path, tmp_path: Path):
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        f"import sys; sys.path[:] = [p for p in sys.path if p != {str(ROOT / 'src')!r}]\n"
        f"sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import callwright; assert callwright.__file__.startswith(sys.path[0]), callwright.__file__\n"
        "from callwright.cli.main import main; main()"
    )
    assert "Usage: " in run(sys.executable, "-c", program, "--help")
    text = run(sys.executable, "-c", program, "tools", "check", str(ROOT / "data" / "seeds" / "library.yaml"))
    assert "single" in text
    recipe = tmp_path / "site" / "callwright" / "data" / "recipes" / "demo.yaml"
    arguments = ("preview", str(recipe), "-n", "1", "--data", str(tmp_path / "data"))
    assert "accepted" in run(sys.executable, "-c", program, *arguments)


@pytest.mark.parametrize(
    "program", ["import callwright", "from callwright.cli.main import app; app(['--help'])"]
)
def test_help_answers_without_loading_what_is_heavy(program: str):
    told = f"import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); {program}"
    result = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    loaded = set(result.stderr.split())
    assert "callwright" in loaded
    assert not loaded & set(HEAVY)


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    assert callwright.__version__ == version("callwright")
