import asyncio
import math
import random
from collections import Counter

import builders as b
import pytest
from dialogues import source_rows
from made import demo_rows

from callwright.errors import ModelError, ReplyError
from callwright.generators.conversing import together
from callwright.generators.looptool.answers import failure_of
from callwright.generators.looptool.decisions import decisions
from callwright.generators.looptool.probing import Prober, perplexity
from callwright.llm.base import Completion, Sampling
from callwright.llm.scripted import Scripted, call, say
from callwright.schemas.base import canonical_json, digest
from callwright.schemas.loop import Probing
from callwright.schemas.message import AssistantMessage, UserMessage, to_wire
from callwright.schemas.probe import Probe

SAMPLING = Sampling(max_tokens=300)
ORDER = ("frontier", "learnable", "mastered")


def row(number):
    return b.trajectory(b.task(f"Show me event e{number}.", attempt=number), [b.call(event_id=f"e{number}")])


def decision(number=1):
    return next(decisions(row(number)))


def right(request):
    """The answer that the conversation asks for."""
    return call("get_event", {"event_id": request.messages[-1]["content"].split()[-1].strip(".")})


WRONG = (
    call("get_event", {"event_id": "e0"}),
    call("buy_ticket", {}),
    call("get_event", "{"),
    say("I cannot do that."),
    say(""),
    say("The event is", finish_reason="length"),
    ReplyError("raw_call_text", "a call as text"),
)


def skilled(rates, shift=0.0, **fields):
    """A student that is right at a decision as often as `rates` says; the same luck for all students."""

    def answer(request):
        draw = random.Random(digest([request.item, request.sample]))
        luck = draw.random()
        return right(request) if luck < rates[request.item] + shift else draw.choice(WRONG)

    return Scripted(answer, **fields)


async def probed(student, found, settings=None, at_once=True):
    prober = Prober(student, settings or Probing(), SAMPLING)
    if at_once:
        return await together(prober.probe(one) for one in found)
    return [await prober.probe(one) for one in found]


# Greedy


async def test_one_greedy_answer_is_asked_for_with_the_whole_prompt():
    one = decision()
    student = Scripted(right)
    probe = await Prober(student, Probing(), Sampling(max_tokens=77, temperature=0.9)).probe(one)
    (request,) = student.requests
    assert request.sampling == Sampling(temperature=0.0, max_tokens=77, logprobs=True)
    assert request.messages == tuple(to_wire(message) for message in one.before)
    assert request.tools == tuple(tool.wire() for tool in one.row.task.tools)
    assert (request.sample, request.item) == (0, one.name)
    assert probe.correct
    assert (probe.task, probe.decision, probe.student) == (one.row.task.id, one.name, "scripted")
    assert (probe.attempts, probe.successes, probe.band, probe.calls) == (0, 0, None, ())


@pytest.mark.parametrize("answer", WRONG)
async def test_a_wrong_answer_is_kept_with_its_class(answer):
    probe = await Prober(Scripted([answer]), Probing(), SAMPLING).probe(decision())
    assert not probe.correct
    assert probe.greedy.outcome in ("calls", "words", "unparsable", "truncated")


async def test_a_prompt_that_does_not_fit_is_refused_and_neither_cut_nor_sampled():
    student = Scripted(lambda _: ReplyError("context_overflow", "9000 tokens"))
    probe = await Prober(student, Probing(samples=8), SAMPLING).probe(decision())
    assert (probe.greedy.outcome, probe.correct, probe.attempts, probe.band) == ("refused", False, 0, None)
    (request,) = student.requests
    assert [tool["function"]["name"] for tool in request.tools] == ["get_event"]


# Perplexity


def test_perplexity_is_what_its_definition_says():
    assert perplexity((math.log(0.5), math.log(0.125))) == pytest.approx(4.0)
    assert perplexity((0.0, 0.0)) == 1.0
    assert perplexity(()) is None and perplexity(None) is None


def test_a_token_that_cannot_be_leaves_perplexity_finite():
    worst = perplexity((-9999.0, -0.1))
    assert worst is not None and math.isfinite(worst)
    canonical_json(worst)


@pytest.mark.parametrize("thinks", [False, True])
async def test_perplexity_can_be_computed_again_from_the_stored_log_probabilities(thinks):
    rng = random.Random(2)
    logprobs = tuple(-rng.expovariate(3.0) for _ in range(200))
    text = "<think>They want event e1.</think>" if thinks else ""
    student = Scripted(lambda request: right(request).model_copy(update={"text": text, "logprobs": logprobs}))
    probe = await Prober(student, Probing(), SAMPLING).probe(decision())
    stored = Probe.model_validate_json(probe.model_dump_json())
    assert stored == probe and stored.correct
    again = math.exp(-sum(stored.greedy.logprobs or ()) / 200)
    assert stored.perplexity == pytest.approx(again, abs=1e-6)


