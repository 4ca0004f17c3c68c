import asyncio
import json
from collections import Counter

import pytest
from dialogues import worlds
from made import demo_rows, make_rows

from callwright.errors import GenerationError, ModelError, ReplyError
from callwright.generators.looptool.running import RunProber, necessity
from callwright.llm.base import Completion, Sampling
from callwright.llm.scripted import Scripted, call, say
from callwright.schemas.loop import Probing
from callwright.schemas.message import AssistantMessage, ToolCall
from callwright.toolbox.simulated import SimulatedToolbox
from callwright.toolbox.world import WorldToolbox

MAX_STEPS = 5
JUDGES = worlds().judges()


@pytest.fixture(scope="module")
def rows():
    """Some rows of each kind on worlds, which the judges confirm."""
    made = make_rows(
        worlds(), {"single": 16, "multi_step": 6, "parallel": 2, "clarification": 5, "no_call": 3}
    )
    return tuple(made)


@pytest.fixture(scope="module")
def converted(rows):
    """A row whose answer is one number that a call computed."""
    return next(row for row in rows if "50.71 pounds" in row.messages[-1].content)


async def judged(row):
    """All exact judges but L2, whose processes take their time."""
    return [verdict for judge in JUDGES if judge.rung != "L2" for verdict in await judge.judge(row)]


async def judged_whole(row):
    return [verdict for judge in JUDGES for verdict in await judge.judge(row)]


def turn(message):
    return Completion(text=message.content, tool_calls=message.tool_calls)


def by_the_book(row):
    """What the row's assistant says at this point of the conversation."""
    turns = list(row.turns())

    def answer(request):
        made = sum(message["role"] == "assistant" for message in request.messages)
        return turn(turns[min(made, len(turns) - 1)])

    return answer


async def probed(row, script, runs=2, toolbox=None, judged=judged):
    student = Scripted(script)
    prober = RunProber(
        student, toolbox or WorldToolbox(), judged, Probing(runs=runs), Sampling(), max_steps=MAX_STEPS
    )
    return await prober.probe(row), student


def split(with_tools, without_tools):
    """One student for runs with tools, another for runs without."""
    return lambda request: (with_tools if request.tools else without_tools)(request)


async def test_who_does_as_the_row_does_is_right_with_tools_on_rows_of_all_kinds(rows):
    for row in rows:
        without = say("I have no way to do that.")
        found, _ = await probed(row, split(by_the_book(row), lambda _, said=without: said), runs=1)
        assert found.with_tools == (True,), row.task.instruction
        assert found.calls == (len(row.tool_calls),) and found.min_correct_calls == len(row.tool_calls)
        assert found.without_tools in ((), (False,), (True,))
        # Words are enough where nothing fits, and nowhere else.
        assert (found.without_tools == (True,)) == (row.kind == "no_call")


async def test_right_with_tools_alone_is_helpful(converted):
    guesses = split(by_the_book(converted), lambda _: say("About 51 pounds."))
    found, student = await probed(converted, guesses, runs=3)
    assert (found.with_tools, found.without_tools) == ((True,) * 3, (False,) * 3)
    assert found.necessity == "helpful"
    assert (found.task, found.student) == (converted.task.id, "scripted")
    assert {bool(request.tools) for request in student.requests} == {True, False}


async def test_right_without_tools_and_with_them_is_unneeded(converted):
    knows = split(by_the_book(converted), lambda _: say("<think>23 * 2.2</think>It is 50.71 pounds."))
    assert (await probed(converted, knows))[0].necessity == "unneeded"


async def test_right_without_tools_alone_is_harmful(converted):
    name = converted.tool_calls[0].name
    breaks = split(lambda _: call(name, {"value": "many"}), lambda _: say("That makes 50.71 lb."))
    found, _ = await probed(converted, breaks)
    assert found.necessity == "harmful"
    assert (found.calls, found.min_correct_calls) == ((MAX_STEPS + 1,) * 2, None)


