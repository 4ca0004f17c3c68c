"""What a judge's word is worth, and when it may replace labels."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from serial import world_rows
from verifier import favours, prefers, ruling_judge

from callwright.errors import ModelError
from callwright.generators.looptool.comparing import Comparer, Vote, counted
from callwright.generators.looptool.decisions import decisions
from callwright.generators.looptool.trusting import Trust, Worth, planted, settled, trust, worth
from callwright.generators.looptool.verifying import Verified
from callwright.llm.base import Sampling
from callwright.llm.scripted import Scripted
from callwright.schemas.loop import Verifying
from callwright.schemas.probe import Comparison, Ruling
from callwright.values.calls import tool_match
from callwright.values.intervals import wilson

ROWS = (
    *world_rows(("mail", "calendar"), "single", 30),
    *world_rows(("mail", "calendar"), "clarification", 4),
)
DECISIONS = [decision for row in ROWS for decision in decisions(row)]


def comparer(judge: Scripted, **settings: object) -> Comparer:
    return Comparer(judge, Verifying.model_validate(settings), Sampling())


# Pairs with a known answer


def test_planted_pairs_are_a_right_turn_and_one_with_a_mistake():
    pairs = planted(DECISIONS, 20, seed=3)
    assert len(pairs) == 20
    assert len({decision.name for decision, _ in pairs}) == 20
    for decision, pair in pairs:
        assert pair.right == decision.label
        assert pair.wrong.tool_calls
        assert not tool_match(decision.tools, pair.right.tool_calls, pair.wrong.tool_calls)
    assert len({pair.mistake for _, pair in pairs}) > 2


def test_the_draw_depends_on_the_seed_and_on_nothing_else():
    assert planted(DECISIONS, 10, seed=3) == planted(DECISIONS[::-1], 10, seed=3)
    assert planted(DECISIONS, 10, seed=3) != planted(DECISIONS, 10, seed=4)
    assert planted(DECISIONS, 10, seed=3) == planted(DECISIONS, 20, seed=3)[:10]
    assert len(planted(DECISIONS[:5], 20, seed=3)) <= 5
    assert planted(DECISIONS, 0, seed=3) == []


async def test_a_pair_is_the_same_question_whichever_of_the_two_is_the_label():
    """So that each pair says what becomes of a wrong label, and what of a right one."""
    for decision, pair in planted(DECISIONS, 5, seed=3):
        asked = []
        for label, other in ((pair.right, pair.wrong), (pair.wrong, pair.right)):
            judge = prefers("cannot_tell")
            await comparer(judge).compare(decision, label, other)
            asked.append(sorted(request.messages[1]["content"] for request in judge.requests))
        assert asked[0] == asked[1]


async def test_what_judges_are_worth():
    pairs = planted(DECISIONS, 24, seed=3)

    async def of(judge_for, **settings) -> Counter[str]:
        total: Counter[str] = Counter()
        for decision, pair in pairs:
            judge = judge_for(pair)
            found = await worth(comparer(judge, **settings), [(decision, pair)])
            total.update(pairs=found.pairs, right=found.right, alarms=found.alarms, asked=len(judge.requests))
        return total

    perfect = await of(lambda pair: ruling_judge(favours_turn(pair.right), 1.0))
    assert perfect == Counter(pairs=24, right=24, alarms=0, asked=48)
    reversed_ = await of(lambda pair: ruling_judge(favours_turn(pair.wrong), 1.0))
    assert (reversed_["right"], reversed_["alarms"]) == (0, 24)
    for verdict in ("first_wrong", "second_wrong", "both_right", "cannot_tell"):
        biased = await of(lambda pair, verdict=verdict: prefers(verdict), votes=2)
        assert (biased["right"], biased["alarms"], biased["asked"]) == (0, 0, 96)


def favours_turn(turn):
    """The one of two answers that makes these calls, or says these words."""
    if turn.tool_calls:
        return favours(*turn.tool_calls)
    return lambda first, second: "second_wrong" if "words" in first else "first_wrong"


async def test_an_endpoint_that_fails_is_no_answer():
    with pytest.raises(ModelError):
        await worth(comparer(Scripted(lambda request: ModelError("down"))), planted(DECISIONS, 3, seed=3))


# Trust


@pytest.mark.parametrize(
    ("measured", "asked", "said", "trusted"),
    [
        (Worth(), 100, 50, False),  # nobody knows
        (Worth(pairs=40, right=40), 100, 0, False),  # nothing to replace
        (Worth(pairs=40, right=40), 100, 40, True),
        (Worth(pairs=40, right=40), 1000, 150, False),  # of 40 pairs one may stand for 9 % of false alarms
        (Worth(pairs=400, right=400), 1000, 150, True),
        (Worth(pairs=40, right=34, alarms=2), 200, 30, False),
        (Worth(pairs=40, right=34, alarms=2), 200, 100, True),
        (Worth(pairs=40, right=20, alarms=20), 200, 100, False),  # a coin
        (Worth(pairs=40, right=5, alarms=35), 200, 100, False),  # worse than one
        (Worth(pairs=40), 200, 100, False),  # always prefers the first: rules on no pair
        (Worth(pairs=400, right=360, alarms=160), 4000, 1800, False),  # finds 90 %, and sees ghosts
        (Worth(pairs=2, right=2), 10, 9, False),  # too few pairs
    ],
)
def test_when_a_judges_word_may_replace_labels(measured, asked, said, trusted):
    found = trust(measured, asked, said)
    assert found.trusted == trusted
    assert found.message


def test_the_estimate_is_rogan_and_gladens():
    # e = 0.3, s = 0.9, f = 0.05: r = 0.27 + 0.035.
    found = trust(Worth(pairs=1000, right=900, alarms=50), 1000, 305)
    assert found.wrong_labels == pytest.approx(0.3, abs=1e-9)
    assert trust(Worth(pairs=1000, right=900, alarms=50), 1000, 20).wrong_labels == 0.0


def test_trust_holds_everywhere_in_the_intervals():
    """Wherever within its interval each number is, replacing mends more than it breaks; else it is refused."""
    rng = random.Random(5)
    seen = Counter[bool]()
    for _ in range(400):
        pairs = rng.choice((10, 40, 200))
        right = rng.randint(0, pairs)
        measured = Worth(pairs=pairs, right=right, alarms=rng.randint(0, pairs - right) // 3)
        asked = rng.choice((30, 300))
        said = rng.randint(0, asked)
        found = trust(measured, asked, said)
        seen[found.trusted] += 1
        if not found.trusted:
            continue
        for s in spread(*measured.sensitivity):
            for f in spread(*measured.false_alarms):
                for r in spread(*wilson(said, asked)):
                    share = min(max((r - f) / (s - f), 0.0), 1.0)
                    assert share * s > (1 - share) * f - 1e-9
    assert seen[True] > 40 and seen[False] > 40


def spread(low: float, high: float) -> list[float]:
    return [low + (high - low) * step / 4 for step in range(5)]


# Rounds with judges of known accuracy


def votes_of(truth: Ruling, accuracy: float, votes: int, rng: random.Random) -> Ruling:
    """What a judge's votes on one decision come to, each right at a rate."""
    rulings: list[Ruling] = ["label_wrong", "prediction_wrong", "both_right", "both_wrong", "undecided"]

    def vote() -> Vote:
        wrong = [one for one in rulings if one != truth]
        return Vote(ruling=truth if rng.random() < accuracy else rng.choice(wrong))

    return counted([(vote(), vote()) for _ in range(votes)], 0.6).ruling


