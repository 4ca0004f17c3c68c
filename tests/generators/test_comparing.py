"""A judge that compares two answers: what it is shown, how votes are counted, and what is no vote at all."""

from __future__ import annotations

import itertools
from functools import cache

import pytest
from serial import world_rows
from test_prompts import check
from verifier import VERDICTS, answers_of, calling, changed, prefers, ruling_judge

from callwright.errors import ModelError, ReplyError
from callwright.generators.looptool.comparing import Comparer, Vote, counted
from callwright.generators.looptool.decisions import Decision, decisions
from callwright.llm.base import Sampling
from callwright.llm.scripted import Scripted, reply, say
from callwright.schemas.loop import Verifying
from callwright.schemas.message import AssistantMessage


@cache
def case() -> tuple[Decision, AssistantMessage, AssistantMessage]:
    """The second decision of a row, its label, and the same with another value."""
    row = next(row for row in world_rows(("mail", "calendar"), "multi_step", 8) if len(row.tool_calls) > 1)
    decision = calling(row)[1]
    (call, *_) = decision.label.tool_calls
    wrong = decision.label.model_copy(update={"tool_calls": (changed(call, query="something else"),)})
    return decision, decision.label, wrong


@pytest.fixture(autouse=True, scope="module")
def _made():
    """Rows are made before a loop runs."""
    case()
    world_rows(("mail",), "clarification", 2)


def comparer(judge: Scripted, **settings: object) -> Comparer:
    return Comparer(judge, Verifying.model_validate(settings), Sampling(temperature=0.7))


async def ballot(judge: Scripted, **settings: object):
    return await comparer(judge, **settings).compare(*case())


def truth(first, second):
    """The label of `case()` is right."""
    return "first_wrong" if "something else" in str(first) else "second_wrong"


async def test_the_prompt():
    judge = prefers("second_wrong")
    await ballot(judge)
    check("looptool-compare", judge.requests[0])
    assert all(
        request.purpose == "looptool.compare" and request.urgency == 1000 for request in judge.requests
    )


async def test_the_prompt_of_a_question_and_of_broken_arguments():
    """What stands in a row's question, and in an answer whose arguments cannot be read, is shown as it is."""
    row = world_rows(("mail",), "clarification", 2)[0]
    decision = next(one for one in decisions(row) if one.asks)
    label = decision.label
    broken = calling(row)[0].label.tool_calls[0].model_copy(update={"arguments": '{"query": '})
    judge = prefers("second_wrong")
    await comparer(judge).compare(decision, label, AssistantMessage(tool_calls=(broken,)))
    first, second = answers_of(judge.requests[0])
    assert first == {"words": label.content}
    assert second == {"calls": [{"tool": broken.name, "arguments": '{"query": '}]}


async def test_the_two_orders_differ_in_nothing_but_the_order():
    judge = prefers("both_right")
    await ballot(judge, votes=3)
    asked = judge.requests
    assert len(asked) == 2 * 3
    assert [request.sample for request in asked] == [0, 0, 1, 1, 2, 2]
    assert answers_of(asked[0]) == answers_of(asked[1])[::-1] == answers_of(asked[2])
    parts = [request.messages[1]["content"].partition("The first answer")[0] for request in asked]
    assert len(set(parts)) == 1
    assert "label" not in asked[0].messages[1]["content"] + asked[0].messages[0]["content"]


async def test_nothing_tells_which_of_two_answers_a_student_gave():
    """Neither ids of calls nor the way in which arguments are written."""
    decision, label, wrong = case()
    (call,) = wrong.tool_calls
    odd = call.model_copy(update={"id": "chatcmpl-9", "arguments": call.arguments.replace(":", " :  ")})
    judge = prefers("second_wrong")
    for made in (wrong, wrong.model_copy(update={"tool_calls": (odd,)})):
        await comparer(judge).compare(decision, label, made)
    assert judge.requests[0] == judge.requests[2]


@pytest.mark.parametrize(
    ("verdict", "ruling"),
    [
        ("first_wrong", "label_wrong"),
        ("second_wrong", "prediction_wrong"),
        ("both_right", "both_right"),
        ("both_wrong", "both_wrong"),
        ("cannot_tell", "undecided"),
    ],
)
async def test_each_verdict_becomes_its_ruling_if_both_orders_say_so(verdict, ruling):
    decision, label, wrong = case()
    swapped = {"first_wrong": "second_wrong", "second_wrong": "first_wrong"}.get(verdict, verdict)

    def says(request):
        in_order = "something else" not in str(answers_of(request)[0])
        return reply({"analysis": "a", "approach": "b", "verdict": verdict if in_order else swapped})

    found = await comparer(Scripted(says)).compare(decision, label, wrong)
    assert (found.ruling, found.votes) == (ruling, {ruling: 2})
    assert (found.analysis, found.approach) == (("", "") if ruling == "undecided" else ("a", "b"))


