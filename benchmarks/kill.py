"""One build over a slow server, killed at 50 random moments and continued each time: what is lost, what is paid twice.

Prints whether the version is the undisturbed one, the finished requests that were asked again, the finished rows that
were lost, and the requests that were under way at a kill and had to be sent once more.

Run: python benchmarks/kill.py [KILLS] [SEED]
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import loopback as lb  # noqa: E402 - the server and its teacher live with the tests
from killing import killed  # noqa: E402
from teacher import museum_teacher  # noqa: E402
from workshops import museum, museum_recipe, written  # noqa: E402

from callwright.engine.build import build  # noqa: E402

SIZE = 60
IN_FLIGHT = 4


async def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 7)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with lb.Loopback(museum_teacher) as server:
            whole = await build(museum(server.base_url, size=SIZE), folder / "whole")
            total = server.count
        moments = sorted(rng.sample(range(3, total + 1), kills))
        async with lb.Loopback(museum_teacher, latency_s=0.02) as server:
            recipe = written(
                museum_recipe(server.base_url, size=SIZE, in_flight=IN_FLIGHT), folder / "museum.yaml"
            )
            arguments = ("build", str(recipe), "--no-prefect", "--json", "--data", str(folder / "data"))
            began = time.perf_counter()
            toll = await killed(arguments, server, moments, rng, folder)
            taken_s = time.perf_counter() - began
    same = "the undisturbed one" if toll.version_id == whole.version.id else "ANOTHER ONE"
    print(f"killed {toll.kills} times in a build of {SIZE} rows and {total} requests: {taken_s:.0f} s")
    print(f"final version: {same}")
    print(f"finished requests asked again: {toll.asked_again}")
    print(f"finished rows lost: {SIZE - toll.rows}, finished shards changed: {toll.shards_lost}")
    print(
        f"requests sent once more: {server.count - total} in all, {max(toll.extra)} at one kill at the most, "
        f"with {IN_FLIGHT} in flight"
    )
    if (
        toll.version_id != whole.version.id
        or toll.asked_again
        or toll.shards_lost
        or max(toll.extra) > IN_FLIGHT
    ):
        sys.exit(1)


if __name__ == "__main__":
    asyncio.run(main())
