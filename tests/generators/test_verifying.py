"""Who is wrong, the label or the student: evidence by execution, and a judge's word where there is none."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any

import pytest
from made import documented, make_rows
from serial import world_rows, worlds
from verifier import (
    Desk,
    calling,
    calls,
    changed,
    favours,
    prefers,
    probe,
    ruling_judge,
    with_wrong_label,
    words,
)

from callwright.errors import GenerationError, ModelError, ReplyError
from callwright.generators.looptool.decisions import decisions
from callwright.generators.looptool.verifying import Verified, evidence_of
from callwright.llm.scripted import Scripted
from callwright.schemas.message import AssistantMessage, Observation, ToolCall, ToolMessage
from callwright.schemas.probe import Prediction, Probe
from callwright.schemas.task import Kind, Trajectory
from callwright.schemas.verdict import highest_rung
from callwright.values.mutations import mutated

NAMES = ("mail", "calendar", "library", "contacts")


def rows(kind: Kind) -> tuple[Trajectory, ...]:
    return world_rows(NAMES, kind, 12)


@cache
def simulated(kind: Kind = "single") -> tuple[Trajectory, ...]:
    """Rows whose server is played by rules, with no planned calls to compare with: nothing proves them."""
    made = make_rows(documented("museum.yaml"), {kind: 4})
    return tuple(
        row.model_copy(update={"task": row.task.model_copy(update={"intended": ()})}) for row in made
    )


@pytest.fixture(autouse=True, scope="module")
def _made():
    """Rows are made before a loop runs."""
    for kind in ("single", "multi_step", "parallel", "clarification", "no_call"):
        rows(kind)
    simulated()
    simulated("no_call")
    simulated("multi_step")


def desk(judge: Scripted | None = None, **settings: object) -> Desk:
    return Desk(worlds(*NAMES), judge, **settings)


def museum(judge: Scripted | None = None, **settings: object) -> Desk:
    return Desk(documented("museum.yaml"), judge, **settings)


def told(found: Verified) -> tuple[str, str]:
    return found.comparison.ruling, found.comparison.by


UNUSABLE = [Prediction(outcome="unparsable"), Prediction(outcome="truncated"), Prediction(outcome="refused")]


# What a label is worth


@pytest.mark.parametrize("kind", ["single", "multi_step", "parallel", "clarification", "no_call"])
async def test_rows_of_worlds_are_right_by_evidence(kind):
    at = desk()
    assert [await at.verifier.audit(row) for row in rows(kind)] == ["right"] * len(rows(kind))


async def test_of_rows_whose_server_is_simulated_nothing_is_known():
    at = museum()
    assert [await at.verifier.audit(row) for row in simulated()] == ["unknown"] * len(simulated())


async def test_that_nothing_fits_needs_no_execution():
    assert await museum().verifier.audit(simulated("no_call")[0]) == "right"


async def test_a_row_without_calls_is_not_right_merely_because_nothing_was_called():
    row = simulated("no_call")[0]
    task = row.task.model_copy(update={"withheld": None})
    assert await museum().verifier.audit(row.model_copy(update={"task": task})) == "unknown"


async def test_a_row_that_misses_its_goal_is_wrong():
    at = desk()
    found = await with_wrong_label(at, changing("single"), random.Random(1))
    assert found and await at.verifier.audit(found[0]) == "wrong"


def changing(kind: Kind) -> Trajectory:
    """A row that changes something."""
    return next(row for row in rows(kind) if any(call.changes for call in row.task.intended))


# A right label


async def test_a_label_that_execution_proves_stays_whatever_the_judge_would_say():
    judge = prefers("first_wrong")
    at = desk(judge)
    rng, seen = random.Random(2), 0
    for row in (*rows("single"), *rows("multi_step")):
        for decision in calling(row):
            mistaken = mutated(decision.tools, decision.label.tool_calls, rng)
            if mistaken is None or not mistaken[1]:
                continue
            found = await at.verifier.verify(row, probe(row, decision.step, calls(*mistaken[1])))
            assert told(found) in (("prediction_wrong", "execution"), ("both_right", "execution"))
            assert found.replacement is None
            seen += found.comparison.ruling == "prediction_wrong"
    assert seen > 30
    assert not judge.requests


async def test_the_analysis_names_what_was_called_instead():
    row = next(row for row in rows("single") if row.tool_calls[0].name == "search_contacts")
    (call,) = row.tool_calls
    step = calling(row)[0].step
    made = changed(call, query="somebody else")
    found = (await desk().verifier.verify(row, probe(row, step, calls(made)))).comparison
    assert found.analysis.startswith(
        'The answer called search_contacts with query "somebody else" instead of "'
    )
    assert found.approach.startswith("Call search_contacts(query=")
    assert found.failure == "wrong_call"
    twice = (await desk().verifier.verify(row, probe(row, step, calls(call, made)))).comparison
    assert (
        twice.analysis
        == 'The answer also called search_contacts(query="somebody else"), which nobody asked for.'
    )
    none = (await desk().verifier.verify(row, probe(row, step, words("Who?")))).comparison
    assert none.analysis == 'The answer only said "Who?", where search_contacts had to be called.'


async def test_an_answer_that_comes_to_the_same_is_right_too():
    """The same contact is found by another spelling of the name."""
    row = next(row for row in rows("single") if row.tool_calls[0].name == "search_contacts")
    (call,) = row.tool_calls
    query = decoded(call)["query"]
    made = changed(call, query=query.upper() if query != query.upper() else query.lower())
    found = await desk().verifier.verify(row, probe(row, calling(row)[0].step, calls(made)))
    assert told(found) == ("both_right", "execution")
    assert (found.verdict.rung, found.verdict.outcome) == ("L3", "pass")


def decoded(call: ToolCall) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call.arguments)
    return found


async def test_finding_nothing_either_is_not_coming_to_the_same():
    """Two searches that find nothing look alike, and one of them was not asked for."""
    at, alike = desk(), 0
    for row in rows("single"):
        (step,) = [one.step for one in calling(row)]
        (call, *_) = row.tool_calls
        for name, value in decoded(call).items():
            if not isinstance(value, str) or "id" in name:
                continue
            for other in ("zzyzx", "qqfoo"):
                found = await at.verifier.verify(
                    row, probe(row, step, calls(changed(call, **{name: f"{value} {other}"})))
                )
                alike += 1
                assert told(found) == ("prediction_wrong", "execution")
    assert alike > 5


async def test_a_guess_where_the_label_asks_is_wrong_even_if_it_hits():
    """The value that the user names later stood nowhere when it was called with."""
    at = desk(prefers("both_right"))
    for row in rows("clarification"):
        asking = next(one for one in decisions(row) if one.asks)
        later = calling(row)[-1].label.tool_calls
        found = await at.verifier.verify(row, probe(row, asking.step, calls(*later)))
        assert told(found) == ("prediction_wrong", "execution")
        assert found.comparison.failure == "missed_question"
        assert "the person had to be asked first" in found.comparison.analysis
        assert found.comparison.approach.startswith("Ask for what is missing")


async def test_calling_where_nothing_fits_and_saying_so_where_something_does():
    row = rows("no_call")[0]
    (decision,) = decisions(row)
    tool = row.task.tools[0]
    made = calls(ToolCall(id="x", name=tool.name, arguments="{}"))
    found = await desk().verifier.verify(row, probe(row, decision.step, made))
    assert told(found) == ("prediction_wrong", "execution")
    assert (found.comparison.failure, "none of the tools serves" in found.comparison.analysis) == (
        "over_calling",
        True,
    )
    row = rows("single")[0]
    found = await desk().verifier.verify(row, probe(row, calling(row)[0].step, words("I cannot do that.")))
    assert (told(found), found.comparison.failure) == (
        ("prediction_wrong", "execution"),
        "wrong_abstention",
    )


@pytest.mark.parametrize("answer", UNUSABLE, ids=lambda one: one.outcome)
async def test_an_answer_that_nobody_can_act_on_is_wrong_by_rule(answer):
    for at, row in ((desk(), rows("single")[0]), (museum(prefers("first_wrong")), simulated()[0])):
        found = await at.verifier.verify(row, probe(row, calling(row)[0].step, answer))
        assert told(found) == ("prediction_wrong", "rule")
        assert found.comparison.failure == "unusable" and found.comparison.analysis
        # That the answer is wrong says nothing of the label.
        assert (found.verdict.outcome, found.verdict.code) == ("undecided", "unusable_answer")
        assert at.comparer is None or not at.comparer._judge.requests


async def test_tools_that_fail_leave_the_label_undecided():
    row = rows("single")[0]
    at = desk()

    class Broken:
        def open(self, *args, **fields):
            raise GenerationError("process_died", "the tools have died")

    at.verifier._toolbox = Broken()
    (call, *_) = row.tool_calls
    found = await at.verifier.verify(row, probe(row, calling(row)[0].step, calls(changed(call, zz=1))))
    assert told(found) == ("undecided", "rule")
    assert found.verdict.code == "not_executed"


# A wrong label


@pytest.mark.parametrize("kind", ["single", "multi_step", "parallel"])
async def test_a_right_answer_takes_the_place_of_a_refuted_label(kind):
    at = desk(prefers("second_wrong"))
    row = changing(kind)
    bad, step = await spoilt(at, row)
    made = calls(*row.messages[step].tool_calls, key="k9")
    found = await at.verifier.verify(bad, probe(bad, step, made))
    assert told(found) == ("label_wrong", "execution")
    assert found.replacement and found.replacement.messages == row.messages
    assert found.replacement.state == row.task.goal
    assert highest_rung(found.proof) == "L3"
    assert {one.trajectory for one in found.proof} == {found.replacement.id}
    assert found.replacement.task.root == row.task.root
    assert found.replacement.provenance.source == bad.id
    assert "k9" in found.replacement.provenance.calls
    assert (found.verdict.trajectory, found.verdict.step) == (bad.id, step)
    assert (found.verdict.rung, found.verdict.outcome, found.verdict.code) == ("L3", "fail", "label_wrong")
    assert found.comparison.analysis and found.comparison.approach.startswith("Call ")


async def spoilt(at: Desk, row: Trajectory) -> tuple[Trajectory, int]:
    for seed in range(20):
        found = await with_wrong_label(at, row, random.Random(seed))
        if found:
            return found
    raise AssertionError("no mistake can be made of this row")


async def test_the_order_of_an_answers_calls_is_free():
    at, seen = desk(), 0
    for row in rows("parallel"):
        decision = next((one for one in calling(row) if len(one.label.tool_calls) > 1), None)
        found = await with_wrong_label(at, row, random.Random(1)) if decision else None
        if decision is None or found is None or found[1] != decision.step:
            continue
        bad, step = found
        turned = row.messages[step].tool_calls[::-1]
        ruled = await at.verifier.verify(bad, probe(bad, step, calls(*turned)))
        assert told(ruled) == ("label_wrong", "execution")
        seen += 1
    assert seen


async def test_where_both_are_wrong_the_row_goes():
    at = desk(prefers("first_wrong"))
    row = changing("single")
    bad, step = await spoilt(at, row)
    (call, *_) = row.messages[step].tool_calls
    answers = [calls(changed(call, zz=1)), words("I cannot do that."), UNUSABLE[0]]
    for answer in answers:
        found = await at.verifier.verify(bad, probe(bad, step, answer))
        assert told(found) == ("both_wrong", "execution")
        assert found.replacement is None
        assert (found.verdict.outcome, found.verdict.code) == ("fail", "both_wrong")
    assert not at.comparer._judge.requests


# Where nothing was executed


async def test_without_a_model_nobody_guesses():
    row = simulated()[0]
    found = await museum().verifier.verify(row, wrong_of(row))
    assert told(found) == ("undecided", "judge")
    assert (found.verdict.rung, found.verdict.outcome, found.verdict.code) == (
        "L4",
        "undecided",
        "no_judge_model",
    )
    assert found.voted is None and found.judge == ""


def wrong_of(row: Trajectory) -> Probe:
    """A probe whose answer lacks an argument that the label has."""
    return probe(row, calling(row)[0].step, calls(lacking(row)))


def lacking(row: Trajectory) -> ToolCall:
    """The row's call without an argument that may be left out; nothing in it comes from nowhere."""
    (call, *_) = row.tool_calls
    tool = next(tool for tool in row.task.tools if tool.name == call.name)
    return changed(call, **{next(name for name in decoded(call) if name not in tool.required): None})


