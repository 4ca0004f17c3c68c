"""Our side of Python tools: a child process that runs somebody's module, within limits, and can always be ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import site
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from callwright.schemas.base import Record
from callwright.values.canonical import parse_json

_HOST = Path(__file__).with_name("python_host.py")
_OVERHEAD_BYTES = 10_000
"""What an answer's line may hold besides its body."""


class Limits(Record):
    """What one child may use. Processes have no limit: the system counts all of a user, ours among them."""

    call_s: float = 10.0
    """Seconds from a call to its answer."""
    start_s: float = 30.0
    """Seconds to start the child and import a module."""
    memory_bytes: int = 2**30
    """Address space of each process of the child, of which Python itself takes about 150 MB."""
    output_bytes: int = 1_000_000
    """JSON of one answer."""
    file_bytes: int = 100_000_000
    """Size of each file that is written."""
    open_files: int = 256


class ChildDied(Exception):
    """The child ended, or sent what is no answer, so that it had to be ended."""


class Child:
    """One child process. It is ended, and all that it forked with it, as soon as a request does not get its answer.

    A process that leaves the child's group by `setsid` outlives it.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._asked = 0

    @classmethod
    async def start(cls, limits: Limits, *, base: Path, scratch: Path, seed: int = 0) -> Child:
        """Start a child that has loaded nothing yet.

        Args:
            limits: What it may use.
            base: The folder that is searched first for modules by name.
            scratch: Its working directory, its home, and where its temporary files go.
            seed: Of its module `random`.

        Raises:
            OSError: The system starts no more processes, or has no more descriptors.
        """
        ours, theirs = socket.socketpair()
        settings = {
            "base": str(base.absolute()),
            "callwright": str(Path(__file__).parents[2]),
            "seed": seed,
            "output_bytes": limits.output_bytes,
            "limits": {
                "RLIMIT_AS": limits.memory_bytes,
                "RLIMIT_FSIZE": limits.file_bytes,
                "RLIMIT_NOFILE": limits.open_files,
                "RLIMIT_CORE": 0,
            },
        }
        with theirs:
            # Connected first: no cancellation can come between the start of the process and the child that ends it.
            reader, writer = await asyncio.open_connection(
                sock=ours, limit=limits.output_bytes + _OVERHEAD_BYTES
            )
            try:
                process = subprocess.Popen(
                    # -P: the host's own folder is no place to import from.
                    [sys.executable, "-P", str(_HOST), json.dumps(settings)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=scratch,
                    env=_environment(scratch),
                    start_new_session=True,
                )
            except BaseException:
                writer.transport.abort()
                raise
        return cls(process, reader, writer)

    @property
    def alive(self) -> bool:
        """Whether it can be asked; one that died unasked is found out by the next request."""
        return self._process.returncode is None

    async def ask(self, operation: str, limit_s: float, **arguments: Any) -> tuple[int, Any]:
        """Status and body of the answer to one request.

        Raises:
            TimeoutError: There was none in time.
            ChildDied: There will be none.
        """
        self._asked += 1
        request = {"id": self._asked, "op": operation, "limit_s": limit_s, "with": arguments}
        try:
            async with asyncio.timeout(limit_s):
                line = await self._exchange(json.dumps(request).encode() + b"\n")
            return _answer(line, self._asked)
        except EOFError:
            self.stop()
            raise ChildDied(f"its process ended ({self._end()})") from None
        except ValueError:
            self.stop()
            raise ChildDied("its process sent something that is no answer") from None
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it and all processes of its group, at once; it is reaped here alone, so that its number stays its own."""
        if not self.alive:
            return
        # Nothing is left of the group, which macOS words as a missing permission.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._writer.transport.abort()

    async def _exchange(self, request: bytes) -> bytes:
        """The line that comes back.

        Raises:
            EOFError: The other end was closed.
            ValueError: The line is longer than any answer.
        """
        try:
            self._writer.write(request)
            await self._writer.drain()
            line = await self._reader.readline()
        except ConnectionError:
            raise EOFError from None
        if not line.endswith(b"\n"):
            raise EOFError
        return line

    def _end(self) -> str:
        code = self._process.returncode
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def _answer(line: bytes, number: int) -> tuple[int, Any]:
    """Status and body of an answer's line.

    Raises:
        ValueError: It is none, or that of another request.
    """
    match parse_json(line.decode()):
        case {"id": int(found), "status": 200, "body": body} if found == number:
            return 200, body
        case {"id": int(found), "status": int(status), "body": {"error": str(message)}} if found == number:
            return status, {"error": message}
    raise ValueError("no answer")


def _environment(scratch: Path) -> dict[str, str]:
    """Nothing of ours but where programs and modules are: the user's code has no business with keys."""
    searched = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join(str(Path(folder).absolute()) for folder in searched if folder),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "PYTHONUSERBASE": site.getuserbase(),  # else looked for under the home
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
