"""Labels that are wrong on purpose, and a student that is right on four tasks of five: what becomes of them."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import pytest
from made import documented, make_rows
from serial import world_rows, worlds
from verifier import Desk, calling, calls, changed, prefers, probe, ruling_judge, with_wrong_label, words

from callwright.generators.looptool.answers import is_right
from callwright.generators.looptool.comparing import Comparer
from callwright.generators.looptool.decisions import Decision, decisions
from callwright.generators.looptool.verifying import Verified
from callwright.llm.base import Sampling
from callwright.schemas.base import canonical_json
from callwright.schemas.loop import Verifying
from callwright.schemas.message import AssistantMessage, ToolCall
from callwright.schemas.probe import Prediction, Ruling
from callwright.schemas.task import Kind, Trajectory
from callwright.values.mutations import mutated

# Noise that execution sees

NAMES = ("library", "shop", "smart_home", "music", "health", "travel")
MIX: dict[Kind, int] = {"single": 80, "multi_step": 10, "parallel": 4, "clarification": 4, "no_call": 2}
"""Of a hundred rows; ten of them have a wrong label."""


@dataclass
class Case:
    """A row as it stands in the pool, and what was right before its label was spoilt."""

    row: Trajectory
    right: Trajectory
    spoilt: int | None = None
    """The step of the wrong label."""
    student_right: bool = True
    ruled: tuple[Verified, ...] = ()

    @property
    def kept(self) -> Trajectory | None:
        """What a student would be trained on; None for a row that goes."""
        for one in self.ruled:
            if one.comparison.ruling == "label_wrong":
                return one.replacement
        gone = any(one.comparison.ruling in ("both_wrong", "undecided") for one in self.ruled)
        return None if gone else self.row


def student(case: Case, decision: Decision, wrong_at: int | None, rng: random.Random) -> Prediction:
    """What the student does at one decision: what was right, or something else."""
    label = case.right.messages[decision.step]
    assert isinstance(label, AssistantMessage)
    if decision.step != wrong_at:
        return calls(*label.tool_calls) if label.tool_calls else words(label.content)
    mistaken = mutated(decision.tools, label.tool_calls, rng)
    if mistaken and mistaken[1]:
        return calls(*mistaken[1])
    if label.tool_calls:
        return words("I am sorry, I cannot do that.")
    return calls(ToolCall(id="x", name=case.row.task.tools[0].name, arguments="{}"))


@cache
def pool(hundreds: int) -> tuple[Trajectory, ...]:
    return tuple(row for kind, count in MIX.items() for row in world_rows(NAMES, kind, hundreds * count))


async def verified(at: Desk, hundreds: int, rng: random.Random) -> list[Case]:
    """A pool with ten wrong labels in a hundred and a student that is right on four tasks of five, ruled on."""
    rows = list(pool(hundreds))
    rng.shuffle(rows)
    cases: list[Case] = []
    spoilt = 0
    for row in rows:
        bad = await with_wrong_label(at, row, rng) if spoilt < 10 * hundreds else None
        spoilt += bad is not None
        cases.append(Case(*((bad[0], row, bad[1]) if bad else (row, row))))
    assert spoilt == 10 * hundreds
    for case in rng.sample(cases, len(cases) // 5):
        case.student_right = False
    for case in cases:
        found = [one for one in decisions(case.row) if case.spoilt is None or one.step <= case.spoilt]
        wrong_at = None
        if not case.student_right:
            wrong_at = case.spoilt if case.spoilt is not None else rng.choice(found).step
        for decision in found:
            answer = student(case, decision, wrong_at, rng)
            if not is_right(decision, answer):
                case.ruled += (await at.verifier.verify(case.row, probe(case.row, decision.step, answer)),)
    return cases


@pytest.mark.parametrize("hundreds", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_labels_that_miss_their_goal_are_replaced_or_dropped(hundreds):
    judge = prefers("first_wrong")
    at = Desk(worlds(*NAMES), judge)
    pool(hundreds)
    cases = asyncio.run(verified(at, hundreds, random.Random(20)))
    bad = [case for case in cases if case.spoilt is not None]
    good = [case for case in cases if case.spoilt is None]
    assert (len(cases), len(bad)) == (100 * hundreds, 10 * hundreds)

    # Whatever the student says of a row, a label that execution refutes is never trained on.
    assert [asyncio.run(at.verifier.audit(case.row)) for case in bad] == ["wrong"] * len(bad)
    trained = [case.kept for case in bad if case.kept is not None and case.kept is not case.row]
    assert [asyncio.run(at.verifier.audit(row)) for row in trained] == ["right"] * len(trained)

    # Of those that the student gets right, nine in ten at least are replaced, and the others go.
    hit = [case for case in bad if case.student_right]
    replaced = [case for case in hit if case.kept is not None and case.kept is not case.row]
    assert len(hit) >= 7 * hundreds and len(replaced) >= 0.9 * len(hit)
    for case in bad:
        assert case.kept is not case.row or not case.ruled

    # Of the right labels, one in two hundred may change; none does.
    altered = [case for case in good if case.kept is not case.row]
    assert len(altered) <= 0.005 * len(good)
    missed = [case for case in good if not case.student_right]
    assert len(missed) >= 15 * hundreds and all(case.ruled for case in missed)
    assert not judge.requests

    table = Counter(
        (name, one.comparison.ruling, one.comparison.by)
        for name, group in (("wrong label", bad), ("right label", good))
        for case in group
        for one in case.ruled
    )
    print()
    for (name, ruling, by), count in sorted(table.items()):
        print(f"{name:12} {ruling:17} {by:10} {count:4}")
    print(f"replaced {len(replaced)} of {len(hit)} wrong labels that the student gets right")


# Noise that nothing but a judge can see


KINDS = ("wrong value", "missing call", "extra call", "wrong tool", "paraphrase")
ROLES: tuple[Ruling, ...] = ("prediction_wrong", "label_wrong", "both_right", "both_wrong")


@dataclass(frozen=True)
class Pair:
    """A label and an answer of a row whose server is simulated, and who of them is right."""

    kind: str
    truth: Ruling
    decision: Decision
    label: AssistantMessage
    other: AssistantMessage


@cache
def simulated() -> tuple[Trajectory, ...]:
    return (
        *make_rows(documented("museum.yaml"), {"single": 24, "multi_step": 6}),
        *make_rows(documented("pokeapi.yaml"), {"single": 30}),
    )


def mistakes(
    decision: Decision, rng: random.Random
) -> Iterator[tuple[str, AssistantMessage, AssistantMessage]]:
    """(kind, right turn, turn with that mistake) at one decision; a paraphrase is none."""
    (call, *_) = decision.label.tool_calls
    right = decision.label
    again = changed(call, page=7).model_copy(update={"id": "call_2"})
    for kind, made in (
        ("wrong value", [changed(call, **{_name(call): f"{rng.random():.6f}"})]),
        ("extra call", [call, again]),
        ("wrong tool", [call.model_copy(update={"name": _other_tool(decision, call)})]),
        (
            "paraphrase",
            [call.model_copy(update={"arguments": json.dumps(json.loads(call.arguments), indent=1)})],
        ),
    ):
        yield kind, right, right.model_copy(update={"tool_calls": tuple(made)})
    both = right.model_copy(update={"tool_calls": (call, again)})
    yield "missing call", both, right


def _name(call: ToolCall) -> str:
    return next(iter(json.loads(call.arguments)), "limit")


def _other_tool(decision: Decision, call: ToolCall) -> str:
    return next((name for name in decision.tools if name != call.name), "listEverything")


def pairs() -> list[Pair]:
    """Every kind of mistake, on either side and on both."""
    rng = random.Random(4)
    found = []
    for row in simulated():
        decision = calling(row)[-1]
        for kind, right, made in mistakes(decision, rng):
            if kind == "paraphrase":
                said = made.model_copy(update={"content": "Let me see."})
                found.append(Pair(kind, "both_right", decision, right, said))
                continue
            worse = made.model_copy(update={"content": "One moment."})
            found.append(Pair(kind, "prediction_wrong", decision, right, made))
            found.append(Pair(kind, "label_wrong", decision, made, right))
            found.append(Pair(kind, "both_wrong", decision, made, worse))
    return found


def knowing(pair: Pair) -> Callable[[object, object], str]:
    """The verdict on a pair in the order in which it is shown."""

    def truth(first: object, second: object) -> str:
        if pair.truth in ("both_right", "both_wrong"):
            return pair.truth
        label_first = canonical_json(first) == canonical_json(_shown(pair.label))
        label_wrong = pair.truth == "label_wrong"
        return "first_wrong" if label_first == label_wrong else "second_wrong"

    return truth


def _shown(turn: AssistantMessage) -> dict[str, object]:
    made = [{"tool": one.name, "arguments": json.loads(one.arguments)} for one in turn.tool_calls]
    return ({"words": turn.content} if turn.content else {}) | {"calls": made}


async def rulings(accuracy: float, votes: int) -> tuple[dict[tuple[str, Ruling], Counter[Ruling]], int]:
    """(kind, truth) -> what a judge of that accuracy rules, and how often it was asked."""
    found: dict[tuple[str, Ruling], Counter[Ruling]] = {}
    asked = 0
    for number, pair in enumerate(pairs()):
        judge = ruling_judge(knowing(pair), accuracy, number)
        comparer = Comparer(judge, Verifying(votes=votes), Sampling())
        ballot = await comparer.compare(pair.decision, pair.label, pair.other)
        found.setdefault((pair.kind, pair.truth), Counter())[ballot.ruling] += 1
        asked += len(judge.requests)
    return found, asked


def precision_and_recall(
    found: dict[tuple[str, Ruling], Counter[Ruling]], ruling: Ruling
) -> tuple[float, float]:
    hits = sum(counts[ruling] for (_, truth), counts in found.items() if truth == ruling)
    ruled = sum(counts[ruling] for counts in found.values())
    true = sum(counts.total() for (_, truth), counts in found.items() if truth == ruling)
    return hits / ruled if ruled else 1.0, hits / true


@pytest.mark.parametrize(
    ("accuracy", "votes", "expected"),
    # Both orders agree on what is right; with three votes, two such pairs of three.
    [(0.9, 1, 0.81), (0.9, 3, 0.905), (0.7, 1, 0.49), (1.0, 1, 1.0)],
)
async def test_a_judge_alone_on_noise_that_nothing_executed_can_show(accuracy, votes, expected):
    found, asked = await rulings(accuracy, votes)
    total = sum(counts.total() for counts in found.values())
    assert asked == total * 2 * votes
    print(f"\njudge right {accuracy:.0%} of the time, {votes} vote(s) in each order, {total} comparisons")
    print(f"{'':14}{'truth':18}" + "".join(f"{one:>18}" for one in (*ROLES, "undecided")))
    for (kind, truth), counts in sorted(found.items()):
        print(f"{kind:14}{truth:18}" + "".join(f"{counts[one]:18}" for one in (*ROLES, "undecided")))
    for ruling in ROLES:
        precision, recall = precision_and_recall(found, ruling)
        count = sum(counts.total() for (_, truth), counts in found.items() if truth == ruling)
        print(f"{ruling:18} precision {precision:6.1%}  recall {recall:6.1%}  of {count}")
        # Three standard deviations of a rate that is counted over so many comparisons.
        reach = 3 * (expected * (1 - expected) / count) ** 0.5 + 1e-9
        assert abs(recall - expected) <= reach
        # Two orders that are wrong alike: at most 0.3 x 0.3 / 4 of a vote.
        assert precision >= (0.97 if accuracy >= 0.9 else 0.8)
    assert {kind for kind, _ in found} == set(KINDS)


async def test_who_prefers_one_place_changes_no_label():
    for verdict in ("first_wrong", "second_wrong"):
        for pair in pairs()[:40]:
            comparer = Comparer(prefers(verdict), Verifying(), Sampling())
            assert (await comparer.compare(pair.decision, pair.label, pair.other)).ruling == "undecided"


@pytest.fixture(autouse=True, scope="module")
def _made():
    """Rows are made before a loop runs."""
    simulated()