def with_lacking_label(row: Trajectory) -> Trajectory:
    messages = list(row.messages)
    (decision,) = calling(row)
    messages[decision.step] = decision.label.model_copy(update={"tool_calls": (lacking(row),)})
    return row.model_copy(update={"messages": tuple(messages)})


@pytest.mark.parametrize(
    ("says", "ruling", "outcome"),
    [
        (favours, "prediction_wrong", "pass"),
        ("both_right", "both_right", "pass"),
        ("both_wrong", "both_wrong", "fail"),
        ("cannot_tell", "undecided", "undecided"),
        ("first_wrong", "undecided", "undecided"),
    ],
)
async def test_the_judge_rules_where_nothing_else_can(says, ruling, outcome):
    row = simulated()[0]
    judge = prefers(says) if isinstance(says, str) else ruling_judge(favours(*row.tool_calls), 1.0)
    found = await museum(judge, votes=2).verifier.verify(row, wrong_of(row))
    assert told(found) == (ruling, "judge")
    assert (found.voted, found.judge) == (ruling, "scripted-judge")
    assert found.comparison.votes == {ruling: 4}
    assert (found.verdict.rung, found.verdict.outcome) == ("L4", outcome)
    assert found.verdict.evidence[0]["votes"] == {ruling: 4}
    assert found.replacement is None
    assert len(judge.requests) == 2 * 2


