"""What parallel calls are worth: rounds, tokens and time of the same requests, served serially and in rounds.

    python benchmarks/parallel.py [ROWS] [SECONDS_OF_A_CALL] [SECONDS_OF_A_MODEL'S_TURN]

The model is a script that makes the calls of a row, one a turn or a round a turn; the calls run in real worlds behind
an artificial latency. Tokens are counted as four characters each, prompts included.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import GenerationError
from callwright.generators.base import Slot
from callwright.generators.dag.convert import Converter
from callwright.generators.dag.dependencies import Dependencies
from callwright.generators.dag.joining import Joiner
from callwright.generators.dag.prose import Prose
from callwright.generators.dag.runner import Played, run
from callwright.llm.base import Completion, Request, Sampling, Usage
from callwright.llm.scripted import Scripted
from callwright.schemas.message import AssistantMessage, Observation, ToolCall
from callwright.schemas.task import Trajectory
from callwright.toolbox.base import Session
from callwright.toolbox.world import WorldToolbox

WORLDS = ("calendar", "travel", "mail", "shop", "library", "projects")


class Delayed:
    """A session whose calls take a while."""

    def __init__(self, session: Session, seconds: float) -> None:
        self._session = session
        self._seconds = seconds

    async def call(self, call: ToolCall) -> Observation:
        await asyncio.sleep(self._seconds)
        return await self._session.call(call)

    async def end(self) -> str | None:
        return await self._session.end()


async def made(workshop: Workshop, count: int) -> list[tuple[Trajectory, Trajectory]]:
    """So many pairs of a serial row and what it became, and how long that took."""
    teacher = workshop.teacher(Path())
    toolbox = workshop.toolbox(teacher)
    operators = workshop.operators(teacher, toolbox)["toolalpaca"]
    joiner = Joiner(teacher, toolbox, workshop.toolkits, Sampling(), "dag")
    prose = Prose(teacher, Sampling(), False)
    converter = Converter(Dependencies(workshop.synonyms, workshop.authored), prose, 24)
    rows = []
    for attempt in range(4 * count):
        slot = Slot(
            method="toolalpaca", kind="single" if attempt % 2 else "multi_step", attempt=attempt, seed=7
        )
        try:
            rows.append(await operators.rollout.trajectory(await operators.source.task(slot), slot.name))
        except GenerationError:
            continue
    serial = []
    for group in joiner.groups(rows):
        try:
            serial.append(await joiner.join([rows[at] for at in group], group[0], f"joined/{group[0]}"))
        except GenerationError:
            continue
    begun = time.process_time()
    found = [(row, (await converter.of(row, "x")).row) for row in serial[:count]]
    seconds = time.process_time() - begun
    print(f"{len(found) / seconds:.0f} conversions in a second of one core, every order executed")
    return [(row, parallel) for row, parallel in found if parallel]


def scripted(row: Trajectory, seconds: float) -> Scripted:
    """A model that takes a row's turns one after the other, and counts what it reads."""
    turns = [message for message in row.messages if isinstance(message, AssistantMessage)]

    def answer(request: Request) -> Completion:
        turn = turns[sum(one["role"] == "assistant" for one in request.messages)]
        written = len(turn.content) + sum(len(call.name) + len(call.arguments) for call in turn.tool_calls)
        seen = len(json.dumps(request.messages)) + len(json.dumps(request.tools))
        usage = Usage(prompt_tokens=seen // 4, completion_tokens=written // 4)
        return Completion(text=turn.content, tool_calls=turn.tool_calls, usage=usage)

    return Scripted(answer, latency_s=seconds)


async def served(rows: Sequence[Trajectory], call_s: float, model_s: float) -> Counter[str]:
    total: Counter[str] = Counter()
    for row in rows:
        task = row.task
        session = WorldToolbox().open(
            task.tools, toolkit=task.toolkit, seed=task.seed, clock=task.clock, item="benchmark"
        )
        begun = time.perf_counter()
        found: Played = await run(
            scripted(row, model_s), Delayed(session, call_s), task.tools, row.messages[:2], max_rounds=30
        )
        assert found.messages == list(row.messages), "the loop plays the row as it was written"
        total["microseconds"] += round(1e6 * (time.perf_counter() - begun))
        total.update(rounds=len(found.rounds), calls=found.calls)
        total.update(prompt=found.prompt_tokens, completion=found.completion_tokens)
    return total


async def main(count: int, call_s: float, model_s: float) -> None:
    body = {
        "dataset": "benchmark",
        "size": 1,
        "tools": [{"world": name} for name in WORLDS],
        "mix": {"single": 1.0},
    }
    pairs = await made(Workshop.of(check_recipe(body, "benchmark"), Path()), count)
    print(f"{len(pairs)} requests; a call takes {call_s:g} s, a turn of the model {model_s:g} s\n")
    print(f"{'':<10}{'rounds':>9}{'calls/round':>13}{'prompt tokens':>15}{'completion':>12}{'seconds':>9}")
    totals = {}
    for name, rows in (("serial", [one for one, _ in pairs]), ("in rounds", [one for _, one in pairs])):
        found = totals[name] = await served(rows, call_s, model_s)
        each = {key: value / len(rows) for key, value in found.items()}
        print(
            f"{name:<10}{each['rounds']:>9.2f}{found['calls'] / found['rounds']:>13.2f}{each['prompt']:>15.0f}"
            f"{each['completion']:>12.0f}{each['microseconds'] / 1e6:>9.3f}"
        )
    one, other = totals["serial"], totals["in rounds"]
    print(
        f"\nin rounds: {one['microseconds'] / other['microseconds']:.2f} times as fast, "
        f"{100 - 100 * other['prompt'] / one['prompt']:.0f} % fewer prompt tokens"
    )


if __name__ == "__main__":
    given = [float(one) for one in sys.argv[1:]]
    rows, call_s, model_s = [*given, *(40, 0.1, 0.2)[len(given) :]]
    asyncio.run(main(int(rows), call_s, model_s))