async def test_never_right_is_unsolved(converted):
    found, _ = await probed(converted, lambda _: say("I cannot do that."))
    assert (found.necessity, found.min_correct_calls) == ("unsolved", None)


async def test_calling_where_nothing_fits_is_harm(rows):
    row = next(row for row in rows if row.kind == "no_call")
    name = row.task.tools[0].name
    eager = split(
        lambda request: say("Done.") if request.messages[-1]["role"] == "tool" else call(name, {}),
        lambda _: say("I have nothing that could do that."),
    )
    found, _ = await probed(row, eager)
    assert (found.with_tools, found.without_tools) == ((False, False), (True, True))
    assert found.necessity == "harmful"


async def test_making_up_what_nobody_said_is_not_right_without_tools(rows):
    row = next(row for row in rows if row.kind == "no_call")
    found, _ = await probed(row, lambda _: say("Your confirmation number is QX-88213."))
    assert found.without_tools == (False, False)


async def test_the_fewest_calls_are_those_of_the_most_economical_right_run(converted):
    first, last = converted.turns()
    arguments = json.loads(first.tool_calls[0].arguments)
    turned = arguments | {"source_unit": "pounds", "target_unit": "kilograms"}

    def wasteful(request):
        """In its second run, converts the other way first."""
        if not request.tools:
            return say("No.")
        script = [turn(first), turn(last)]
        if request.sample == 2:
            script.insert(0, call(first.tool_calls[0].name, turned))
        return script[sum(message["role"] == "assistant" for message in request.messages)]

    found, _ = await probed(converted, wasteful)
    assert (found.with_tools, found.calls, found.min_correct_calls) == ((True, True), (1, 2), 1)


async def test_the_whole_ladder_rules_on_runs(converted):
    knows = split(by_the_book(converted), lambda _: say("It is 50.71 pounds."))
    assert (await probed(converted, knows, runs=1, judged=judged_whole))[0].necessity == "unneeded"


async def test_a_change_cannot_be_talked_into_being(rows):
    row = next(row for row in rows if any(one.changes for one in row.task.intended))
    talker = split(by_the_book(row), lambda _: turn(row.messages[-1]))
    found, student = await probed(row, talker)
    assert (found.without_tools, found.necessity) == ((False, False), "helpful")
    assert all(request.tools for request in student.requests)


async def test_where_an_answer_tells_nothing_that_was_computed_words_prove_nothing(rows):
    row = next(row for row in rows if "came back empty" in row.messages[-1].content)
    found, _ = await probed(row, by_the_book(row))
    assert (found.with_tools, found.without_tools, found.necessity) == ((True, True), (), None)


# The user


async def test_who_asks_is_told_what_the_row_s_user_says(rows):
    row = next(row for row in rows if row.kind == "clarification")
    asked = []

    def asks(request):
        users = [message["content"] for message in request.messages if message["role"] == "user"]
        asked.append(users)
        return by_the_book(row)(request)

    found, _ = await probed(row, asks, runs=1)
    assert found.with_tools == (True,)
    wanted = [message.content for message in row.messages if message.role == "user"]
    assert wanted in asked and wanted[:1] in asked


async def test_a_question_nobody_can_answer_ends_the_run(converted):
    found, student = await probed(converted, lambda _: say("Which unit do you mean?"))
    assert found.necessity == "unsolved"
    assert len(student.requests) == 4


# Requests


async def test_runs_are_numbered_from_1_and_cost_no_more_than_their_steps(converted):
    name = converted.tool_calls[0].name
    _, student = await probed(converted, lambda _: call(name, {}), runs=3)
    counted = Counter((request.sample, bool(request.tools)) for request in student.requests)
    assert counted == {
        (n, with_tools): MAX_STEPS + 1 if with_tools else 1 for n in (1, 2, 3) for with_tools in (0, 1)
    }
    assert {request.sampling.temperature for request in student.requests} == {1.0}
    assert student.requests[0].messages[0] == {"role": "system", "content": converted.messages[0].content}


