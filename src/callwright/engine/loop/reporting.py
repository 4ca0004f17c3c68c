"""What is measured in a round becomes its report, as a record and as a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from callwright.engine.loop.assembly import Assembly
from callwright.engine.loop.bench import Bench
from callwright.engine.loop.learning import Lessons
from callwright.engine.loop.report import (
    failure_counts,
    gap,
    held_out_score,
    markdown,
    probe_table,
    proportion,
    verdict_matrix,
)
from callwright.engine.loop.stages import Stages
from callwright.engine.loop.students import Known
from callwright.engine.statistics import spent_by_purpose
from callwright.generators.looptool.decisions import decisions
from callwright.schemas.probe import Probe, RunProbe
from callwright.schemas.round import Cost, JudgeWorth, ProbeTable, Proportion, RoundReport
from callwright.schemas.version import Spent, Version


@dataclass(frozen=True)
class Measured:
    """What students do where nobody trained them."""

    before: Sequence[Probe]
    """The student of the round before, on held-out rows."""
    after: Sequence[Probe]
    """The round's own."""
    replayed: Sequence[Probe]
    """The same on rows that an earlier one had right."""
    runs: Sequence[RunProbe]
    control: Sequence[Probe] = ()


async def reported(stages: Stages, make: Callable[[], RoundReport]) -> RoundReport:
    """The round's report, written as `report.jsonl` and `report.md`."""

    async def work() -> RoundReport:
        return make()

    report = await stages.record("report", "writing the report", RoundReport, work)

    async def write(path: Path) -> None:
        path.write_text(markdown(report), encoding="utf-8")

    await stages.file("report.md", f"the report: {stages.folder / 'report.md'}", write)
    return report


def report_of(
    bench: Bench,
    stages: Stages,
    number: int,
    version: Version,
    assembly: Assembly,
    lessons: Lessons | None,
    students: tuple[Known, Known],
    measured: Measured,
    earlier: Sequence[RoundReport],
) -> RoundReport:
    """What a round came to, in numbers; `earlier` are the reports of the rounds before."""
    calls = {
        one.name: bool(one.label.tool_calls)
        for block in bench.book.blocks(bench.held_out)
        for row in block
        for one in decisions(row)
    }
    kinds = {row: bench.book.labels(row)[1] for row in bench.held_out}
    return RoundReport(
        round=number,
        version=version.name,
        student_before=students[0].identity,
        student_after=students[1].identity,
        wanted=dict(assembly.wanted),
        got=assembly.got,
        kinds=dict(Counter(one.kind for one in assembly.rows)),
        notes=assembly.notes,
        drops=dict(Counter(one.code for one in assembly.drops)),
        probe_before=probe_table(measured.before, kinds),
        probe_after=probe_table(measured.after, kinds),
        probe_rows=_probed_rows(bench, lessons),
        held_out_before=held_out_score(measured.before, calls),
        held_out_after=held_out_score(measured.after, calls),
        control=held_out_score(measured.control, calls) if measured.control else None,
        gap=gap(measured.after, measured.control, calls, number) if measured.control else None,
        verdicts=verdict_matrix(lessons.comparisons) if lessons else {},
        failures=failure_counts(lessons.comparisons) if lessons else {},
        replaced=len(lessons.corrected) if lessons else 0,
        judge=_judge(lessons),
        expansion=_yields(lessons),
        remembered=_remembered(measured),
        protected=len(bench.protected) + bench.leak_items,
        overlap=_overlap(bench, assembly),
        necessity=dict(Counter(one.necessity for one in measured.runs if one.necessity)),
        cost=_cost(bench, lessons, measured, earlier),
        seconds=stages.seconds,
    )


def _probed_rows(bench: Bench, lessons: Lessons | None) -> ProbeTable | None:
    if lessons is None:
        return None
    return probe_table(
        lessons.probes, {one.trajectory: bench.book.labels(one.trajectory)[1] for one in lessons.probes}
    )


def _judge(lessons: Lessons | None) -> JudgeWorth | None:
    if lessons is None or lessons.trust is None:
        return None
    found = lessons.trust
    numbers = {
        "planted pairs": found.worth.pairs,
        "planted mistakes found": found.worth.right,
        "right answers called wrong": found.worth.alarms,
        "decisions asked about": found.asked,
        "labels called wrong": found.label_wrong,
    }
    return JudgeWorth(text=found.message, numbers={name: float(value) for name, value in numbers.items()})


def _yields(lessons: Lessons | None) -> dict[str, int]:
    """Tries of expansion, those that became a conversation, those that are new, those that the ladder accepts."""
    if lessons is None or not lessons.tried:
        return {}
    made = [one for one in lessons.expanded if one.gate != "generation"]
    new = [one for one in made if one.gate != "novelty"]
    rewritten = len(lessons.expanded) - lessons.tried
    found = {"tries": lessons.tried, "rewritten": rewritten, "generated": len(made), "new": len(new)}
    return found | {"accepted": sum(one.accepted for one in new)}


def _remembered(measured: Measured) -> Proportion | None:
    """Rows, all of whose decisions are still right."""
    if not measured.replayed:
        return None
    right = {one.trajectory: True for one in measured.replayed}
    for one in measured.replayed:
        right[one.trajectory] &= one.correct
    return proportion(sum(right.values()), len(right))


def _overlap(bench: Bench, assembly: Assembly) -> dict[str, int]:
    """How the round's new rows are like protected ones."""
    new = [one.trajectory for one in assembly.rows if one.reason in ("seed", "expansion", "corrected")]
    guard = bench.guard
    told = (guard.against_protected(row) for block in bench.book.blocks(new) for row in block)
    return dict(Counter(one.partition(" row ")[0] for one in told if one))


def _cost(bench: Bench, lessons: Lessons | None, measured: Measured, earlier: Sequence[RoundReport]) -> Cost:
    """What this round asked: the journal tells of all rounds, the earlier reports of theirs."""
    found = [*measured.after, *measured.replayed, *measured.control, *([] if earlier else measured.before)]
    # A control that is the same student was not asked again.
    probes = {(one.student, one.decision) for one in found}
    sampled = list(lessons.probes) if lessons else []
    settings = bench.plan.settings
    spent = _by_role(spent_by_purpose(bench.journal))
    for report in earlier:
        spent = {role: _less(one, report.cost.roles.get(role)) for role, one in spent.items()}
    asked = lessons.trust.asked if lessons and lessons.trust else 0
    pairs = lessons.trust.worth.pairs if lessons and lessons.trust else 0
    mismatches = len(lessons.verified) if lessons else 0
    ballots = 2 * settings.verify.votes
    return Cost(
        probe_requests=len(probes) + sum(1 + one.attempts for one in sampled),
        probe_bound=len(probes) + len(sampled) * (1 + settings.probe.samples),
        judge_calls=(asked + pairs) * ballots,
        judge_bound=(mismatches + settings.verify.planted) * ballots if lessons else 0,
        roles=spent,
    )


_ROLES = {"looptool.student": "student", "looptool.run": "student", "looptool.compare": "judge"}


def _by_role(spent: Mapping[str, Spent]) -> dict[str, Spent]:
    found: dict[str, Spent] = {}
    for purpose, one in spent.items():
        role = _ROLES.get(purpose, "teacher")
        found[role] = _sum(found.get(role, Spent()), one, 1)
    return found


def _less(one: Spent, other: Spent | None) -> Spent:
    return _sum(one, other or Spent(), -1)


def _sum(one: Spent, other: Spent, sign: int) -> Spent:
    return Spent(**{name: getattr(one, name) + sign * getattr(other, name) for name in Spent.model_fields})
