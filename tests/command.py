"""The real command line, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
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


async def started(*arguments: object, cwd: Path, **env: str) -> Process:
    """The command under way, for tests that disturb it."""
    command = [*PROGRAM, *map(str, arguments)]
    return await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=environment(**env), stdout=PIPE, stderr=PIPE
    )


async def ended(process: Process, within_s: float = 60) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    out, err = await asyncio.wait_for(process.communicate(), within_s)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def one_line(result: Any, code: int, *words: str) -> str:
    """The message of a command that failed as it should: one line, no traceback, these words in it."""
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert result.stdout == ""
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0], (word, lines[0])
    return str(lines[0])
