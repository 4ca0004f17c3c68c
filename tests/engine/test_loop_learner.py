"""The closed loop with a simulated learner: it gets better, and no wrong label that execution shows is trained on."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest
from noisy import Noisy, Wrong, learnt, pool_with_noise, recipe

from callwright.engine.loop.loop import Looped
from callwright.engine.loop.stages import read_records
from callwright.engine.results import read_results
from callwright.schemas.probe import Probe
from callwright.schemas.round import RoundReport
from callwright.schemas.verdict import highest_rung
from callwright.store import Store, query

BODY = recipe(
    "rehearsal",
    rows=32,
    held_out={"toolkits": ["library"], "rows": 30},
    expand={"variants": 2},
    replay=0,
) | {"size": 100, "tools": [{"world": one} for one in ("shop", "music", "library")]}
NOISE = 0.12


@dataclass(frozen=True)
class Made:
    """A noisy pool in a store of its own."""

    data: Path
    noisy: Noisy
    body: dict[str, Any]

    def loop(self, folder: Path, learner: int, rounds: int) -> Looped:
        shutil.copytree(self.data, folder)
        return asyncio.run(learnt(self.body, folder, self.noisy, learner, rounds))


def made(folder: Path, body: dict[str, Any]) -> Made:
    return Made(folder, asyncio.run(pool_with_noise(body, folder, NOISE, seed=7)), body)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(tmp_path_factory.mktemp("pool") / "data", BODY)


@pytest.fixture(scope="module")
def loops(small: Made, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Looped]:
    """Data folder -> the loop of one learner of three."""
    folder = tmp_path_factory.mktemp("loops")
    return {folder / str(learner): small.loop(folder / str(learner), learner, 2) for learner in (1, 2, 3)}


def exact(reports: list[RoundReport]) -> list[float]:
    """Mean share of exact calls on held-out tools: before the first round, and after each."""
    found = [one.held_out_before.exact.value for one in reports if one.round == 1]
    means = [fmean(value or 0.0 for value in found)]
    for number in range(1, max(one.round for one in reports) + 1):
        means.append(fmean(one.held_out_after.exact.value or 0.0 for one in reports if one.round == number))
    return means


def rises(reports: list[RoundReport]) -> list[float]:
    means = exact(reports)
    print("exact calls:", " ".join(f"{one:.3f}" for one in means))
    assert all(now > before for before, now in zip(means, means[1:], strict=False))
    return means


def test_a_learner_rises_from_round_to_round(loops: dict[Path, Looped]):
    rises([report for looped in loops.values() for report in looped.reports])


def test_each_variant_is_a_row_that_may_be_taken_or_a_drop_with_its_reason(loops: dict[Path, Looped]):
    for data, looped in loops.items():
        made = looped.reports[1].expansion
        with Store.open(data, write=False) as store:
            version = store.version(looped.reports[1].version)
        lost = [one.count for one in version.statistics.drops if one.gate != "loop"]
        assert sum(lost) == made["tries"] + made["rewritten"] - made["accepted"] > 0
        gone = query(
            data,
            f"""SELECT count(*) FROM version_drops d LEFT JOIN trajectories t ON t.id = d.trajectory
            WHERE d.dataset = '{version.dataset}' AND d.trajectory IS NOT NULL AND t.id IS NULL""",
            limit=1,
        )
        assert list(gone.rows) == [(0,)], "a conversation that was dropped can be looked up"


def test_what_a_round_leaves_out_and_was_right_is_probed_for_forgetting(tmp_path: Path, small: Made):
    made = Made(small.data, small.noisy, {**BODY, "loop": {**BODY["loop"], "replay": 20}})
    second = made.loop(tmp_path / "data", 1, 2)
    folder = second.told[1].parent
    replayed = {one.trajectory for one in read_records(folder / "replayed.jsonl", Probe)}
    with Store.open(tmp_path / "data", write=False) as store:
        trained = {one.trajectory for one, _, _ in store.rows(store.version(second.reports[1].version))}
    right = {one.trajectory for one in read_records(folder / "probes.jsonl", Probe) if one.correct}
    assert replayed and not replayed & trained and replayed <= right
    assert second.reports[1].remembered and second.reports[1].remembered.of == len(replayed)


def test_wrong_labels_that_execution_shows_are_replaced_or_left_out(small: Made, loops: dict[Path, Looped]):
    seen = {one.row: one for one in small.noisy.wrong if one.visible}
    hidden = {one.row for one in small.noisy.wrong if not one.visible}
    assert len(seen) >= 5 and len(hidden) >= 5
    known = taken = 0
    for data, looped in loops.items():
        folder = looped.told[1].parent
        with Store.open(data, write=False) as store:
            first, second = (store.version(report.version) for report in looped.reports)
            reasons = {one.trajectory: one.reason for one, _, _ in store.rows(second)}
            trained = {one.trajectory for one, _, _ in store.rows(first)} | reasons.keys()
            assert not trained & seen.keys()
            assert trained & hidden  # what nothing executed shows is for a judge
            # Those that the student gets right are replaced by rows that are proven.
            right = {
                probe.trajectory
                for probe in read_records(folder / "probes.jsonl", Probe)
                if probe.decision in small.noisy.truth
                and probe.trajectory in seen
                and same(seen[probe.trajectory], probe)
            }
            replaced = {one.part: one for one in read_results(folder / "corrected.jsonl") if one.accepted}
            assert right <= replaced.keys()
            for one in replaced.values():
                assert highest_rung(one.verdicts) == "L3"
                assert all(verdict.outcome != "fail" for verdict in one.verdicts)
            corrected = {row for row, reason in reasons.items() if reason == "corrected"}
            assert corrected <= {one.trajectory_id for one in replaced.values()}
            # The difference of the two versions tells of them.
            assert store.diff(first, second).added.by_reason.get("corrected", 0) == len(corrected)
            known += len(right)
            taken += len(corrected)
    assert known >= 3 and taken >= 3


def same(wrong: Wrong, probe: Probe) -> bool:
    """Whether the student does what was right before the label was spoilt."""
    made = [(call.name, json.loads(call.arguments)) for call in probe.greedy.tool_calls]
    return made == [(call.name, json.loads(call.arguments)) for call in wrong.right]


@pytest.mark.slow
def test_twenty_learners_rise_and_beat_as_many_fresh_seeds(tmp_path: Path):
    changes = {"rows": 60, "held_out": {"toolkits": ["hr"], "rows": 100}, "expand": {"variants": 2}}
    pool = made(tmp_path / "made", recipe("twenty", **changes, replay=0, control=True) | {"size": 280})
    reports = []
    for learner in range(1, 21):
        reports += pool.loop(tmp_path / str(learner), learner, 2).reports
        shutil.rmtree(tmp_path / str(learner))
    rises(reports)
    lead = [
        (one.held_out_after.exact.value or 0.0) - (one.control.exact.value or 0.0)
        for one in reports
        if one.round == 2 and one.control
    ]
    print("loop minus static:", " ".join(f"{one:+.3f}" for one in lead))
    assert len(lead) == 20
    # Few enough learners that chance could be the reason; the lead has to be beyond it.
    assert fmean(lead) > 2 * stdev(lead) / len(lead) ** 0.5
