"""All that the rounds of one loop work with: rows, teacher, judge, toolbox, ladder, journal, and students."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path

from callwright.engine.build import Runner
from callwright.engine.gates.leaking import leak_texts, leaked_calls
from callwright.engine.loop.plan import Plan
from callwright.engine.loop.rows import RowBook
from callwright.engine.loop.stages import Stages, replace
from callwright.engine.loop.students import Known, check_identity, identity, read_known, student_model
from callwright.engine.results import Result
from callwright.engine.rulings import Rulings
from callwright.errors import ShortfallError, TrainingError, UsageError
from callwright.generators.base import Explored
from callwright.generators.looptool.expanding import Expansion
from callwright.generators.looptool.focusing import Failed
from callwright.generators.looptool.novelty import Novelty
from callwright.generators.toolalpaca.episodes import Episodes
from callwright.judges.equality import Equality
from callwright.leaks import read_items
from callwright.llm.base import Model, Sampling
from callwright.llm.journal import Journal
from callwright.llm.journaled import Journaled
from callwright.schemas.recipe import LocalModel, SimulatedModel, Student
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Verdict


class Bench:
    """Opened for one sitting of a loop."""

    def __init__(self, plan: Plan, data: Path, folder: Path, pool: Path, held_out: Path) -> None:
        """`pool` and `held_out` are files of results."""
        workshop = plan.workshop
        self.plan = plan
        self.data = data
        self.folder = folder
        self.book = RowBook(workshop.tools)
        self.pool = self.book.add(pool)
        self.held_out = self.book.add(held_out)
        if not self.pool:
            raise ShortfallError(f"{plan.name}: the pool of seeds has no rows to train on")
        self.journal = Journal(folder / "journal.jsonl")
        self.committed = 0
        """So many of the journal's entries stand in the store already, as far as this sitting knows."""
        self._calls: Journal | None = None
        try:
            purse = workshop.purse(self.journal)
            teacher, judge = workshop.teacher(folder), workshop.judge(folder)
            free = teacher.reads_variables
            self.model = Journaled(teacher, self.journal, purse=None if free else purse)
            own = Journaled(judge, self.journal, purse=purse) if judge else None
            self.judge: Journaled | None = own or (None if free else self.model)
            """Who rules where execution cannot; rules do not."""
            if workshop.calls_out:
                self._calls = Journal(folder / "calls.jsonl")
            self.toolbox = workshop.toolbox(self.model, self._calls)
        except BaseException:
            self._close_journals()
            raise
        self.rulings = Rulings(workshop.judges(), workshop.recipe.accept.rung, workshop.max_steps)

    async def ruled(self, row: Trajectory, number: int = 0) -> Result:
        """What the exact ladder says of a conversation, as the result of an attempt of that number."""
        return (await self.rulings.rule(Explored(attempt=number, trajectory=row)))[0]

    async def judged(self, row: Trajectory) -> Sequence[Verdict]:
        """What the exact ladder says of a conversation; of one that was judged when it was made, what it said then."""
        known = self.book.result(row.id).verdicts if row.id in self.book else ()
        return known if any(one.judge == Equality.name for one in known) else (await self.ruled(row)).verdicts

    @cached_property
    def episodes(self) -> Episodes:
        return self.plan.workshop.episodes(self.model, self.toolbox)

    @property
    def judging(self) -> Sampling:
        """How the judge is sampled."""
        return self.plan.workshop.judging()

    @property
    def protected(self) -> Sequence[str]:
        """Rows that nothing which is trained on may be like."""
        return self.held_out

    @cached_property
    def guard(self) -> Novelty:
        """Tells what is like something protected."""
        rows = (row for block in self.book.blocks(self.protected) for row in block)
        workshop = self.plan.workshop
        return Novelty(self.plan.settings.expand.likeness, rows, leak_texts(workshop), leaked_calls(workshop))

    @cached_property
    def leak_items(self) -> int:
        """Items of the recipe's leak files, which nothing that is trained on may be like either."""
        return sum(1 for _, path in self.plan.workshop.leak_files for _ in read_items(path))

    def expansion(self, failures: Sequence[Failed]) -> Expansion:
        """Variants of failures, over the toolkits that the loop trains on."""
        return self.plan.seeds.expansion(
            self.model,
            self.judge or self.model,
            self.toolbox,
            self.episodes,
            self.plan.settings.expand,
            failures,
            self.guard,
        )

    async def beginner(self, runner: Runner, tell: Callable[[str], None]) -> tuple[Known, Known | None]:
        """The student that the loop begins with, and the control's, which is the same."""
        stages = Stages(self.folder / "round-00", runner, tell)
        config = self._absolute(self.plan.student)
        # Where it is may have changed since it was written down.
        known = (await self.known(stages, "student", config)).model_copy(update={"config": config})
        return known, known if self.plan.settings.control else None

    async def known(self, stages: Stages, name: str, config: Student, before: Known | None = None) -> Known:
        """A student, asked who it is and written down the first time. With `before`, it has to be another one.

        Raises:
            ModelError: Its endpoint does not answer.
            TrainingError: It cannot be told apart from the one before.
        """
        path = stages.folder / f"{name}.json"
        if path.exists():
            return read_known(path)
        model = student_model(config, self.plan.workshop.base)
        try:
            known = Known(config=config, identity=await identity(model))
        finally:
            await model.close()
        if before and known.identity == before.identity and not isinstance(config, SimulatedModel):
            raise TrainingError(
                f"the training left the student that there was before, {known.identity!r}; let the new one have a name "
                f"of its own, correct what stands in {stages.folder / name / 'out'}, and run again"
            )
        replace(path, known.model_dump_json(indent=1))
        return known

    @asynccontextmanager
    async def student(self, known: Known) -> AsyncIterator[Model]:
        """A student at work; what it answers is written down.

        Raises:
            ModelError: Another one answers than was written down.
        """
        asked = student_model(known.config, self.plan.workshop.base)
        model = Journaled(asked, self.journal)
        try:
            await check_identity(asked, known)
            # Endpoints may serve one student after the other under one name, and answers must not be mixed up.
            asked.id = model.id = known.identity
            yield model
        finally:
            await model.close()

    async def close(self) -> None:
        try:
            await self.toolbox.close()
            await self.model.close()
            if self.judge is not None and self.judge is not self.model:
                await self.judge.close()
        finally:
            self._close_journals()

    def _absolute(self, config: Student) -> Student:
        """What lies in files by its full path: later students lie elsewhere."""
        if isinstance(config, SimulatedModel) and config.skills is not None:
            skills = (self.plan.workshop.base / config.skills).resolve()
            return config.model_copy(update={"skills": str(skills)})
        if not isinstance(config, LocalModel):
            return config
        folder = (self.plan.workshop.base / config.model).resolve()
        if not folder.is_dir():
            raise UsageError(f"models.student.model: {folder} is no folder with a model")
        template = config.template and str((self.plan.workshop.base / config.template).resolve())
        return config.model_copy(update={"model": str(folder), "template": template})

    def _close_journals(self) -> None:
        for journal in (self.journal, self._calls):
            if journal is not None:
                journal.close()
