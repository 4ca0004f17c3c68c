"""How well requests overlap, told on a clock that waits for nobody: the same on every machine."""

from __future__ import annotations

import asyncio
import json
import selectors
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from callwright.engine.recipes import check_recipe
from callwright.engine.results import read_results
from callwright.engine.rulings import Rulings
from callwright.engine.shards import Attempts, Shard
from callwright.engine.workshop import Workshop
from callwright.llm.base import Completion, Request
from callwright.llm.scripted import Scripted, call, reply, say

IN_FLIGHT = 32
EPISODES = 320
CALLS = 3


class _Selector(selectors.DefaultSelector):
    """Waits for nothing: the loop's clock is moved on instead."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout:
            self.now_s += timeout
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now_s


def run(work: Coroutine[Any, Any, Any]) -> float:
    """Seconds on the virtual clock that the work takes."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        runner.run(work)
        return runner.get_loop().time()


class Busy(Scripted):
    """A model that takes a second for each answer; an episode is a request, so many calls, and an answer."""

    def __init__(self) -> None:
        super().__init__(line, latency_s=1.0)
        self.under_way: Counter[str] = Counter()
        self.most = 0

    async def complete(self, request: Request) -> Completion:
        self.under_way[request.item] += 1
        assert self.under_way[request.item] == 1, "one conversation has one question at a time"
        self.most = max(self.most, self.under_way.total())
        try:
            return await super().complete(request)
        finally:
            self.under_way[request.item] -= 1


def line(request: Request) -> Completion:
    made = sum(message["role"] == "tool" for message in request.messages)
    if request.purpose == "toolalpaca.instruction":
        return reply({"request": "Please ring the bell three times.", "details": ""})
    if request.purpose == "toolbox.server":
        return reply({"status": 200, "body": {"rung": True}})
    return say("It is done.") if made == CALLS else call(request.tools[0]["function"]["name"], {"n": made})


def workshop(folder: Path) -> Workshop:
    parameters = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    tools = [
        {"name": f"ring_{bell}", "description": "Ring it.", "parameters": parameters}
        for bell in ("one", "two", "three")
    ]
    (folder / "bells.json").write_text(json.dumps(tools), encoding="utf-8")
    teacher = {"engine": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "toy"}
    body = {
        "dataset": "bells",
        "size": EPISODES,
        "tools": [{"json": "bells.json"}],
        "models": {"teacher": teacher},
        "mix": {"single": 1.0},
    }
    return Workshop.of(check_recipe(body, "bells"), folder)


def test_conversations_overlap_as_far_as_is_allowed_and_wait_for_nothing_else(tmp_path: Path):
    bells, model = workshop(tmp_path), Busy()
    operators = bells.operators(model, bells.toolbox(model))
    attempts = Attempts(operators, Rulings((), "L0", bells.max_steps), 7, IN_FLIGHT)
    shard = Shard(method="toolalpaca", kind="single", first=0, count=EPISODES)
    elapsed_s = run(attempts.run(shard, tmp_path))
    rows = [result for result in read_results(tmp_path / f"{shard.name}.jsonl") if result.trajectory_id]
    assert len(rows) == EPISODES
    asked = 1 + (CALLS + 1) + CALLS
    assert len(model.requests) == asked * EPISODES
    assert model.most == IN_FLIGHT
    ideal_s = asked * EPISODES / IN_FLIGHT
    assert ideal_s <= elapsed_s <= 1.05 * ideal_s
