"""Machines on one machine: network namespaces with an address each on a bridge. They share the folders, as by NFS.

Needs root and iproute2. From within, neither this machine's loopback nor the world is to be seen.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from types import TracebackType


class Machines:
    """`with Machines(2) as machines:` then run `machines.on(0, command)`; `machines.here` is this one's address."""

    def __init__(self, count: int) -> None:
        # Runs side by side take other names and addresses.
        place = os.getpid() % 200
        self._bridge = f"cwb{place}"
        self._names = [f"cw{place}-{number}" for number in range(count)]
        self.here = f"10.213.{place}.1"
        self.addresses = [f"10.213.{place}.{10 + number}" for number in range(count)]

    def on(self, number: int, command: Sequence[object]) -> list[str]:
        """The command line that runs a command there."""
        return ["ip", "netns", "exec", self._names[number], *map(str, command)]

    def __enter__(self) -> Machines:
        _ip("link", "add", self._bridge, "type", "bridge")
        try:
            _ip("addr", "add", f"{self.here}/24", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
            for name, address in zip(self._names, self.addresses, strict=True):
                _ip("netns", "add", name)
                _ip("link", "add", f"{name}v", "type", "veth", "peer", "name", "eth0", "netns", name)
                _ip("link", "set", f"{name}v", "master", self._bridge, "up")
                _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
                for device in ("lo", "eth0"):
                    _ip("-n", name, "link", "set", device, "up")
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        for name in self._names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", self._bridge], capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (arguments, done.stderr)
