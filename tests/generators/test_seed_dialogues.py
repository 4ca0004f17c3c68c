"""Seeds of a loop: each tool offered once, one date for all roles, and what of the tools the rows use is reported."""

import datetime as dt
import re
from collections import Counter

import pytest
from builders import member, verdict
from made import demo
from serial import world_rows, worlds

from callwright.engine.results import Result
from callwright.engine.statistics import StatisticsCount
from callwright.errors import GenerationError
from callwright.generators.base import Slot
from callwright.generators.conversing import in_full
from callwright.generators.toolalpaca.episodes import Episodes
from callwright.generators.toolalpaca.instructions import Instructions
from callwright.llm.base import Sampling
from callwright.llm.scripted import Scripted, call, reply, say
from callwright.schemas.task import KINDS
from callwright.toolbox.simulated import SimulatedToolbox
from callwright.toolbox.world import WorldToolbox
from callwright.values.mentions import MONTHS, WEEKDAYS
from callwright.worlds import NAMES

EACH = 24
TODAY = re.compile(rf"(?:{'|'.join(WEEKDAYS)}), (?:{'|'.join(MONTHS)}) \d+, \d{{4}}")


@pytest.fixture(scope="module")
def rows():
    """Rows of the offline teacher's, of every kind, over all worlds."""
    made = tuple(row for kind in KINDS for row in world_rows(NAMES, kind, EACH))
    assert {row.task.toolkit for row in made} == set(NAMES)
    return made


def test_a_dialogue_offers_each_tool_once(rows):
    for row in rows:
        names = [tool.name for tool in row.task.tools]
        assert len(set(names)) == len(names)
        assert row.task.withheld is None or row.task.withheld.name not in names


async def test_tools_of_one_name_are_offered_once_even_if_two_toolkits_have_them():
    museum = demo().toolkits[0]
    twin = museum.model_copy(update={"name": "twin", "title": "Twin"})
    model = Scripted(lambda request: reply({"request": "Which events are on?", "details": "x"}))
    source = Instructions(model, [museum, twin], Sampling())
    offers = 0
    for kind in KINDS:
        for attempt in range(12):
            try:
                task = await source.task(Slot(method="toolalpaca", kind=kind, attempt=attempt, seed=3))
            except GenerationError:
                continue
            names = [tool.name for tool in task.tools]
            assert len(set(names)) == len(names)
            offers += 1
    assert offers > 30


def test_a_row_tells_the_assistant_the_date_of_its_task(rows):
    for row in rows:
        assert TODAY.findall(row.messages[0].content) == [in_full(row.task.clock)]
    assert len({row.task.clock for row in rows}) > len(rows) / 4


async def test_the_server_has_the_date_of_its_row(rows):
    """Executed on the day that the system message tells, a row's calls are answered as the row says."""
    called = [row for row in rows if row.tool_calls][::5]
    for row in called:
        assert await answers(row, row.task.clock) == [one.observation for one in row.observations()]
    other = [await answers(row, row.task.clock + dt.timedelta(days=200)) for row in called]
    told = [[one.observation for one in row.observations()] for row in called]
    assert sum(one != another for one, another in zip(told, other, strict=True)) > len(called) / 4


async def answers(row, clock):
    task = row.task
    session = WorldToolbox().open(task.tools, toolkit=task.toolkit, seed=task.seed, clock=clock, item="again")
    found = [await session.call(made) for made in row.tool_calls]
    await session.end()
    return found


DATES = (re.compile(r"Today is (?:\w+, )?(\d{4}-\d\d-\d\d)"), TODAY)


async def test_every_prompt_of_a_language_models_row_has_the_rows_date():
    """Who asks, who answers, and who plays the server are told the same day; the user hears of no other."""
    museum = demo().toolkits[0]
    lines = {
        "toolalpaca.instruction": [reply({"request": "I need a ticket.", "details": "a general one"})],
        "toolalpaca.assistant": [
            say("Which kind?"),
            call("getMuseumHours", {"startDate": "2026-03-14"}),
            say("It opens at 9."),
        ],
        "toolalpaca.user": [reply({"asked": True, "reply": "A general one."})],
        "toolbox.server": [
            reply(
                {"status": 200, "body": [{"date": "2026-03-14", "timeOpen": "09:00", "timeClose": "17:00"}]}
            )
        ]
        * 2,
    }
    for attempt in range(5):
        script = {purpose: iter(said) for purpose, said in lines.items()}
        model = Scripted(lambda request, script=script: next(script[request.purpose]))
        source = Instructions(model, [museum], Sampling(), (8, 8))
        task = await source.task(Slot(method="toolalpaca", kind="clarification", attempt=attempt, seed=3))
        episodes = Episodes(model, SimulatedToolbox(model), [museum], Sampling(), 5)
        await episodes.trajectory(task, "clarification/0")
        told = {}
        for request in model.requests:
            text = "\n".join(message["content"] for message in request.messages if message.get("content"))
            told.setdefault(request.purpose, set()).update(
                found for pattern in DATES for found in pattern.findall(text)
            )
        day = task.clock.isoformat()
        assert told["toolalpaca.instruction"] == {day}
        assert told["toolalpaca.assistant"] == {in_full(task.clock)}
        assert told["toolbox.server"] == {day}
        assert told["toolalpaca.user"] == set()
        assert dt.date.fromisoformat(day) == task.clock


def test_what_of_the_tools_is_used_is_in_the_versions_statistics(rows):
    """`Statistics.coverage`: every tool, called or not, against a count of the rows' own."""
    workshop = worlds(*NAMES)
    count = StatisticsCount(workshop.toolkits)
    results = [
        Result(
            method="toolalpaca",
            kind=row.kind,
            attempt=number,
            accepted=True,
            task=row.task.record(),
            trajectory_id=row.id,
            trajectory=row.record(),
            verdicts=(verdict(row),),
        )
        for number, row in enumerate(rows)
    ]
    for result, row in zip(results, rows, strict=True):
        count.add(result, member(row))
    found = count.statistics(
        results, attempts=len(rows), drops=(), troubles={}, teacher="offline-rules", spent={}
    )
    told = {(one.toolkit, one.tool): one for one in found.coverage.tools}
    homes = {tool.id: kit.name for kit in workshop.toolkits for tool in kit.tools}
    assert set(told) == {(kit.name, tool.name) for kit in workshop.toolkits for tool in kit.tools}
    calls = Counter()
    for row in rows:
        places = {tool.name: homes[tool.id] for tool in row.task.tools}
        for made in row.tool_calls:
            calls[places[made.name], made.name] += 1
    assert {key: one.calls for key, one in told.items() if one.calls} == calls
    assert sum(found.coverage.by_capability.values()) == calls.total()
    # Tools take turns: so many rows of a kind turn on as many tools, and each toolkit has its share.
    assert len(calls) > EACH
    assert {kit for kit, _ in calls} == set(NAMES)
