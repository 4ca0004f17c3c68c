"""What a run survives: torn files, a full disk, a folder that cannot be written, a server that dies."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import loopback as lb
import pytest
from command import callwright, ended, one_line, started
from harbor import Harbor
from teacher import museum_teacher
from workshops import DEMO, TOOLS, museum, written

from callwright.engine.build import Built, build, run_folder
from callwright.engine.progress import read_statuses
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import ModelError, StoreError
from callwright.store import Store

# What no file may grow beyond: to a process it is what a full disk is, for every file alike.
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({}, resource.RLIM_INFINITY))"
# Even the superuser is then refused where the permissions of a file say so.
HEEDS_PERMISSIONS = """
import ctypes, os, sys
if "HEEDS_PERMISSIONS" not in os.environ:
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
    os.environ["HEEDS_PERMISSIONS"] = "1"
    os.execv(sys.executable, sys.orig_argv)
"""


def torn(path: Path, size_bytes: int = 7) -> None:
    """Cut the end off a file, as a crash in the middle of a write does."""
    path.write_bytes(path.read_bytes()[:-size_bytes])


def demo_build(folder: Path, *, size: int = 20, **changes: Any) -> subprocess.CompletedProcess[str]:
    arguments = ("build", DEMO, "--no-prefect", "--json", "--set", f"size={size}", "--data", "data")
    return callwright(*arguments, cwd=folder, **changes)


@pytest.fixture(scope="module")
def demo_whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """The id of the undisturbed version, and the size of its run's journal in bytes."""
    folder = tmp_path_factory.mktemp("demo")
    identity = str(json.loads(demo_build(folder).stdout)["id"])
    [journal] = folder.glob("data/runs/*/journal.jsonl")
    return identity, journal.stat().st_size


# Torn files


async def test_a_journal_that_was_torn_costs_one_question_and_a_torn_shard_nothing(tmp_path: Path):
    async with lb.Loopback(museum_teacher) as server:
        whole = await build(museum(server.base_url, size=20), tmp_path / "whole")
        answers = 0

        def failing(body: lb.Body) -> lb.Answer:
            nonlocal answers
            answers += 1
            return museum_teacher(body) if answers <= 50 else lb.error_reply(503, "no more")

        server.responder = failing
        workshop = museum(server.base_url, size=20, retries=0)
        with pytest.raises(ModelError):
            await build(workshop, tmp_path / "data")
        run = run_folder(workshop, tmp_path / "data")
        torn(run / "journal.jsonl")
        (run / "shards" / "toolalpaca-single-0000000-10.part").write_text(
            '{"method": "toolalp', encoding="utf-8"
        )
        server.responder = museum_teacher
        resumed = await build(workshop, tmp_path / "data")
    assert resumed.version.id == whole.version.id
    assert resumed.asked == whole.asked - 49


async def test_a_shard_that_was_damaged_later_is_one_line_and_made_anew_once_deleted(tmp_path: Path):
    async with lb.Loopback(museum_teacher) as server:
        workshop = museum(server.base_url, size=8)
        whole = await build(workshop, tmp_path / "whole")
        made = run_folder(workshop, tmp_path / "whole")
        run = run_folder(workshop, tmp_path / "data")
        shutil.copytree(made, run, dirs_exist_ok=True)
        shard = min((run / "shards").glob("*.jsonl"))
        torn(shard)
        with pytest.raises(StoreError, match="damaged since it was written; delete this file"):
            await build(workshop, tmp_path / "data")
        shard.unlink()
        again = await build(workshop, tmp_path / "data")
    assert (again.version.id, again.asked) == (whole.version.id, 0)