class Scoring(Scripted):
    """A student that can score."""

    def __init__(self, script, scores):
        super().__init__(script)
        self.scored = []
        self._scores = scores

    async def score(self, request, answer):
        self.scored.append((request, answer))
        if isinstance(self._scores, Exception):
            raise self._scores
        return self._scores


SURE = (-0.1, -0.3)


def with_logprobs(answer):
    return answer.model_copy(update={"logprobs": SURE})


async def label_perplexity(student, one=None):
    return (await Prober(student, Probing(), SAMPLING).probe(one or decision())).label_perplexity


async def test_a_student_that_can_score_says_how_likely_the_label_is():
    one = decision()
    student = Scoring([with_logprobs(say("No."))], (-1.0, -3.0))
    assert await label_perplexity(student, one) == pytest.approx(math.exp(2.0))
    ((request, answer),) = student.scored
    assert answer == to_wire(one.label)
    assert request == student.requests[0]


async def test_else_an_answer_that_is_the_label_tells_it():
    same = with_logprobs(right(decision().request(SAMPLING)))
    sure = pytest.approx(math.exp(0.2))
    assert await label_perplexity(Scripted([same])) == sure
    assert await label_perplexity(Scoring([same], None)) == sure
    for other in (
        say("No."),
        call("get_event", {"event_id": "e2"}),
        same.model_copy(update={"text": "Sure."}),
    ):
        assert await label_perplexity(Scripted([with_logprobs(other)])) is None
    assert await label_perplexity(Scripted([same.model_copy(update={"logprobs": None})])) is None


async def test_words_that_are_right_and_other_words_do_not_tell_it():
    given = b.task()
    said = (UserMessage(content=given.instruction), AssistantMessage(content="Nothing here can do that."))
    one = next(decisions(b.trajectory(given, messages=said)))
    assert await label_perplexity(Scripted([with_logprobs(say("I have no tool for it."))]), one) is None
    assert (
        await label_perplexity(Scripted([with_logprobs(say("Nothing here can do that. "))]), one) is not None
    )
    thought = say("<think>Hm.</think>Nothing here can do that.")
    assert await label_perplexity(Scripted([with_logprobs(thought)]), one) is None


async def test_a_label_that_does_not_fit_has_no_perplexity():
    same = with_logprobs(right(decision().request(SAMPLING)))
    assert await label_perplexity(Scoring([same], ReplyError("context_overflow", "too long"))) is None
    refused = Scoring([ReplyError("context_overflow", "too long")], (-1.0,))
    assert await label_perplexity(refused) is None
    assert refused.scored == []


async def test_an_endpoint_that_fails_while_scoring_is_no_answer():
    with pytest.raises(ModelError, match="gone"):
        await label_perplexity(Scoring([say("No.")], ModelError("gone")))


# Samples and bands (F2)

MANY = [decision(number) for number in range(300)]
CLEAR = (0.0, 0.02, 0.05, 0.08, 0.45, 0.5, 0.55, 0.92, 0.95, 0.98, 1.0)
"""Rates outside the margins that `bands` documents for 16 answers."""
RATES = {one.name: CLEAR[number % len(CLEAR)] for number, one in enumerate(MANY)}
K16 = Probing(samples=16)


def band_at(rate):
    return "mastered" if rate >= 0.8 else "frontier" if rate <= 0.2 else "learnable"


async def test_bands_agree_with_the_oracle_with_fewer_answers_than_16():
    probes = await probed(skilled(RATES), MANY, K16)
    wrong = sum(probe.band != band_at(RATES[probe.decision]) for probe in probes)
    assert wrong / len(probes) <= 0.05
    assert sum(probe.attempts for probe in probes) / len(probes) < 10
    assert {len(probe.calls) == probe.attempts for probe in probes} == {True}
    assert all(probe.successes <= probe.attempts <= 16 for probe in probes)


async def test_the_greedy_answer_is_none_of_the_samples():
    student = Scripted(lambda request: right(request) if request.sample == 0 else say("No."))
    probe = await Prober(student, Probing(samples=4, temperature=0.7), SAMPLING).probe(decision())
    assert probe.correct and probe.successes == 0 and probe.band == "frontier"
    assert [one.sample for one in student.requests] == list(range(probe.attempts + 1))
    sampled = student.requests[1:]
    assert {(one.sampling.temperature, one.sampling.logprobs) for one in sampled} == {(0.7, False)}