async def test_a_judges_word_replaces_a_label_if_no_rule_is_broken():
    row = simulated()[0]
    bad = with_lacking_label(row)
    step = calling(row)[0].step
    at = museum(ruling_judge(favours(*row.tool_calls), 1.0))
    found = await at.verifier.verify(bad, probe(bad, step, calls(*row.tool_calls, key="k9")))
    assert told(found) == ("label_wrong", "judge")
    assert found.replacement and found.replacement.messages == row.messages
    assert found.replacement.provenance.source == bad.id
    assert evidence_of(found.replacement, found.proof) == "unknown"
    assert (found.verdict.rung, found.verdict.outcome, found.verdict.code) == ("L4", "fail", "label_wrong")


async def test_an_answer_that_breaks_a_rule_replaces_nothing_however_the_judge_likes_it():
    row = simulated()[0]
    (decision,) = calling(row)
    (call,) = row.tool_calls
    name = next(iter(decoded(call)))
    for made, code in (
        (call.model_copy(update={"name": "openTheGate"}), "unknown_tool"),
        (changed(call, zz=1), "unknown_argument"),
        (changed(call, **{name: 4711}), "ungrounded_argument"),
    ):
        at = museum(ruling_judge(favours(made), 1.0))
        found = await at.verifier.verify(row, probe(row, decision.step, calls(made)))
        assert told(found) == ("undecided", "judge")
        assert (found.voted, found.replacement) == ("label_wrong", None)
        assert found.verdict.code == "unproven_answer"
        assert code in found.comparison.message or "cannot be finished" in found.comparison.message


