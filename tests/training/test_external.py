"""A user's own command trains: what it is told, what it leaves, and how it fails."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from pathlib import Path

import pytest
from trainee import ENDPOINT, told

from callwright.errors import TrainingError
from callwright.schemas.loop import External
from callwright.schemas.recipe import LocalModel, OpenAIModel, SimulatedModel, Student
from callwright.training import trainer_of
from callwright.training.base import Job

TRAINEE = Path(__file__).parents[1] / "trainee.py"
LOCAL = LocalModel(engine="local", model="old", context=512)
REMOTE = OpenAIModel(engine="openai", base_url=("http://localhost:9/v1",), model="old", max_tokens=77)


def job(base: Path, student: Student = LOCAL, round_: int = 1) -> Job:
    return Job(round=round_, student=student, data=base / "data", out=base / "out")


async def trained(base: Path, what: str, job_: Job | None = None, timeout_s: float = 60.0) -> Student:
    command = shlex.join([sys.executable, str(TRAINEE), what]) + " {data} {model} {out} {round}"
    hook = External(hook="external", command=command, timeout_s=timeout_s)
    return await trainer_of(hook, base).train(job_ or job(base))


async def test_the_command_is_told_the_folders_and_its_model_is_the_student(tmp_path: Path):
    student = await trained(tmp_path, "model")
    assert student == LOCAL.model_copy(update={"model": str(tmp_path / "out" / "new")})
    assert told(tmp_path / "out") == [[str(tmp_path / "data"), str(tmp_path / "old"), "1"]]
    assert (tmp_path / "out" / "training.log").read_text(encoding="utf-8") == "step 1\nstep 2\n"


async def test_an_endpoint_keeps_what_the_old_student_was_asked_with(tmp_path: Path):
    student = await trained(tmp_path, ENDPOINT, job(tmp_path, REMOTE))
    changed = {"base_url": ("http://localhost:8000/v1",), "model": "new"}
    assert student == REMOTE.model_copy(update=changed)


async def test_a_served_student_may_only_change_its_name(tmp_path: Path):
    student = await trained(tmp_path, '{"model": "lora-1"}', job(tmp_path, REMOTE))
    assert student == REMOTE.model_copy(update={"model": "lora-1"})


async def test_a_model_in_a_folder_may_become_an_endpoint(tmp_path: Path):
    student = await trained(tmp_path, ENDPOINT)
    assert isinstance(student, OpenAIModel)
    assert (student.model, student.max_tokens) == ("new", LOCAL.max_tokens)


async def test_a_finished_training_is_not_run_again_and_another_one_is(tmp_path: Path):
    first = await trained(tmp_path, "model")
    assert await trained(tmp_path, "model") == first
    assert len(told(tmp_path / "out")) == 1
    await trained(tmp_path, "model", job(tmp_path, round_=2))
    assert [round_ for *_, round_ in told(tmp_path / "out")] == ["1", "2"]


async def test_an_older_word_about_a_student_does_not_count(tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "student.json").write_text('{"model": "stale"}', encoding="utf-8")
    with pytest.raises(TrainingError, match="wrote no"):
        await trained(tmp_path, "nothing")


async def test_a_crash_is_told_with_the_last_words_and_the_half_result_is_gone(tmp_path: Path):
    with pytest.raises(
        TrainingError, match=r"exit code 1, .*step 2 \| no room on the card; see .*training.log"
    ):
        await trained(tmp_path, "crash")
    student = await trained(tmp_path, "model")
    assert isinstance(student, LocalModel)
    assert len(told(tmp_path / "out")) == 2


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ("nothing", "wrote no .*student.json; let its command end by writing"),
        ("{", "student.json cannot be read"),
        ("[]", "holds something else than"),
        ('{"model": 3}', "holds something else than"),
        ('{"model": "new", "round": 1}', "holds something else than"),
        ('{"model": ""}', "holds something else than"),
        ('{"model": "nowhere"}', "nowhere, which holds no model"),
        ('{"model": "a", "base_url": "b", "base_url": "c"}', "cannot be read"),
    ],
)
async def test_what_is_no_student_is_refused_and_trained_again(tmp_path: Path, what: str, complaint: str):
    with pytest.raises(TrainingError, match=complaint) as caught:
        await trained(tmp_path, what)
    assert "\n" not in str(caught.value)
    await trained(tmp_path, "model")
    assert len(told(tmp_path / "out")) == 2


async def test_a_command_that_is_not_there_is_told(tmp_path: Path):
    hook = External(hook="external", command="no-such-command {data}")
    with pytest.raises(TrainingError, match="exit code 127, .*no-such-command cannot be started"):
        await trainer_of(hook, tmp_path).train(job(tmp_path))


async def test_a_training_that_takes_too_long_is_ended(tmp_path: Path):
    with pytest.raises(TrainingError, match="was ended after 1 s; .*raise timeout_s"):
        await trained(tmp_path, "hang", timeout_s=1.0)
    assert await _is_gone(tmp_path / "out")


async def test_a_training_ends_with_the_one_who_waits_for_it(tmp_path: Path):
    waiting = asyncio.create_task(trained(tmp_path, "hang"))
    async with asyncio.timeout(20):
        while not (tmp_path / "out" / "runs").is_file():
            await asyncio.sleep(0.02)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await _is_gone(tmp_path / "out")


async def test_a_training_does_not_outlive_a_killed_parent(tmp_path: Path):
    code = (
        "import asyncio, sys; from pathlib import Path; from callwright.training.child import run\n"
        "asyncio.run(run(sys.argv[2:], Path(sys.argv[1]) / 'log'))"
    )
    (tmp_path / "out").mkdir()
    trainee = [sys.executable, str(TRAINEE), "hang", "data", "model", str(tmp_path / "out"), "1"]
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(tmp_path / "out"), *trainee)
    async with asyncio.timeout(20):
        while not (tmp_path / "out" / "runs").is_file():
            await asyncio.sleep(0.02)
    parent.kill()
    await parent.wait()
    assert await _is_gone(tmp_path / "out")


async def test_a_simulated_student_is_refused(tmp_path: Path):
    with pytest.raises(TrainingError, match="cannot be trained by a command"):
        await trained(tmp_path, "model", job(tmp_path, SimulatedModel(engine="simulated")))


async def _is_gone(out: Path) -> bool:
    """Whether the last run's process ends."""
    pid = int((out / "runs").read_text(encoding="utf-8").split()[0])
    async with asyncio.timeout(20):
        while _lives(pid):
            await asyncio.sleep(0.02)
    return True


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # An ended process whose parent has not asked after it is a zombie.
        return f"{pid} " in (status := Path(f"/proc/{pid}/stat").read_text()) and status.split()[2] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