async def test_a_simulated_student_is_told_where_the_row_stands(rows):
    row = next(row for row in rows if row.kind == "clarification")

    def simulated(request):
        label = request.variables["label"]
        assert request.variables["asks"] == ("?" in label["content"])
        calls = [(one["id"], one["function"]) for one in label.get("tool_calls", ())]
        made = [ToolCall(id=name, **function) for name, function in calls]
        return Completion(text=label["content"], tool_calls=tuple(made))

    assert (await probed(row, simulated, runs=1))[0].with_tools == (True,)


async def test_a_rerun_finds_the_same(rows):
    row = next(row for row in rows if row.kind == "multi_step")

    def moody(request):
        return by_the_book(row)(request) if request.sample % 2 else say("No.")

    first, _ = await probed(row, moody, runs=4)
    again, _ = await probed(row, moody, runs=4)
    assert first == again
    assert first.with_tools == (True, False, True, False)


# What cannot be told


async def test_where_the_judges_cannot_confirm_the_row_nothing_is_asked(simulated):
    found, student = await probed(simulated, lambda _: say("No."), toolbox=SimulatedToolbox(Scripted([])))
    assert (found.with_tools, found.without_tools, found.necessity) == ((), (), None)
    assert student.requests == []


@pytest.fixture(scope="module")
def simulated():
    return next(row for row in demo_rows(4) if row.kind == "single")


async def test_a_row_that_is_wrong_is_no_measure(converted):
    last = AssistantMessage(content="That comes to 12 pounds.")
    wrong = converted.model_copy(update={"messages": (*converted.messages[:-1], last)})
    _, student = await probed(wrong, by_the_book(wrong))
    assert student.requests == []


class Broken(WorldToolbox):
    """Breaks off each second conversation."""

    def open(self, tools, *, toolkit, seed, clock, item):
        session = super().open(tools, toolkit=toolkit, seed=seed, clock=clock, item=item)
        if item.endswith("/2"):

            async def gone(call):
                raise GenerationError("server_gone", "the server is gone")

            session.call = gone
        return session


async def test_a_run_that_the_toolbox_breaks_off_is_not_counted(converted):
    found, _ = await probed(converted, by_the_book(converted), runs=3, toolbox=Broken())
    assert (found.with_tools, found.calls) == ((True, True), (1, 1))


@pytest.mark.parametrize(
    "garbage",
    [ReplyError("raw_call_text", "text"), ReplyError("context_overflow", "long"), say(""), call("x", "{")],
)
async def test_an_answer_that_nobody_can_act_on_ends_a_run_and_gets_no_second_try(converted, garbage):
    found, student = await probed(converted, lambda _: garbage)
    assert (found.with_tools, found.without_tools, found.calls) == ((False,) * 2, (False,) * 2, (0, 0))
    assert len(student.requests) == 4


async def test_an_answer_that_was_cut_off_is_not_right(converted):
    def cut(request):
        answer = by_the_book(converted)(request)
        return answer if answer.tool_calls else answer.model_copy(update={"finish_reason": "length"})

    assert (await probed(converted, cut))[0].with_tools == (False, False)


async def test_an_endpoint_that_fails_is_no_run(converted):
    def dies(request):
        if request.sample == 2 and len(request.messages) > 2:
            return ModelError("the endpoint is gone")
        return by_the_book(converted)(request)

    with pytest.raises(ModelError, match="the endpoint is gone"):
        await probed(converted, dies)
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize(
    ("with_tools", "without_tools", "expected"),
    [
        ((True, False), (False, False), "helpful"),
        ((True, False, False), (False,), "unsolved"),
        ((True,), (True, False), "unneeded"),
        ((False, False, True), (True, True), "harmful"),
        ((), (True,), None),
        ((True,), (), None),
    ],
)
def test_a_way_solves_a_task_if_half_of_its_runs_are_right(with_tools, without_tools, expected):
    assert necessity(with_tools, without_tools) == expected
