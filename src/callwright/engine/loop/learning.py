"""What a later round begins with: the student probed on the rows before, labels verified, failures expanded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from callwright.engine.chains import Chain, Chains
from callwright.engine.loop.bench import Bench
from callwright.engine.loop.lessons import Finding, findings
from callwright.engine.loop.probes import probed
from callwright.engine.loop.rows import BLOCK
from callwright.engine.loop.stages import Stages
from callwright.engine.loop.students import Known
from callwright.engine.results import Result, read_results, write_results
from callwright.generators.conversing import together
from callwright.generators.looptool.answers import failure_of
from callwright.generators.looptool.comparing import Comparer
from callwright.generators.looptool.decisions import Decision, decisions
from callwright.generators.looptool.focusing import Failed
from callwright.generators.looptool.trusting import Trust, Worth, planted, settled, worth
from callwright.generators.looptool.verifying import Verified, Verifier
from callwright.schemas.probe import Comparison, Probe

_PLANTED_FROM = 8
"""For each pair with a known answer, so many rows are looked at for one."""


@dataclass(frozen=True)
class Lessons:
    """All that a round learnt of the rows of the round before."""

    probes: Sequence[Probe]
    verified: Sequence[Verified]
    """Final rulings: what a judge of no worth said is undone."""
    trust: Trust | None
    """None where no model was asked."""
    findings: Sequence[Finding]
    corrected: Mapping[str, str]
    """Row -> the row that takes its place."""
    expanded: Sequence[Result]
    """Every try, the accepted ones among them."""
    tried: int

    @property
    def comparisons(self) -> list[Comparison]:
        return [one.comparison for one in self.verified]


class Learning:
    """Goes through the stages, one after the other."""

    def __init__(self, bench: Bench, stages: Stages, student: Known, number: int) -> None:
        self._bench = bench
        self._stages = stages
        self._student = student
        self._number = number
        self._settings = bench.plan.settings

    async def learn(self, rows: Sequence[str], suspects: Sequence[str]) -> Lessons:
        """
        Args:
            rows: Those of the round before.
            suspects: Rows whose label is refuted: nobody is trained on them, but the student may know better.
        """
        all_rows = [*rows, *suspects]
        probes = await probed(
            self._bench, self._stages, "probes", self._student, all_rows, self._settings.probe
        )
        verified, trust = await self._verified(probes)
        corrected = await self._corrected(verified)
        found = findings(
            all_rows, probes, [one.comparison for one in verified], corrected, refuted=set(suspects)
        )
        expanded, tried = await self._expanded(found, probes, verified)
        return Lessons(
            probes=probes,
            verified=verified,
            trust=trust,
            findings=found,
            corrected=corrected,
            expanded=expanded,
            tried=tried,
        )

    # Labels

    async def _verified(self, probes: Sequence[Probe]) -> tuple[list[Verified], Trust | None]:
        wrong = [probe for probe in probes if not probe.correct]
        if not self._settings.verify.enabled:
            return [self._blamed(probe) for probe in wrong], None

        comparer = self._comparer()

        async def work() -> list[Verified]:
            bench = self._bench
            verifier = Verifier(bench.judged, bench.episodes.finish, bench.toolbox, comparer)
            made: list[Verified] = []
            for start in range(0, len(wrong), BLOCK):
                cases = [(bench.book.row(one.trajectory), one) for one in wrong[start : start + BLOCK]]
                made += await together(verifier.verify(row, probe) for row, probe in cases)
            return made

        verified = await self._stages.records(
            "verified", f"verifying {len(wrong)} labels that the student contradicts", Verified, work
        )
        if comparer is None or not any(one.judge for one in verified):
            return verified, None
        known = await self._stages.record(
            "worth", "asking the judge what is known", Worth, lambda: self._worth(comparer, probes)
        )
        return settled(verified, known)

    def _comparer(self) -> Comparer | None:
        judge = self._bench.judge
        return Comparer(judge, self._settings.verify, self._bench.judging) if judge else None

    async def _worth(self, comparer: Comparer, probes: Sequence[Probe]) -> Worth:
        """What the judge's word is worth, tried on rows of this round."""
        count = self._settings.verify.planted
        rows = list(dict.fromkeys(probe.trajectory for probe in probes))[: count * _PLANTED_FROM]
        there = [one for row in rows for one in decisions(self._bench.book.row(row))]
        pairs = planted(there, count, self._bench.plan.workshop.recipe.seed + self._number)
        return await worth(comparer, pairs)

    def _blamed(self, probe: Probe) -> Verified:
        """The label is believed, whatever it is."""
        decision = Decision(self._bench.book.row(probe.trajectory), probe.step)
        return Verified(
            comparison=Comparison(
                trajectory=probe.trajectory,
                step=probe.step,
                ruling="prediction_wrong",
                by="rule",
                failure=failure_of(decision, probe.greedy),
                message="labels are not verified (loop.verify.enabled: false)",
            )
        )

    async def _corrected(self, verified: Sequence[Verified]) -> dict[str, str]:
        """Rows with the student's answer in the label's place, as far as the exact ladder accepts them."""

        async def write(path: Path) -> None:
            made = []
            for number, one in enumerate(verified):
                if one.comparison.ruling == "label_wrong" and one.replacement is not None:
                    result = await self._bench.ruled(one.replacement, number)
                    made.append(result.model_copy(update={"part": one.comparison.trajectory}))
            write_results(path, made)

        path = await self._stages.file(
            "corrected.jsonl", "putting answers in the place of wrong labels", write
        )
        self._bench.book.add(path)
        taken: dict[str, str] = {}
        for result in read_results(path):
            if result.accepted:
                taken.setdefault(result.part, result.trajectory_id)
        return taken

    # Failures

    async def _expanded(
        self, found: Sequence[Finding], probes: Sequence[Probe], verified: Sequence[Verified]
    ) -> tuple[list[Result], int]:
        failures = self._failures(found, probes, verified)
        bench = self._bench
        expansion = bench.expansion(failures)
        chains = Chains({"looptool": expansion}, bench.rulings, Counter())
        folder = self._stages.folder / "expand"

        async def one(job: Chain) -> Path:
            return await chains.run(job, folder)

        jobs = chains.all()
        if jobs and not (self._stages.folder / "expanded.jsonl").exists():
            self._stages.tell(f"writing variants of {len(failures)} failures")
        paths = await self._stages.runner.run(jobs, one, len(jobs) or 1)  # type: ignore[arg-type]

        async def write(path: Path) -> None:
            write_results(path, list(chain.from_iterable(map(read_results, paths))))

        path = await self._stages.file("expanded.jsonl", "taking the variants in", write)
        bench.book.add(path)
        return list(read_results(path)), len(failures) * self._settings.expand.variants

    def _failures(
        self, found: Sequence[Finding], probes: Sequence[Probe], verified: Sequence[Verified]
    ) -> list[Failed]:
        """Decisions at which the student is wrong, in rows that nothing speaks against."""
        failed = {one.row for one in found if one.outcome == "failed"}
        answers = {probe.decision: probe.greedy for probe in probes}
        return [
            Failed(
                row=self._bench.book.row(one.trajectory),
                step=one.step,
                failure=one.failure,
                prediction=answers[one.decision],
                analysis=one.analysis,
                approach=one.approach,
                round=self._number,
            )
            for one in (each.comparison for each in verified)
            if one.trajectory in failed and one.ruling == "prediction_wrong"
        ]
