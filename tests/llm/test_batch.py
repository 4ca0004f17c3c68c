"""A teacher that is asked in rounds: a real command reads and writes the files."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from checker import problems
from command import Command, callwright, ended, one_line, started
from workshops import museum_recipe, written

from callwright.engine.build import Built, build, run_folder
from callwright.engine.exports import export_view
from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import ModelError

SCRIPT = Path(__file__).resolve().parent.parent / "batch_command.py"


def recipe(folder: Path, *, size: int = 12, **teacher: Any) -> dict[str, Any]:
    """The museum's recipe with our command as its teacher; the command keeps its notes in the folder."""
    folder.mkdir(exist_ok=True)
    command = f"{shlex.quote(sys.executable)} {SCRIPT} {{input}} {{output}} {shlex.quote(str(folder))}"
    model = {"engine": "batch", "model": "toy", "command": command}
    return museum_recipe(size=size) | {"models": {"teacher": model | teacher}}


def workshop(folder: Path, **changes: Any) -> Workshop:
    return Workshop.of(check_recipe(recipe(folder, **changes), "museum"), Path())


def failing(folder: Path, **fail: Any) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "fail.json").write_text(json.dumps(fail), encoding="utf-8")


def mended(folder: Path) -> None:
    (folder / "fail.json").unlink()


def asked(folder: Path) -> Counter[str]:
    return Counter((folder / "asked.txt").read_text(encoding="utf-8").splitlines())


def rounds(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "rounds.txt").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, Path, Path]:
    """A build that nothing disturbed, the command's notes and the data folder."""
    folder = tmp_path_factory.mktemp("whole")
    built = asyncio.run(build(workshop(folder / "notes"), folder / "data"))
    return built, folder / "notes", folder / "data"


def test_rows_come_in_few_rounds_and_every_exported_row_is_right(
    whole: tuple[Built, Path, Path], tmp_path: Path
):
    built, notes, data = whole
    assert built.version.statistics.by_kind == check_recipe(recipe(notes), "museum").quotas()
    assert built.version.statistics.teacher == "batch:toy"
    assert asked(notes).total() == len(asked(notes)) == built.asked
    assert len(rounds(notes)) <= 12 and max(rounds(notes)) > 10
    export_view(data, "museum@1", "trl", tmp_path / "out")
    assert problems(tmp_path / "out") == []


@pytest.mark.slow
async def test_small_rounds_and_large_ones_make_the_same_version(
    whole: tuple[Built, Path, Path], tmp_path: Path
):
    built = await build(workshop(tmp_path / "notes", max_batch=7), tmp_path / "data")
    assert built.version.id == whole[0].version.id
    assert max(rounds(tmp_path / "notes")) == 7


@pytest.mark.parametrize("hold", ["before", pytest.param("after", marks=pytest.mark.slow)])
async def test_a_build_killed_in_a_round_reads_the_output_of_the_command_that_outlived_it(
    whole: tuple[Built, Path, Path], tmp_path: Path, hold: str
):
    notes = tmp_path / "notes"
    failing(notes, hold=hold, round=3)
    path = written(recipe(notes), tmp_path / "museum.yaml")
    arguments = ("build", str(path), "--no-prefect", "--json", "--data", "data")
    process = await started(*arguments, cwd=tmp_path)
    while not (notes / "held").exists() and process.returncode is None:
        await asyncio.sleep(0.01)
    process.kill()
    assert (await ended(process))[0] == -signal.SIGKILL
    again = await started(*arguments, cwd=tmp_path)
    assert isinstance(again, Command)
    async with asyncio.timeout(60):
        while not again.told():
            await asyncio.sleep(0.01)
    assert again.told().startswith("a stopped run has left its command behind (process ")
    await asyncio.sleep(0.5)
    assert len(rounds(notes)) == 3 and again.returncode is None  # it asks nothing meanwhile
    (notes / "release").touch()
    code, out, err = await ended(again)
    assert code == 0, err
    assert json.loads(out)["id"] == whole[0].version.id
    assert asked(notes).total() == len(asked(notes)) == asked(whole[1]).total()


async def test_a_build_killed_between_two_rounds_asks_nothing_a_second_time(
    whole: tuple[Built, Path, Path], tmp_path: Path
):
    notes = tmp_path / "notes"
    path = written(recipe(notes, max_batch=9), tmp_path / "museum.yaml")
    arguments = ("build", str(path), "--no-prefect", "--json", "--data", "data")
    for count in (2, 5, 8):
        process = await started(*arguments, cwd=tmp_path)
        while process.returncode is None and (
            not (notes / "rounds.txt").exists() or len(rounds(notes)) < count
        ):
            await asyncio.sleep(0.01)
        process.kill()
        assert (await ended(process))[0] == -signal.SIGKILL
    code, out, err = await ended(await started(*arguments, cwd=tmp_path))
    assert code == 0, err
    assert json.loads(out)["id"] == whole[0].version.id
    assert asked(notes).total() == len(asked(notes)) == asked(whole[1]).total()


