"""Whether this machine's `prefect server services start` is at work, for a health check: exit code 0 or 1.

The services serve no port. Each process of them is a worker of the docket `prefect` in Redis, under the machine's name
and its process id, and drops out of it when it misses heartbeats. The server itself is one of another docket.
"""

from __future__ import annotations

import asyncio
import socket
import sys

from docket import Docket
from prefect.settings import get_current_settings

_SERVICES = "prefect"


async def alive(url: str) -> bool:
    """Whether a worker of the services has told Redis at `url` of late that it runs on this machine."""
    async with Docket(name=_SERVICES, url=url) as docket:
        names = [worker.name for worker in await docket.workers()]
    return any(name.rpartition("#")[0] == socket.gethostname() for name in names)


if __name__ == "__main__":
    sys.exit(not asyncio.run(alive(get_current_settings().server.docket.url)))