async def test_a_rerun_gives_the_same_probes_in_any_order():
    first = await probed(skilled(RATES), MANY[:60], K16)
    again = await probed(skilled(RATES, latency_s=0.001), list(reversed(MANY[:60])), K16)
    one_by_one = await probed(skilled(RATES), MANY[:60], K16, at_once=False)
    assert [probe.id for probe in first] == [probe.id for probe in reversed(again)]
    assert first == one_by_one


async def test_a_better_student_never_moves_a_decision_to_a_harder_band():
    rng = random.Random(4)
    rates = {one.name: rng.random() for one in MANY}
    worse = await probed(skilled(rates), MANY, K16)
    moved = Counter()
    for shift in (0.05, 0.2):
        better = await probed(skilled(rates, shift), MANY, K16)
        for one, other in zip(worse, better, strict=True):
            moved[ORDER.index(other.band) - ORDER.index(one.band)] += 1
    assert min(moved) == 0 and moved[1] > 50


async def test_a_decision_costs_at_most_one_answer_and_its_samples():
    for samples in (0, 1, 5, 16):
        student = skilled(RATES)
        await probed(student, MANY, Probing(samples=samples))
        assert len(student.requests) <= len(MANY) * (1 + samples)
        per_decision = Counter(request.item for request in student.requests)
        assert max(per_decision.values()) <= 1 + samples and len(per_decision) == len(MANY)
    scoring = Scoring(right, (-1.0,))
    await probed(scoring, MANY, Probing(samples=3))
    assert len(scoring.scored) == len(MANY)


# Bad students


@pytest.mark.parametrize(
    "garbage",
    [
        ReplyError("raw_call_text", "a call as text"),
        ReplyError("malformed_reply", "half a character"),
        call("get_event", "{'event_id': e1}"),
        say("\n\n"),
        Completion(),
    ],
)
async def test_a_student_that_answers_garbage_is_told_apart_and_nothing_breaks(garbage):
    probes = await probed(Scripted(lambda _: garbage), MANY[:20], Probing(samples=8))
    assert {probe.greedy.outcome for probe in probes} == {"unparsable"}
    assert {(probe.correct, probe.successes, probe.band) for probe in probes} == {(False, 0, "frontier")}
    named = {one.name: one for one in MANY[:20]}
    assert {failure_of(named[probe.decision], probe.greedy) for probe in probes} == {"unusable"}


async def test_an_endpoint_that_fails_is_no_answer_and_calls_off_the_rest():
    asked = 0

    def dies(request):
        nonlocal asked
        asked += 1
        return ModelError("the endpoint is gone") if asked == 37 else right(request)

    student = Scripted(dies, latency_s=0.0)
    with pytest.raises(ModelError, match="the endpoint is gone"):
        await probed(student, MANY, K16)
    asked_before = len(student.requests)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(student.requests) == asked_before < len(MANY) * 8


# Real rows


@pytest.fixture(scope="module")
def demo_decisions():
    return [one for row in demo_rows(4) for one in decisions(row)]


@pytest.fixture(scope="module")
def executed_decisions():
    return [one for row in source_rows() for one in decisions(row)]


async def test_a_student_that_says_what_rows_say_is_right_at_every_decision(
    demo_decisions, executed_decisions
):
    found = [*demo_decisions, *executed_decisions]
    labels = {one.name: one.label for one in found}

    def echo(request):
        label = labels[request.item]
        return Completion(text=label.content, tool_calls=label.tool_calls, logprobs=SURE)

    probes = await probed(Scripted(echo), found, Probing(samples=2))
    assert {(probe.correct, probe.band) for probe in probes} == {(True, "mastered")}
    assert {probe.label_perplexity == probe.perplexity for probe in probes} == {True}
    outcomes = Counter(probe.greedy.outcome for probe in probes)
    assert outcomes["calls"] > 100 and outcomes["words"] > 3


async def test_a_student_that_always_calls_fails_where_it_should_ask_or_abstain(demo_decisions):
    found = demo_decisions

    def calls(request):
        return call(request.tools[0]["function"]["name"], {"x": 1})

    probes = await probed(Scripted(calls), found)
    failures = Counter(
        failure_of(one, probe.greedy) for one, probe in zip(found, probes, strict=True) if not probe.correct
    )
    assert set(failures) == {"wrong_call", "missed_question", "over_calling"}
    mute = await probed(Scripted(lambda _: say("I would rather not.")), found)
    failures = Counter(
        failure_of(one, probe.greedy) for one, probe in zip(found, mute, strict=True) if not probe.correct
    )
    assert set(failures) == {"wrong_abstention", "missed_question"}
