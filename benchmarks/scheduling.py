"""What Prefect costs: per build, per shard, and while `serve` waits.

Starts a server of its own; runs a flow without shards and one with `SHARDS` of them that do nothing; leaves the
artifacts of a version; then serves a recipe that is not due, and reads its memory and its share of a core.

Run: python benchmarks/scheduling.py [SHARDS]
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "services"))

from prefect_server import PrefectServer  # noqa: E402 - the server that the tests start
from workshops import DEMO, demo  # noqa: E402

from callwright.engine.build import build  # noqa: E402
from callwright.engine.chains import Job  # noqa: E402
from callwright.engine.shards import Shard  # noqa: E402

RUNS = 3


async def main() -> None:
    shards = sys.argv[1] if len(sys.argv) > 1 else "50"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        async with PrefectServer(folder).running() as server:
            print(f"server ready after {time.perf_counter() - began:.1f} s", flush=True)
            environment = os.environ | server.env
            command = (sys.executable, __file__, "flows", shards, str(folder / "flows"))
            await (await asyncio.create_subprocess_exec(*command, env=environment)).wait()
            await idle(server, folder)


def flows(shards: int, folder: Path) -> None:
    """Shards that do nothing: all that is left is Prefect. And the artifacts of a small version."""
    from callwright.flows.settings import prefer_quiet_prefect

    prefer_quiet_prefect(folder)
    from callwright.flows.records import record
    from callwright.flows.running import PrefectRunner, under_prefect

    jobs: list[Job] = [Shard(method="none", kind="single", first=one, count=1) for one in range(shards)]

    def seconds(some: list[Job]) -> float:
        async def nothing(job: Job) -> Path:
            return folder

        async def work(runner: PrefectRunner) -> None:
            await runner.run(some, nothing, 4)

        start = time.perf_counter()
        under_prefect("nothing", "nothing", work)
        return time.perf_counter() - start

    seconds(jobs[:1])  # connections, caches
    empty = statistics.median(seconds([]) for _ in range(RUNS))
    many = statistics.median(seconds(jobs) for _ in range(RUNS))
    built = asyncio.run(build(demo("size=8", "mix={single: 1.0}"), folder))

    async def artifacts(runner: PrefectRunner) -> float:
        start = time.perf_counter()
        await record(built, folder, [folder])
        return time.perf_counter() - start

    left = statistics.median(under_prefect("artifacts", "artifacts", artifacts) for _ in range(RUNS))
    print(f"a build: {empty:.2f} s for its flow run, {left:.2f} s for its artifacts")
    print(
        f"a shard: {1000 * (many - empty) / shards:.1f} ms for its task run ({shards} of them, 4 at once)",
        flush=True,
    )


async def idle(server: PrefectServer, folder: Path) -> None:
    """The memory of a `serve` that waits."""
    serving = await server.callwright("serve", DEMO, "--cron", "0 2 1 1 *", "--data", folder / "data")
    log = folder / "serve.log"
    while "next at" not in log.read_text():
        assert serving.process.returncode is None, log.read_text()
        await asyncio.sleep(0.2)
    await asyncio.sleep(15)
    pages = int(Path(f"/proc/{serving.process.pid}/statm").read_text().split()[1])
    ticks = sum(
        map(int, Path(f"/proc/{serving.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])
    )
    await asyncio.sleep(30)
    later = sum(
        map(int, Path(f"/proc/{serving.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])
    )
    await serving.end()
    used = (later - ticks) / os.sysconf("SC_CLK_TCK") / 30
    print(
        f"serve, waiting: {pages * os.sysconf('SC_PAGE_SIZE') / 2**20:.0f} MB, {100 * used:.1f} % of a core"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["flows"]:
        flows(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        asyncio.run(main())
