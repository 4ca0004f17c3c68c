import asyncio
import random

import pytest

from callwright.llm.cap import Limit, Outcome, Slot, Slots


async def one_round(slots: Slots, outcomes: list[Outcome]) -> None:
    """As many requests at once as there are outcomes, ended in turn."""
    taken = [await slots.acquire() for _ in outcomes]
    for slot, outcome in zip(taken, outcomes, strict=True):
        slots.release(slot, outcome)


def only(slots: Slots) -> Limit:
    [limit] = slots.limits
    return limit


async def test_a_burst_halves_the_limit_once_however_many_fail():
    slots = Slots(16)
    await one_round(slots, ["overloaded"] * 16)
    assert only(slots).limit == 8


async def test_bursts_that_go_on_end_at_one():
    slots = Slots(16)
    limit = only(slots)
    for _ in range(10):
        await one_round(slots, ["overloaded"] * limit.limit)
    assert limit.limit <= 2
    await one_round(slots, ["answered"])
    assert limit.limit >= 1 and slots.in_flight == 0


async def test_the_limit_grows_by_one_with_each_full_window_up_to_the_most():
    slots = Slots(6)
    limit = only(slots)
    limit.limit = 2
    grown = []
    for _ in range(6):
        await one_round(slots, ["answered"] * limit.limit)
        grown.append(limit.limit)
    assert grown == [3, 4, 5, 6, 6, 6]


@pytest.mark.parametrize("most", [4, 16, 64, 256])
async def test_five_percent_of_random_errors_do_not_collapse_it(most: int):
    chance = random.Random(7)
    slots = Slots(most)
    limits = []
    for _ in range(200):
        outcomes: list[Outcome] = [
            "overloaded" if chance.random() < 0.05 else "answered" for _ in range(only(slots).limit)
        ]
        await one_round(slots, outcomes)
        limits.append(only(slots).limit)
    assert sum(limits) / len(limits) >= 0.8 * most


async def test_a_burst_that_asks_for_patience_closes_the_gate_for_all():
    slots = Slots(4)
    for slot in [await slots.acquire() for _ in range(4)]:
        slots.release(slot, "overloaded", pause_s=0.1)
    now = asyncio.get_running_loop().time
    before = now()
    await slots.acquire()
    assert now() - before >= 0.09


async def test_a_gate_that_closes_for_less_opens_first():
    slots = Slots(4, endpoints=2)
    for pause_s, endpoint in ((30.0, 0), (0.05, 1)):
        for _ in range(2):
            slots.limits[endpoint].leave(slots.limits[endpoint].enter(), "overloaded", pause_s)
    waiting = asyncio.create_task(slots.acquire())
    assert (await asyncio.wait_for(waiting, 2)).endpoint == 1
    slots.close()


async def test_those_who_wait_are_served_in_order_and_may_leave():
    slots = Slots(1)
    order: list[int] = []

    async def enter(number: int) -> None:
        slot = await slots.acquire()
        order.append(number)
        await asyncio.sleep(0)
        slots.release(slot, "answered")

    first = await slots.acquire()
    tasks = [asyncio.create_task(enter(number)) for number in range(4)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.sleep(0)
    slots.release(first, "answered")
    tasks[0].cancel()  # the slot has been handed to it, it has not run yet
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == [2, 3]
    assert slots.in_flight == 0


async def test_the_more_urgent_go_first_and_equal_ones_in_order_of_arrival():
    slots = Slots(1)
    order: list[str] = []

    async def enter(name: str, urgency: int) -> None:
        slot = await slots.acquire(urgency)
        order.append(name)
        slots.release(slot, "answered")

    first = await slots.acquire()
    arriving = [("a0", 0), ("a4", 4), ("b0", 0), ("judge", 1000), ("b4", 4)]
    tasks = [asyncio.create_task(enter(*one)) for one in arriving]
    await asyncio.sleep(0)
    slots.release(first, "answered")
    await asyncio.gather(*tasks)
    assert order == ["judge", "a4", "b4", "a0", "b0"]


async def test_endpoints_share_the_total_and_a_slow_one_holds_nobody_up():
    slots = Slots(4, endpoints=2)
    taken = [await slots.acquire() for _ in range(4)]
    assert sorted(slot.endpoint for slot in taken) == [0, 0, 1, 1]
    following: Slot = next(slot for slot in taken if slot.endpoint == 1)
    for _ in range(10):  # the other one answers nothing in the meantime
        waiting = asyncio.create_task(slots.acquire())
        await asyncio.sleep(0)
        assert not waiting.done()
        slots.release(following, "answered")
        following = await waiting
        assert following.endpoint == 1
    assert slots.in_flight == 4


async def test_requests_that_come_one_by_one_take_turns():
    slots = Slots(4, endpoints=3)
    served = []
    for _ in range(6):
        slot = await slots.acquire()
        served.append(slot.endpoint)
        slots.release(slot, "answered")
    assert served == [0, 1, 2, 0, 1, 2]


async def test_the_smaller_limit_gets_the_smaller_part():
    slots = Slots(12, endpoints=2)
    slots.limits[0].limit = 3
    taken = [(await slots.acquire()).endpoint for _ in range(12)]
    assert 2 <= taken.count(0) <= 3


async def test_one_that_is_gone_rests_ever_longer_and_comes_back_with_one_request():
    slots = Slots(4, endpoints=2, rest_s=0.05)
    limit = slots.limits[0]
    now = asyncio.get_running_loop().time
    for rest_s in (0.05, 0.1, 0.2):
        while (slot := await slots.acquire()).endpoint != 0:
            slots.release(slot, "answered")
            await asyncio.sleep(0.005)
        assert slots.failed(slot, gone=True)
        assert limit.closed_until - now() == pytest.approx(rest_s, abs=0.02)
        assert slots.failed(slot, gone=True)  # those that were under way with it do not make it longer
        assert limit.rest_s == rest_s
        slots.release(slot, "neither")
    await asyncio.sleep(0.25)
    taken = [await slots.acquire() for _ in range(4)]
    assert [slot.endpoint for slot in taken].count(0) == 1
    for slot in taken:
        slots.release(slot, "answered")
    assert sorted([(await slots.acquire()).endpoint for _ in range(4)]) == [0, 0, 1, 1]


async def test_a_rest_is_a_minute_at_most():
    limit = Limit(4)
    for _ in range(9):
        limit.fail(limit.enter(), 2.0, gone=True)
    assert limit.rest_s == 60.0


async def test_three_failures_in_a_row_are_a_reason_to_rest_and_two_are_none():
    slots = Slots(6, endpoints=2)
    for answered in (True, False):
        slot = Slot(0, slots.limits[0].enter())
        assert not slots.failed(slot, gone=False)
        assert not slots.failed(slot, gone=False)
        if answered:
            slots.release(slot, "answered")
    assert slots.failed(slot, gone=False)


async def test_the_last_one_never_rests():
    slots = Slots(4, endpoints=2, rest_s=0.01)
    first, second = [await slots.acquire() for _ in range(2)]
    assert slots.failed(first, gone=True)
    assert not slots.failed(second, gone=True)
    await asyncio.sleep(0.02)  # the first may be tried again, but it has answered nothing yet
    assert not slots.failed(second, gone=True)
    assert slots.limits[second.endpoint].rest_s == 0.0
