"""Serial conversations become parallel ones that come to the same, and those that must not stay as they are."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

import builders as b
import pytest
from made import codes
from serial import rounds_of, serialised, world_rows, worlds

from callwright.generators.dag.advice import Advice
from callwright.generators.dag.convert import Conversion, Converter, read
from callwright.generators.dag.dependencies import Dependencies
from callwright.generators.dag.prose import Prose, against
from callwright.generators.dag.runner import run
from callwright.llm.base import Completion, Model, Sampling
from callwright.llm.scripted import Scripted, reply, say
from callwright.schemas.message import (
    AssistantMessage,
    Message,
    Observation,
    Span,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
    to_wire,
)
from callwright.schemas.task import Trajectory
from callwright.toolbox.world import WorldToolbox
from callwright.views.chatml import rendered
from callwright.views.loss import IGNORED, labels

NAMES = ("travel", "mail", "projects", "calendar")
RULES = Scripted([], reads_variables=True)


def converted(row: Trajectory, model: Model = RULES, *, always: bool = False, most: int = 24) -> Conversion:
    workshop = worlds(*NAMES)
    adviser = None if model.reads_variables else Advice(model, Sampling())
    converter = Converter(
        Dependencies(workshop.synonyms, workshop.authored, adviser),
        Prose(model, Sampling(), always),
        most,
    )
    return asyncio.run(converter.of(row, "dag/0/0"))


@pytest.fixture(scope="module")
def fans() -> tuple[Trajectory, ...]:
    return world_rows(NAMES, "parallel", 16)


@pytest.fixture(scope="module")
def made(fans: tuple[Trajectory, ...]) -> list[Conversion]:
    return [converted(serialised(row)) for row in fans]


def test_the_rounds_of_a_plan_are_found_again_from_its_serial_form(fans, made):
    for row, one in zip(fans, made, strict=True):
        assert one.row is not None, one.code
        assert [sorted(ids) for ids in rounds_of(one.row)] == [sorted(ids) for ids in rounds_of(row)]
        assert one.row.kind == "parallel" and one.row.messages[-1] == row.messages[-1]
        assert len(one.row.task.plan["rounds"]) == len(rounds_of(one.row))


def test_every_kept_row_comes_to_the_same_and_passes_every_judge(fans, made):
    judges = worlds(*NAMES).judges()
    for row, one in zip(fans, made, strict=True):
        assert one.row is not None and one.proven
        before = {seen.tool_call_id: seen.observation for seen in row.observations()}
        assert {seen.tool_call_id: seen.observation for seen in one.row.observations()} == before
        assert one.row.state == row.state
        assert codes(judges, one.row) == []


def test_no_value_is_used_in_the_round_that_finds_it(made):
    for one in made:
        for edge in one.evidence["edges"]:
            rank = {step: at for at, together in enumerate(one.rounds) for step in together}
            assert rank[edge["before"]] < rank[edge["after"]]
        assert any(edge["reason"] == "data" for edge in one.evidence["edges"]) or len(one.rounds) == 1


def test_fewer_characters_are_read_than_one_call_at_a_time(fans, made):
    for row, one in zip(fans, made, strict=True):
        before, after = one.evidence["characters"]
        assert after < before == read(serialised(row).messages)


def test_chains_stay_serial_and_parallel_rows_are_left_alone(fans):
    found = [converted(row).code for row in world_rows(NAMES, "multi_step", 12)]
    assert found.count("purely_serial") >= 10 and set(found) <= {"purely_serial", ""}
    assert {converted(row).code for row in fans} == {"already_parallel"}


def test_a_row_without_calls_or_with_one_has_no_order():
    [row] = world_rows(("travel",), "single", 1)
    assert converted(row).code == "one_call"
    assert converted(b.trajectory(calls=[])).code == "no_calls"


def test_an_answer_that_is_not_what_the_world_says_is_found_out(fans):
    row = serialised(fans[0])
    at = next(index for index, one in enumerate(row.messages) if isinstance(one, ToolMessage))
    forged = row.messages[at].model_copy(update={"observation": Observation(content="[]", trust="executed")})
    changed = row.model_copy(update={"messages": (*row.messages[:at], forged, *row.messages[at + 1 :])})
    assert converted(changed).code == "not_repeatable"


# A world's calls, made by hand


def conversation(
    request: str, *turns: str | Sequence[tuple[str, dict[str, Any]]], seed: int = 5
) -> Trajectory:
    """A serial conversation in the calendar: a turn is calls, what the assistant says, or "> " and the user."""
    kit = next(kit for kit in worlds(*NAMES).toolkits if kit.name == "calendar")
    task = b.task(request, tools=kit.tools, toolkit="calendar", seed=seed)
    session = WorldToolbox().open(task.tools, toolkit="calendar", seed=seed, clock=task.clock, item="x")
    messages: list[Message] = [SystemMessage(content="Help."), UserMessage(content=request)]
    words = ""
    for number, turn in enumerate(turns):
        if isinstance(turn, str):
            if turn.startswith("> "):
                messages += [AssistantMessage(content=words), UserMessage(content=turn[2:])]
            words = turn
            continue
        calls = tuple(
            ToolCall(id=f"c{number:04d}{at:04d}", name=name, arguments=json.dumps(given))
            for at, (name, given) in enumerate(turn)
        )
        messages.append(AssistantMessage(content=words, tool_calls=calls))
        words = ""
        for call in calls:
            seen = asyncio.run(session.call(call))
            messages.append(ToolMessage(tool_call_id=call.id, name=call.name, observation=seen))
    messages.append(AssistantMessage(content=words or "All done."))
    state = asyncio.run(session.end())
    return b.trajectory(task, messages=messages).model_copy(update={"state": state})


BOOK = ("create_appointment", {"title": "Budget talk", "date": "2026-02-02", "start_time": "09:00"})
LIST = ("list_appointments", {"from_date": "2026-02-02", "to_date": "2026-02-02"})
ROOMS = ("find_free_rooms", {"date": "2026-02-03", "start_time": "10:00"})
ASK = "Put the Budget talk on 2026-02-02 at 09:00, list that day, and free rooms on 2026-02-03 at 10:00."


def test_what_reads_what_another_changes_waits_for_it():
    one = converted(conversation(ASK, [BOOK], [LIST], [ROOMS]))
    assert one.row is not None, one.message
    assert one.rounds == [[0, 2], [1]]
    assert {(edge["before"], edge["after"], edge["reason"]) for edge in one.evidence["edges"]} == {
        (0, 1, "state")
    }
    other = converted(conversation(ASK, [LIST], [BOOK], [ROOMS]))
    assert other.rounds == [[0, 2], [1]]


def test_calls_at_once_that_are_not_independent_are_set_right_or_refused():
    assert converted(conversation(ASK, [LIST, BOOK])).code == "unsafe_parallel"
    assert converted(conversation(ASK, [LIST, BOOK, ROOMS])).rounds == [[0, 2], [1]]


def test_a_condition_or_an_order_in_the_request_keeps_the_order_where_nobody_can_tell():
    row = conversation("If nothing is on 2026-02-02, find rooms on 2026-02-03 at 10:00.", [LIST], [ROOMS])
    one = converted(row)
    assert (one.code, {edge["reason"] for edge in one.evidence["edges"]}) == ("purely_serial", {"order"})


def test_a_model_says_what_a_condition_means():
    row = conversation("If nothing is on 2026-02-02, find rooms on 2026-02-03 at 10:00.", [LIST], [ROOMS])
    says = [
        {"call": 1, "reason": "nothing holds it up", "waits_for": []},
        {"call": 2, "reason": "only if that day is free", "waits_for": [1]},
    ]
    assert converted(row, Scripted([reply({"calls": says})])).code == "purely_serial"
    free = [{**one, "waits_for": []} for one in says]
    assert converted(row, Scripted([reply({"calls": free})])).rounds == [[0, 1]]


def test_a_model_cannot_take_back_what_was_found():
    row = conversation(f"Then: {ASK}", [BOOK], [LIST], [ROOMS])
    says = [{"call": call, "reason": "", "waits_for": []} for call in (1, 2, 3)]
    assert converted(row, Scripted([reply({"calls": says})])).rounds == [[0, 2], [1]]


def test_a_proposal_that_is_no_graph_drops_the_row_with_its_reason():
    row = conversation(f"Then: {ASK}", [BOOK], [LIST], [ROOMS])
    says = [{"call": 1, "reason": "", "waits_for": [1]}, {"call": 2, "reason": "", "waits_for": []}]
    assert converted(row, Scripted([reply({"calls": says})])).code == "missing_step"


def test_an_answer_without_the_asked_shape_drops_the_row_and_no_more():
    row = conversation(f"Then: {ASK}", [BOOK], [LIST], [ROOMS])
    assert converted(row, Scripted([say("I think so."), say("All of them.")])).code == "unparsable_reply"


def test_a_wrong_call_that_nobody_asked_for_is_left_out():
    wrong = ("find_free_rooms", {"date": "no date", "start_time": "10:00"})
    one = converted(conversation(ASK, [wrong], [ROOMS], [BOOK]))
    assert one.row is not None, one.message
    assert [len(ids) for ids in rounds_of(one.row)] == [2]
    assert one.evidence["dropped"] == ["find_free_rooms: 400"]


def test_a_refusal_that_the_answer_tells_of_stays_and_what_came_after_it_waits():
    wrong = ("find_free_rooms", {"date": "no date", "start_time": "10:00"})
    one = converted(conversation(ASK, [wrong], [ROOMS], [BOOK], "The first try failed. All done."))
    assert one.rounds == [[0], [1, 2]]


def test_the_same_call_with_the_same_answer_is_made_once():
    one = converted(conversation(ASK, [ROOMS], [BOOK], [ROOMS]))
    assert one.row is not None and [len(ids) for ids in rounds_of(one.row)] == [2]


def test_nothing_is_moved_across_what_the_user_said():
    turns = (
        [ROOMS],
        "Anything else?",
        "> Book the talk, please, and list that day.",
        [BOOK],
        [ROOMS[:1] + (ROOMS[1] | {"start_time": "11:00"},)],
    )
    one = converted(conversation(f"{ASK} 11:00", *turns))
    assert one.rounds == [[0], [1, 2]]
    assert one.row is not None
    roles = [message.role for message in one.row.messages]
    assert roles == "system user assistant tool assistant user assistant tool tool assistant".split()


def test_too_many_orders_are_sampled(fans):
    days = [("find_free_rooms", {"date": f"2026-02-{day:02d}", "start_time": "10:00"}) for day in range(3, 9)]
    request = "Free rooms at 10:00 on " + ", ".join(given["date"] for _, given in days)
    one = converted(conversation(request, *([day] for day in days)), most=10)
    assert one.rounds == [list(range(6))]
    assert not one.evidence["all_orders"] and one.evidence["orders"] >= 10


# What cannot be read as steps


def broken(change: str) -> Trajectory:
    row = conversation(ASK, [BOOK], [LIST], [ROOMS])
    messages = list(row.messages)
    results = [at for at, one in enumerate(messages) if isinstance(one, ToolMessage)]
    turns = [at for at, one in enumerate(messages) if isinstance(one, AssistantMessage) and one.tool_calls]
    if change == "two calls with one id":
        call = messages[turns[0]].tool_calls[0]
        second = messages[turns[1]].tool_calls[0].model_copy(update={"id": call.id})
        messages[turns[1]] = messages[turns[1]].model_copy(update={"tool_calls": (second,)})
        messages[results[1]] = messages[results[1]].model_copy(update={"tool_call_id": call.id})
    elif change == "an answer to nothing":
        messages[results[1]] = messages[results[1]].model_copy(update={"tool_call_id": "nobody"})
    elif change == "an answer under another name":
        messages[results[1]] = messages[results[1]].model_copy(update={"name": "cancel_appointment"})
    elif change == "no answer":
        del messages[results[2]]
    elif change == "the user in the middle":
        messages.insert(results[0] + 1, UserMessage(content="This is not your first try. Be different."))
    elif change == "a span":
        spans = (Span(start=0, end=1, label="error"),)
        messages[turns[0]] = messages[turns[0]].model_copy(update={"spans": spans})
    return row.model_copy(update={"messages": tuple(messages)})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("two calls with one id", "broken_call_id"),
        ("an answer to nothing", "broken_call_id"),
        ("an answer under another name", "broken_call_id"),
        ("no answer", "missing_result"),
        ("the user in the middle", "search_residue"),
        ("a span", "masked_span"),
    ],
)
def test_what_cannot_be_read_as_steps_is_dropped_with_a_reason(change, code):
    assert converted(broken(change)).code == code


# What is said before the calls


@pytest.mark.parametrize(
    ("thought", "code"),
    [
        # the three faults that published samples of the reference show
        (
            "The airports near Lindmere are Gull Field and Otter Strip, so I'll look up their flights.",
            "hindsight",
        ),
        ("This is not the first time I try this, so I have to do something different.", "search_residue"),
        ("The user has gathered the dates and wants to know the rooms.", "third_person"),
        ("I need to find a suitable function for the rooms.", "search_residue"),
        ("There are 14 free rooms, so I'll book one.", "hindsight"),
        ("It is on March 9, so I'll look at that day.", "hindsight"),
        ("I'll look at February 2 and find the free rooms of the day after.", ""),
        ("Let me check both at once.", ""),
    ],
)
def test_words_that_know_too_much_or_speak_of_a_search_are_caught(thought, code):
    row = conversation(ASK, [LIST], [ROOMS])
    found = against(thought, row.messages[:2], row.task)
    assert (found[0] if found else "") == code


def test_words_that_still_hold_are_kept_and_others_go_with_rules():
    row = conversation(ASK, "I'll note the talk.", [BOOK], "Now the rooms.", [ROOMS], "And the day.", [LIST])
    one = converted(row)
    assert one.row is not None
    assert [turn.content for turn in one.row.turns()] == ["", "And the day.", "All done."]


def test_a_language_model_merges_what_was_said_and_sees_no_result_of_the_round():
    row = conversation(ASK, "I'll note the talk.", [BOOK], "Now the rooms.", [ROOMS], "And the day.", [LIST])
    model = Scripted([reply({"thought": "I'll note the talk and look for rooms at once."})])
    one = converted(row, model)
    assert one.row is not None
    assert [turn.content for turn in one.row.turns()][0] == "I'll note the talk and look for rooms at once."
    [request] = model.requests
    assert not any("Budget talk" in one["content"] for one in request.messages if one["role"] == "tool")
    assert "I'll note the talk." in request.messages[-1]["content"]


def test_a_language_model_that_knows_too_much_loses_the_row():
    row = conversation(ASK, "I'll note the talk.", [BOOK], "Now the rooms.", [ROOMS], "And the day.", [LIST])
    model = Scripted([reply({"thought": "The Maple Room is free, so I'll note the talk and book it."})])
    assert converted(row, model).code == "hindsight"


def test_a_language_model_can_be_made_to_speak_before_every_round():
    row = conversation(ASK, [BOOK], [ROOMS], [LIST])
    lines = [
        reply({"thought": "I'll do two things at once."}),
        reply({"thought": "Now I'll look at that day."}),
    ]
    one = converted(row, Scripted(lines), always=True)
    assert one.row is not None
    assert [turn.content for turn in one.row.turns()][:2] == [
        line.parsed or json.loads(line.text)["thought"] for line in lines
    ]
    assert one.row.provenance.prompts.keys() >= {"dag.thought", "dag.order"}


# What a trainer and a server see


def test_a_run_of_a_row_renders_as_the_row_does_byte_for_byte(made):
    for one in made[:8]:
        row = one.row
        assert row is not None
        turns = [Completion(text=turn.content, tool_calls=turn.tool_calls) for turn in row.turns()]
        model, task = Scripted(turns), row.task
        session = WorldToolbox().open(
            task.tools, toolkit=task.toolkit, seed=task.seed, clock=task.clock, item="x"
        )
        found = asyncio.run(run(model, session, task.tools, row.messages[:2]))
        assert rendered(found.messages, task.tools).text == rendered(row.messages, task.tools).text
        last = model.requests[-1]
        assert json.dumps(last.messages) == json.dumps([to_wire(message) for message in row.messages[:-1]])
        assert list(last.tools) == [tool.wire() for tool in task.tools]


def test_a_record_for_each_turn_trains_the_very_tokens_that_the_whole_row_trains(made):
    for one in made:
        row = one.row
        assert row is not None
        whole = rendered(row.messages, row.task.tools)
        trained: list[tuple[int, str]] = []
        for at, message in enumerate(row.messages):
            if isinstance(message, AssistantMessage):
                part = rendered(row.messages[: at + 1], row.task.tools)
                trained += tokens(part.text, part.learned[-1:])
        assert trained == tokens(whole.text, whole.learned)
        assert len(whole.learned) == len(list(row.turns()))


def tokens(text: str, learned: Sequence[tuple[int, int]]) -> list[tuple[int, str]]:
    """Place and text of each token that is learned, by a tokenizer of words and signs."""
    found = [(match.span(), match[0]) for match in re.finditer(r"\w+|\W", text)]
    marks = labels(range(len(found)), [span for span, _ in found], learned)
    return [(span[0], word) for mark, (span, word) in zip(marks, found, strict=True) if mark != IGNORED]