def tempted(truth: Ruling, taste: float, rng: random.Random) -> Ruling:
    """A judge that, in both orders alike, prefers the wrong answer at a rate: no vote and no swap shows it."""
    if truth in ("label_wrong", "prediction_wrong") and rng.random() < taste:
        return "prediction_wrong" if truth == "label_wrong" else "label_wrong"
    return truth


def a_round(judge, share: float, rng: random.Random, *, decisions: int = 400, pairs: int = 40):
    """Wrong labels before and after a round, and whether the judge was trusted."""
    truths: list[Ruling] = [
        "label_wrong" if rng.random() < share else "prediction_wrong" for _ in range(decisions)
    ]
    verified = [a_ruling(number, judge(truth, rng)) for number, truth in enumerate(truths)]
    known = [judge("prediction_wrong", rng) for _ in range(pairs)]
    measured = Worth(pairs=pairs, right=known.count("prediction_wrong"), alarms=known.count("label_wrong"))
    rulings, found = settled(verified, measured)
    replaced = {number for number, one in enumerate(rulings) if one.comparison.ruling == "label_wrong"}
    before = truths.count("label_wrong")
    after = sum((truth == "label_wrong") != (number in replaced) for number, truth in enumerate(truths))
    return before, after, len(replaced), found


def a_ruling(number: int, ruling: Ruling) -> Verified:
    comparison = Comparison(
        trajectory=f"row{number}", step=2, ruling=ruling, by="judge", failure="wrong_call", votes={ruling: 2}
    )
    return Verified(comparison=comparison, judge="scripted-judge", voted=ruling)


