"""Worlds: calls a second, replays a second in another process, and the rung that rows over all worlds reach.

Figures of one run, as ratios where there is something to compare with; machines differ, so nothing here fails a test.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections import Counter
from pathlib import Path
from typing import Any

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import GenerationError
from callwright.generators.base import Slot
from callwright.judges.replay import Replay
from callwright.schemas.task import KINDS, Trajectory
from callwright.schemas.verdict import highest_rung
from callwright.toolbox.elsewhere import WorldsElsewhere
from callwright.toolbox.world import WorldToolbox
from callwright.worlds import NAMES, world_class
from callwright.worlds.base import World

EACH = 120
"""Rows of each kind."""


def main() -> None:
    workshop = _workshop()
    rows, dropped = asyncio.run(_rows(workshop))
    _calls(rows)
    asyncio.run(_replays(rows))
    asyncio.run(_rungs(workshop, rows, dropped))


def _workshop() -> Workshop:
    tools = [{"world": name} for name in NAMES]
    body = {"dataset": "worlds", "size": 10, "tools": tools, "mix": {"single": 1.0}}
    return Workshop.of(check_recipe(body, "worlds"), Path())


async def _rows(workshop: Workshop) -> tuple[list[Trajectory], Counter[str]]:
    teacher = workshop.teacher(Path())
    operators = workshop.operators(teacher, workshop.toolbox(teacher))["toolalpaca"]
    rows: list[Trajectory] = []
    dropped: Counter[str] = Counter()
    began = time.perf_counter()
    for kind in KINDS:
        for attempt in range(EACH):
            slot = Slot(method="toolalpaca", kind=kind, attempt=attempt, seed=5)
            try:
                task = await operators.source.task(slot)
                rows.append(await operators.rollout.trajectory(task, slot.name))
            except GenerationError as error:
                dropped[error.code] += 1
    took = time.perf_counter() - began
    print(
        f"rows            {len(rows) / took:8.0f} /s   planned, executed and worded; {sum(dropped.values())} given up"
    )
    return rows, dropped


def _calls(rows: list[Trajectory]) -> None:
    """The calls of the rows once more, and the most that a Python function of that size could do: the bare method."""
    made = [
        (row.task.toolkit, call["name"], call["arguments"])
        for row in rows
        for call in (one.model_dump() for one in row.task.intended)
    ]
    worlds = {name: world_class(name)(5, dt.date(2026, 3, 10)) for name in NAMES}
    began = time.perf_counter()
    for world, name, arguments in made:
        worlds[world].call(name, arguments)
    took = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(20):
        for name in NAMES:
            _world(name)
    populated = time.perf_counter() - began
    print(
        f"calls           {len(made) / took:8.0f} /s   checked arguments, rolled back on errors, typed answers"
    )
    print(f"worlds          {20 * len(NAMES) / populated:8.0f} /s   from a seed that was seen before")
    began = time.perf_counter()
    for seed, name in enumerate(NAMES * 5):
        _world(name, 1000 + seed)
    print(
        f"new worlds      {5 * len(NAMES) / (time.perf_counter() - began):8.0f} /s   populated from a new seed"
    )


def _world(name: str, seed: int = 5) -> World:
    return world_class(name)(seed, dt.date(2026, 3, 10))


async def _replays(rows: list[Trajectory]) -> None:
    called = [row for row in rows if row.tool_calls]
    figures: dict[str, float] = {}
    boxes: dict[str, Any] = {"here": WorldToolbox(), "elsewhere": WorldsElsewhere()}
    for name, box in boxes.items():
        judge = Replay(box)
        await judge.judge(called[0])  # the other process starts
        began = time.perf_counter()
        for row in called:
            await judge.judge(row)
        figures[name] = len(called) / (time.perf_counter() - began)
        await box.close()
    ratio = figures["here"] / figures["elsewhere"]
    print(
        f"replays         {figures['elsewhere']:8.0f} /s   in another process; {ratio:.1f} x the time of replaying here"
    )


async def _rungs(workshop: Workshop, rows: list[Trajectory], dropped: Counter[str]) -> None:
    judges = workshop.judges()
    reached: Counter[str] = Counter()
    against: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    for row in rows:
        verdicts = []
        for judge in judges:
            began = time.perf_counter()
            verdicts += await judge.judge(row)
            spent[judge.name] += int((time.perf_counter() - began) * 1e6)
        reached[highest_rung(verdicts) or "none"] += 1
        against.update(f"{one.rung} {one.code}" for one in verdicts if one.outcome != "pass")
    shares = ", ".join(f"{rung} {count / len(rows):.1%}" for rung, count in sorted(reached.items()))
    print(f"highest rung    {shares}  of {len(rows)} rows")
    print(f"against rows    {dict(against) or 'nothing'}; given up before: {dict(dropped) or 'nothing'}")
    total = sum(spent.values())
    parts = ", ".join(f"{name} {micros / total:.0%}" for name, micros in spent.most_common())
    print(f"judging         {len(rows) / total * 1e6:8.0f} rows/s   {parts}")


if __name__ == "__main__":
    main()
