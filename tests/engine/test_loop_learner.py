"""The closed loop with a simulated learner: it gets better, better than static data makes it, and no wrong label that
execution shows is trained on.
"""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from noisy import Noisy, learnt, pool_with_noise, recipe

from callwright.engine.loop.loop import Looped
from callwright.schemas.round import RoundReport
from callwright.schemas.verdict import highest_rung
from callwright.schemas.version import Member
from callwright.store import Store

BODY = recipe(
    "rehearsal",
    rows=32,
    held_out={"toolkits": ["library"], "rows": 30},
    expand={"variants": 2},
    control=True,
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
    return {
        folder / str(learner): small.loop(folder / str(learner), learner, 2) for learner in (1, 2, 3)
    }


def exact(reports: list[RoundReport]) -> list[float]:
    """Mean share of exact calls on held-out tools: before the first round, and after each."""
    found = [one.held_out_before.exact.value for one in reports if one.round == 1]
    means = [fmean(value or 0.0 for value in found)]
    for number in range(1, max(one.round for one in reports) + 1):
        means.append(fmean(one.held_out_after.exact.value or 0.0 for one in reports if one.round == number))
    return means


def control(reports: list[RoundReport]) -> float:
    """The same of the learner that gets fresh seeds alone, after the last round."""
    last = max(one.round for one in reports)
    found = [one.control for one in reports if one.round == last]
    return fmean(one.exact.value or 0.0 for one in found if one)


def gets_better(reports: list[RoundReport]) -> None:
    means, static = exact(reports), control(reports)
    print("exact calls:", " ".join(f"{one:.3f}" for one in means), f"static: {static:.3f}")
    assert all(now > before for before, now in zip(means, means[1:], strict=False))
    assert means[-1] > static


def test_a_learner_rises_from_round_to_round_and_above_static_rows(loops: dict[Path, Looped]):
    gets_better([report for looped in loops.values() for report in looped.reports])


@pytest.mark.slow
def test_twenty_learners_rise_from_round_to_round_and_above_static_rows(tmp_path: Path):
    body = recipe("rehearsal", rows=60, control=True, replay=0) | {"size": 300}
    pool = made(tmp_path / "pool", body)
    reports: list[RoundReport] = []
    for learner in range(1, 21):
        reports += pool.loop(tmp_path / str(learner), learner, 3).reports
    gets_better(reports)


def members(store: Store, looped: Looped) -> dict[int, list[Member]]:
    return {
        report.round: [member for member, _, _ in store.rows(store.version(report.version))]
        for report in looped.reports
    }


def test_wrong_labels_that_execution_shows_are_replaced_or_left_out(
    small: Made, loops: dict[Path, Looped]
):
    seen = {one.row: one for one in small.noisy.wrong if one.visible}
    hidden = {one.row for one in small.noisy.wrong if not one.visible}
    assert len(seen) >= 5 and len(hidden) >= 5
    replaced = 0
    for data, looped in loops.items():
        with Store.open(data, write=False) as store:
            rounds = members(store, looped)
            assert not {one.trajectory for found in rounds.values() for one in found} & seen.keys()
            # What nothing executed shows gets through: it is for a judge.
            assert {one.trajectory for one in rounds[1]} & hidden
            first, second = (store.version(report.version) for report in looped.reports)
            corrected = {one.trajectory for one in rounds[2] if one.reason == "corrected"}
            for member, row, _ in store.rows(second):
                if member.trajectory in corrected:
                    verdicts = store.verdicts(member.trajectory)
                    assert highest_rung(verdicts) == "L3"
                    # In the place of one that was refuted, with the calls that were right before it was spoilt.
                    spoilt = seen[row["provenance"]["source"]]
                    label = row["messages"][spoilt.step]["tool_calls"]
                    assert [call["name"] for call in label] == [call.name for call in spoilt.right]
            told = store.diff(first, second)
            assert told.added.by_reason.get("corrected", 0) == len(corrected)
            replaced += len(corrected)
    assert replaced >= 3
