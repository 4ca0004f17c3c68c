"""Build a dataset's next version: rounds of shards until the quotas are full, one commit, the views.

Nothing here knows Prefect: whoever runs shards is handed in.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol, TypeVar

from callwright.engine.chains import Chain, Chains, Job
from callwright.engine.costs import plan_of, usd_of
from callwright.engine.gates.leaking import check_leak_files, refuse_leaks
from callwright.engine.gates.opening import open_gate
from callwright.engine.loop.plan import seeds_of
from callwright.engine.progress import STATUS_NAME, Progress, earlier_troubles
from callwright.engine.results import chosen_results, conversations, read_results
from callwright.engine.rewriting import chosen_rows, source_copies, source_rows, with_origins
from callwright.engine.rulings import Rulings
from callwright.engine.selection import Cell, cells, help_out, take_chains
from callwright.engine.shards import SHARD_SIZE, Attempts, Shard
from callwright.engine.sharing import (
    LOOK_S,
    SharedJournal,
    anybody_at,
    claimed,
    claims_folder,
    take_place,
    until_done,
    worker_file,
)
from callwright.engine.statistics import StatisticsCount, spent_by_purpose
from callwright.engine.workshop import Workshop
from callwright.errors import CallwrightError, ShortfallError, StoreError, UsageError
from callwright.llm.base import Model
from callwright.llm.budget import Purse
from callwright.llm.journal import Journal
from callwright.llm.journaled import Journaled, is_refusal
from callwright.llm.ledger_only import LedgerOnly
from callwright.schemas.cost import CostPlan
from callwright.schemas.recipe import BatchModel, Budget, Splits
from callwright.schemas.version import LedgerEntry, Member, Run, Statistics, Version
from callwright.store import FILE_NAME, Commit, Store, TaskRow, TrajectoryRow

M = TypeVar("M", Model, Model | None)

COMMIT_WAIT_S = 60.0
"""Seconds to wait for somebody else's commit or reading to end."""


class Runner(Protocol):
    """Runs shards, a few at a time; without Prefect, or as Prefect tasks."""

    async def run(
        self, jobs: Sequence[Job], work: Callable[[Job], Awaitable[Path]], at_once: int
    ) -> list[Path]:
        """The files of shards or chains, in their order, `at_once` of them under way at the most."""
        ...


class PlainRunner:
    """Runs shards in this process."""

    async def run(
        self, jobs: Sequence[Job], work: Callable[[Job], Awaitable[Path]], at_once: int
    ) -> list[Path]:
        gate = asyncio.Semaphore(at_once)

        async def one(job: Job) -> Path:
            async with gate:
                return await work(job)

        tasks = [asyncio.create_task(one(job)) for job in jobs]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True)
class Built:
    """What a build came to."""

    version: Version
    made: bool
    """False when nothing had changed and the version was there before."""
    asked: int
    """Requests that a model really got."""
    elsewhere: bool = False
    """Whether another worker, with which the run was shared, made the version."""


async def build(
    workshop: Workshop,
    data: Path,
    *,
    runner: Runner | None = None,
    on_change: Callable[[Progress], None] | None = None,
    replay: bool = False,
    join: bool = False,
) -> Built:
    """The version that a recipe describes; made, or found when nothing changed.

    Args:
        workshop: The recipe with its tools; of one with a loop, the loop's seeds are built.
        data: The folder of the store and of runs. A run that was cut short is continued.
        runner: Who runs the shards; this process unless given.
        on_change: Called with the progress about twice a second.
        replay: Make every row anew from what was written down; no model is asked and no call goes out.
        join: Share the run with other processes that are at it, here or on machines that see the same folder.

    Raises:
        RunBusyError: Another process is at this run, and this one is not to join it.
        UsageError: A leak file cannot be read, or a run of this recipe cannot be shared.
        ModelError: The endpoint failed for good; the run can be continued.
        BudgetError: A budget of the recipe is used up; with a larger one the run can be continued.
        ShortfallError: The teacher brought fewer good rows than the recipe asks for; no version was made.
        StoreError: The data folder cannot be used, has no version that the recipe starts from, or holds not all that
            a replay needs.
    """
    workshop = with_origins(seeds_of(workshop), data)
    known = _known_version(workshop, data)
    if known and not replay:
        return Built(known, made=False, asked=0)
    check_leak_files(workshop)
    if join:
        refuse_join(workshop, replay)
    folder = run_folder(workshop, data)
    run = _Run(workshop, data, folder, runner or PlainRunner(), on_change, known, replay, join)
    try:
        return await run.finish()
    finally:
        await run.close()


