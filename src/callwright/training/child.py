"""A training as a process of its own: no shell, its output in a file, and it never outlives us."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from callwright.errors import TrainingError

_WATCH = Path(__file__).with_name("watch.py")
_SHOWN_LINES, _SHOWN_CHARACTERS = 3, 400


async def run(command: Sequence[str], log: Path, timeout_s: float | None = None) -> None:
    """Run a command to its end; what it prints goes into `log`.

    Raises:
        TrainingError: It cannot be started, fails, or takes longer than it may.
    """
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(_WATCH),
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=file,
            stderr=file,
            # A group of its own, so that all of its processes can be ended.
            start_new_session=True,
        )
    try:
        code = await asyncio.wait_for(process.wait(), timeout_s)
    except TimeoutError:
        raise TrainingError(
            f"the training was ended after {timeout_s:g} s; see {log}, raise timeout_s or train less, and run again"
        ) from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    if code:
        raise TrainingError(
            f"the training ended with exit code {code}, its last words: {_last_words(log)}; see {log}, mend it and run "
            "again"
        )


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    return " | ".join([line for line in lines if line][-_SHOWN_LINES:])[-_SHOWN_CHARACTERS:] or "none"
