"""One build by one machine, by two, and by two of which one dies half way: time, and what was asked twice.

The machines are network namespaces (tests/services/machines.py), so this needs root. The model is a server on the
bridge between them that takes LATENCY_S for each answer; each machine has IN_FLIGHT requests under way.

Run: python benchmarks/machines.py [ROWS]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "services"))

import loopback as lb  # noqa: E402 - the server and its teacher live with the tests
from command import PROGRAM  # noqa: E402
from killing import asked, journaled  # noqa: E402
from machines import Machines  # noqa: E402
from prefect_server import Group  # noqa: E402
from teacher import museum_teacher  # noqa: E402
from workshops import museum_recipe, written  # noqa: E402

from callwright.store import Store  # noqa: E402

LATENCY_S = 2.0
IN_FLIGHT = 16


@dataclass
class Outcome:
    took_s: float
    version: str
    shares: list[int]
    """Requests of each machine."""
    twice: int
    """Questions whose answer was written down when they were asked."""


async def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with Machines(2) as machines:
        one = await measured(machines, rows, 1)
        two = await measured(machines, rows, 2)
        lost = await measured(machines, rows, 2, kill_after=sum(one.shares) // 2)
    print(f"{rows} rows, {LATENCY_S:g} s for an answer, {IN_FLIGHT} requests in flight on each machine")
    for name, found in (("one machine", one), ("two machines", two), ("two, one killed", lost)):
        rate = sum(found.shares) / found.took_s
        print(
            f"{name:16} {found.took_s:6.1f} s   x {one.took_s / found.took_s:.2f}   {rate:5.1f} answers/s   "
            f"{' + '.join(map(str, found.shares))} requests   asked twice: {found.twice}"
        )
    same = {one.version, two.version, lost.version}
    print("the same version each time" if len(same) == 1 else f"OTHER VERSIONS: {same}")
    sys.exit(len(same) != 1 or two.twice or lost.twice)


async def measured(machines: Machines, rows: int, count: int, kill_after: int = 0) -> Outcome:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with lb.Loopback(museum_teacher, host=machines.here, latency_s=LATENCY_S) as server:
            body = museum_recipe(server.base_url, size=rows, in_flight=IN_FLIGHT)
            recipe = written(body, folder / "museum.recipe.yaml")
            build = (*PROGRAM, "build", recipe, "--data", folder / "data", "--join", "--no-prefect")
            began = time.perf_counter()
            groups = [
                await Group.of(machines.on(number, build), folder, folder / f"{number}.log")
                for number in range(count)
            ]
            before, known = 0, set[str]()
            if kill_after:
                while server.count < kill_after:
                    await asyncio.sleep(0.05)
                await groups.pop(0).end()
                await asyncio.sleep(0.2)
                before, known = server.count, journaled(folder)
            codes = [await group.process.wait() for group in groups]
            took_s = time.perf_counter() - began
            assert codes == [0] * len(groups), (folder / f"{count - 1}.log").read_text()[-2000:]
            shares = [server.machines[address] for address in machines.addresses[:count]]
            bodies = server.bodies
        twice = len(known & asked(bodies[before:])) if kill_after else len(bodies) - len(asked(bodies))
        with Store.open(folder / "data", write=False, wait_s=30) as store:
            [version] = store.versions("museum")
    return Outcome(took_s, version.id, shares, twice)


if __name__ == "__main__":
    asyncio.run(main())
