"""What each part of the closed loop is worth to a simulated learner: the whole loop, and one part off at a time.

The pool is made once: rows over four worlds, of which one in eight has a wrong label, half of them seen by execution
or a rule; a fifth world is held out, its rows are right. Learners differ in what they are weak at. Each goes
through all arms from the same beginning. `training/simulated.py` says what learning is taken to be, and why.

Prints exact calls on held-out tools by round and arm, with 95 % intervals (bootstrap over learners), and each arm minus
the whole loop, learner by learner.

Run: python benchmarks/loop_ablation.py [LEARNERS] [ROUNDS] [PROCESSES]
"""

from __future__ import annotations

import asyncio
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from noisy import Noisy, learnt, pool_with_noise, recipe  # noqa: E402 - noisy pools live with the tests

NOISE = 0.125
SIZES: Mapping[str, Any] = {
    "rows": 60,
    "held_out": {"toolkits": ["hr"], "rows": 100},
    # More than the quota of variants takes, at half the paper's tries.
    "expand": {"variants": 2},
    "replay": 0,
}
POOL = 280
ARMS: Mapping[str, Mapping[str, Any]] = {
    # Static comes for free: a second learner on as many fresh seeds.
    "full": {"control": True},
    "no JGLV": {"verify": {"enabled": False}},
    "no EDDE": {"expand": {"variants": 0}},
    "at random": {"unsure_first": False},
}
NAMES = (*ARMS, "static")
_DRAWS = 10_000

Curve = Sequence[float]
"""Exact calls on held-out tools before the first round and after each."""


def _body(arm: str) -> dict[str, Any]:
    return recipe("ablation", **{**SIZES, **ARMS[arm]}) | {"size": POOL}


def one(job: tuple[Path, Noisy, int, int]) -> dict[str, Curve]:
    """All arms of one learner."""
    made, noisy, learner, rounds = job
    curves: dict[str, Curve] = {}
    for arm in ARMS:
        with tempfile.TemporaryDirectory(dir=made.parent) as name:
            data = Path(name) / "data"
            shutil.copytree(made, data)
            reports = asyncio.run(learnt(_body(arm), data, noisy, learner, rounds)).reports
        before = reports[0].held_out_before.exact.value or 0.0
        curves[arm] = [before, *(report.held_out_after.exact.value or 0.0 for report in reports)]
        if reports[0].control:
            curves["static"] = [
                before,
                *((report.control.exact.value or 0.0) if report.control else np.nan for report in reports),
            ]
    return curves


def told(values: np.ndarray) -> str:
    """Mean over learners in percent, with its interval."""
    rng = np.random.default_rng(0)
    means = rng.choice(values, (_DRAWS, len(values))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{100 * values.mean():.1f} ({100 * low:.1f} to {100 * high:.1f})"


def table(title: str, rows: Mapping[str, np.ndarray]) -> None:
    rounds = next(iter(rows.values())).shape[1] - 1
    print(f"\n{title}\n\n| arm |" + "".join(f" round {number} |" for number in range(rounds + 1)))
    print("| --- |" + " ---: |" * (rounds + 1))
    for name, curves in rows.items():
        print(f"| {name} |" + "".join(f" {told(curves[:, number])} |" for number in range(rounds + 1)))


def main() -> None:
    learners, rounds, processes = (
        int(one) for one in (*sys.argv[1:], *("20", "4", "2")[len(sys.argv) - 1 :])
    )
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / "made"
        noisy = asyncio.run(pool_with_noise(_body("full"), made, NOISE, seed=7))
        kinds = Counter("refuted by execution" if wrong.visible else "not seen" for wrong in noisy.wrong)
        print(f"{noisy.rows} rows, {len(noisy.wrong)} wrong labels: {dict(kinds)}", flush=True)
        jobs = [(made, noisy, learner, rounds) for learner in range(1, learners + 1)]
        found: list[dict[str, Curve]] = []
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            for curves in pool.imap(one, jobs):
                found.append(curves)
                ends = "; ".join(f"{arm} " + " ".join(f"{at:.3f}" for at in curves[arm]) for arm in NAMES)
                print(f"learner {len(found)} ({time.perf_counter() - began:.0f} s): {ends}", flush=True)
    curves = {arm: np.array([one[arm] for one in found]) for arm in NAMES}
    table(f"Exact calls on held-out tools, percent, mean of {learners} learners", curves)
    table(
        "Minus the whole loop, points", {arm: curves[arm] - curves["full"] for arm in NAMES if arm != "full"}
    )
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
