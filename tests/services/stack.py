"""The services of docker-compose.yml by hand: same commands, same settings, other addresses and folders."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from asyncio.subprocess import DEVNULL
from pathlib import Path

import aiohttp
from command import PROGRAM, environment
from composed import ROOT, Service
from prefect_server import BIN, Api, Group, Postgres, free_port

HEALTHY_WITHIN_S = 300


class Stack(Api):
    """`start` what is wanted, `finish` what runs once; `remove` ends it all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables = {
            name: secrets.token_hex(8) for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "PREFECT_PASSWORD")
        }
        self._ports = {4200: free_port(), 6379: free_port(), 8080: free_port()}
        self._postgres = Postgres("prefect", self.variables["POSTGRES_PASSWORD"])
        self._groups: list[Group] = []
        for name in ("data", "recipes", "redis"):
            (folder / name).mkdir()
        auth = aiohttp.encode_basic_auth("callwright", self.variables["PREFECT_PASSWORD"])
        super().__init__(f"http://127.0.0.1:{self._ports[4200]}/api", {"Authorization": auth})

    def _here(self, text: str) -> str:
        """Addresses and folders of containers become those of this machine."""
        ports = self._ports
        for there, here in (
            ("/tmp/", f"{self.folder}/"),
            ("@postgres:5432", f"@127.0.0.1:{self._postgres.port}"),
            ("@redis:6379", f"@127.0.0.1:{ports[6379]}"),
            ("port 6379\\n", f"port {ports[6379]}\\nbind 127.0.0.1\\n"),
            ("redis-cli ping", f"redis-cli -p {ports[6379]} ping"),
            ("//server:4200", f"//127.0.0.1:{ports[4200]}"),
            ("127.0.0.1:4200", f"127.0.0.1:{ports[4200]}"),
            ("127.0.0.1:8080", f"127.0.0.1:{ports[8080]}"),
            ("0.0.0.0", "127.0.0.1"),
            ("dir /data", f"dir {self.folder / 'redis'}"),
            ("/app/prefect.yaml", str(ROOT / "prefect.yaml")),
        ):
            text = text.replace(there, here)
        for place in ("/data", "/recipes"):
            text = f"{self.folder}{text}" if f"{text}/".startswith(f"{place}/") else text
        return {str(there): str(here) for there, here in ports.items()}.get(text, text)

    def _service(self, name: str) -> tuple[list[str], list[str], dict[str, str]]:
        """Command, health check and environment."""
        service = Service.of(name, self.variables)
        words = [self._here(word) for word in service.command]
        command = [*PROGRAM, *words[1:]] if words[:1] == ["callwright"] else words
        settings = {key: self._here(value) for key, value in service.environment.items()}
        settings |= {"PATH": f"{BIN}:{os.environ['PATH']}", "PGPORT": str(self._postgres.port)}
        return command, [self._here(word) for word in service.health], settings

    async def start(self, name: str) -> Group:
        """Start a service that runs on, and wait until its health check says that it is there."""
        command, _, settings = self._service(name)
        group = await Group.of(command, self.folder, self.folder / f"{name}.log", **settings)
        self._groups.append(group)
        async with asyncio.timeout(HEALTHY_WITHIN_S):
            while not await self.healthy(name):
                assert group.process.returncode is None, self.log(name)
                await asyncio.sleep(0.2)
        return group

    async def start_postgres(self) -> None:
        """Its image does what this does."""
        self._postgres.start()
        assert await self.healthy("postgres")

    async def healthy(self, name: str) -> bool:
        _, check, settings = self._service(name)
        process = await asyncio.create_subprocess_exec(
            *check, cwd=self.folder, env=environment(**settings), stdout=DEVNULL, stderr=DEVNULL
        )
        return await asyncio.wait_for(process.wait(), 60) == 0

    async def finish(self, name: str, *instead: object) -> str:
        """Run a service that ends, with other arguments for ours if any are given; what it said."""
        command, _, settings = self._service(name)
        if instead:
            command = [*PROGRAM, *map(str, instead)]
        group = await Group.of(command, self.folder, self.folder / f"{name}.log", **settings)
        code = await asyncio.wait_for(group.process.wait(), HEALTHY_WITHIN_S)
        assert code == 0, self.log(name)
        return self.log(name)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")[-3000:]

    async def remove(self) -> None:
        for group in reversed(self._groups):
            if group.process.returncode is None:
                await group.end()
        self._postgres.remove()
        shutil.rmtree(self.folder / "redis", ignore_errors=True)
