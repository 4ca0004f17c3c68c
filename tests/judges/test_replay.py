import asyncio
import datetime as dt
import os
import signal

import builders as b
import pytest

from callwright.errors import JudgeError
from callwright.judges.replay import Replay
from callwright.schemas.message import AssistantMessage, SystemMessage, ToolCall, ToolMessage, UserMessage
from callwright.sources.callables import read_callables
from callwright.toolbox.elsewhere import WorldsElsewhere
from callwright.toolbox.python import PythonToolbox
from callwright.toolbox.world import WorldToolbox
from callwright.worlds import world_class
from callwright.worlds.base import toolkit_of

CLOCK = dt.date(2026, 3, 10)
LIBRARY = toolkit_of(world_class("library")).tools
DICE = """
import secrets

def roll(sides: int = 6) -> str:
    "Roll a die."
    return secrets.token_hex(8)

def double(number: int) -> int:
    "Twice a number."
    return 2 * number
"""


async def executed(toolbox, tools, *calls):
    """A row whose calls were really made."""
    task = b.task("Do it.", tools=tools, clock=CLOCK)
    session = toolbox.open(tools, toolkit="t", seed=task.seed, clock=CLOCK, item="row")
    messages = [SystemMessage(content="Today is March 10."), UserMessage(content="Do it.")]
    for number, (name, text) in enumerate(calls):
        call = ToolCall(id=f"c{number}", name=name, arguments=text)
        seen = await session.call(call)
        messages += [
            AssistantMessage(tool_calls=(call,)),
            ToolMessage(tool_call_id=call.id, name=name, observation=seen),
        ]
    state = await session.end()
    row = b.trajectory(task, messages=[*messages, AssistantMessage(content="Done.")])
    return row.model_copy(update={"state": state})


def with_observation(row, step, **changes):
    message = row.messages[step]
    seen = message.observation.model_copy(update=changes)
    messages = [*row.messages]
    messages[step] = message.model_copy(update={"observation": seen})
    return row.model_copy(update={"messages": tuple(messages)})


@pytest.fixture(scope="module")
def elsewhere():
    worlds = WorldsElsewhere()
    yield worlds
    asyncio.run(worlds.close())


@pytest.fixture
async def row():
    hold = (await executed(WorldToolbox(), LIBRARY, ("search_books", "{}"))).messages[3]
    book = hold.content.split('"id": "')[1].split('"')[0]
    return await executed(
        WorldToolbox(),
        LIBRARY,
        ("search_books", "{}"),
        ("place_hold", f'{{"book_id": "{book}", "branch": "main_street"}}'),
        ("place_hold", f'{{"book_id": "{book}", "branch": "main_street"}}'),
    )


async def ruled(judge, row):
    return [(one.outcome, one.code, one.step) for one in await judge.judge(row)]


async def test_a_row_that_was_really_executed_passes_call_by_call(row, elsewhere):
    assert await ruled(Replay(elsewhere), row) == [
        ("pass", "", 3),
        ("pass", "", 5),
        ("pass", "", 7),
        ("pass", "", None),
    ]
    whole = (await Replay(elsewhere).judge(row))[-1]
    assert whole.evidence == ({"state": row.state, "calls": 3},)


@pytest.mark.parametrize(
    ("step", "changes"),
    [
        (3, {"content": "[]"}),
        (5, {"content": '{"status": "ready"}'}),
        (5, {"status": 201}),
        (7, {"status": 200}),  # the server said no
        (7, {"content": '{"error": "There is no book with that id."}'}),
        (3, {"cut": True}),
        (3, {"media_type": "text/plain"}),
    ],
)
async def test_an_answer_that_does_not_come_again_fails_at_its_step_alone(step, changes, row, elsewhere):
    found = await ruled(Replay(elsewhere), with_observation(row, step, **changes))
    assert ("fail", "observation_differs", step) in found
    assert {(outcome, at) for outcome, _, at in found} == {
        *(("fail" if at == step else "pass", at) for at in (3, 5, 7))
    }


@pytest.mark.parametrize("state", ["0" * 32, None])
async def test_another_end_state_fails(state, row, elsewhere):
    found = await ruled(Replay(elsewhere), row.model_copy(update={"state": state}))
    assert found[-1] == ("fail", "state_differs", None)
    assert {outcome for outcome, _, _ in found[:-1]} == {"pass"}


@pytest.mark.parametrize("changes", [{"seed": 8}, {"clock": dt.date(2026, 5, 1)}])
async def test_a_row_of_another_seed_or_day_is_not_repeated(changes, row, elsewhere):
    other = row.model_copy(update={"task": row.task.model_copy(update=changes)})
    assert "fail" in {outcome for outcome, _, _ in await ruled(Replay(elsewhere), other)}


async def test_simulated_answers_are_not_asked_for_again(row):
    unasked = WorldsElsewhere()
    simulated = with_observation(row, 5, trust="simulated")
    assert await ruled(Replay(unasked), simulated) == [("undecided", "not_repeatable", None)]
    assert unasked._child is None


async def test_a_row_without_calls_passes(elsewhere):
    row = await executed(WorldToolbox(), LIBRARY)
    assert await ruled(Replay(elsewhere), row) == [("pass", "", None)]


async def test_a_function_that_answers_by_chance_is_not_repeatable(tmp_path):
    (tmp_path / "dice.py").write_text(DICE)
    tools = read_callables("dice.py", base=tmp_path)[0].tools
    row = await executed(PythonToolbox(base=tmp_path), tools, ("double", '{"number": 4}'), ("roll", "{}"))
    assert await ruled(Replay(PythonToolbox(base=tmp_path)), row) == [("undecided", "not_repeatable", None)]


async def test_a_function_is_held_to_what_it_answered(tmp_path):
    (tmp_path / "dice.py").write_text(DICE)
    tools = read_callables("dice.py", base=tmp_path)[0].tools
    row = await executed(PythonToolbox(base=tmp_path), tools, ("double", '{"number": 4}'))
    judge = Replay(PythonToolbox(base=tmp_path))
    assert await ruled(judge, row) == [("pass", "", 3), ("pass", "", None)]
    assert ("fail", "observation_differs", 3) in await ruled(judge, with_observation(row, 3, content="9"))


async def test_a_row_stays_unjudged_when_the_process_dies_and_is_judged_the_next_time(row, elsewhere):
    judge = Replay(elsewhere)
    before = await ruled(judge, row)
    os.kill(elsewhere._child.pid, signal.SIGKILL)
    with pytest.raises(JudgeError):
        await judge.judge(row)
    assert await ruled(judge, row) == before
