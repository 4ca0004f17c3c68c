"""Python functions run the calls, in a child process for each conversation: what comes back was really executed."""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from callwright.errors import GenerationError
from callwright.schemas.message import Observation, ToolCall
from callwright.schemas.tool import PythonBinding, Tool
from callwright.sources.python_child import Child, ChildDied, Limits
from callwright.toolbox.base import Session, answered, checked_arguments, problem

__all__ = ["Limits", "PythonToolbox"]


class PythonToolbox:
    """Opens a fresh child process for each conversation, at its first call.

    A function that raises is an observation with the status of what it raised, as `sources/python_host.py` lists them.
    What goes wrong beside that: 413, the answer is too large; 502, the process died, or what was returned is no JSON
    or not what the function documents; 504, no answer in time. After 502 by death and after 504 the next call starts
    a new child, which knows nothing of the calls before.
    """

    def __init__(self, limits: Limits | None = None, *, base: Path | None = None) -> None:
        """`base` is searched first for modules by name, as when they were read; the working directory unless given."""
        self._limits = limits or Limits()
        self._base = base or Path()
        self._open: set[PythonSession] = set()

    def open(self, tools: Sequence[Tool], *, toolkit: str, seed: int, clock: dt.date, item: str) -> Session:
        return PythonSession(tools, self._limits, self._base, seed, self._open)

    async def close(self) -> None:
        """End the children of sessions that were not ended themselves."""
        for session in list(self._open):
            await session.end()


class PythonSession:
    def __init__(
        self, tools: Sequence[Tool], limits: Limits, base: Path, seed: int, running: set[PythonSession]
    ) -> None:
        self._tools = tools
        self._limits = limits
        self._base = base
        self._seed = seed
        self._running = running
        self._turn = asyncio.Lock()
        self._child: Child | None = None
        self._loaded: set[str] = set()
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    async def call(self, call: ToolCall) -> Observation:
        checked = checked_arguments(call, self._tools, "executed")
        if isinstance(checked, Observation):
            return checked
        tool, arguments = checked
        assert isinstance(tool.binding, PythonBinding)
        async with self._turn:
            status, body = await self._answer(tool.binding, arguments)
        try:
            return answered(tool, status, body, "executed")
        except RecursionError:
            return problem(502, "The function returned something that is nested too deeply.", "executed")

    async def end(self) -> str | None:
        """End the child; what state its module left cannot be seen."""
        if self._child is not None:
            self._child.stop()
            self._child = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None
        self._running.discard(self)
        return None

    async def _answer(self, binding: PythonBinding, arguments: dict[str, Any]) -> tuple[int, Any]:
        child = await self._ready(binding.module)
        try:
            return await child.ask(
                "call",
                self._limits.call_s,
                module=binding.module,
                function=binding.function,
                arguments=arguments,
            )
        except TimeoutError:
            return 504, {"error": f"The function did not answer within {self._limits.call_s:g} s."}
        except ChildDied as error:
            return 502, {"error": f"The function did not answer: {error}."}

    async def _ready(self, module: str) -> Child:
        """A living child that has loaded the module.

        Raises:
            GenerationError: `python_start`: there is no child; `python_import`: it cannot import the module.
        """
        if self._child is None or not self._child.alive:
            self._loaded = set()
            self._child = await self._start()
        if module in self._loaded:
            return self._child
        name = Path(module).name
        try:
            status, body = await self._child.ask("load", self._limits.start_s, module=module)
        except TimeoutError:
            within = f"{self._limits.start_s:g} s"
            raise GenerationError("python_import", f"{name}: was not imported within {within}") from None
        except ChildDied as error:
            raise GenerationError("python_import", f"{name}: cannot be imported: {error}") from None
        if status != 200:
            raise GenerationError("python_import", f"{name}: cannot be imported: {body['error']}")
        self._loaded.add(module)
        return self._child

    async def _start(self) -> Child:
        self._running.add(self)
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        try:
            return await Child.start(
                self._limits, base=self._base, scratch=Path(self._scratch.name), seed=self._seed
            )
        except OSError as error:
            raise GenerationError("python_start", f"no process could be started: {error}") from None