@pytest.mark.parametrize("verdict", ["first_wrong", "second_wrong"])
async def test_who_always_prefers_one_place_rules_on_nothing(verdict):
    found = await ballot(prefers(verdict), votes=5)
    assert (found.ruling, found.votes) == ("undecided", {"undecided": 10})


NO_VOTES = {
    "no JSON": say("The second one is wrong."),
    "another verdict": reply({"analysis": "", "approach": "", "verdict": "label_wrong"}),
    "two verdicts": reply({"analysis": "", "approach": "", "verdict": "first_wrong second_wrong"}),
    "no analysis": reply({"verdict": "second_wrong"}),
    "more than was asked for": reply(
        {"analysis": "", "approach": "", "verdict": "second_wrong", "confidence": 1}
    ),
    "cut off": say('{"analysis": "", "approach": "", "verdict": "second_wrong"}', finish_reason="length"),
    "refused": ReplyError("request_refused", "no"),
    "too long": ReplyError("context_overflow", "too long"),
}


@pytest.mark.parametrize("line", NO_VOTES.values(), ids=NO_VOTES)
async def test_what_cannot_be_read_is_no_vote(line):
    found = await ballot(Scripted(lambda request: line))
    assert (found.ruling, found.votes) == ("undecided", {"undecided": 2})


async def test_an_answer_that_cannot_be_read_takes_its_pair_with_it():
    """The other order alone would be one order."""
    lines = itertools.cycle(
        [NO_VOTES["refused"], reply({"analysis": "", "approach": "", "verdict": "first_wrong"})]
    )
    found = await ballot(Scripted(lambda request: next(lines)), votes=2)
    assert found.votes == {"undecided": 4}


async def test_an_endpoint_that_fails_is_no_vote_and_no_ruling():
    with pytest.raises(ModelError) as caught:
        await ballot(Scripted(lambda request: ModelError("down")))
    assert not isinstance(caught.value, ReplyError)


def pairs(*rulings: str) -> list[tuple[Vote, Vote]]:
    """Votes in two orders: one word for both, or `a/b` where they disagree."""
    return [
        (Vote(ruling=one.partition("/")[0]), Vote(ruling=one.rpartition("/")[2] or one)) for one in rulings
    ]


@pytest.mark.parametrize(
    ("votes", "quorum", "ruling"),
    [
        (["label_wrong"], 0.6, "label_wrong"),
        (["label_wrong/prediction_wrong"], 0.6, "undecided"),
        (["label_wrong", "label_wrong", "both_wrong"], 0.6, "label_wrong"),
        (["label_wrong", "label_wrong", "both_wrong"], 0.7, "undecided"),
        (["label_wrong", "both_wrong"], 0.6, "undecided"),
        (["label_wrong", "label_wrong", "undecided"], 2 / 3, "label_wrong"),
        (["label_wrong", "label_wrong", "label_wrong/both_right"], 2 / 3, "label_wrong"),
        (["label_wrong", "label_wrong/both_right", "label_wrong/both_right"], 0.6, "undecided"),
        (["both_right"] * 3 + ["prediction_wrong"] * 2, 0.6, "both_right"),
        (["undecided"] * 3, 0.6, "undecided"),
        (["label_wrong"] * 9 + ["both_wrong"], 1.0, "undecided"),
    ],
)
def test_a_ruling_needs_its_share_of_all_votes(votes, quorum, ruling):
    found = counted(pairs(*votes), quorum)
    assert found.ruling == ruling
    assert sum(found.votes.values()) == 2 * len(votes)


async def test_more_votes_make_a_fair_judge_better():
    """Rulings of 200 comparisons, each with votes of its own; abstentions aside, more votes are more often right."""
    decision, label, wrong = case()
    right = {}
    for votes in (1, 5):
        rulings = [
            (
                await comparer(ruling_judge(truth, 0.8, seed), votes=votes).compare(decision, label, wrong)
            ).ruling
            for seed in range(200)
        ]
        assert rulings.count("label_wrong") <= 4
        right[votes] = rulings.count("prediction_wrong")
    # Both orders of one vote: 0.8 x 0.8; three of five such pairs: 0.75.
    assert right[1] == pytest.approx(128, abs=20)
    assert right[5] == pytest.approx(150, abs=20)


def test_the_verdicts_of_the_scripted_judges_are_those_of_the_schema():
    from callwright.generators.looptool.comparing import _REPLY

    assert tuple(_REPLY["properties"]["verdict"]["enum"]) == VERDICTS