@pytest.mark.parametrize(
    ("accuracy", "votes", "share"),
    [(0.9, 1, 0.3), (0.9, 3, 0.3), (0.75, 3, 0.5), (1.0, 1, 0.25), (0.7, 5, 0.4)],
)
def test_where_voting_helps_labels_are_better_afterwards(accuracy, votes, share):
    rng = random.Random(7)
    trusted = 0
    for _ in range(20):
        before, after, replaced, found = a_round(
            lambda truth, rng: votes_of(truth, accuracy, votes, rng), share, rng
        )
        trusted += found.trusted
        assert after < before if found.trusted else (replaced, after) == (0, before)
    assert trusted >= 14


@pytest.mark.parametrize(
    ("taste", "share"),
    [(0.5, 0.1), (0.5, 0.5), (0.3, 0.1), (0.3, 0.25), (0.2, 0.15), (0.1, 0.05), (0.6, 0.4)],
)
def test_where_voting_cannot_help_nothing_is_replaced(taste, share):
    """A judge with a taste for wrong answers, at rates at which it breaks at least as much as it mends."""
    assert share * (1 - taste) <= (1 - share) * taste
    rng = random.Random(11)
    broken = 0
    for _ in range(40):
        before, after, replaced, found = a_round(lambda truth, rng: tempted(truth, taste, rng), share, rng)
        if not found.trusted:
            assert (replaced, after) == (0, before)
        broken += found.trusted
    # At the edge, where it breaks as much as it mends, intervals of 95 % err now and then.
    assert broken <= 2


def test_a_few_wrong_labels_among_many_right_ones_are_left_alone():
    rng = random.Random(13)
    for _ in range(20):
        *_, replaced, found = a_round(lambda truth, rng: votes_of(truth, 0.9, 1, rng), 0.01, rng)
        assert (replaced, found.trusted) == (0, False)


def test_who_is_not_trusted_replaces_nothing_and_the_reason_is_told():
    given = [a_ruling(1, "label_wrong"), a_ruling(2, "prediction_wrong"), a_ruling(3, "both_wrong")]
    executed = Verified(
        comparison=Comparison(
            trajectory="row4", step=2, ruling="label_wrong", by="execution", failure="wrong_call"
        )
    )
    rulings, found = settled([*given, executed], Worth())
    assert isinstance(found, Trust) and not found.trusted
    assert [one.comparison.ruling for one in rulings] == [
        "undecided",
        "prediction_wrong",
        "both_wrong",
        "label_wrong",
    ]
    assert rulings[0].verdict.code == "untrusted_judge"
    assert (rulings[0].replacement, rulings[0].voted) == (None, "label_wrong")
    assert rulings[1:] == [*given[1:], executed]
    assert (found.asked, found.label_wrong) == (3, 1)


def test_an_empty_round():
    rulings, found = settled([], Worth(pairs=40, right=40))
    assert (rulings, found.trusted) == ([], False)