async def test_a_conversation_that_cannot_be_played_again_replaces_nothing():
    """What was observed before the decision was not what the tools say now."""
    row = simulated("multi_step")[0]
    first, second = calling(row)
    messages = list(row.messages)
    seen = messages[first.step + 1]
    assert isinstance(seen, ToolMessage)
    messages[first.step + 1] = seen.model_copy(
        update={"observation": seen.observation.model_copy(update={"content": seen.content + " "})}
    )
    bad = row.model_copy(update={"messages": tuple(messages)})
    answer = second.label.tool_calls
    assert await museum().verifier.audit(bad) == "unknown"
    made = answer[0].model_copy(update={"arguments": answer[0].arguments.replace("}", ' , "page": 1}')})
    found = await museum(ruling_judge(favours(made), 1.0)).verifier.verify(
        bad, probe(bad, second.step, calls(made))
    )
    assert (told(found), found.verdict.code) == (("undecided", "judge"), "unproven_answer")
    assert "replay_differs" in found.comparison.message


async def test_that_nothing_fits_is_for_a_model_to_say_where_no_tool_was_withheld():
    """The judge's votes are what the ladder misses there; nothing else is against such a row."""
    given = simulated("no_call")[0]
    row = given.model_copy(update={"task": given.task.model_copy(update={"withheld": None})})
    (decision,) = decisions(row)
    tool = row.task.tools[0]
    made = ToolCall(id="abcdefghi", name=tool.name, arguments="{}")
    seen = ToolMessage(
        tool_call_id=made.id, name=tool.name, observation=Observation(content="[]", status=400)
    )
    over = (AssistantMessage(tool_calls=(made,)), seen, AssistantMessage(content="There is none."))
    bad = row.model_copy(update={"messages": (*decision.before, *over)})
    judge = ruling_judge(lambda first, second: "second_wrong" if "words" in first else "first_wrong", 1.0)
    at = museum(judge)
    at.verifier._audits[bad.id] = "unknown"
    found = await at.verifier.verify(bad, probe(bad, decision.step, words(decision.label.content)))
    assert told(found) == ("label_wrong", "judge"), found.comparison.message
    assert found.replacement and found.replacement.messages == row.messages
    assert {one.code for one in found.proof if one.outcome != "pass"} <= {"no_judge_model", "not_repeatable"}


@pytest.mark.parametrize(
    "error", [ModelError("down"), ReplyError("request_refused", "no")], ids=["down", "no"]
)
async def test_an_endpoint_that_fails_stops_the_round_and_a_refusal_does_not(error):
    row = simulated()[0]
    at = museum(Scripted(lambda request: error))
    if isinstance(error, ReplyError):
        found = await at.verifier.verify(row, wrong_of(row))
        assert (told(found), found.verdict.code) == (("undecided", "judge"), "no_quorum")
    else:
        with pytest.raises(ModelError):
            await at.verifier.verify(row, wrong_of(row))


@pytest.mark.parametrize("votes", [1, 3])
async def test_no_mismatch_costs_more_than_its_questions(votes):
    judge = prefers("cannot_tell")
    at = museum(judge, votes=votes)
    probes = [(row, wrong_of(row)) for row in simulated()[:1]] + [
        (row, probe(row, calling(row)[0].step, words("No."))) for row in simulated()
    ]
    for row, one in probes:
        await at.verifier.verify(row, one)
    assert len(judge.requests) == len(probes) * 2 * votes
