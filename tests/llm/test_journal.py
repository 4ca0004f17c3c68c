import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.errors import StoreBusyError, StoreError
from callwright.llm.journal import Journal

APPEND_FOR_EVER = """
import sys
from callwright.llm.journal import Journal
journal = Journal(sys.argv[1], fsync_every_s=0.01)
number = len(journal)
while True:
    journal.append({"key": f"k{number}", "text": "x" * 500})
    number += 1
    print(number, flush=True)
"""


def entry(key: str, **fields: Any) -> dict[str, Any]:
    return {"key": key} | fields


def child(program: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)


def test_what_is_appended_is_found_by_key_and_in_order(tmp_path: Path):
    with Journal(tmp_path / "run" / "calls.jsonl") as journal:
        journal.append(entry("b", text="naïve \u2028 \ud800"))
        journal.append(entry("a", text="second"))
        journal.append(entry("b", text="later answers do not count"))
        assert journal.get("b") == entry("b", text="naïve \u2028 \ud800")
        assert journal.get("c") is None
        assert [found["key"] for found in journal] == ["b", "a"]
        assert [found["key"] for found in journal.after(1)] == ["a"]
        assert len(journal) == 2 and "a" in journal and "c" not in journal


def test_it_is_all_there_when_it_is_opened_again(tmp_path: Path):
    path = tmp_path / "calls.jsonl"
    for number in range(3):
        with Journal(path) as journal:
            assert len(journal) == number
            journal.append(entry(f"k{number}", n=number))
    with Journal(path) as journal:
        assert [journal.get(f"k{number}") for number in range(3)] == list(journal)


@settings(deadline=None)  # the machine may be busy
@given(texts=st.lists(st.text(), min_size=1, max_size=5), cut=st.integers(min_value=1, max_value=30))
def test_a_torn_last_line_is_dropped_and_written_over(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], cut: int
):
    path = tmp_path_factory.mktemp("torn") / "calls.jsonl"
    with Journal(path) as journal:
        for number, text in enumerate(texts):
            journal.append(entry(f"k{number}", text=text))
        start, length = journal._index[f"k{len(texts) - 1}"]
    os.truncate(path, start + max(0, length - cut))
    with Journal(path) as journal:
        assert len(journal) == len(texts) - 1
        journal.append(entry("new"))
        assert [found["key"] for found in journal] == [f"k{n}" for n in range(len(texts) - 1)] + ["new"]


def test_a_damaged_line_in_the_middle_costs_that_line_only(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "calls.jsonl"
    path.write_bytes(b'{"key":"a"}\n\x00\x00\xff\n[1]\n{"no":"key"}\n{"key":"b"}\n')
    with Journal(path) as journal:
        assert list(journal) == [entry("a"), entry("b")]
        assert journal.get("b") == entry("b")
    assert caplog.text.count("passed over") == 3


def test_a_kill_at_any_moment_loses_no_finished_line(tmp_path: Path):
    path = tmp_path / "calls.jsonl"
    finished = 0
    for _ in range(3):
        process = child(APPEND_FOR_EVER, path)
        assert process.stdout
        for _ in range(300):
            finished = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with Journal(path) as journal:
            assert len(journal) >= finished
            assert [found["key"] for found in journal] == [f"k{n}" for n in range(len(journal))]


def test_a_second_process_is_told_who_holds_it(tmp_path: Path):
    path = tmp_path / "calls.jsonl"
    process = child(APPEND_FOR_EVER, path)
    assert process.stdout
    process.stdout.readline()
    with pytest.raises(StoreBusyError, match=f"calls.jsonl: process {process.pid} holds this journal"):
        Journal(path)
    process.kill()
    process.wait()
    process.stdout.close()
    Journal(path).close()


def test_two_journals_of_one_process_exclude_each_other(tmp_path: Path):
    with Journal(tmp_path / "calls.jsonl") as journal:
        with pytest.raises(StoreBusyError, match=str(os.getpid())):
            Journal(journal.path)
        journal.close()
        Journal(journal.path).close()


def test_a_full_disk_is_said_and_leaves_the_file_valid(tmp_path: Path):
    path = tmp_path / "calls.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Journal(path) as journal:
        journal.append(entry("a"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
        try:
            for _ in range(2):
                with pytest.raises(StoreError, match="make room on the disk"):
                    journal.append(entry("b", text="x" * 100))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_bytes() == b'{"key":"a"}\n'
        journal.append(entry("b"))
    assert [json.loads(line) for line in path.read_bytes().splitlines()] == [entry("a"), entry("b")]


def test_no_space_left_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with Journal(tmp_path / "calls.jsonl") as journal, Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(journal, "_fd", full.fileno())
        monkeypatch.setattr(os, "ftruncate", lambda fd, size: None)
        with pytest.raises(StoreError, match="No space left on device"):
            journal.append(entry("a"))
        assert "a" not in journal
        monkeypatch.undo()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="the journal cannot be opened"):
        Journal(tmp_path / "file" / "calls.jsonl")
