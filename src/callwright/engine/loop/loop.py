"""Goes round: what the student cannot do becomes what it is trained on next.

Round 1 trains on seeds. Each later round probes the student on the rows of the one before, finds out who is wrong where
it and a label differ, writes variants of its failures, and trains on what comes of it. Held-out tools measure each
student. Every stage is a file, and every answer of a model is in the journal: a loop that was cut short goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from callwright.engine.build import PlainRunner, Runner, state_after
from callwright.engine.loop.bench import Bench
from callwright.engine.loop.plan import Plan
from callwright.engine.loop.pool import held_out_file, pool_file, with_origin
from callwright.engine.loop.report import summary
from callwright.engine.loop.round import Round, Rounded
from callwright.engine.loop.stages import Stages, replace, written
from callwright.engine.progress import Progress
from callwright.engine.workshop import Workshop
from callwright.errors import QualityError
from callwright.schemas.recipe import Student
from callwright.schemas.round import RoundReport


@dataclass(frozen=True)
class Looped:
    """What a loop came to."""

    reports: tuple[RoundReport, ...]
    student: Student
    """The student of the last round."""
    told: tuple[Path, ...]
    """The reports as files."""


async def loop(
    workshop: Workshop,
    data: Path,
    rounds: int,
    *,
    runner: Runner | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Looped:
    """Go round until there are so many rounds; those that are there are not done again.

    Args:
        workshop: A recipe with a loop, its tools read.
        data: The folder of the store and of runs.
        rounds: Counted from 1.
        runner: Who runs stages and shards; this process unless given.
        tell: Called with a line at each stage that begins.

    Raises:
        UsageError: The recipe has no loop, or one that cannot be.
        ModelError: An endpoint failed for good, or another student answers than before; the loop can be continued.
        TrainingError: The trainer failed; the loop can be continued.
        ShortfallError: There are too few rows to begin with.
        QualityError: A round made the student worse than the recipe allows.
        StoreError: The data folder cannot be used.
    """
    plan = with_origin(Plan.of(workshop), data)
    folder = data / "runs" / f"{plan.name}-loop-{plan.digest[:12]}"
    with written(folder):
        folder.mkdir(parents=True, exist_ok=True)
    runner = runner or PlainRunner()
    pool = await pool_file(plan, data, folder, runner, tell)
    held_out = await held_out_file(plan, data, folder, runner, tell)
    bench = Bench(plan, data, folder, pool, held_out)
    progress = Progress(f"{plan.name} (loop)", rounds * plan.settings.rows, folder)

    def told(text: str) -> None:
        progress.message, progress.requests = text, len(bench.journal)
        progress.tell(now=True)
        tell(text)

    done: list[Rounded] = []
    try:
        student, control = await bench.beginner(runner, told)
        for number in range(1, rounds + 1):
            stages = Stages(folder / f"round-{number:02d}", runner, _numbered(number, told))
            done.append(await Round(bench, number, stages, student, control, done).finish())
            student, control = done[-1].student, done[-1].control
            progress.accepted += len(done[-1].assembly.rows)
            _refuse_fall(plan, [one.report for one in done], stages.folder)
        progress.state, progress.message = "done", done[-1].report.version
    except BaseException as error:
        progress.state, progress.message = state_after(error), str(error)
        raise
    finally:
        progress.requests = len(bench.journal)
        await bench.close()
        progress.tell(now=True)
    reports = [one.report for one in done]
    summed = folder / "summary.md"
    replace(summed, summary(reports) + "\n")
    files = [folder / f"round-{report.round:02d}" / "report.md" for report in reports]
    return Looped(tuple(reports), student.config, (*files, summed))


def _numbered(number: int, tell: Callable[[str], None]) -> Callable[[str], None]:
    return lambda told: tell(f"round {number}: {told}")


def _refuse_fall(plan: Plan, reports: list[RoundReport], folder: Path) -> None:
    """A student that forgets when to call, or when not to, ends the loop. The first round has nothing to fall from:
    who never calls abstains always.
    """
    if len(reports) < 2:
        return
    before, after = reports[-1].held_out_before, reports[-1].held_out_after
    for name in ("relevance", "irrelevance"):
        was, now = getattr(before, name), getattr(after, name)
        if was.of and now.of and was.value - now.value > plan.settings.max_fall:
            raise QualityError(
                f"round {reports[-1].round}: {name} on held-out tools fell from {was.value:.0%} to {now.value:.0%}, "
                f"more than loop.max_fall ({plan.settings.max_fall:.0%}) allows; see {folder / 'report.md'}. Change "
                "the mix, loop.no_call or the training, or raise max_fall and run again"
            )
