from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pytest

from callwright.errors import StoreBusyError
from callwright.store import Store
from callwright.store.lock import StoreLock

HOLDER = """
import sys
from pathlib import Path
from callwright.store import Store
with Store.open(Path(sys.argv[1]), write=sys.argv[2] == "write"):
    print("open", flush=True)
    sys.stdin.read()
"""


def hold(folder: Path, how: str) -> subprocess.Popen[str]:
    """Another process that has the store open until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("held", "wanted"), [("write", True), ("write", False), ("read", True)])
def test_a_second_process_is_told_who_holds_the_store(tmp_path: Path, held: str, wanted: bool):
    with Store.open(tmp_path, write=True):
        pass
    holder = hold(tmp_path, held)
    try:
        with pytest.raises(StoreBusyError) as caught, Store.open(tmp_path, write=wanted, wait_s=0.2):
            pass
        assert str(tmp_path) in str(caught.value)
        assert f"process {holder.pid}" in str(caught.value)
        assert "--data" in str(caught.value)
    finally:
        end(holder)
    with Store.open(tmp_path, write=wanted, wait_s=0):
        pass  # a killed holder leaves no lock behind


def test_two_processes_may_read_at_once(tmp_path: Path):
    with Store.open(tmp_path, write=True):
        pass
    holder = hold(tmp_path, "read")
    try:
        with Store.open(tmp_path, write=False, wait_s=0):
            pass
    finally:
        end(holder)


def test_the_lock_survives_that_its_owner_opens_and_closes_the_store_file(tmp_path: Path):
    with Store.open(tmp_path, write=True):
        (tmp_path / "callwright.duckdb").read_bytes()
        with pytest.raises(subprocess.CalledProcessError) as caught:
            subprocess.run(
                [sys.executable, "-c", HOLDER.replace("write=", "wait_s=0, write="), str(tmp_path), "write"],
                check=True,
                capture_output=True,
                text=True,
            )
    assert f"in use by process {os.getpid()} (writing)" in caught.value.stderr


def test_waiting_outlasts_a_short_holder(tmp_path: Path):
    path = tmp_path / "a.lock"
    with StoreLock(path, 0, shared=True):
        sleeper = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; from pathlib import Path; from callwright.store.lock import StoreLock\n"
                "with StoreLock(Path(sys.argv[1]), 30): print('mine')",
                str(path),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        with pytest.raises(subprocess.TimeoutExpired):
            sleeper.wait(timeout=1)
    assert sleeper.communicate(timeout=30)[0] == "mine\n"


def test_the_same_process_cannot_open_it_twice(tmp_path: Path):
    with (
        Store.open(tmp_path, write=True),
        pytest.raises(StoreBusyError, match="this very process"),
        Store.open(tmp_path, write=True, wait_s=0),
    ):
        pass


def test_a_file_that_another_program_holds_is_busy_too(tmp_path: Path):
    with Store.open(tmp_path, write=True):
        pass
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "callwright.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(StoreBusyError, match="another program"), Store.open(tmp_path, write=True):
            pass
    finally:
        end(other)
    assert duckdb.connect(str(tmp_path / "callwright.duckdb")).close() is None


READER = """
import os, sys
from pathlib import Path
from callwright.store import Store
import duckdb
if os.geteuid() == 0:
    os.setuid(65534)
try:
    (Path(sys.argv[1]) / "mine").touch()
except PermissionError:
    pass
else:
    sys.exit("the folder is not read-only")
with Store.open(Path(sys.argv[1]), write=False) as store:
    print("read", len(store.versions()))
"""


def test_who_may_not_write_can_read():
    folder = Path(tempfile.mkdtemp(prefix="store-"))  # pytest's own folders are closed to other users
    try:
        with Store.open(folder, write=True):
            pass
        for path in folder.iterdir():
            path.chmod(0o444)
        folder.chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", READER, str(folder)], capture_output=True, text=True, check=False
        )
        assert done.stdout == "read 0\n", done.stderr
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