@pytest.mark.parametrize(
    ("fail", "words"),
    [
        ({"exit": 3}, "ended with exit code 3, its last words: CUDA out of memory; see .*log, and run again"),
        ({"skip": 2}, r"left 2 of \d+ questions unanswered; see .*log, and run again"),
        ({"torn": True}, r"left 1 of \d+ questions unanswered; see"),
        (
            {"status": 503},
            r"left 1 of \d+ questions unanswered, the first: HTTP 503 \(as it was told to\); see",
        ),
    ],
    ids=["exit code", "missing lines", "torn line", "failed line"],
)
async def test_what_a_command_that_failed_has_answered_is_kept(
    whole: tuple[Built, Path, Path], tmp_path: Path, fail: dict[str, Any], words: str
):
    notes = tmp_path / "notes"
    failing(notes, **fail)
    with pytest.raises(ModelError, match=words) as caught:
        await build(workshop(notes), tmp_path / "data")
    assert caught.value.exit_code == 4
    first = rounds(notes)[0]
    mended(notes)
    built = await build(workshop(notes), tmp_path / "data")
    assert built.version.id == whole[0].version.id
    left = fail.get("skip", 0 if "exit" in fail else 1)
    assert asked(notes).total() - len(asked(notes)) == left
    assert first > left


@pytest.mark.parametrize(
    ("fail", "purpose", "code"),
    [
        ({"status": 400, "round": 1}, "toolalpaca.instruction", "request_refused"),
        (
            {"status": 400, "said": "the maximum context length is 4096 tokens", "round": 1},
            "toolalpaca.instruction",
            "context_overflow",
        ),
        ({"raw": True, "round": 2}, "toolalpaca.assistant", None),
    ],
)
async def test_a_refused_question_is_a_counted_drop_and_a_call_as_text_is_asked_for_once_more(
    tmp_path: Path, fail: dict[str, Any], purpose: str, code: str | None
):
    failing(tmp_path / "notes", **fail)
    statistics = (await build(workshop(tmp_path / "notes", size=6), tmp_path / "data")).version.statistics
    assert statistics.rows == 6
    assert statistics.by_purpose[purpose].refused == 1
    assert {drop.code: drop.count for drop in statistics.drops if drop.gate == "generation"} == (
        {code: 1} if code else {}
    )


async def test_a_build_that_is_stopped_ends_its_command_too(tmp_path: Path):
    notes = tmp_path / "notes"
    failing(notes, hold="before", round=1)
    path = written(recipe(notes), tmp_path / "museum.yaml")
    process = await started("build", str(path), "--no-prefect", "--data", "data", cwd=tmp_path)
    while not (notes / "held").exists() and process.returncode is None:
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    code, _, err = await ended(process)
    assert code == 4 and err.splitlines()[-1].startswith("callwright: stopped"), err
    [lock] = tmp_path.glob("data/runs/*/batch/lock")
    pid = int(lock.read_text(encoding="utf-8"))
    assert not Path(f"/proc/{pid}").exists()


def test_a_program_that_is_not_there_is_one_line(tmp_path: Path):
    body = recipe(tmp_path / "notes", command="no-such-program -i {input} -o {output}")
    result = callwright("build", written(body, tmp_path / "m.yaml"), "--no-prefect", cwd=tmp_path)
    assert result.returncode == 4
    assert result.stderr.splitlines()[-1] == (
        "callwright: no-such-program cannot be started (No such file or directory); correct models.teacher.command "
        "in the recipe"
    )


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("vllm run-batch -i {input}", "models.teacher.command: a command needs {input} and {output}"),
        ("vllm 'run-batch -i {input} -o {output}", "cannot be split (No closing quotation)"),
    ],
)
def test_a_command_that_cannot_work_is_refused_before_anything_starts(
    tmp_path: Path, command: str, words: str
):
    path = written(recipe(tmp_path / "notes", command=command), tmp_path / "m.yaml")
    one_line(callwright("build", path, "--no-prefect", cwd=tmp_path), 2, words)
    assert not (tmp_path / "data").exists()


async def test_files_whose_answers_are_in_the_journal_are_removed(whole: tuple[Built, Path, Path]):
    _, notes, data = whole
    folder = run_folder(workshop(notes), data) / "batch"
    assert len(list(folder.glob("*.output.jsonl"))) == 1 < len(rounds(notes))
