"""Runs that stop at a budget's line and go on when it is raised: real builds against a server on the loopback."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import loopback as lb
import pytest
from command import ended, started
from teacher import museum_teacher
from workshops import museum_recipe, written

from callwright.engine.build import Built, build, run_folder
from callwright.engine.preview import preview
from callwright.engine.progress import read_statuses
from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import BudgetError, ModelError, UsageError
from callwright.llm.budget import cost_at_most

PRICE = {"prompt": 2.0, "completion": 10.0}
MAX_TOKENS = 64


def workshop(server: lb.Loopback, budget: dict[str, Any] | None = None, **changes: Any) -> Workshop:
    body = museum_recipe(server.base_url, **{"size": 16, "price": PRICE, "max_tokens": MAX_TOKENS} | changes)
    return Workshop.of(check_recipe(body | {"budget": budget or {}}, "museum"), Path())


def costly(responder: lb.Responder, prompt_tokens: int = 400, completion_tokens: int = 40) -> lb.Responder:
    """The same answers, with a bill."""

    def respond(body: lb.Body) -> lb.Answer:
        answer = responder(body)
        assert isinstance(answer, dict)
        return answer | {"usage": {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}}

    return respond


async def undisturbed(data: Path) -> Built:
    async with lb.Loopback(costly(museum_teacher)) as server:
        return await build(workshop(server), data)


def journal(made: Workshop, data: Path) -> list[dict[str, Any]]:
    lines = (run_folder(made, data) / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def asked_twice(server: lb.Loopback) -> int:
    return Counter(map(json.dumps, server.bodies)).total() - len(set(map(json.dumps, server.bodies)))


async def stopped(made: Workshop, data: Path) -> str:
    with pytest.raises(BudgetError) as caught:
        await build(made, data)
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)
    assert read_statuses(data)[0]["state"] == "stopped"
    return str(caught.value)


async def test_the_command_says_it_in_its_last_line_and_the_same_command_goes_on(tmp_path: Path):
    async with lb.Loopback(costly(museum_teacher)) as server:
        recipe = written(
            museum_recipe(server.base_url, size=4) | {"budget": {"requests": 5}}, tmp_path / "recipe.yaml"
        )
        command = ("build", str(recipe), "--no-prefect", "--data", str(tmp_path / "data"))
        code, out, err = await ended(await started(*command, cwd=tmp_path))
        assert (code, out, server.count) == (4, "", 5)
        said = err.splitlines()[-1]  # after the line of the progress
        assert "budget.requests: 5 is used up; spent so far: 5 requests. Raise it" in said
        code, out, err = await ended(await started(*command, "--set", "budget.requests=500", cwd=tmp_path))
        assert code == 0, err
        assert asked_twice(server) == 0


@pytest.mark.parametrize("requests", [1, 7, 23])
async def test_a_budget_of_requests_stops_exactly_there_and_loses_no_answer(tmp_path: Path, requests: int):
    async with lb.Loopback(costly(museum_teacher), latency_s=0.005) as server:
        made = workshop(server, {"requests": requests}, in_flight=8)
        said = await stopped(made, tmp_path)
    assert server.count == len(journal(made, tmp_path)) == requests
    assert said == (
        f"budget.requests: {requests} is used up; spent so far: {requests} requests. Raise it in the recipe, and "
        "run the same command to go on"
    )


async def test_a_larger_budget_goes_on_asks_nothing_twice_and_ends_as_if_there_had_been_none(tmp_path: Path):
    whole = await undisturbed(tmp_path / "whole")
    async with lb.Loopback(costly(museum_teacher), latency_s=0.002) as server:
        for requests in (10, 25, 40):
            await stopped(workshop(server, {"requests": requests}), tmp_path / "data")
            assert server.count == requests  # earlier sittings count
        built = await build(workshop(server), tmp_path / "data")
        assert asked_twice(server) == 0
    assert built.version.id == whole.version.id
    assert built.version.statistics.requests == server.count == whole.asked


async def test_the_same_budget_again_asks_nothing(tmp_path: Path):
    async with lb.Loopback(costly(museum_teacher)) as server:
        for _ in range(2):
            await stopped(workshop(server, {"requests": 12}), tmp_path)
        assert server.count == 12


async def test_a_budget_that_is_just_enough_is_enough(tmp_path: Path):
    whole = await undisturbed(tmp_path / "whole")
    async with lb.Loopback(costly(museum_teacher)) as server:
        built = await build(workshop(server, {"requests": whole.asked}), tmp_path / "data")
    assert built.version.id == whole.version.id


@pytest.mark.parametrize(
    ("budget", "rate"),
    [({"tokens": 40_000}, (1.0, 1.0)), ({"usd": 0.1}, (2e-6, 10e-6))],
    ids=["tokens", "usd"],
)
@pytest.mark.parametrize("in_flight", [1, 16])
async def test_tokens_and_money_never_cross_the_line_and_stop_where_the_next_might(
    tmp_path: Path, budget: dict[str, float], rate: tuple[float, float], in_flight: int
):
    async with lb.Loopback(costly(museum_teacher, 1500, 60), latency_s=0.005) as server:
        made = workshop(server, budget, in_flight=in_flight)
        said = await stopped(made, tmp_path)
    [(name, line)] = budget.items()
    entries = journal(made, tmp_path)
    spent = sum(entry["prompt_tokens"] * rate[0] + entry["completion_tokens"] * rate[1] for entry in entries)
    assert len(entries) == server.count > in_flight
    told = re.match(
        rf"budget.{name}: {line:g} is used up; spent so far: (\S+) \w+, and the next request may need (\S+)\. ",
        said,
    )
    assert told is not None and float(told[1]) == pytest.approx(spent, rel=1e-3)
    assert spent <= line < spent + float(told[2])


async def test_no_more_is_under_way_than_the_rest_of_the_budget_could_pay(tmp_path: Path):
    """With answers that cost all they may, the reservations alone keep the line."""

    def dear(body: lb.Body) -> lb.Answer:
        question = {"messages": body["messages"], "tools": body.get("tools", []), "reply_schema": None}
        most = cost_at_most(question | {"sampling": {"max_tokens": MAX_TOKENS}})
        return costly(museum_teacher, most.prompt_tokens, most.completion_tokens)(body)

    async with lb.Loopback(dear, latency_s=0.005) as server:
        made = workshop(server, {"tokens": 30_000}, in_flight=32)
        await stopped(made, tmp_path)
    assert server.most_at_once > 1
    assert (
        sum(entry["prompt_tokens"] + entry["completion_tokens"] for entry in journal(made, tmp_path))
        <= 30_000
    )


async def test_a_budget_too_small_for_one_question_asks_none(tmp_path: Path):
    async with lb.Loopback(costly(museum_teacher)) as server:
        said = await stopped(workshop(server, {"tokens": 100}), tmp_path)
    assert server.count == 0
    assert "spent so far: 0 tokens, and the next request may need" in said


async def test_minutes_are_of_one_sitting(tmp_path: Path):
    whole = await undisturbed(tmp_path / "whole")
    async with lb.Loopback(costly(museum_teacher), latency_s=0.1) as server:
        made = workshop(server, {"minutes": 0.02}, in_flight=2)
        for _ in range(2):
            before = server.count
            said = await stopped(made, tmp_path / "data")
            assert said.startswith("budget.minutes: 0.02 is used up; spent so far: ")
            assert before < server.count == len(journal(made, tmp_path / "data"))
        server.latency_s = 0.0
        built = await build(workshop(server, {"minutes": 5}), tmp_path / "data")
        assert asked_twice(server) == 0
    assert built.version.id == whole.version.id


async def test_an_answer_of_no_use_counts_as_well(tmp_path: Path):
    """It is written down like any other, so it counts in the next sitting too."""
    async with lb.Loopback(lb.RAW_CALL) as server:
        server.responder = lambda body: lb.RAW_CALL if "tools" in body else museum_teacher(body)
        made = workshop(server, {"requests": 20})
        await stopped(made, tmp_path)
        assert server.count == 20 == len(journal(made, tmp_path))
        await stopped(made, tmp_path)
        assert server.count == 20


async def test_a_server_that_sends_no_bill_is_held_to_the_estimate(tmp_path: Path):
    async with lb.Loopback(costly(museum_teacher, 0, 0)) as server:
        budget = {"tokens": 30_000}
        made = workshop(server, budget)
        await stopped(made, tmp_path)
        assert 0 < server.count < 30
        asked = server.count
        await stopped(made, tmp_path)  # the next sitting comes to the same sum
        assert server.count == asked


async def test_what_earlier_runs_paid_for_is_free(tmp_path: Path):
    async with lb.Loopback(costly(museum_teacher)) as server:
        await build(workshop(server), tmp_path)
        asked = server.count
        for requests in (5, 8):  # in the second sitting it comes from the journal, and is free still
            await stopped(workshop(server, {"requests": requests}, size=30), tmp_path)
            assert server.count == asked + requests


async def test_retries_are_no_further_requests_and_a_dead_endpoint_is_still_an_error(tmp_path: Path):
    seen = 0

    def shaky(body: lb.Body) -> lb.Answer:
        nonlocal seen
        seen += 1
        return lb.too_many("0.01") if seen % 5 == 0 else costly(museum_teacher)(body)

    async with lb.Loopback(shaky) as server:
        made = workshop(server, {"requests": 20})
        await stopped(made, tmp_path)
        assert len(journal(made, tmp_path)) == 20 < server.count
        server.responder = lambda body: lb.error_reply(500, "boom")
        with pytest.raises(ModelError, match="boom"):
            await build(workshop(server, {"requests": 40}, retries=0), tmp_path)


async def test_a_preview_keeps_to_the_budget_and_what_it_asked_counts(tmp_path: Path):
    async with lb.Loopback(costly(museum_teacher)) as server:
        made = workshop(server, {"requests": 6})
        await preview(made, tmp_path, 1)
        assert 0 < server.count < 6
        with pytest.raises(BudgetError):
            await preview(made, tmp_path, 8)
        await stopped(made, tmp_path)
        assert server.count == 6


async def test_rules_cost_nothing(tmp_path: Path):
    body = museum_recipe(size=8) | {"models": {}, "budget": {"requests": 1, "tokens": 1, "minutes": 1e-6}}
    built = await build(Workshop.of(check_recipe(body, "museum"), Path()), tmp_path)
    assert built.version.statistics.rows == 8


async def test_a_run_that_is_cut_short_gives_back_what_was_set_aside(tmp_path: Path):
    async with lb.Loopback(costly(museum_teacher), latency_s=0.05) as server:
        made = workshop(server, {"requests": 30})
        building = asyncio.create_task(build(made, tmp_path))
        while server.count < 12:
            await asyncio.sleep(0.002)
        building.cancel()
        await asyncio.wait([building])
        kept = len(journal(made, tmp_path))
        sent = server.count
        await stopped(made, tmp_path)
        assert len(journal(made, tmp_path)) == 30
        assert server.count - sent == 30 - kept


def test_budget_price_and_addresses_are_no_part_of_the_recipes_identity(tmp_path: Path):
    plain = museum_recipe()
    priced = museum_recipe(price=PRICE) | {"budget": {"usd": 1.0, "requests": 5}}
    several = museum_recipe()
    several["models"]["teacher"]["base_url"] = ["http://127.0.0.1:9/v1", "http://127.0.0.1:10/v1"]
    one, *others = (
        Workshop.of(check_recipe(body, "museum"), Path()).digest for body in (plain, priced, several)
    )
    assert others == [one, one]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": {"usd": 1}}, "budget.usd needs models.teacher.price: {prompt: ..., completion: ...}"),
        ({"budget": {"usd": 1}, "models": {}}, "budget.usd needs models.teacher.price"),
        ({"budget": {"requests": 0}}, "budget.requests: Input should be greater than or equal to 1, got 0"),
        ({"budget": {"token": 5}}, "unknown key budget.token; did you mean tokens?"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(changes: dict[str, Any], message: str):
    with pytest.raises(UsageError) as caught:
        check_recipe(museum_recipe() | changes, "museum")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (5, "models.teacher.base_url: must be an address or a list of addresses, got 5"),
        ([], "models.teacher.base_url: "),
        (["http://a/v1", 7], "models.teacher.base_url: must be an address or a list of addresses"),
        (["http://a/v1", "http://a/v1"], "models.teacher.base_url: names an address twice"),
    ],
)
def test_addresses_that_are_none_are_refused_by_key(given: Any, message: str):
    recipe = museum_recipe()
    recipe["models"]["teacher"]["base_url"] = given
    with pytest.raises(UsageError) as caught:
        check_recipe(recipe, "museum")
    assert message in str(caught.value)


def test_a_price_without_its_parts_is_refused():
    with pytest.raises(UsageError, match="models.teacher.price.completion is missing"):
        check_recipe(museum_recipe(price={"prompt": 1}), "museum")


async def test_several_endpoints_make_the_version_that_one_makes(tmp_path: Path):
    whole = await undisturbed(tmp_path / "whole")
    servers = [lb.Loopback(costly(museum_teacher), latency_s=latency_s) for latency_s in (0.001, 0.02)]
    async with servers[0], servers[1]:
        body = museum_recipe(size=16, max_tokens=MAX_TOKENS)
        body["models"]["teacher"]["base_url"] = [server.base_url for server in servers]
        built = await build(Workshop.of(check_recipe(body, "museum"), Path()), tmp_path / "data")
    assert built.version.id == whole.version.id
    assert all(server.count for server in servers)
