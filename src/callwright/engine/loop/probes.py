"""A student is probed on rows; the answers of one stage are one file."""

from __future__ import annotations

from collections.abc import Sequence

from callwright.engine.loop.bench import Bench
from callwright.engine.loop.stages import Stages
from callwright.engine.loop.students import Known, sampling
from callwright.generators.conversing import together
from callwright.generators.looptool.decisions import decisions
from callwright.generators.looptool.probing import Prober
from callwright.generators.looptool.running import RunProber
from callwright.schemas.loop import Probing
from callwright.schemas.probe import Probe, RunProbe


async def probed(
    bench: Bench, stages: Stages, name: str, student: Known, rows: Sequence[str], settings: Probing
) -> list[Probe]:
    """What a student does at each decision of some rows."""

    async def work() -> list[Probe]:
        found: list[Probe] = []
        async with bench.student(student) as model:
            prober = Prober(model, settings, sampling(student.config))
            for block in bench.book.blocks(rows):
                found += await together(prober.probe(one) for row in block for one in decisions(row))
        return found

    told = f"probing {student.identity[:60]} on {len(rows)} rows ({name})"
    return await stages.records(name, told, Probe, work)


async def runs_probed(bench: Bench, stages: Stages, student: Known, rows: Sequence[str]) -> list[RunProbe]:
    """What a student does with whole tasks, with the tools and without; nothing where the recipe asks for none."""
    settings = bench.plan.settings.probe
    if not settings.runs:
        return []

    async def work() -> list[RunProbe]:
        found: list[RunProbe] = []
        async with bench.student(student) as model:
            prober = RunProber(
                model,
                bench.toolbox,
                bench.judged,
                settings,
                sampling(student.config),
                max_steps=bench.plan.workshop.max_steps,
            )
            for block in bench.book.blocks(rows):
                found += await together(prober.probe(row) for row in block)
        return found

    return await stages.records("runs", f"whole runs on {len(rows)} tasks", RunProbe, work)