async def work_at(workshop: Workshop, data: Path, shard: Shard) -> Path:
    """Make one shard of a run that another process is at; returns its file, which may be somebody else's work.

    Raises:
        As `build`.
    """
    workshop = with_origins(seeds_of(workshop), data)
    run = _Run(workshop, data, run_folder(workshop, data), PlainRunner(), None, None, replay=False, join=True)
    try:
        return await run.shard(shard)
    finally:
        await run.close()


def refuse_join(workshop: Workshop, replay: bool) -> None:
    """Refuse what several workers cannot share.

    Raises:
        UsageError: It is a replay, has a budget, or asks a model by a command.
    """
    recipe = workshop.recipe
    if replay:
        raise UsageError("a replay asks nobody, so there is nothing to share: leave out --join")
    if recipe.budget != Budget():
        raise UsageError(
            "a budget is one process's, and several would spend it each: leave out `budget` or --join"
        )
    if any(isinstance(one, BatchModel) for one in (recipe.models.teacher, recipe.models.judge)):
        raise UsageError("with `engine: batch` one process has all questions in one file: leave out --join")


def _planned(workshop: Workshop, data: Path, path: Path) -> CostPlan:
    """What the run's first sitting expected it to cost."""
    try:
        return CostPlan.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        plan = plan_of(workshop, data)
        path.write_text(plan.model_dump_json(indent=1), encoding="utf-8")
        return plan


def run_folder(workshop: Workshop, data: Path) -> Path:
    """The folder of this recipe's run: the same recipe continues the same run."""
    folder = data / "runs" / f"{workshop.recipe.dataset}-{workshop.digest[:12]}"
    try:
        (folder / "shards").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be made ({error.strerror}); choose another folder with --data"
        ) from None
    return folder


def _known_version(workshop: Workshop, data: Path) -> Version | None:
    try:
        with Store.open(data, write=False, wait_s=COMMIT_WAIT_S) as store:
            return store.find_version(workshop.recipe.dataset, workshop.digest)
    except StoreError:
        if (data / FILE_NAME).exists():
            raise
        return None


