"""A round's rows become a version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from callwright.engine.build import COMMIT_WAIT_S
from callwright.engine.loop.assembly import Left
from callwright.engine.loop.bench import Bench
from callwright.engine.loop.stages import Stages, damaged
from callwright.engine.results import Result
from callwright.engine.statistics import StatisticsCount, spent_by_purpose
from callwright.errors import StoreError
from callwright.schemas.base import digest
from callwright.schemas.probe import Probe, Reason
from callwright.schemas.verdict import Verdict
from callwright.schemas.version import LedgerEntry, Member, Version
from callwright.store import Commit, Store, TaskRow, TrajectoryRow


async def commit_rows(
    bench: Bench,
    stages: Stages,
    name: str,
    *,
    dataset: str,
    number: int,
    rows: Mapping[str, Reason],
    student: str,
    drops: Sequence[Left] = (),
    probes: Sequence[Probe] = (),
    verdicts: Sequence[Verdict] = (),
    further: Sequence[Result] = (),
) -> Version:
    """The version of some rows, made or found.

    Args:
        bench: What the rounds work with.
        stages: The round's folder.
        name: The stage's name.
        dataset: Whose next version it is.
        number: The round's number.
        rows: Row -> why it is there, in their order.
        student: Id of the student that they were chosen for.
        drops: Rows that are left out, with the reason.
        probes: What the student did at their decisions.
        verdicts: Rulings on labels.
        further: Attempts of this round, for the record: variants, and rows with the student's answer as label.
    """

    async def write(path: Path) -> None:
        made = _commit(bench, dataset, number, rows, student, drops, probes, verdicts, further)
        path.write_text(made.name, encoding="utf-8")

    path = await stages.file(f"{name}.txt", f"{dataset}: a version of {len(rows)} rows", write)
    with Store.open(bench.data, write=False, wait_s=COMMIT_WAIT_S) as store:
        try:
            return store.version(path.read_text(encoding="utf-8"))
        except (StoreError, ValueError) as error:
            raise damaged(path) from error


def _commit(
    bench: Bench,
    dataset: str,
    number: int,
    rows: Mapping[str, Reason],
    student: str,
    drops: Sequence[Left],
    probes: Sequence[Probe],
    verdicts: Sequence[Verdict],
    further: Sequence[Result],
) -> Version:
    workshop = bench.plan.workshop
    results = [bench.book.result(row) for row in rows]
    count = StatisticsCount(workshop.toolkits)
    members = []
    for result in results:
        member = Member(
            trajectory=result.trajectory_id,
            # The pool is the train split of its version, and whatever descends from it is on the same side.
            split="train",
            kind=result.kind,
            method=result.method,
            reason=rows[result.trajectory_id],
        )
        members.append(member)
        count.add(result, member)
    dropped = [bench.book.result(one.trajectory).dropped("loop", one.code, one.message) for one in drops]
    dropped += [one.dropped(one.gate, one.code, one.message) for one in further if not one.accepted]
    statistics = count.statistics(
        results,
        attempts=len(rows) + len(dropped),
        drops=dropped,
        troubles={},
        teacher=bench.model.id,
        spent=spent_by_purpose(bench.journal),
        student=student,
    )
    kept = [*results, *(one for one in further if one.trajectory_id)]
    batch = Commit(
        dataset=dataset,
        recipe=workshop.recipe.resolved(),
        recipe_digest=digest([bench.plan.digest, dataset, number, student]),
        members=members,
        statistics=statistics,
        toolkits=workshop.toolkits,
        tasks=[TaskRow(one.task_id, one.task) for one in kept],
        trajectories=[
            TrajectoryRow(one.trajectory_id, one.row_kind or one.kind, one.trajectory, one.task)
            for one in kept
        ],
        verdicts=[*(verdict for one in kept for verdict in one.verdicts), *verdicts],
        probes=probes,
        ledger=(LedgerEntry.model_validate(entry) for entry in bench.journal.after(bench.committed)),
        drops=dropped,
    )
    told = len(bench.journal)
    with Store.open(bench.data, write=True, wait_s=COMMIT_WAIT_S) as store:
        version = store.commit(batch)
    bench.committed = told
    return version
