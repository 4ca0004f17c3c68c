"""What the store costs on a large version, as a ratio to writing the same table with pyarrow alone, and its memory.

Run: python benchmarks/store.py [ROWS]

Rows are made up: a request, one call of one of 200 tools, its answer, words; four tools are offered; five verdicts.
The second version has another row in place of each hundredth. Each step is a process of its own, and so is its memory.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from callwright.schemas.message import (
    AssistantMessage,
    Observation,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from callwright.schemas.task import Provenance, Task, Trajectory
from callwright.schemas.tool import Tool, Toolkit
from callwright.schemas.verdict import Verdict
from callwright.schemas.version import Member
from callwright.splits import split_of
from callwright.store import Commit, Store, TaskRow, TrajectoryRow

WORDS = (
    "a lamp river stone garden museum ticket the window letter of harbour morning visit to event hall".split()
)
JUDGES = (("calls", "L0"), ("pairing", "L0"), ("grounding", "L1"), ("prose", "L1"), ("hygiene", "hygiene"))
TYPES = ("string", "integer", "number", "boolean")


def text(draw: random.Random, words: int) -> str:
    return " ".join(draw.choices(WORDS, k=words))


def tools() -> list[Tool]:
    draw = random.Random(0)
    return [
        Tool(
            name=f"tool_{number}",
            description=text(draw, 25),
            parameters={
                "type": "object",
                "properties": {
                    f"argument_{n}": {"type": TYPES[n], "description": text(draw, 12)} for n in range(4)
                },
                "required": ["argument_0"],
            },
        )
        for number in range(200)
    ]


TOOLS = tools()
TOOLKIT = Toolkit(name="bench", title="Bench", licence="MIT", origin="bench.json", tools=tuple(TOOLS))


def trajectory(number: int) -> Trajectory:
    draw = random.Random(number)
    offered = tuple(draw.sample(TOOLS, 4))
    value = f"value {number}"
    arguments = {"argument_0": value, "argument_1": number, "argument_2": draw.random(), "argument_3": True}
    call = ToolCall(id="call_1", name=offered[0].name, arguments=json.dumps(arguments))
    request = f"{text(draw, 20)} {value}?"
    task = Task(
        method="toolalpaca",
        kind="single",
        attempt=number,
        seed=number,
        toolkit="bench",
        instruction=request,
        tools=offered,
        clock=dt.date(2026, 1, 5),
    )
    observed = Observation(content=json.dumps({"id": number, "text": text(draw, 40)}))
    return Trajectory(
        task=task,
        messages=(
            SystemMessage(content="You are a helpful assistant. Today is January 5, 2026."),
            UserMessage(content=request),
            AssistantMessage(tool_calls=(call,)),
            ToolMessage(tool_call_id="call_1", name=call.name, observation=observed),
            AssistantMessage(content=text(draw, 30)),
        ),
        provenance=Provenance(teacher="openai:bench"),
    )


def numbers(rows: int, version: int) -> Iterator[int]:
    return (rows + n if version == 2 and n % 100 == 0 else n for n in range(rows))


def commit(data: Path, rows: int, version: int) -> None:
    """The whole version, made on the way: making it is timed apart and taken off."""
    start = time.perf_counter()
    members = [
        Member(trajectory=made.id, split=split_of(made.task.root, 0.1), kind="single", method="toolalpaca")
        for made in map(trajectory, numbers(rows, version))
    ]
    making_s = time.perf_counter() - start
    batch = Commit(
        dataset="bench",
        recipe={"dataset": "bench", "size": rows},
        recipe_digest=f"r{version}",
        members=members,
        toolkits=[TOOLKIT],
        tasks=(TaskRow.of(trajectory(n).task) for n in numbers(rows, version)),
        trajectories=(TrajectoryRow.of(trajectory(n)) for n in numbers(rows, version)),
        verdicts=(
            Verdict(trajectory=member.trajectory, judge=judge, rung=rung, outcome="pass")  # type: ignore[arg-type]
            for member in members
            for judge, rung in JUDGES
        ),
    )
    with Store.open(data, write=True) as store:
        start = time.perf_counter()
        store.commit(batch)
        told("seconds", time.perf_counter() - start - 2 * making_s)


def diff(data: Path) -> None:
    with Store.open(data, write=False) as store:
        found, seconds = timed(lambda: store.diff(*store.versions("bench")))
        assert found.added.rows == found.removed.rows
    told("seconds", seconds)


def split(rows: int) -> None:
    ids = [f"{random.Random(n).getrandbits(128):032x}" for n in range(rows)]
    told("seconds", timed(lambda: [split_of(one, 0.1) for one in ids])[1])


def verify(data: Path) -> None:
    with Store.open(data, write=False) as store:
        found, seconds = timed(lambda: store.verify(store.version("bench@1")))
        assert found.sound
    told("seconds", seconds)


def export(data: Path, folder: Path) -> None:
    from callwright.views import trl

    with Store.open(data, write=False) as store:
        told("seconds", timed(lambda: trl.export(store, store.version("bench@1"), folder))[1])


def bare(folder: Path) -> None:
    """Write what was exported once more, with pyarrow alone and the same settings."""
    import datasets  # noqa: F401 - it registers the JSON type
    import pyarrow.parquet as pq

    spent = 0.0
    for path in sorted(folder.rglob("*.parquet")):
        file = pq.ParquetFile(path)
        out = path.with_suffix(".bare")
        writer = pq.ParquetWriter(
            out,
            file.schema_arrow,
            compression="zstd",
            use_content_defined_chunking=True,
            write_page_index=True,
        )
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            start = time.perf_counter()
            writer.write_table(table, row_group_size=table.num_rows)
            spent += time.perf_counter() - start
        start = time.perf_counter()
        writer.close()
        spent += time.perf_counter() - start
        out.unlink()
    told("seconds", spent)


def timed(work):  # type: ignore[no-untyped-def]
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def told(name: str, value: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({name: value, "peak_mb": peak}))


def step(*arguments: object) -> dict[str, float]:
    command = [sys.executable, __file__, "step", *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    if sys.argv[1:2] == ["step"]:
        name, *rest = sys.argv[2:]
        if name == "commit":
            commit(Path(rest[0]), int(rest[1]), int(rest[2]))
        elif name == "split":
            split(int(rest[0]))
        else:
            {"diff": diff, "verify": verify, "export": export, "bare": bare}[name](*map(Path, rest))
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as place:
        data, folder = Path(place) / "data", Path(place) / "out"
        found = {"commit": step("commit", data, rows, 1), "commit of 1 % more": step("commit", data, rows, 2)}
        found |= {
            "export typed and portable": step("export", data, folder),
            "pyarrow alone": step("bare", folder),
        }
        found |= {"diff": step("diff", data), "split": step("split", rows), "verify": step("verify", data)}
        size = sum(path.stat().st_size for path in data.iterdir()) / 2**20
    alone = found["pyarrow alone"]["seconds"]
    print(f"{rows:,} rows; the store has {size:,.0f} MB")
    print(f"{'step':<28}{'seconds':>9}{'rows/s':>10}{'x pyarrow':>11}{'peak MB':>9}")
    for name, one in found.items():
        seconds = max(one["seconds"], 1e-9)
        print(
            f"{name:<28}{seconds:>9.2f}{rows / seconds:>10,.0f}{seconds / alone:>11.2f}{one['peak_mb']:>9.0f}"
        )


if __name__ == "__main__":
    main()
