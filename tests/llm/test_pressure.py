"""A limit follows what the server says about itself: real HTTP, in the form that vLLM's metrics have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import loopback as lb
import pytest

from callwright.llm.cap import Limit
from callwright.llm.pressure import Reading, reading_of
from llm.builders import chat, question

OK = lb.text_reply("fine")


def metrics(waiting: float = 0, running: float = 8, preemptions: float = 0) -> lb.Status:
    text = f"""\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{engine="0",model_name="toy {{1}}"}} {running - 1}
vllm:num_requests_running{{engine="1",model_name="toy {{1}}"}} 1.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{engine="0",model_name="toy"}} {waiting}
vllm:num_requests_waiting_by_reason{{engine="0",reason="capacity"}} 99.0
# TYPE vllm:num_preemptions_total counter
vllm:num_preemptions_total{{engine="0",model_name="toy"}} {preemptions}
vllm:num_preemptions_created{{engine="0",model_name="toy"}} 1.7e+09
process_open_fds 42.0
"""
    return lb.Status(200, text, content_type="text/plain")


def test_samples_are_added_up_over_engines_and_look_alikes_left_out():
    text = metrics(waiting=3, running=6, preemptions=2).text
    assert reading_of(text) == Reading(waiting=3, running=6, preemptions=2)
    assert reading_of(text.replace("preemptions_total", "preemptions")) == Reading(3, 6, 2)
    assert reading_of("vllm:num_requests_waiting 1 1700000000\nvllm:num_requests_running 2\n") == Reading(
        1, 2, 0
    )


@pytest.mark.parametrize(
    "text", ["", "<html></html>", "vllm:num_requests_waiting 1\n", metrics().text.replace("} 1.0", "} many")]
)
def test_what_is_no_metrics_is_no_reading(text: str):
    assert reading_of(text) is None


def test_more_than_half_of_what_runs_must_wait_or_preemptions_grow():
    calm = Reading(waiting=4, running=8, preemptions=5)
    assert not calm.pressed_since(None) and not calm.pressed_since(calm)
    assert Reading(5, 8, 5).pressed_since(None)
    assert Reading(0, 8, 6).pressed_since(calm)
    assert not Reading(0, 8, 0).pressed_since(calm)  # the server was started anew
    assert not Reading(float("nan"), 8, float("nan")).pressed_since(calm)


def test_a_limit_shrinks_by_a_fifth_and_never_below_one():
    limit, seen = Limit(20), []
    for _ in range(12):
        limit.shrink()
        seen.append(limit.limit)
    assert seen == [16, 13, 11, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    limit.shrink()
    assert limit.limit == 1


async def limit_after(
    said: lb.Answer | Callable[[], lb.Answer] | None, *, readings: int = 4
) -> tuple[int, lb.Loopback]:
    """The limit of 20 when the server has been looked at so often, while one request was under way."""
    async with lb.Loopback(lb.Hang(), metrics=said) as server:
        model = chat(server, in_flight=20, metrics_every_s=0.01)
        asked = asyncio.create_task(model.complete(question()))
        async with asyncio.timeout(5):
            while server.metrics_read < readings:
                await asyncio.sleep(0.005)
        limit = model.slots.limits[0].limit
        asked.cancel()
        await asyncio.wait([asked])
        await model.close()
    return limit, server


async def test_a_limit_shrinks_while_requests_wait_at_the_server():
    limit, _ = await limit_after(metrics(waiting=9))
    assert limit <= 13


async def test_a_limit_shrinks_once_for_each_growth_of_preemptions():
    said = iter([metrics(preemptions=3), metrics(preemptions=4)])
    limit, _ = await limit_after(lambda: next(said, metrics(preemptions=4)), readings=6)
    assert limit == 16


async def test_a_server_with_nothing_to_complain_of_keeps_its_limit():
    limit, _ = await limit_after(metrics(waiting=4))
    assert limit == 20


BROKEN = {
    "absent": None,
    "a page": lb.HTML_200,
    "an error": lb.error_reply(500, "boom"),
    "reset": lb.Reset(),
    "cut off": lb.CutOff(),
    "no text": lb.Status(200, "vllm:num_requests_waiting NaNN\nvllm:num_requests_running 1"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_metrics_change_nothing_and_absent_ones_are_looked_for_once(name: str):
    said = BROKEN[name]
    async with lb.Loopback(OK, metrics=said, latency_s=0.01) as server:
        model = chat(server, in_flight=8, metrics_every_s=0.005)
        await asyncio.gather(*(model.complete(question(str(n))) for n in range(40)))
        assert model.slots.limits[0].limit == 8
        assert model.stats == {"requests": 40, "answered": 40}
        await model.close()
    assert server.metrics_read <= 2  # the library asks once more where a connection broke


async def test_metrics_that_break_later_change_nothing_and_are_looked_at_again():
    said = iter([metrics(), lb.HTML_200, lb.Reset(), metrics(waiting=9)])
    limit, server = await limit_after(lambda: next(said, metrics()), readings=6)
    assert limit == 16


async def test_the_watch_ends_when_nothing_is_under_way_and_begins_again():
    async with lb.Loopback(OK, metrics=metrics(), latency_s=0.03) as server:
        model = chat(server, metrics_every_s=0.01)
        await model.complete(question("one"))
        await asyncio.sleep(0.03)
        read = server.metrics_read
        await asyncio.sleep(0.1)
        assert server.metrics_read == read >= 1
        await model.complete(question("two"))
        assert server.metrics_read > read
        await model.close()


async def test_no_task_outlives_the_client():
    before = asyncio.all_tasks()
    servers = [lb.Loopback(lb.Hang(), metrics=lb.Hang()) for _ in range(2)]
    async with servers[0], servers[1]:
        model = chat(servers, in_flight=4)
        asked = [asyncio.create_task(model.complete(question(str(n)))) for n in range(4)]
        async with asyncio.timeout(5):
            while not all(server.metrics_read for server in servers):
                await asyncio.sleep(0.005)
        for one in asked:
            one.cancel()
        await asyncio.wait(asked)
        await model.close()
        left = {task for task in asyncio.all_tasks() - before if "watch" in repr(task.get_coro())}
        assert not left


async def test_the_answers_let_a_limit_grow_again():
    async with lb.Loopback(OK) as server:
        model = chat(server, in_flight=8)
        for _ in range(3):
            model.slots.limits[0].shrink()
        assert model.slots.limits[0].limit == 5
        await asyncio.gather(*(model.complete(question(str(n))) for n in range(60)))
        assert model.slots.limits[0].limit == 8
        await model.close()
