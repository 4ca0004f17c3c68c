import asyncio
import random

import pytest

from callwright.llm.cap import AdaptiveCap, Outcome


async def one_round(cap: AdaptiveCap, outcomes: list[Outcome]) -> None:
    """As many requests at once as there are outcomes, ended in turn."""
    rounds = [await cap.acquire() for _ in outcomes]
    for started_in, outcome in zip(rounds, outcomes, strict=True):
        cap.release(started_in, outcome)


async def test_a_burst_halves_the_limit_once_however_many_fail():
    cap = AdaptiveCap(16)
    await one_round(cap, ["overloaded"] * 16)
    assert cap.limit == 8


async def test_bursts_that_go_on_end_at_one():
    cap = AdaptiveCap(16)
    for _ in range(10):
        await one_round(cap, ["overloaded"] * cap.limit)
    assert cap.limit <= 2
    await one_round(cap, ["answered"])
    assert cap.limit >= 1 and cap.in_flight == 0


async def test_the_limit_grows_by_one_with_each_full_window_up_to_the_most():
    cap = AdaptiveCap(6)
    cap.limit = 2
    grown = []
    for _ in range(6):
        await one_round(cap, ["answered"] * cap.limit)
        grown.append(cap.limit)
    assert grown == [3, 4, 5, 6, 6, 6]


@pytest.mark.parametrize("most", [4, 16, 64, 256])
async def test_five_percent_of_random_errors_do_not_collapse_it(most: int):
    chance = random.Random(7)
    cap = AdaptiveCap(most)
    limits = []
    for _ in range(200):
        outcomes: list[Outcome] = [
            "overloaded" if chance.random() < 0.05 else "answered" for _ in range(cap.limit)
        ]
        await one_round(cap, outcomes)
        limits.append(cap.limit)
    assert sum(limits) / len(limits) >= 0.8 * most


async def test_a_burst_that_asks_for_patience_closes_the_gate_for_all():
    cap = AdaptiveCap(4)
    rounds = [await cap.acquire() for _ in range(4)]
    for started_in in rounds:
        cap.release(started_in, "overloaded", pause_s=0.1)
    now = asyncio.get_running_loop().time
    before = now()
    await cap.acquire()
    assert now() - before >= 0.09


async def test_those_who_wait_are_served_in_order_and_may_leave():
    cap = AdaptiveCap(1)
    order: list[int] = []

    async def enter(number: int) -> None:
        started_in = await cap.acquire()
        order.append(number)
        await asyncio.sleep(0)
        cap.release(started_in, "answered")

    first = await cap.acquire()
    tasks = [asyncio.create_task(enter(number)) for number in range(4)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.sleep(0)
    cap.release(first, "answered")
    tasks[0].cancel()  # the slot has been handed to it, it has not run yet
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == [2, 3]
    assert cap.in_flight == 0