async def test_torn_notes_of_what_earlier_runs_were_answered_only_cost_questions(tmp_path: Path):
    async with lb.Loopback(museum_teacher) as server:
        await build(museum(server.base_url, size=10), tmp_path)
        larger = museum(server.base_url, size=14)
        run = run_folder(larger, tmp_path)
        with Store.open(tmp_path, write=False) as store:
            lines = [json.dumps(entry) for entry in store.calls("openai:toy")]
        (run / "earlier.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        torn(run / "earlier.jsonl")
        built = await build(larger, tmp_path)
        other = await build(larger, tmp_path / "other")
    assert built.version.id == other.version.id
    assert built.asked <= other.asked - len(lines) + 1


@pytest.mark.parametrize("last", ["intent", "observation"])
async def test_a_torn_line_about_a_call_leads_to_a_conversation_begun_anew(tmp_path: Path, last: str):
    """A call whose note was torn may have been made: no conversation goes on as if it had not."""
    async with Harbor() as harbor:
        body = {
            "dataset": "torn",
            "size": 8,
            "tools": [harbor.source(http_methods=["GET", "POST"])],
            "mix": {"single": 1.0},
        }
        recipe = written(body, tmp_path / "torn.yaml")
        whole = await build(Workshop.of(load_recipe(recipe), tmp_path), tmp_path / "whole")
        harbor.hold_at = harbor.count + 5
        command = ("build", str(recipe), "--no-prefect", "--json", "--data", str(tmp_path / "data"))
        process = await started(*command, cwd=tmp_path)
        await asyncio.wait_for(harbor.held.wait(), 60)
        process.kill()
        assert (await ended(process))[0] == -signal.SIGKILL
        harbor.hold_at = 0
        [calls] = tmp_path.glob("data/runs/*/calls.jsonl")
        lines = calls.read_bytes().splitlines(keepends=True)
        keep = max(n for n, line in enumerate(lines) if f"/{last}".encode() in line)
        calls.write_bytes(b"".join(lines[: keep + 1]))
        torn(calls)
        code, out, err = await ended(await started(*command, cwd=tmp_path))
    assert code == 0, err
    assert json.loads(out)["id"] == whole.version.id
    entries = [json.loads(line) for line in calls.read_text(encoding="utf-8").splitlines()]
    intents = {one["key"].removesuffix("/intent") for one in entries if "call" in one}
    answered = {one["key"].removesuffix("/observation") for one in entries if "observation" in one}
    assert answered <= intents
    assert len(intents - answered) == (1 if last == "observation" else 0)


# A full disk


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "the journal cannot be opened: [Errno 27] File too large"),
        (500, "cannot be written (File too large); make room or choose another folder with --data"),
        (30_000, "make room on the disk and run again, all answers before this one are kept"),
        (None, "callwright.duckdb: nothing was written ("),  # room for the journal, and hardly more
    ],
    ids=["nothing", "the run's notes", "the journal", "the store"],
)
def test_a_full_disk_is_one_line_and_the_build_goes_on_when_there_is_room(
    tmp_path: Path, demo_whole: tuple[str, int], size_bytes: int | None, words: str
):
    demo_id, journal_bytes = demo_whole
    limit = journal_bytes + 10_000 if size_bytes is None else size_bytes
    result = demo_build(tmp_path, before=FULL.format(limit))
    *progress, last = result.stderr.splitlines()
    assert result.returncode == 1, result.stderr
    assert last.startswith("callwright: data/") and words in last, result.stderr
    assert all(line.startswith("demo: stopped") for line in progress), result.stderr
    journals = list(tmp_path.glob("data/runs/*/journal.jsonl"))
    kept = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in journals)
    result = demo_build(tmp_path)
    assert result.returncode == 0, result.stderr
    body = json.loads(result.stdout)
    assert body["id"] == demo_id
    assert body["asked"] == body["statistics"]["requests"] - kept
    assert read_statuses(tmp_path / "data")[0]["accepted"] == 20


@pytest.mark.slow
def test_an_export_onto_a_full_disk_is_one_line_and_leaves_nothing_behind(tmp_path: Path):
    assert demo_build(tmp_path, size=6).returncode == 0
    export = ("export", "demo", "--out", "out", "--data", "data")
    result = callwright(*export, cwd=tmp_path, before=FULL.format(1000))
    one_line(result, 1, "out: cannot be written (", "make room or choose another folder")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
    assert callwright(*export, cwd=tmp_path).returncode == 0


# A folder that cannot be written


def test_a_data_folder_that_may_only_be_read_is_one_line_and_stays_as_it_was(tmp_path: Path):
    assert demo_build(tmp_path, size=6).returncode == 0
    data = tmp_path / "data"
    before = contents(data)
    folders = [data, *(path for path in data.rglob("*") if path.is_dir())]
    for path in [*before, *folders]:
        path.chmod(0o444 if path in before else 0o555)
    try:
        for arguments in (
            ("build", DEMO, "--no-prefect", "--set", "size=7"),
            ("build", DEMO, "--set", "size=7"),
            ("preview", DEMO, "--set", "size=7"),
            ("tools", "import", TOOLS / "museum.yaml"),
        ):
            result = callwright(*arguments, "--data", "data", cwd=tmp_path, before=HEEDS_PERMISSIONS)
            one_line(result, 1, "data/", "(Permission denied); choose another folder with --data")
    finally:
        for path in folders:
            path.chmod(0o755)
    assert contents(data) == before


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# A server that dies


async def test_a_server_that_dies_and_comes_back_in_the_middle_is_waited_for(tmp_path: Path):
    async with lb.Loopback(museum_teacher) as server:
        whole = await build(museum(server.base_url, size=20), tmp_path / "whole")
    first = lb.Loopback(museum_teacher, latency_s=0.01)
    async with first:
        running = asyncio.create_task(build(museum(first.base_url, size=20), tmp_path / "data"))
        await answered(first, whole.asked // 3, running)
    await asyncio.sleep(1.0)
    assert not running.done()
    async with lb.Loopback(museum_teacher, port=first.port) as second:
        built = await running
    assert built.version.id == whole.version.id
    assert 0 < second.count <= whole.asked - whole.asked // 3 + 8
    troubles = built.version.statistics.troubles
    assert troubles["retry_unreachable"] >= 1
    assert read_statuses(tmp_path / "data")[0]["troubles"] == troubles


async def answered(server: lb.Loopback, count: int, running: asyncio.Task[Built]) -> None:
    while server.count < count and not running.done():
        await asyncio.sleep(0.005)


async def test_what_was_counted_before_a_stop_is_counted_after_it(tmp_path: Path):
    async with lb.Loopback(lb.in_turn(lb.too_many("0.01"), lb.error_reply(401, "no"))) as server:
        workshop = museum(server.base_url, size=6, in_flight=1)
        with pytest.raises(ModelError, match="HTTP 401"):
            await build(workshop, tmp_path)
        [status] = read_statuses(tmp_path)
        assert (status["state"], status["troubles"]) == ("stopped", {"retry_429": 1})
        server.responder = museum_teacher
        built = await build(workshop, tmp_path)
    assert built.version.statistics.troubles == {"retry_429": 1}
