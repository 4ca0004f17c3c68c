"""What a version of a million rows costs: ratios to writing the exported tables with pyarrow alone, and peak memory.

Run: python benchmarks/million.py [--rows 1000000] [--meaning 50000] [--data DIR] [--keep]

Rows are real ones of the demo's recipe, each many times over, with words of its own after the request and a value of
its own in the first call. The second version has another row in place of each hundredth. Each step is a process of its
own, and so is its memory; making the rows is timed apart and taken off. A step that ends prints its line. DIR holds the
store and the exports, about 10 KB a row, and is emptied afterwards unless --keep is given.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from callwright.schemas.base import canonical_json
from callwright.schemas.recipe import Duplicates
from callwright.schemas.tool import Toolkit
from callwright.schemas.verdict import Verdict
from callwright.schemas.version import Member
from callwright.splits import split_of
from callwright.store import Commit, Store, TaskRow, TrajectoryRow

REAL = 240
"""Rows that are built, and then varied."""
TWIN = 50
"""One row in so many says what the one before says, but for one word; in a dedup another one is the same as that."""
COPY = 2
WORDS = (
    "lamp river stone garden ticket window letter harbour morning visit event hall bridge winter sister train market "
    "paper summer museum kitchen corner music doctor island friend engine yellow silver quiet narrow early"
).split()
SAID, VALUE, TASK = "\ue000", "\ue001", "\ue002"
"""Marks in a real row: where its own words, its own value, and its task's id go."""

T = TypeVar("T")


@dataclass(frozen=True)
class Real:
    """A row that was built, as canonical JSON texts with marks."""

    task: str
    messages: str
    tools: str
    """What tools add to the text that the id is the digest of."""
    rest: dict[str, Any]
    """The conversation's record without messages and task."""
    member: Member
    verdicts: tuple[Verdict, ...]
    parent: str | None

    @classmethod
    def of(cls, store: Store, member: Member, body: dict[str, Any], task: dict[str, Any]) -> Real:
        value = _first_value(body["messages"])
        texts = []
        for part in (task, body["messages"]):
            text = canonical_json(part)
            if value:
                text = text.replace(json.dumps(value, ensure_ascii=False)[1:-1], value + VALUE)
            texts.append(text)
        asked = next(one["content"] for one in body["messages"] if one["role"] == "user")
        first = canonical_json(asked)[:-1].replace(value or VALUE, (value or "") + VALUE)
        texts[1] = texts[1].replace(first, first + SAID, 1)
        tools = canonical_json([store.tools([one])[one].wire() for one in task["tools"]])
        rest = {name: value for name, value in body.items() if name not in ("messages", "task")}
        return cls(texts[0], texts[1], tools, rest, member, store.verdicts(member.trajectory), task["parent"])


def _first_value(messages: list[dict[str, Any]]) -> str | None:
    for message in messages:
        for call in message.get("tool_calls", ()):
            for value in json.loads(call["arguments"]).values():
                if isinstance(value, str) and value.isalpha() and len(value) > 3:
                    return value
    return None


@dataclass(frozen=True)
class Made:
    """One row of the synthetic store."""

    task_id: str
    task: dict[str, Any]
    id: str
    body: dict[str, Any]
    real: Real

    @property
    def member(self) -> Member:
        split = split_of(self.real.parent or self.task_id, 0.1)
        return self.real.member.model_copy(update={"trajectory": self.id, "split": split})


