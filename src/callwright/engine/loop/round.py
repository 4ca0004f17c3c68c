"""One round: learn from the one before, put the rows together, make them a version, train, measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callwright.engine.exports import export_view
from callwright.engine.loop.assembly import Assembly, Candidate, Left, assemble
from callwright.engine.loop.bench import Bench
from callwright.engine.loop.commits import commit_rows
from callwright.engine.loop.learning import Learning, Lessons
from callwright.engine.loop.probes import probed, runs_probed
from callwright.engine.loop.reporting import Measured, report_of, reported
from callwright.engine.loop.stages import Stages, written
from callwright.engine.loop.students import Known, read_known
from callwright.engine.results import Result
from callwright.errors import ShortfallError
from callwright.generators.looptool.variants import NOTE
from callwright.generators.looptool.verifying import evidence_of
from callwright.schemas.base import Record, digest
from callwright.schemas.loop import Probing
from callwright.schemas.probe import Probe, Reason
from callwright.schemas.round import RoundReport
from callwright.schemas.version import Version
from callwright.training import trainer_of
from callwright.training.base import Job

GREEDY = Probing(label_perplexity=False)
"""How students are measured: one greedy answer for each decision."""


@dataclass(frozen=True)
class Rounded:
    """What a round came to."""

    assembly: Assembly
    lessons: Lessons | None
    """None in the first round."""
    student: Known
    control: Known | None
    measured: Measured
    report: RoundReport


class Audit(Record):
    """What execution and rules prove of a seed."""

    row: str
    evidence: str


class Round:
    """Does the stages of one round that are not there yet, and reads those that are."""

    def __init__(
        self,
        bench: Bench,
        number: int,
        stages: Stages,
        before: Known,
        control: Known | None,
        done: Sequence[Rounded],
    ) -> None:
        """
        Args:
            bench: What all rounds work with.
            number: Counted from 1.
            stages: The round's folder.
            before: The student of the round before, or the beginner.
            control: The student that gets fresh seeds alone, if there is one.
            done: The rounds before.
        """
        self._bench = bench
        self._number = number
        self._stages = stages
        self._before = before
        self._control = control
        self._done = done
        self._settings = bench.plan.settings

    async def finish(self) -> Rounded:
        sound, refuted = await self._audited()
        lessons = await self._lessons(refuted) if self._done else None
        assembly = await self._assembled(sound, refuted, lessons)
        if not assembly.rows:
            raise ShortfallError(
                f"round {self._number}: no row is left to train on: {'; '.join(assembly.notes) or 'none is right'}. "
                "Give the recipe more seeds (size) or tools, or a judge that can rule on labels"
            )
        version = await self._version(assembly, lessons)
        student = await self._trained("student", version, self._before)
        control = await self._control_trained(assembly, student)
        measured = await self._measured(student, control, self._mastered(assembly, lessons))
        report = await reported(
            self._stages,
            lambda: report_of(
                self._bench,
                self._stages,
                self._number,
                version,
                assembly,
                lessons,
                (self._before, student),
                measured,
                [one.report for one in self._done],
            ),
        )
        return Rounded(assembly, lessons, student, control, measured, report)

    # Rows

    async def _audited(self) -> tuple[list[str], list[str]]:
        """The seeds that nothing refutes, and those that execution or a rule refutes, in the order of the pool."""
        bench = self._bench
        if not self._settings.verify.enabled:
            return list(bench.pool), []
        stages = Stages(bench.folder / "round-00", self._stages.runner, self._stages.tell)

        async def work() -> list[Audit]:
            found = []
            for row in bench.pool:
                seed = bench.book.row(row)
                found.append(Audit(row=row, evidence=evidence_of(seed, await bench.judged(seed))))
            return found

        audits = await stages.records("audit", f"what proves {len(bench.pool)} seeds", Audit, work)
        sound = [one.row for one in audits if one.evidence != "wrong"]
        return sound, [one.row for one in audits if one.evidence == "wrong"]

    async def _lessons(self, refuted: Sequence[str]) -> Lessons:
        mended = {row for one in self._done if one.lessons for row in one.lessons.corrected}
        # A label that the student could not mend in so many rounds is left alone.
        patient = self._number - 1 <= self._settings.expand.retire
        suspects = [row for row in refuted if row not in mended] if patient else []
        rows = [one.trajectory for one in self._done[-1].assembly.rows]
        return await Learning(self._bench, self._stages, self._before, self._number).learn(rows, suspects)

    async def _assembled(
        self, sound: Sequence[str], refuted: Sequence[str], lessons: Lessons | None
    ) -> Assembly:
        drawn = {row for one in self._done for row in one.assembly.drawn}
        pool = [self._candidate(row, "seed") for row in sound if row not in drawn]
        outside = [] if lessons else [self._left(row, "seed", "label_wrong") for row in refuted]
        candidates: list[Candidate] = []
        if lessons:
            candidates, outside = self._candidates(lessons)

        async def work() -> Assembly:
            return assemble(self._settings, self._number, candidates, pool, outside)

        return await self._stages.record("assembly", "putting the rows together", Assembly, work)

    def _candidates(self, lessons: Lessons) -> tuple[list[Candidate], list[Left]]:
        """The rows that may be in the round, and those that are ruled out, with the reason."""
        before = {one.trajectory: one for one in self._done[-1].assembly.rows}
        candidates: list[Candidate] = []
        outside: list[Left] = []
        for found in lessons.findings:
            was = before.get(found.row)
            if found.outcome == "corrected":
                assert found.corrected is not None
                candidates.append(self._candidate(found.corrected, "corrected", parents=(found.row,)))
                outside.append(self._left(found.row, was.reason if was else "seed", "label_wrong"))
            elif found.outcome == "failed":
                failed = (was.failed_rounds if was else 0) + 1
                first = (was.first_round if was else 0) or self._number - 1
                candidates.append(
                    self._candidate(
                        found.row, "error_seed", found.perplexity, failed_rounds=failed, first_round=first
                    )
                )
            elif found.outcome == "right":
                candidates.append(
                    self._candidate(
                        found.row,
                        "high_perplexity",
                        found.perplexity if self._settings.unsure_first else self._chance(found.row),
                        both_right=found.both_right,
                        first_round=was.first_round if was else 0,
                    )
                )
            else:
                outside.append(self._left(found.row, was.reason if was else "seed", found.outcome))
        for result in lessons.expanded:
            if result.accepted:
                parents = _parents(result.trajectory)
                candidates.append(self._candidate(result.trajectory_id, "expansion", parents=parents))
        return candidates, outside

    def _chance(self, row: str) -> float:
        return int(digest([self._number, row])[:8], 16) / 16**8

    def _candidate(
        self,
        row: str,
        reason: Reason,
        perplexity: float | None = None,
        *,
        parents: tuple[str, ...] = (),
        both_right: bool = False,
        first_round: int = 0,
        failed_rounds: int = 0,
    ) -> Candidate:
        root, kind = self._bench.book.labels(row)
        return Candidate(
            trajectory=row,
            root=root,
            kind=kind,
            reason=reason,
            perplexity=perplexity,
            parents=parents,
            both_right=both_right,
            first_round=first_round or self._number,
            failed_rounds=failed_rounds,
        )

    def _left(self, row: str, reason: Reason, code: str) -> Left:
        return Left(trajectory=row, kind=self._bench.book.labels(row)[1], reason=reason, code=code)

    async def _version(self, assembly: Assembly, lessons: Lessons | None) -> Version:
        rows = {one.trajectory: one.reason for one in assembly.rows}
        probes = lessons.probes if lessons else ()
        verdicts = [one.verdict for one in lessons.verified] if lessons else []
        return await commit_rows(
            self._bench,
            self._stages,
            "version",
            dataset=self._bench.plan.name,
            number=self._number,
            rows=rows,
            drops=assembly.drops,
            student=self._before.identity,
            probes=probes,
            verdicts=verdicts,
            further=self._attempts(lessons) if lessons else (),
        )

    def _attempts(self, lessons: Lessons) -> list[Result]:
        return [*lessons.expanded, *map(self._bench.book.result, lessons.corrected.values())]

    # Students

    async def _trained(self, name: str, version: Version, before: Known) -> Known:
        """The student that comes of training on a version."""
        there = self._stages.folder / f"{name}.json"
        if there.exists():
            return read_known(there)
        async with self._bench.student(before):
            # Nobody else is trained in its place.
            pass
        with self._stages.timed(f"training {name}"):
            self._stages.tell(f"training the {name} on {version.statistics.rows} rows")
            folder = self._stages.folder / name
            export_view(self._bench.data, version.name, "trl", folder / "data", overwrite=True)
            out = folder / "out"
            with written(out):
                out.mkdir(parents=True, exist_ok=True)
            job = Job(round=self._number, student=before.config, data=folder / "data", out=out)
            config = await trainer_of(self._settings.training, self._bench.plan.workshop.base).train(job)
        return await self._bench.known(self._stages, name, config, before)

    async def _measured(self, student: Known, control: Known | None, mastered: Sequence[str]) -> Measured:
        bench, stages = self._bench, self._stages
        if self._done:
            before = self._done[-1].measured.after
        else:
            before = await probed(bench, stages, "heldout-before", self._before, bench.held_out, GREEDY)
        after = await self._held_out("student", student)
        replayed = await probed(bench, stages, "replayed", student, mastered, GREEDY) if mastered else []
        runs = await runs_probed(bench, stages, student, bench.held_out)
        if control is None or control == student:
            beside = after if control else []
        else:
            beside = await self._held_out("control", control)
        return Measured(before=before, after=after, replayed=replayed, runs=runs, control=beside)

    async def _held_out(self, name: str, student: Known) -> list[Probe]:
        return await probed(
            self._bench, self._stages, f"heldout-{name}", student, self._bench.held_out, GREEDY
        )

    def _mastered(self, assembly: Assembly, lessons: Lessons | None) -> list[str]:
        """Some rows that an earlier student had right and that this round does not train on."""
        learnt = [one for one in (*(done.lessons for done in self._done), lessons) if one]
        right = {found.row for one in learnt for found in one.findings if found.outcome == "right"}
        right -= {one.trajectory for one in assembly.rows}
        drawn = sorted(right, key=lambda row: digest([self._number, "replay", row]))
        return drawn[: self._settings.replay]

    # Control

    async def _control_trained(self, assembly: Assembly, student: Known) -> Known | None:
        """A student that gets as many rows of seeds as the loop's gets rows, whatever it can do."""
        if self._control is None:
            return None
        pool = self._bench.pool
        size = self._settings.rows
        start = (self._number - 1) * size
        rows: dict[str, Reason] = {pool[place % len(pool)]: "seed" for place in range(start, start + size)}
        if rows.keys() == {one.trajectory for one in assembly.rows} and self._control == self._before:
            # The first round as a rule: the same rows make the same student.
            return student
        version = await commit_rows(
            self._bench,
            self._stages,
            "control-version",
            dataset=f"{self._bench.plan.name}-control",
            number=self._number,
            rows=rows,
            student=self._control.identity,
        )
        return await self._trained("control", version, self._control)


def _parents(trajectory: Mapping[str, Any]) -> tuple[str, ...]:
    """The rows that a variant was made of: the failure, which stands in its note, then what was rewritten."""
    notes = (note["body"].get("row") for note in trajectory["notes"] if note["label"] == NOTE)
    source = trajectory["provenance"]["source"]
    return tuple(dict.fromkeys(one for one in (*notes, source) if one))
