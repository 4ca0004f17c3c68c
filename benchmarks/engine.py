"""What the engine adds to a model's latency: time over the ideal, CPU and memory, beside bare aiohttp in the same run.

    W1      400 rows of 3 calls that need each other, 50 ms, 16 in flight: attempts, judges, shards, journal
    W2/64   2,000 single calls, 200 ms, 64 in flight: asked and journaled
    W2/256  2,000 single calls, 500 ms, 256 in flight
    errors  W2/64 with 5 % of HTTP 500 mixed in
    M/2k    1,000 rows of 2 calls, 5 ms, 64 in flight: how much memory
    M/20k   10,000 rows of the same: as much

`first to last` is from the first request to the last answer, as the server sees it; `process` is from the start of a
fresh interpreter to its end, without Prefect. The server is a process of its own (lean_server.py).

Run: python benchmarks/engine.py [REPEATS]
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CASES: dict[str, tuple[int, int, float, int, float]] = {
    # name: calls, in flight, latency in seconds, calls that need each other, share of errors
    "W1": (1200, 16, 0.05, 3, 0.0),
    "W2/64": (2000, 64, 0.2, 1, 0.0),
    "W2/256": (2000, 256, 0.5, 1, 0.0),
    "errors": (2000, 64, 0.2, 1, 0.05),
    "M/2k": (2000, 64, 0.005, 2, 0.0),
    "M/20k": (20_000, 64, 0.005, 2, 0.0),
}


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"{'case':8} {'client':11} {'first to last':>13} {'process':>9} {'CPU':>16} {'peak memory':>12}")
    for name, (calls, in_flight, latency_s, chained, errors) in CASES.items():
        ideal_s = calls * latency_s / in_flight
        for client in ("callwright", "bare"):
            if client == "bare" and (errors or name.startswith("M")):
                continue  # it has no second tries, and keeps nothing
            runs = [_measured(name, client) for _ in range(repeats)]
            middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            unit = "row" if chained > 1 else "request"
            print(
                f"{name:8} {client:11} {middle['span_s'] / ideal_s:11.2f} x {middle['process_s'] / ideal_s:7.2f} x "
                f"{middle['cpu_s'] / calls * chained * 1000:6.2f} ms/{unit:7} {middle['peak_mb']:8.0f} MB"
            )


def _measured(case: str, client: str) -> dict[str, float]:
    latency_s, errors = CASES[case][2], CASES[case][4]
    with _server(latency_s, errors) as (port, server):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, str(HERE / "engine.py"), "--child", case, client, str(port)],
            capture_output=True,
            text=True,
            check=False,
        )
        process_s = time.perf_counter() - began
        span_s = float(server.communicate()[0])
    if done.returncode:
        sys.exit(done.stderr)
    return {**json.loads(done.stdout), "span_s": span_s, "process_s": process_s}


@contextmanager
def _server(latency_s: float, errors: float) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    command = [sys.executable, str(HERE / "lean_server.py"), str(latency_s), str(errors)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        yield int(server.stdout.readline()), server


# The child: one client, one case


def child(case: str, client: str, port: int) -> None:
    calls, in_flight, _, chained, _ = CASES[case]
    with tempfile.TemporaryDirectory() as folder:
        if client == "bare":
            asyncio.run(_bare(port, calls, in_flight, chained))
        elif chained > 1:
            asyncio.run(_rows(port, calls // chained, in_flight, chained, Path(folder)))
        else:
            asyncio.run(_asked(port, calls, in_flight, Path(folder)))
    used = resource.getrusage(resource.RUSAGE_SELF)
    report = {"cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}
    print(json.dumps(report))


async def _bare(port: int, calls: int, in_flight: int, chained: int) -> None:
    import aiohttp

    gate = asyncio.Semaphore(in_flight)
    body = json.dumps({"model": "toy", "messages": [{"role": "user", "content": "Hello"}]}).encode()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one() -> None:
            async with gate:
                for _ in range(chained):
                    async with session.post(
                        f"http://127.0.0.1:{port}/v1/chat/completions", data=body
                    ) as response:
                        json.loads(await response.read())

        await asyncio.gather(*(one() for _ in range(calls // chained)))


async def _asked(port: int, calls: int, in_flight: int, folder: Path) -> None:
    from callwright.llm.base import Request
    from callwright.llm.journal import Journal
    from callwright.llm.journaled import Journaled
    from callwright.llm.openai import OpenAIChat

    with Journal(folder / "journal.jsonl") as journal:
        model = Journaled(OpenAIChat(_config(port, in_flight), api_key=""), journal)
        gate = asyncio.Semaphore(2 * in_flight - 1)  # conversations under way, as a build has them

        async def one(number: int) -> None:
            async with gate:
                await model.complete(
                    Request(
                        purpose="bench.ask", messages=({"role": "user", "content": "Hello"},), sample=number
                    )
                )

        await asyncio.gather(*map(one, range(calls)))
        await model.close()


async def _rows(port: int, rows: int, in_flight: int, chained: int, folder: Path) -> None:
    """Rows as the engine makes them: slots, tasks, conversations, exact judges, shards on the disk."""
    from callwright.engine.shards import SHARD_SIZE, Attempts, Shard
    from callwright.judges.calls import Calls
    from callwright.judges.hygiene import Hygiene
    from callwright.llm.journal import Journal
    from callwright.llm.journaled import Journaled
    from callwright.llm.openai import OpenAIChat

    with Journal(folder / "journal.jsonl") as journal:
        model = Journaled(OpenAIChat(_config(port, in_flight), api_key=""), journal)
        operators = {"bench": _Operators(model, chained)}
        attempts = Attempts(operators, (Hygiene(), Calls()), "L0", 7, 2 * in_flight, 5)
        shards = [
            Shard(method="bench", kind="no_call", first=first, count=min(SHARD_SIZE, rows - first))
            for first in range(0, rows, SHARD_SIZE)
        ]
        gate = asyncio.Semaphore(2 + in_flight // SHARD_SIZE)  # as a build has it

        async def one(shard: Shard) -> None:
            async with gate:
                await attempts.run(shard, folder / "shards")

        await asyncio.gather(*map(one, shards))
        await model.close()


class _Operators:
    """A source that asks once, and a rollout that asks as often as is left, each call needing the one before."""

    def __init__(self, model: Any, chained: int) -> None:
        self._model = model
        self._chained = chained
        self.source = self.rollout = self

    async def task(self, slot: Any) -> Any:
        import datetime as dt

        from callwright.schemas.task import Task

        said = await self._ask("bench.instruction", [{"role": "user", "content": "Hello"}], slot.attempt)
        return Task(
            method=slot.method,
            kind=slot.kind,
            attempt=slot.attempt,
            seed=slot.number,
            toolkit="bench",
            instruction=f"{said} {slot.attempt}",
            tools=(),
            clock=dt.date(2026, 3, 10),
        )

    async def trajectory(self, task: Any, item: str) -> Any:
        from callwright.schemas.message import AssistantMessage, SystemMessage, UserMessage
        from callwright.schemas.task import Provenance, Trajectory

        messages: list[Any] = [SystemMessage(content="Be brief."), UserMessage(content=task.instruction)]
        for _ in range(self._chained - 1):
            wire = [{"role": one.role, "content": one.content} for one in messages]
            said = await self._ask("bench.assistant", wire, task.attempt)
            if isinstance(messages[-1], AssistantMessage):
                messages.append(UserMessage(content="And then?"))
            messages.append(AssistantMessage(content=said))
        return Trajectory(task=task, messages=tuple(messages), provenance=Provenance(teacher="bench"))

    async def _ask(self, purpose: str, messages: list[dict[str, Any]], sample: int) -> str:
        from callwright.llm.base import Request

        return str(
            (
                await self._model.complete(Request(purpose=purpose, messages=tuple(messages), sample=sample))
            ).text
        )


def _config(port: int, in_flight: int) -> Any:
    from callwright.schemas.recipe import OpenAIModel

    url = f"http://127.0.0.1:{port}/v1"
    return OpenAIModel(engine="openai", base_url=url, model="toy", in_flight=in_flight, retries=8)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
