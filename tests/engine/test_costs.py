"""What a run will cost, told before anything is asked, and how far that was off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import loopback as lb
import pytest
from command import callwright, ended, started
from teacher import museum_teacher
from workshops import museum, museum_recipe, written

from callwright.cli.planning import compared
from callwright.engine.build import build
from callwright.engine.costs import plan_of
from callwright.engine.loop.costs import loop_plan_of
from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.schemas.version import Statistics

PRICE = {"prompt": 2.0, "completion": 10.0}


def billed(body: lb.Body) -> lb.Answer:
    """The same answers, each with a bill of its length."""
    answer = museum_teacher(body)
    assert isinstance(answer, dict)
    read = len(json.dumps([body["messages"], body.get("tools")])) // 4
    written_ = len(json.dumps(answer["choices"])) // 8
    return answer | {"usage": {"prompt_tokens": read, "completion_tokens": written_}}


def off(planned: float, used: float) -> float:
    return abs(planned - used) / used


async def test_a_plan_from_the_recipe_alone_is_of_the_right_size_and_touches_nothing(tmp_path: Path):
    async with lb.Loopback(billed) as server:
        workshop = museum(server.base_url, size=60, price=PRICE)
        plan = plan_of(workshop, tmp_path / "data")
        assert server.count == 0
        assert list(tmp_path.iterdir()) == []
        counts = (await build(workshop, tmp_path / "data")).version.statistics
    assert {one.basis for one in plan.estimates} == {"recipe"}
    assert {one.purpose for one in plan.estimates} == counts.by_purpose.keys()
    assert counts.planned == plan
    assert off(plan.requests, counts.requests) < 0.35
    assert off(plan.prompt_tokens, counts.prompt_tokens) < 0.5
    assert plan.usd is not None and counts.usd is not None
    spent = (counts.prompt_tokens * 2.0 + counts.completion_tokens * 10.0) / 1e6
    assert counts.usd == pytest.approx(spent)
    told = compared(counts)
    assert f"requests {plan.requests:,} planned, {counts.requests:,} used (" in told and "USD" in told


async def test_what_the_dataset_cost_before_makes_the_plan_better(tmp_path: Path):
    async with lb.Loopback(billed) as server:
        first = (await build(museum(server.base_url, size=40, price=PRICE), tmp_path)).version
        larger = museum(server.base_url, size=80, price=PRICE)
        plan = plan_of(larger, tmp_path)
        counts = (await build(larger, tmp_path)).version.statistics
    assert {one.basis for one in plan.estimates} == {"ledger"}
    assert plan.requests >= 2 * first.statistics.requests
    for planned, used in (
        (plan.requests, counts.requests),
        (plan.prompt_tokens, counts.prompt_tokens),
        (plan.completion_tokens, counts.completion_tokens),
    ):
        assert off(planned, used) < 0.15


async def test_a_version_that_is_there_costs_nothing_and_a_run_that_was_cut_short_is_told_of(tmp_path: Path):
    async with lb.Loopback(billed) as server:
        made = museum(server.base_url, size=8)
        await build(made, tmp_path)
        assert plan_of(made, tmp_path).known == "museum@1"
        assert plan_of(made, tmp_path).requests == 0
        body = museum_recipe(server.base_url, size=12) | {"budget": {"requests": 5}}
        path = written(body, tmp_path / "r.yaml")
        process = await started("build", path, "--no-prefect", "--data", tmp_path, cwd=tmp_path)
        assert (await ended(process))[0] == 4
        stopped = Workshop.of(check_recipe(body, "r"), tmp_path)
        assert plan_of(stopped, tmp_path).answered >= 5


async def test_rules_cost_no_tokens_and_no_money(tmp_path: Path):
    body = museum_recipe() | {"models": {"teacher": {"engine": "offline"}}}
    workshop = Workshop.of(check_recipe(body, "museum"), Path())
    plan = plan_of(workshop, tmp_path)
    counts = (await build(workshop, tmp_path)).version.statistics
    assert (plan.prompt_tokens, plan.completion_tokens, plan.usd) == (0, 0, None)
    assert off(plan.requests, counts.requests) < 0.35


@pytest.mark.parametrize(
    "methods", [{"ste": {"episodes": 2, "trials": 3}}, {"toolalpaca": {}, "asktoact": {}, "dag": {}}]
)
def test_every_method_has_its_stage(tmp_path: Path, methods: dict[str, Any]):
    for name in ("asktoact", "dag"):
        if name in methods:
            methods[name] = {"from": ["toolalpaca"]}
    mix = (
        {"single": 0.5, "multi_step": 0.5}
        if "ste" in methods
        else {"single": 0.4, "clarification": 0.3, "parallel": 0.3}
    )
    body = museum_recipe() | {"methods": methods, "mix": mix}
    plan = plan_of(Workshop.of(check_recipe(body, "museum"), Path()), tmp_path)
    assert {one.stage for one in plan.estimates} == methods.keys()
    assert all(one.requests and one.prompt_tokens for one in plan.estimates)


def test_a_loop_tells_its_seeds_its_held_out_tasks_and_each_round(tmp_path: Path):
    student = {"engine": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "small", "price": PRICE}
    body = museum_recipe(price=PRICE)
    body["tools"] = [*body["tools"], {"world": "calendar"}]
    body["models"]["student"] = student
    body["loop"] = {
        "rows": 10,
        "held_out": {"toolkits": ["calendar"], "rows": 8},
        "training": {"hook": "external", "command": "train {data} {out}"},
    }
    plan = loop_plan_of(Workshop.of(check_recipe(body, "museum"), Path()), tmp_path, 2)
    stages = list(dict.fromkeys(one.stage for one in plan.estimates))
    assert stages == ["seeds toolalpaca", "held-out toolalpaca", "round 1", "round 2"]
    asked = {one.purpose for one in plan.estimates if one.stage == "round 2"}
    assert asked == {"looptool.student", "looptool.compare", "looptool.variant", "toolalpaca.assistant"}
    assert list(tmp_path.iterdir()) == []


def test_the_command_prints_the_plan_and_writes_nothing(tmp_path: Path):
    made = callwright("build", "--tools", "world:calendar", "-n", 20, "--plan", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[0].split()[:3] == ["stage", "purpose", "requests"]
    assert made.stdout.splitlines()[-1].startswith("all")
    assert list(tmp_path.iterdir()) == []


def test_versions_without_a_plan_say_nothing():
    assert compared(Statistics()) == ""