def named(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


def words(number: int) -> str:
    """Words of its own; a twin has those of the row before, but for the last."""
    twin = number % TWIN == 1
    draw = random.Random(number - 1 if twin else number)
    said = draw.choices(WORDS, k=24)
    return " " + " ".join([*said[:-1], "again"] if twin else said)


def based(number: int, rows: list[Real]) -> tuple[int, Real]:
    """The number whose words and value a row has, and the real row that it is made of."""
    same = number - 1 if number % TWIN == 1 else number
    return same, rows[same % len(rows)]


def task_of(number: int, rows: list[Real]) -> tuple[str, dict[str, Any]]:
    """A row's task and its id; tasks differ by their attempt, as those of a build do."""
    same, real = based(number, rows)
    task = json.loads(real.task.replace(VALUE, f"x{same}")) | {"attempt": number, "seed": number}
    return named(canonical_json(task)), task


def made(number: int, rows: list[Real]) -> Made:
    same, real = based(number, rows)
    task_id, task = task_of(number, rows)
    messages = real.messages.replace(SAID, words(number)).replace(VALUE, f"x{same}")
    id_ = named(f'{{"messages":{messages},"tools":{real.tools}}}')
    return Made(task_id, task, id_, {"messages": json.loads(messages), **real.rest, "task": task_id}, real)


def numbers(rows: int, version: int) -> Iterator[int]:
    return (rows + n if version == 2 and n % 100 == 0 else n for n in range(rows))


@cache
def reals(data: Path) -> tuple[tuple[Real, ...], tuple[Toolkit, ...]]:
    """The rows that were built, and their tools."""
    with Store.open(data / "real", write=False) as store:
        rows = tuple(Real.of(store, *row) for row in store.rows(store.version("demo")))
        kits: dict[str, list[Any]] = {}
        for kit, tool in store.all_tools():
            kits.setdefault(kit, []).append(tool)
    told = {"title": "Bench", "licence": "MIT", "origin": "bench.json"}
    return rows, tuple(Toolkit(name=name, tools=tuple(tools), **told) for name, tools in kits.items())


@dataclass
class Watch:
    """Seconds that making rows took, so that they can be taken off."""

    wall: float = 0.0
    cpu: float = 0.0

    def over(self, rows: Iterable[T]) -> Iterator[T]:
        source = iter(rows)
        while True:
            start, start_cpu = time.perf_counter(), time.process_time()
            row = next(source, None)
            self.wall += time.perf_counter() - start
            self.cpu += time.process_time() - start_cpu
            if row is None:
                return
            yield row


@dataclass
class Step:
    """What is told of a step: seconds of the clock and of the processor, rows, whatever else it found."""

    rows: int
    found: dict[str, Any] = field(default_factory=dict)

    def timed(self, work: Callable[[], T], off: Watch | None = None) -> T:
        start, start_cpu = time.perf_counter(), time.process_time()
        done = work()
        watch = off or Watch()
        self.found["seconds"] = time.perf_counter() - start - watch.wall
        self.found["cpu"] = time.process_time() - start_cpu - watch.cpu
        return done


def build(data: Path, step: Step) -> None:
    from callwright.engine.api import build as build_version
    from callwright.settings import shipped_folder

    recipe = shipped_folder() / "recipes" / "demo.yaml"
    step.timed(lambda: build_version(recipe, data / "real", (f"size={REAL}",), False))
    step.rows = REAL


def commit(data: Path, step: Step, version: int) -> None:
    rows, kits = reals(data)
    watch = Watch()
    bases = list(rows)
    members: list[Member] = []
    ids = bytearray()
    for one in (made(n, bases) for n in numbers(step.rows, version)):
        members.append(one.member)
        ids += bytes.fromhex(one.id)

    def verdicts() -> Iterator[Verdict]:
        for place, number in enumerate(numbers(step.rows, version)):
            id_ = ids[16 * place : 16 * place + 16].hex()
            for said in based(number, bases)[1].verdicts:
                yield said.model_copy(update={"trajectory": id_})

    step.found["rows_mb"] = _memory_mb()
    trajectories = watch.over(made(n, bases) for n in numbers(step.rows, version))
    batch = Commit(
        dataset="bench",
        recipe={"dataset": "bench", "size": step.rows},
        recipe_digest=f"r{version}",
        members=members,
        toolkits=kits,
        tasks=(TaskRow(*one) for one in watch.over(task_of(n, bases) for n in numbers(step.rows, version))),
        trajectories=(
            TrajectoryRow(one.id, one.real.member.kind, one.body, one.task) for one in trajectories
        ),
        verdicts=watch.over(verdicts()),
    )
    with Store.open(data, write=True) as store:
        step.timed(lambda: store.commit(batch), watch)
    step.found["store_mb"] = sum(path.stat().st_size for path in data.glob("callwright.*")) / 2**20


def _memory_mb() -> float:
    """What the process has held at the most, so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def diff(data: Path, step: Step) -> None:
    with Store.open(data, write=False) as store:
        found = step.timed(lambda: store.diff(*store.versions("bench")))
    assert found.added.rows == found.removed.rows == -(-step.rows // 100)


def split(data: Path, step: Step) -> None:
    ids = [named(str(n)) for n in range(step.rows)]
    step.timed(lambda: [split_of(one, 0.1) for one in ids])


def verify(data: Path, step: Step) -> None:
    with Store.open(data, write=False) as store:
        found = step.timed(lambda: store.verify(store.version("bench@1")))
    assert found.sound, found.damage[:3]


def export(data: Path, step: Step, name: str = "export", **options: str) -> None:
    from callwright.views import trl

    asked = trl.Options.model_validate(options)
    with Store.open(data, write=False) as store:
        manifest = step.timed(lambda: trl.export(store, store.version("bench@1"), data / name, asked))
    step.found["exported"] = {config: sum(splits.values()) for config, splits in manifest.rows.items()}


def bare(data: Path, step: Step, name: str = "export") -> None:
    """Write what was exported once more, with pyarrow alone and the same settings."""
    import datasets  # noqa: F401 - it registers the JSON type
    import pyarrow.parquet as pq

    wall = cpu = 0.0
    for path in sorted((data / name).rglob("*.parquet")):
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
            start, start_cpu = time.perf_counter(), time.process_time()
            writer.write_table(table, row_group_size=table.num_rows)
            wall, cpu = wall + time.perf_counter() - start, cpu + time.process_time() - start_cpu
        start, start_cpu = time.perf_counter(), time.process_time()
        writer.close()
        wall, cpu = wall + time.perf_counter() - start, cpu + time.process_time() - start_cpu
        out.unlink()
    step.found |= {"seconds": wall, "cpu": cpu}


ROUND = 10_000
"""Rows that are held against each other, and against what was chosen, at once: a round of a large build."""


def duplicates(data: Path, step: Step, encoder: str, *kinds: str) -> None:
    """The dedup of a build, over rows of some kinds: exact, by words (MinHash), and by meaning where calls agree."""
    from callwright.engine.gates.candidate import Candidates
    from callwright.engine.gates.gate import Gate
    from callwright.engine.gates.near import Near
    from callwright.engine.results import Result
    from callwright.engine.selection import Cell

    rows, kits = reals(data)
    bases = [one for one in rows if one.member.kind in kinds]
    gate = Gate(Candidates(kits), Near(Duplicates(encoder=encoder)))  # type: ignore[arg-type]
    cells = {kind: Cell("toolalpaca", kind, step.rows, gate=gate) for kind in kinds}  # type: ignore[arg-type]
    watch = Watch()

    def result(number: int) -> Result:
        one = made(number - 2 if number % TWIN == COPY else number, bases)
        return Result(
            method="toolalpaca",
            kind=one.real.member.kind,
            attempt=number,
            accepted=True,
            signature=one.id,
            root=one.task_id,
            task=one.task,
            trajectory_id=one.id,
            trajectory=one.body,
        )

    def take() -> None:
        for first in range(0, step.rows, ROUND):
            found = list(watch.over(map(result, range(first, min(first + ROUND, step.rows)))))
            for kind, cell in cells.items():
                cell.take(one for one in found if one.kind == kind)
            print(f"  {first + len(found):,} rows held against each other", file=sys.stderr, flush=True)

    step.timed(take, watch)
    step.found["left_out"] = dict(Counter(drop.code for cell in cells.values() for drop in cell.drops))
    assert step.found["left_out"]["same_conversation"] == len(range(COPY, step.rows, TWIN))


CALLING = ("single", "multi_step", "parallel", "clarification")
STEPS: dict[str, tuple[str, Callable[[Path, Step], None]]] = {
    "build": ("the real rows, built", build),
    "commit": ("commit", lambda data, step: commit(data, step, 1)),
    "commit-2": ("commit of 1 % other rows", lambda data, step: commit(data, step, 2)),
    "diff": ("diff of the two", diff),
    "split": ("split", split),
    "verify": ("verify", verify),
    "export": ("export trl, typed and portable", export),
    "pyarrow": ("pyarrow alone, the same tables", bare),
    "turns": ("export trl, format=turns", lambda data, step: export(data, step, "turns", format="turns")),
    "pyarrow-turns": ("pyarrow alone, the same tables", lambda data, step: bare(data, step, "turns")),
    "words": ("dedup, exact and MinHash", lambda data, step: duplicates(data, step, "ngrams", *CALLING)),
    "meaning": ("dedup by meaning, minilm", lambda data, step: duplicates(data, step, "minilm", "no_call")),
}
"""Name -> what it is called, and what it does."""
EMBEDDED = ("meaning",)
ALONE = {"export": "pyarrow", "turns": "pyarrow-turns"}
"""Exports, and what they are held against."""


def run(name: str, data: Path, rows: int) -> dict[str, Any]:
    """One step in a process of its own."""
    command = [sys.executable, __file__, "--step", name, "--rows", str(rows), "--data", str(data)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return {"failed": done.returncode}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def told(name: str, found: dict[str, Any]) -> None:
    if "failed" in found:
        print(f"{STEPS[name][0]:<34} failed ({found['failed']})", flush=True)
        return
    seconds = max(found["seconds"], 1e-9)
    more = {key: value for key, value in found.items() if key not in ("seconds", "cpu", "peak_mb", "rows")}
    print(
        f"{STEPS[name][0]:<34}{found['rows']:>10,}{seconds:>10.1f}{found['cpu']:>10.1f}"
        f"{found['rows'] / seconds:>11,.0f}{found['peak_mb']:>9,.0f}  {more or ''}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "--meaning", type=int, default=50_000, help="rows of the dedup by meaning; 0 for none"
    )
    parser.add_argument(
        "--data", type=Path, help="where store and exports go; a temporary folder unless given"
    )
    parser.add_argument("--keep", action="store_true", help="leave them there")
    parser.add_argument("--only", nargs="*", choices=STEPS, help="these steps alone, on what --keep left")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        step = Step(given.rows)
        STEPS[given.step][1](given.data, step)
        print(json.dumps({"rows": step.rows, **step.found, "peak_mb": _memory_mb()}))
        return
    data = given.data or Path(tempfile.mkdtemp(prefix="callwright-million-"))
    data.mkdir(parents=True, exist_ok=True)
    print(f"{'step':<34}{'rows':>10}{'seconds':>10}{'CPU s':>10}{'rows/s':>11}{'peak MB':>9}", flush=True)
    found: dict[str, dict[str, Any]] = {}
    try:
        for name in given.only or STEPS:
            rows = given.meaning if name in EMBEDDED else given.rows
            if rows:
                found[name] = run(name, data, rows)
                told(name, found[name])
            if name in ALONE.values() and not given.keep:
                shutil.rmtree(data / next(one for one, alone in ALONE.items() if alone == name))
        for export_, alone in ALONE.items():
            both = [found.get(one, {}) for one in (export_, alone)]
            if all("seconds" in one for one in both):
                wall, cpu = (both[1][key] / both[0][key] for key in ("seconds", "cpu"))
                print(f"{STEPS[export_][0]}: {wall:.2f} of pyarrow's speed, {cpu:.2f} by CPU time")
    finally:
        if not given.keep:
            for name in ("real", *ALONE):
                shutil.rmtree(data / name, ignore_errors=True)
            for path in data.glob("callwright.*"):
                path.unlink()
    if any("failed" in one for one in found.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
