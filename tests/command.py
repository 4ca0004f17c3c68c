"""The real command line, in a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from functools import cache
from pathlib import Path
from typing import Any

# A suite that runs in the background inherits "ignore SIGINT" and would pass it on.
_HEED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
PROGRAM = (sys.executable, "-c", f"{_HEED}; from callwright.cli.main import main; main()")


def environment(**changes: str) -> dict[str, str]:
    """This process's, with nothing in it that changes what callwright does."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CALLWRIGHT_")}
    return inherited | changes


def callwright(
    *arguments: object, cwd: Path, before: str = "", **env: str
) -> subprocess.CompletedProcess[str]:
    """The command, run to its end; `before` is Python that its process runs first, to make its life harder."""
    if before or env:
        # Libraries read the environment when they are imported, so this one has to import them itself.
        python, option, text = PROGRAM
        return subprocess.run(
            [python, option, f"{before}\n{text}", *map(str, arguments)],
            cwd=cwd,
            env=environment(**env),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    command = Command(*arguments, cwd=cwd)
    return subprocess.CompletedProcess(command.arguments, *command.result())


async def started(*arguments: object, cwd: Path, **env: str) -> Process | Command:
    """The command under way, for tests that disturb it."""
    if not env:
        return Command(*arguments, cwd=cwd)
    command = [*PROGRAM, *map(str, arguments)]
    return await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=environment(**env), stdout=PIPE, stderr=PIPE
    )


async def ended(process: Process | Command) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    if isinstance(process, Command):
        return await asyncio.to_thread(process.result)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


class Command:
    """The command in a process that is forked from one which has imported what takes long: see `forking`."""

    def __init__(self, *arguments: object, cwd: Path) -> None:
        self.arguments = tuple(map(str, arguments))
        self._said = Path(tempfile.mkdtemp(prefix="said-"))
        (self._said / "err").touch()
        self._process = forking().Process(
            target=_run, args=(self.arguments, cwd, environment(), self._said), daemon=True
        )
        self._process.start()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def told(self) -> str:
        """What stderr got until now."""
        return (self._said / "err").read_text(encoding="utf-8")

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def result(self) -> tuple[int, str, str]:
        """Wait for its end: exit code, stdout and stderr."""
        self._process.join(120)
        code = self._process.exitcode
        if code is None:
            self.kill()
            raise subprocess.TimeoutExpired(self.arguments, 120)
        out, err = ((self._said / name).read_text(encoding="utf-8") for name in ("out", "err"))
        shutil.rmtree(self._said)
        return code, out, err


def _run(arguments: tuple[str, ...], cwd: Path, env: dict[str, str], said: Path) -> None:
    """What `PROGRAM` does, with the state that it starts in."""
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(said / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[:] = ["", *(place for place in sys.path if Path(place) != Path(__file__).parent)]
    sys.argv = ["callwright", *arguments]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from callwright.cli.main import main

    main()


@cache
def forking() -> Any:
    """Processes that are forked from one which has imported the code, and done nothing with it."""
    context = multiprocessing.get_context("forkserver")
    rooms = ("building", "looping", "reading", "tooling", "versioning")
    context.set_forkserver_preload(
        ["datasketch", "callwright.views.trl", *(f"callwright.cli.{one}" for one in rooms)]
    )
    return context


def one_line(result: Any, code: int, *words: str) -> str:
    """The message of a command that failed as it should: one line, no traceback, these words in it."""
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert result.stdout == ""
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0], (word, lines[0])
    return str(lines[0])