class _Run:
    """One run of a recipe, from its journal to its commit."""

    def __init__(
        self,
        workshop: Workshop,
        data: Path,
        folder: Path,
        runner: Runner,
        on_change: Callable[[Progress], None] | None,
        known: Version | None,
        replay: bool,
        join: bool,
    ) -> None:
        self._workshop = workshop
        self._data = data
        self._folder = folder
        self._runner = runner
        self._known = known
        self._replay = replay
        self._join = join
        # A replay that read the shards of the first build would prove nothing.
        self._shards = folder / ("replayed" if replay else "shards")
        recipe = workshop.recipe
        teacher, judge = self._asked(workshop.teacher(folder)), self._asked(workshop.judge(folder))
        self._troubles_here = [model.stats for model in (teacher, judge) if model]
        worker, self._journal = take_place(folder, join=join)
        self._worker = worker
        self._progress = Progress(
            recipe.dataset, recipe.size, folder, on_change, file=worker_file(STATUS_NAME, worker)
        )
        self._troubles_before = earlier_troubles(folder)
        self._earlier: Journal | None = None
        self._calls: SharedJournal | None = None
        self._done_with = False
        try:
            if workshop.calls_out:
                self._calls = SharedJournal(folder, "calls.jsonl", worker)
            (folder / "recipe.json").write_text(json.dumps(recipe.resolved(), indent=1), encoding="utf-8")
            if replay:
                _forget(self._shards, folder / _EARLIER)
            self._plan = None if replay else _planned(workshop, data, folder / "plan.json")
            models = [model.id for model in (teacher, judge) if model]
            self._earlier_path = folder / worker_file(_EARLIER, worker)
            self._earlier = _earlier_calls(data, self._earlier_path, models, refusals=replay)
            purse = workshop.purse(self._journal, self._earlier)
            self._model = self._remembering(teacher, purse)
            self._judge = self._remembering(judge, purse) if judge else self._model
            self._toolbox = workshop.toolbox(self._model, self._calls, replay=replay)
        except BaseException as error:
            # Whoever calls again from the same process, such as a notebook, must find the journals free.
            self._close_journals()
            if isinstance(error, OSError):
                raise StoreError(
                    f"{folder}: cannot be written ({error.strerror}); make room or choose another folder with --data"
                ) from error
            raise
        rulings = Rulings(workshop.judges(), recipe.accept.rung, workshop.max_steps)
        operators = workshop.operators(self._model, self._toolbox)
        self._attempts = Attempts(operators, rulings, recipe.seed, workshop.conversations)
        rows = source_rows(workshop, data, folder)
        explorers = workshop.explorers(self._model, self._judge, self._toolbox, rows)
        self._chains = Chains(explorers, rulings, self._attempts.ended)

    def _asked(self, model: M) -> M | LedgerOnly:
        """The model, or in a replay what stands in for it."""
        return LedgerOnly(model) if model and self._replay else model

    def _remembering(self, model: Model, purse: Purse | None) -> Journaled:
        """The model with the run's journal; rules cost nothing."""
        earlier = self._earlier.get if self._earlier is not None else None
        return Journaled(model, self._journal, earlier, purse=None if model.reads_variables else purse)

    async def finish(self) -> Built:
        watch = asyncio.create_task(self._watch())
        try:
            filled, paths = await self._rounds()
            version, made = await self._committed(filled, paths)
        except BaseException as error:
            self._end(state_after(error), str(error))
            raise
        finally:
            watch.cancel()
        self._end("done", version.name)
        asked = self._stats["asked"]
        if self._earlier is not None:
            self._earlier.close()
            self._earlier = None
            _forget(self._earlier_path)
        self._done_with = True
        if self._replay:
            _forget(self._shards)
        return Built(version, made and self._known is None, asked, elsewhere=not made)

    async def shard(self, shard: Shard) -> Path:
        """The file of one shard, whoever makes it; nothing is chosen and nothing committed."""
        [path] = await self._done([shard], 1)
        _forget(self._earlier_path)
        return path

    async def close(self) -> None:
        try:
            await self._toolbox.close()
            await self._model.close()
            if self._judge is not self._model:
                await self._judge.close()
        finally:
            self._close_journals()
        # Of several that end together, the last one sees nobody else.
        if self._done_with and not anybody_at(self._folder):
            _forget(*source_copies(self._folder), claims_folder(self._folder))

    def _close_journals(self) -> None:
        for journal in (self._journal, self._calls, self._earlier):
            if journal is not None:  # an empty journal is false
                journal.close()

    async def _rounds(self) -> tuple[list[Cell], list[Path]]:
        """Attempts in rounds until every cell is full; the numbers of a round depend on results alone."""
        # Rules hardly ever fail; a model is known to, so it starts with a few attempts more.
        surplus = 1.0 if self._model.reads_variables else 1.2
        recipe = self._workshop.recipe
        self._gate = open_gate(self._workshop, self._data, COMMIT_WAIT_S)
        filled = cells(recipe, surplus, self._gate)
        later = recipe.methods.from_methods
        early = [name for name in recipe.methods.names if name not in later]
        made = await self._explored(filled, early)
        made += await self._attempted(filled)
        self._refuse_short(cell for cell in filled if cell.method in early)
        if later:
            self._add_sources(later, filled, made)
            made += await self._explored(filled, list(later))
            made += await self._attempted(filled)
            self._refuse_short(filled)
        return filled, made

    async def _attempted(self, filled: list[Cell]) -> list[Path]:
        """The files of the attempts that it takes to fill the cells which make attempts of their own."""
        made: list[Path] = []
        while True:
            shards = [shard for cell in filled for shard in cell.next_shards()]
            if not shards:
                break
            paths = await self._done(shards, self._at_once)
            made += paths
            for cell in filled:
                mine = [
                    path
                    for shard, path in zip(shards, paths, strict=True)
                    if (shard.method, shard.kind) == (cell.method, cell.kind)
                ]
                cell.take(result for path in mine for result in read_results(path))
        return made

    def _refuse_short(self, filled: Iterable[Cell]) -> None:
        short = [cell.shortfall() for cell in filled if cell.short]
        if short:
            self._remember()
            raise ShortfallError(
                f"no version was made: {'; '.join(short)}. Lower size, change the mix or the teacher, and run again; "
                "nothing that was answered is asked again"
            )

    async def _explored(self, filled: list[Cell], methods: list[str]) -> list[Path]:
        """The files of the methods' chains. They are under way together: each of them has one question at a time."""
        chains = self._chains.all(methods)
        paths = await self._done(chains, len(chains))
        take_chains(filled, (result for path in paths for result in read_results(path)))
        explored = self._workshop.recipe.methods.explored
        help_out(self._workshop.recipe, filled, [name for name in methods if name in explored])
        return paths

    def _add_sources(self, later: Mapping[str, Sequence[str]], filled: list[Cell], made: list[Path]) -> None:
        """Hand the rows that are chosen by now to the methods that start from them."""
        tools = self._workshop.tools
        rows = {}
        for method, sources in later.items():
            chosen = {row for cell in filled if cell.method in sources for row in cell.chosen}
            rows[method] = chosen_rows(conversations(made), chosen, tools, self._folder, method)
        explorers = self._workshop.explorers(self._model, self._judge, self._toolbox, rows)
        self._chains.add({name: explorers[name] for name in later})

    @property
    def _at_once(self) -> int:
        """Shards under way: enough to keep all conversations going while one shard ends and the next begins.

        Workers that share a run leave each other what they are not yet at.
        """
        return (1 if self._join else 2) + self._workshop.conversations // SHARD_SIZE

    async def _done(self, jobs: Sequence[Job], at_once: int) -> list[Path]:
        """The files of shards or chains, in their order, whoever makes them."""
        by_name = {job.name: job for job in jobs}
        paths = {job.name: self._shards / f"{job.name}.jsonl" for job in jobs}
        mine: set[str] = set()

        async def job_unless_claimed(job: Job) -> Path:
            with claimed(self._folder, job.name) as ours:
                if ours:
                    mine.add(job.name)
                    self._catch_up()  # whoever had it before may have died over it
                    await self._job(job)
            return paths[job.name]

        async def do(names: Sequence[str]) -> None:
            await self._runner.run([by_name[name] for name in names], job_unless_claimed, at_once)

        await until_done(self._folder, paths, do)
        for job in jobs:
            if job.name not in mine:
                await self._job(job)  # another has made it: it is counted here too
        return list(paths.values())

    def _catch_up(self) -> None:
        self._journal.catch_up()
        if self._calls is not None:
            self._calls.catch_up()

    async def _job(self, job: Job) -> Path:
        runs = self._chains if isinstance(job, Chain) else self._attempts
        return await runs.run(job, self._shards)  # type: ignore[arg-type]

    async def _watch(self) -> None:
        """Keeps the status up to date while shards run."""
        while True:
            self._tell()
            await asyncio.sleep(0.25)

    def _tell(self, *, now: bool = False) -> None:
        for (gate, code), count in self._attempts.ended.items():
            self._progress.attempts_ended(gate, code, count)
        self._attempts.ended.clear()
        stats = self._stats
        self._progress.requests = stats["asked"]
        self._progress.remembered = stats["answered_from_journal"] + stats["answered_from_store"]
        self._progress.tokens = stats["prompt_tokens"] + stats["completion_tokens"]
        self._progress.troubles = self._troubles()
        self._progress.tell(now=now)

    @property
    def _stats(self) -> Counter[str]:
        """What became of the questions to the teacher, and to a judge of its own."""
        own = Counter[str]() if self._judge is self._model else self._judge.stats
        return self._model.stats + own

    def _troubles(self) -> Counter[str]:
        here = {
            name: count
            for name, count in sum(self._troubles_here, Counter[str]()).items()
            if name.startswith(("retry_", "fallback_"))
        }
        return self._troubles_before + Counter(here)

    def _end(self, state: str, message: str) -> None:
        self._progress.state, self._progress.message = state, message
        self._tell(now=True)

    def _remember(self) -> None:
        """Put what was answered into the store's ledger, for other recipes and sizes to use."""
        self._catch_up()
        with Store.open(self._data, write=True, wait_s=COMMIT_WAIT_S) as store:
            store.add_calls(self._ledger())

    def _ledger(self) -> Iterator[LedgerEntry]:
        return (LedgerEntry.model_validate(entry) for entry in self._journal)

    async def _committed(self, filled: list[Cell], paths: list[Path]) -> tuple[Version, bool]:
        """The version, and whether it was this worker who committed it."""
        while True:
            with claimed(self._folder, "commit") as ours:
                if ours:
                    self._catch_up()
                    known = None if self._replay else _known_version(self._workshop, self._data)
                    return (known, False) if known else (self._commit(filled, paths), True)
            await asyncio.sleep(LOOK_S)

    def _commit(self, filled: list[Cell], paths: list[Path]) -> Version:
        chosen = {row for cell in filled for row in cell.chosen}
        members, statistics = self._members(paths, chosen, filled)
        self._refuse_leaks(paths, members)
        workshop = self._workshop
        batch = Commit(
            dataset=workshop.recipe.dataset,
            recipe=workshop.recipe.resolved(),
            recipe_digest=workshop.digest,
            members=members,
            statistics=statistics,
            toolkits=workshop.toolkits,
            tasks=(TaskRow(result.task_id, result.task) for result in conversations(paths)),
            trajectories=(
                TrajectoryRow(r.trajectory_id, r.row_kind or r.kind, r.trajectory, r.task)
                for r in conversations(paths)
            ),
            verdicts=(verdict for result in conversations(paths) for verdict in result.verdicts),
            ledger=self._ledger(),
            drops=[drop for cell in filled for drop in cell.drops],
        )
        if self._known and self._known.id != batch.version_id:
            raise StoreError(
                f"replay: what the ledger holds gives another version than {self._known.name}: "
                f"{batch.version_id[:12]} in place of {self._known.id[:12]}; nothing was written. The ledger was "
                "changed, or the same questions were answered anew since"
            )
        with Store.open(self._data, write=True, wait_s=COMMIT_WAIT_S) as store:
            version = store.commit(batch)
            store.record_run(
                Run(
                    id=self._folder.name,
                    dataset=workshop.recipe.dataset,
                    recipe_digest=workshop.digest,
                    state="done",
                    started_at=self._progress.started_at,
                    finished_at=dt.datetime.now(dt.UTC),
                    body=self._progress.report()
                    | {"version": version.name, "base": str(workshop.base.resolve())},
                )
            )
        return version

    def _refuse_leaks(self, paths: list[Path], members: list[Member]) -> None:
        if not self._workshop.recipe.leaks and not self._workshop.recipe.canary:
            return
        trained = {one.trajectory for one in members if one.split in ("train", "validation")}

        def roots_of(ids: Sequence[str]) -> set[str]:
            if not (self._data / FILE_NAME).exists():
                return set()
            with Store.open(self._data, write=False, wait_s=COMMIT_WAIT_S) as store:
                return store.roots_of(ids)

        refuse_leaks(self._workshop, lambda: chosen_results(paths, trained), self._folder, roots_of)

    def _members(
        self, paths: list[Path], chosen: set[str], filled: list[Cell]
    ) -> tuple[list[Member], Statistics]:
        members: list[Member] = []
        count = StatisticsCount(self._workshop.toolkits)
        for result in chosen_results(paths, chosen):
            candidate = self._gate.candidates.of(result)
            split = self._gate.assignment.assign(candidate.root, candidate.shows)
            member = Member(
                trajectory=result.trajectory_id, split=split, kind=result.kind, method=result.method
            )
            members.append(member)
            count.add(result, member)
        statistics = count.statistics(
            chosen_results(paths, chosen),
            attempts=sum(cell.attempts for cell in filled),
            drops=(drop for cell in filled for drop in cell.drops),
            troubles=self._troubles(),
            teacher=self._model.id,
            spent=spent_by_purpose(self._journal),
        )
        statistics = statistics.model_copy(
            update={
                "likeness": self._gate.near.name,
                "usd": usd_of(self._workshop.recipe, statistics.by_purpose),
                "planned": self._plan,
                "held_out": tuple(sorted(self._gate.assignment.held)),
                "notes": _notes(self._workshop.recipe.splits, statistics.by_split),
            }
        )
        return members, statistics


