"""Worlds in another process: what they answer owes nothing to the process that made the conversation."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from typing import Any

from callwright.errors import JudgeError
from callwright.schemas.message import Observation, ToolCall
from callwright.schemas.tool import Tool, WorldBinding
from callwright.toolbox.base import Session, checked_arguments, observed
from callwright.toolbox.world import state_of
from callwright.worlds import world_class
from callwright.worlds.base import World


class WorldsElsewhere:
    """A toolbox like `WorldToolbox`, whose worlds live in one child process with a hash seed of its own.

    The child is started at the first call and ends with this object.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = threading.Lock()

    def open(self, tools: Sequence[Tool], *, toolkit: str, seed: int, clock: dt.date, item: str) -> Session:
        return _ElsewhereSession(self, tools, seed, clock)

    async def ask(self, question: dict[str, Any]) -> Any:
        """The child's answer to one question.

        Raises:
            JudgeError: The child died.
        """
        # Plain pipes in a thread, not asyncio's: whoever judges may do so from one event loop after another.
        return await asyncio.to_thread(self._ask, json.dumps(question).encode() + b"\n")

    async def close(self) -> None:
        with self._one_at_a_time:
            child, self._child = self._child, None
        if child:
            _stop(child)

    def _ask(self, line: bytes) -> Any:
        with self._one_at_a_time:
            child = self._child = self._child or self._started()
            assert child.stdin and child.stdout
            try:
                child.stdin.write(line)
                child.stdin.flush()
                answer = child.stdout.readline()
            except OSError:
                answer = b""
            if not answer:
                self._child = None
                _stop(child)
                raise JudgeError(
                    f"the process that executes calls again has died (exit status {child.returncode}): "
                    "nothing is wrong with the row, judge it once more"
                )
        return json.loads(answer)

    def _started(self) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-m", "callwright.toolbox.elsewhere"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Sets in another order than here: whoever depends on it is found out.
            env={**os.environ, "PYTHONHASHSEED": "4711"},
            start_new_session=True,  # Ctrl-C is for us to handle
        )
        weakref.finalize(self, _stop, child)
        return child


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()


class _ElsewhereSession:
    """Notes the calls of a conversation down and asks for all of them to be made, in order, in new worlds."""

    def __init__(self, worlds: WorldsElsewhere, tools: Sequence[Tool], seed: int, clock: dt.date) -> None:
        self._worlds = worlds
        self._tools = tools
        self._seed = seed
        self._clock = clock
        self._made: list[tuple[str, str, dict[str, Any]]] = []
        self._state: str | None = None

    async def call(self, call: ToolCall) -> Observation:
        checked = checked_arguments(call, self._tools, "executed")
        if isinstance(checked, Observation):
            return checked
        tool, arguments = checked
        assert isinstance(tool.binding, WorldBinding)
        self._made.append((tool.binding.world, tool.binding.function, arguments))
        question = {"seed": self._seed, "clock": self._clock.isoformat(), "calls": self._made}
        answer = await self._worlds.ask(question)
        self._state = answer["state"]
        return observed(answer["status"], answer["body"], "executed")

    async def end(self) -> str | None:
        return self._state


def serve() -> None:
    """The child: each line in is a conversation's calls so far, each line out what the last one is answered."""
    for line in sys.stdin.buffer:
        question = json.loads(line)
        worlds: dict[str, World] = {}
        clock = dt.date.fromisoformat(question["clock"])
        status, body = 0, None
        for name, function, arguments in question["calls"]:
            world = worlds.setdefault(name, world_class(name)(question["seed"], clock))
            status, body = world.call(function, arguments)
        answer = {"status": status, "body": body, "state": state_of(worlds)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
