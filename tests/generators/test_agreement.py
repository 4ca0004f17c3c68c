"""LoopTool's rule of agreement: two samples of an assistant's turn, a third where they differ, suspects set apart."""

import itertools
import random

import builders as b
import pytest
from made import demo
from test_episodes import ASK, MUSEUM, SERVED, given, hours_on

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import UsageError
from callwright.generators.toolalpaca.agreement import SAMPLES, Agreed, agreed
from callwright.generators.toolalpaca.episodes import Episodes
from callwright.llm.base import Sampling
from callwright.llm.scripted import Scripted, say
from callwright.toolbox.simulated import SimulatedToolbox

WARM = Sampling(temperature=0.7)
EVENT = b.tool(event_id={"type": "string"}, limit={"type": "integer", "default": 5})
TOOLS = {
    "get_event": EVENT.model_copy(update={"parameters": EVENT.parameters | {"required": ["event_id"]}}),
}
WORDS = ()
E1, E1_AGAIN, E2 = (
    (b.call(event_id="e1"),),
    (b.call(id="other", limit=5.0, event_id="e1"),),  # a default, another number, another order
    (b.call(event_id="e2"),),
)
BOTH, TURNED = (*E1, *E2), (*E2, *E1_AGAIN)
BROKEN = (b.call().model_copy(update={"arguments": '{"event_id": "e1"'}),)
STRANGE = (b.call("no_such_tool"),)
LIKE = {"words": "words", "e1": "e1", "again": "e1", "e2": "e2", "both": "both", "turned": "both"}
"""What each sample means; samples that nobody can act on mean nothing, and agree with nothing."""
SORTS = {
    "words": WORDS,
    "e1": E1,
    "again": E1_AGAIN,
    "e2": E2,
    "both": BOTH,
    "turned": TURNED,
    "broken": BROKEN,
    "strange": STRANGE,
}


@pytest.mark.parametrize(
    ("samples", "taken", "suspect"),
    [
        (("words", "words"), {0, 1}, False),
        (("e1", "again"), {0}, False),
        (("both", "turned"), {0}, False),
        (("words", "e1"), None, False),
        (("e1", "e2"), None, False),
        (("e1", "both"), None, False),
        (("broken", "broken"), None, False),
        (("words", "e1", "words"), {0, 2}, False),
        (("e1", "words", "words"), {1, 2}, False),
        (("words", "e1", "again"), {1}, False),
        (("e1", "words", "again"), {0}, False),
        (("e2", "e1", "again"), {1}, False),
        (("e1", "e2", "words"), {0, 1, 2}, True),
        (("e1", "e2", "both"), {0, 1, 2}, True),
        (("words", "broken", "broken"), {0, 1, 2}, True),
        (("strange", "strange", "words"), {0, 1, 2}, True),
    ],
)
def test_the_rule(samples: tuple[str, ...], taken: set[int] | None, suspect: bool):
    found = [ruled(samples, seed) for seed in range(40)]
    if taken is None:
        assert found == [None] * 40
        return
    assert {one.sample for one in found if one} == taken  # each of several is taken at some time
    assert {one.suspect for one in found if one} == {suspect}


def ruled(samples: tuple[str, ...], seed: int = 0) -> Agreed | None:
    return agreed(TOOLS, [SORTS[one] for one in samples], random.Random(seed))


def test_every_three_samples_come_to_what_the_rule_says():
    for samples in itertools.product(SORTS, repeat=SAMPLES):
        first = ruled(samples[:2])
        kinds = [LIKE.get(one, f"{one} {place}") for place, one in enumerate(samples)]
        assert (first is not None) == (kinds[0] == kinds[1]), samples
        if first is not None:
            assert not first.suspect
            continue
        last = ruled(samples)
        assert last is not None
        pair = [one for one in kinds if kinds.count(one) > 1]
        assert last.suspect == (not pair), samples
        assert last.suspect or kinds[last.sample] == pair[0], samples
        assert last == ruled(samples)


def test_any_of_several_is_any_with_equal_chance():
    draws = [ruled(("e1", "e2", "words"), seed) for seed in range(3000)]
    counts = [sum(one is not None and one.sample == number for one in draws) for number in range(3)]
    assert all(900 < count < 1100 for count in counts), counts


async def played(*script, agreement=WARM, rules=False, **task):
    model = Scripted(script, reads_variables=rules)
    episodes = Episodes(model, SimulatedToolbox(model), [MUSEUM], Sampling(), 5, agreement)
    return await episodes.trajectory(given(**task), "single/0"), model


def asked(model):
    return [one for one in model.requests if one.purpose == "toolalpaca.assistant"]


async def test_a_conversation_asks_twice_and_a_third_time_where_it_must():
    row, model = await played(ASK, ASK, SERVED, say("From 9."), hours_on(15), say("At 9."), attempt=4)
    assert [one.sample for one in asked(model)] == [12, 13, 12, 13, 14]  # no attempt shares a sample
    assert {one.sampling for one in asked(model)} == {WARM}
    assert [one.train for one in row.turns()] == [True, True]
    assert row.messages[-1].content in ("From 9.", "At 9.")
    assert row.notes == ()


async def test_a_suspect_stays_and_is_learned_by_nobody():
    script = (ASK, hours_on(15), say("Which day?"), SERVED, say("From 9."), say("From 9."))
    seen = set()
    for seed in range(8):
        row, _ = await played(*script, seed=seed)
        assert (await played(*script, seed=seed))[0] == row
        first, *later = row.turns()
        seen.add(first.tool_calls[0].arguments if first.tool_calls else first.content)
        assert (first.train, first.weight) == (False, 0.0)
        assert all(one.train for one in later)
        [note] = row.notes
        assert (note.label, note.step) == ("suspect", 2)
        assert [len(one["calls"]) for one in note.body["samples"]] == [1, 1, 0]
    assert len(seen) == 3  # any of the three


async def test_rules_and_recipes_without_agreement_are_asked_once():
    _, model = await played(ASK, SERVED, say("From 9."), rules=True)
    assert len(asked(model)) == 2
    _, model = await played(ASK, SERVED, say("From 9."), agreement=None)
    assert [one.sample for one in asked(model)] == [0, 0]


def recipe(**teacher):
    model = {"engine": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "toy"}
    tools = [one.model_dump(exclude_defaults=True) for one in demo().recipe.tools]
    return {
        "dataset": "agreeing",
        "size": 4,
        "tools": tools,
        "models": {"teacher": model | teacher},
        "methods": {"toolalpaca": {"agreement": True}},
    }


async def test_a_recipe_turns_it_on_at_the_teachers_temperature():
    made = check_recipe(recipe(temperature=0.9), "recipe")
    workshop = Workshop(made, (), demo().toolkits, (), demo().base)
    model = Scripted([ASK, ASK, SERVED, say("From 9."), say("From 9.")])
    await workshop.episodes(model, SimulatedToolbox(model)).trajectory(given(), "single/0")
    assert {one.sampling.temperature for one in asked(model)} == {0.9}
    with pytest.raises(UsageError, match="samples at temperature 0 always agree"):
        check_recipe(recipe(temperature=0), "recipe")