def _notes(asked: Splits, rows: Mapping[str, int]) -> tuple[str, ...]:
    """Splits that were asked for and have no row."""
    wanted = {name: share for name, share in asked.model_dump().items() if share}
    notes = [f"the split {name} is empty" for name in wanted if not rows.get(name)]
    if "unseen_tools" in wanted and not rows.get("unseen_tools"):
        notes[notes.index("the split unseen_tools is empty")] += (
            ": no row shows a tool that is held out, or all tools were shown in earlier versions; a dataset of another "
            "name starts anew"
        )
    return (*notes, *(["the split train is empty"] if not rows.get("train") else []))


def state_after(error: BaseException) -> str:
    """How a run stands that ended with an error."""
    if isinstance(error, ShortfallError):
        return "short"
    return (
        "stopped"
        if isinstance(error, CallwrightError | asyncio.CancelledError | KeyboardInterrupt)
        else "failed"
    )


_EARLIER = "earlier.jsonl"


def _earlier_calls(data: Path, path: Path, models: Sequence[str], *, refusals: bool) -> Journal | None:
    """What these models answered in earlier runs, as a file beside the journal; the store itself stays free.

    Answers that could not be used are left out unless `refusals`: the server may have been mended since.
    """
    if not path.exists() and (data / FILE_NAME).exists():
        temporary = path.with_suffix(".part")
        with (
            Store.open(data, write=False, wait_s=COMMIT_WAIT_S) as store,
            temporary.open("w", encoding="utf-8") as file,
        ):
            for entry in chain.from_iterable(map(store.calls, models)):
                if refusals or not is_refusal(entry):
                    file.write(json.dumps(entry) + "\n")
        temporary.replace(path)
    return Journal(path) if path.exists() else None


def _forget(*paths: Path) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)  # two may be at it
            continue
        path.unlink(missing_ok=True)
