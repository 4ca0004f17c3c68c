"""How many rows the offline build makes in a second, and how much of its time is not the teacher's.

Run: python benchmarks/build.py [ROWS]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from callwright.engine.build import Built, build
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.llm.base import Completion, Model, Request
from callwright.settings import shipped_folder


@dataclass
class Timed:
    """A model that counts the seconds of its answers. Rules never wait, so the sum is their CPU time."""

    model: Model
    spent_s: float = 0.0
    asked: int = 0
    by_purpose: dict[str, float] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.model.id

    @property
    def reads_variables(self) -> bool:
        return self.model.reads_variables

    @property
    def stats(self) -> Counter[str]:
        return self.model.stats

    async def complete(self, request: Request) -> Completion:
        start = time.perf_counter()
        try:
            return await self.model.complete(request)
        finally:
            taken = time.perf_counter() - start
            self.spent_s += taken
            self.asked += 1
            self.by_purpose[request.purpose] = self.by_purpose.get(request.purpose, 0.0) + taken

    async def close(self) -> None:
        await self.model.close()


class TimedWorkshop(Workshop):
    """A workshop whose teacher is timed."""

    def teacher(self, folder: Path) -> Model:
        timed = Timed(super().teacher(folder))
        _teachers.append(timed)
        return timed


_teachers: list[Timed] = []


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    recipe_file = shipped_folder() / "recipes" / "demo.yaml"
    start = time.perf_counter()
    workshop = TimedWorkshop.of(load_recipe(recipe_file, [f"size={rows}"]), recipe_file.parent)
    read_s = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        built = asyncio.run(build(workshop, Path(folder)))
        whole_s = time.perf_counter() - start
        start = time.perf_counter()
        asyncio.run(build(workshop, Path(folder)))
        again_s = time.perf_counter() - start
    tell(built, read_s, whole_s, again_s, _teachers[0])


def tell(built: Built, read_s: float, whole_s: float, again_s: float, teacher: Timed) -> None:
    made = built.version.statistics
    print(f"tools read in {read_s:.2f} s; {made.rows} rows of {made.attempts} attempts in {whole_s:.1f} s")
    print(f"{made.rows / whole_s:.0f} rows/s, {teacher.asked / whole_s:.0f} model calls/s")
    for purpose, spent_s in sorted(teacher.by_purpose.items()):
        print(f"  teacher, {purpose}: {spent_s / whole_s:.0%} of the time")
    print(f"share of time outside the teacher: {1 - teacher.spent_s / whole_s:.2f}")
    print(f"the same build again, nothing changed: {again_s / whole_s:.4f} of the time")


if __name__ == "__main__":
    main()
