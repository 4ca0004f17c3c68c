"""A real Prefect server on the loopback, over SQLite or over a PostgreSQL of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
from command import PROGRAM, environment

BIN = Path(sys.executable).parent
DEADLINE_S = 240
_DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Group:
    """A process with all that it starts, which end together as at the death of a machine."""

    def __init__(self, process: Process) -> None:
        self.process = process

    @classmethod
    async def of(cls, command: Sequence[object], cwd: Path, log: Path, **env: str) -> Group:
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *map(str, command),
                cwd=cwd,
                env=environment(**env),
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        return cls(process)

    async def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send the signal to the first of them and wait for it; what is left then is killed, whatever its session."""
        started = _below(self.process.pid) if number is signal.SIGKILL else []
        self._send(self.process.pid, number)
        code = await asyncio.wait_for(self.process.wait(), 60)
        for pid in started:
            self._send(pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return code

    @staticmethod
    def _send(pid: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _below(pid: int) -> list[int]:
    """All that a process has started, and what those have: a worker gives each run a session of its own."""
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents.setdefault(int(place.read_text().rpartition(")")[2].split()[1]), []).append(
                int(place.parent.name)
            )
    found = list(parents.get(pid, []))
    for one in found:
        found += parents.get(one, [])
    return found


class Postgres:
    """A cluster in a folder of its own; the server refuses to run as root, so it runs as the user of the package.

    With a password, it is asked for over TCP, and there is a database of the user's name.
    """

    def __init__(self, name: str = "postgres", password: str = "") -> None:
        bin_folder = _DEBIAN[-1] if _DEBIAN else Path(shutil.which("initdb") or "/").parent
        self._bin = bin_folder
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self.port = free_port()
        self._user: dict[str, Any] = {"user": "postgres"} if os.getuid() == 0 else {}
        if self._user:
            shutil.chown(self._folder, "postgres")
        self._name, self._password = name, password
        secret = self._folder / "password"
        secret.write_text(password or "none", encoding="utf-8")
        if self._user:
            shutil.chown(secret, "postgres")
        auth = ("--auth-local=trust", f"--auth-host={'scram-sha-256' if password else 'trust'}")
        self._run(
            "initdb",
            *auth,
            f"--username={name}",
            f"--pwfile={secret}",
            "--pgdata",
            self._folder / "data",
            "--no-sync",
        )

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://{self._name}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder} -c fsync=off"
        log = self._folder / "log"
        self._run("pg_ctl", "--pgdata", self._folder / "data", "--log", log, "-w", "-o", options, "start")
        if self._password and self._name != "postgres":
            self._run("createdb", "-h", self._folder, "-p", self.port, "-U", self._name, self._name)

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is what a broken machine does to it."""
        self._run("pg_ctl", "--pgdata", self._folder / "data", "-m", mode, "stop")

    def remove(self) -> None:
        with suppress(AssertionError):
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, name: str, *arguments: object) -> None:
        command = [str(self._bin / name), *map(str, arguments)]
        done = subprocess.run(
            command,
            cwd=self._folder,
            stdout=DEVNULL,
            stderr=PIPE,
            text=True,
            timeout=60,
            check=False,
            **self._user,
        )
        assert done.returncode == 0, done.stderr


class Api:
    """A Prefect server, asked over HTTP."""

    def __init__(self, api: str, headers: dict[str, str] | None = None) -> None:
        self.api = api
        self._headers = headers

    async def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the server answers to a POST; asked again, as Prefect's client does, while its database is locked."""
        async with asyncio.timeout(60), aiohttp.ClientSession(headers=self._headers) as session:
            while True:
                async with session.post(f"{self.api}/{path}", json=body or {}) as answer:
                    if answer.status != 503:
                        assert answer.status < 300, await answer.text()
                        return await answer.json()
                await asyncio.sleep(0.5)

    async def runs(self) -> list[dict[str, Any]]:
        """Flow runs that were begun, or ended without it, the oldest first."""
        found = await self.ask("flow_runs/filter", {"sort": "EXPECTED_START_TIME_ASC"})
        return [run for run in found if run["state"]["type"] != "SCHEDULED"]

    async def due(self, **parameters: Any) -> None:
        """Make a run of the one deployment that is due now."""
        [deployment] = await self.ask("deployments/filter")
        wanted = {"state": {"type": "SCHEDULED"}, "parameters": deployment["parameters"] | parameters}
        await self.ask(f"deployments/{deployment['id']}/create_flow_run", wanted)

    async def ended_as(self, count: int, state: str, *, still: Group) -> list[dict[str, Any]]:
        """Wait until so many flow runs have ended in a state."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                runs = [run for run in await self.runs() if run["state"]["type"] == state]
                if len(runs) >= count:
                    return runs
                assert still.process.returncode is None, "it ended"
                await asyncio.sleep(0.2)


class PrefectServer(Api):
    """One process, with all of the server's services in it."""

    def __init__(self, folder: Path, database: str = "", host: str = "127.0.0.1") -> None:
        self.folder = folder
        self._database = database
        self._host = host
        self._port = free_port()
        super().__init__(f"http://{host}:{self._port}/api")
        self.env = {
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": self.api,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }

    @asynccontextmanager
    async def running(self) -> AsyncIterator[PrefectServer]:
        database = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": self._database} if self._database else {}
        leases = {
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem"
        }
        command = (BIN / "prefect", "server", "start", "--host", self._host, "--port", self._port, "--no-ui")
        group = await Group.of(
            command, self.folder, self.folder / "server.log", **self.env, **database, **leases
        )
        try:
            async with asyncio.timeout(120):
                while not await self._healthy():
                    assert group.process.returncode is None, (self.folder / "server.log").read_text()[-2000:]
                    await asyncio.sleep(0.2)
            yield self
        finally:
            await group.end()

    async def _healthy(self) -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.api}/health") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def callwright(self, *arguments: object, log: str = "serve.log", **env: str) -> Group:
        """Our command line under way, with this server."""
        return await Group.of((*PROGRAM, *arguments), self.folder, self.folder / log, **(self.env | env))

    async def prefect(self, *arguments: object, log: str = "prefect.log", **env: str) -> Group:
        """Prefect's command line under way."""
        return await Group.of(
            (BIN / "prefect", *arguments), self.folder, self.folder / log, **(self.env | env)
        )

    async def done(self, *arguments: object, **env: str) -> str:
        """Prefect's command line, run to its end; what it said."""
        log = f"{'-'.join(map(str, arguments[:2]))}.log"
        group = await self.prefect(*arguments, log=log, **env)
        code = await asyncio.wait_for(group.process.wait(), 120)
        said = (self.folder / log).read_text()
        assert code == 0, said
        return said
