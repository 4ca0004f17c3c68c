"""Variants of failures over worlds: how many, of which kinds, from whom they descend, what the ladder says of them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from failures import FAILURES, NAMES, expansion, failed, failures, rulings
from serial import world_rows, worlds

from callwright.generators.base import Explored
from callwright.generators.looptool.expanding import BLOCK, Held
from callwright.generators.looptool.novelty import Novelty
from callwright.generators.looptool.variants import note_of
from callwright.generators.planning.scenario import Plan
from callwright.llm.base import Completion, Model, Request
from callwright.llm.scripted import Scripted, reply, say
from callwright.schemas.loop import FOCI, Expanding
from callwright.schemas.task import Trajectory

EACH = 2


@dataclass
class Made:
    """What an expansion came to, and what the full ladder accepted of it."""

    explored: list[Explored]
    accepted: list[Trajectory]
    multiplied: list[Explored]
    accepted_later: list[Trajectory]

    @property
    def rows(self) -> list[Trajectory]:
        return [one.trajectory for one in self.explored if one.trajectory]


async def made_of(given, **changes) -> Made:
    explorer, rules = expansion(given, **changes), rulings()
    found = Made([], [], [], [])
    for chain in explorer.chains():
        explored = await explorer.explore(chain)
        accepted = [row for one in explored if one.trajectory for row in await taken(rules, one)]
        more = await explorer.multiply(chain, accepted)
        found.explored += explored
        found.accepted += accepted
        found.multiplied += more
        found.accepted_later += [row for one in more if one.trajectory for row in await taken(rules, one)]
    return found


async def taken(rules, one):
    result, row = await rules.rule(one)
    return [row] if result.accepted else []


@pytest.fixture(scope="module", autouse=True)
def calendar() -> tuple[Trajectory, ...]:
    """All rows are made before any test runs, for rows cannot be made within a loop; parallel ones of one toolkit."""
    failures(EACH)
    return tuple(row for row in world_rows(NAMES, "parallel", 8) if row.task.toolkit == "calendar")


@pytest.fixture(scope="module")
def made() -> Made:
    return asyncio.run(made_of(failures(EACH)))


@pytest.fixture(scope="module")
def seeds() -> dict[str, Trajectory]:
    return {one.row.id: one.row for one in failures(EACH)}


# How many, and which


def test_each_failure_has_exactly_so_many_tries_under_numbers_of_their_own(made):
    tries = Expanding().variants
    assert len(made.explored) == len(failures(EACH)) * tries
    numbers = [one.attempt for one in (*made.explored, *made.multiplied)]
    assert len(set(numbers)) == len(numbers)
    by_failure = Counter(one.part for one in made.explored)
    assert by_failure == {name: EACH * len(kinds) * tries for name, kinds in FAILURES.items()}


@pytest.mark.parametrize("variants", [0, 1, 7])
async def test_the_number_of_tries_is_the_recipes(variants):
    given = failures(EACH)[:3]
    explored = await expansion(given, settings=Expanding(variants=variants)).explore("00000")
    assert len(explored) == 3 * variants


def test_blocks_are_chains_and_their_numbers_take_turns():
    given = failures(EACH)[:1] * (BLOCK + 1)
    explorer = expansion(given)
    assert explorer.chains() == ("00000", "00001")
    first, second = (asyncio.run(explorer.explore(chain, 1)) for chain in explorer.chains())
    assert [one.attempt for one in first] == [0, 2, 4, 6]
    assert [one.attempt for one in second] == [1, 3, 5, 7]


def test_foci_are_drawn_uniformly():
    explorer = expansion(failures(EACH))
    drawn = Counter(
        focus
        for one in failures(EACH)
        for number in range(100)
        for focus in explorer.foci(one.model_copy(update={"round": number}))
    )
    expected = drawn.total() / len(FOCI)
    # The 99.9th percentile of chi-square with three degrees of freedom.
    assert sum((drawn[focus] - expected) ** 2 / expected for focus in FOCI) < 16.27
    assert set(drawn) == set(FOCI)


def test_every_kind_of_failure_gets_variants_and_nearly_all_pass_the_full_ladder(made):
    generated = Counter(one.part for one in made.explored if one.trajectory)
    accepted = Counter(note_of(row).body["failure"] for row in made.accepted)
    for name in FAILURES:
        assert accepted[name] >= 0.8 * generated[name] > 0, name


def test_what_comes_to_nothing_is_counted_by_its_reason(made):
    codes = {one.code for one in made.explored if one.trajectory is None}
    assert codes <= {"no_scenario", "near_duplicate", "offline_no_value", "plan_failed"}
    for one in (*made.explored, *made.multiplied):
        assert (one.trajectory is None) == bool(one.code) == bool(one.gate)
        assert one.part in FAILURES


# What they are


def test_a_variant_descends_from_the_failed_rows_root_and_offers_the_same_tools(made, seeds):
    for row in made.rows:
        body = note_of(row).body
        seed = seeds[body["row"]]
        assert row.task.method == "looptool"
        assert row.task.parent == seed.task.root
        assert row.provenance.source == seed.id
        assert row.task.tools == seed.task.tools
        assert row.task.withheld == seed.task.withheld
        assert row.kind == row.task.kind
        assert (row.task.seed, row.task.instruction) != (seed.task.seed, seed.task.instruction)


def test_a_variant_brings_the_same_kind_of_decision(made, seeds):
    for row in made.rows:
        body = note_of(row).body
        seed, failure, way = seeds[body["row"]], body["failure"], body["way"]
        if failure == "over_calling" or seed.kind == "no_call":
            assert row.kind == "no_call"
        elif failure == "missed_question":
            assert row.kind == "clarification" or way == "whole"
        elif failure == "wrong_abstention":
            assert row.kind in ("single", "multi_step", "parallel")
        elif way not in ("more", "asked", "whole", "alone"):
            assert row.kind == seed.kind


def test_a_focus_changes_what_it_says(made, seeds):
    seen = set()
    for row in made.rows:
        body = note_of(row).body
        seed, way = seeds[body["row"]], body["way"]
        seen.add(way)
        plan, before = Plan.model_validate(row.task.plan), Plan.model_validate(seed.task.plan)
        goals = [goal.model_dump() for goal in plan.scenario.goals]
        earlier = [goal.model_dump() for goal in before.scenario.goals]
        if way in ("voice", "values"):
            assert plan.scenario == before.scenario
        if way == "voice":
            assert (plan.turn - before.turn) % 4
        if way == "values":
            assert (plan.turn - before.turn) % 4 == 0
        if way in ("asked", "whole"):
            assert goals == earlier
            assert bool(plan.scenario.missing) == (way == "asked")
        if way == "alone":
            assert len(goals) == 1 < len(earlier)
        if way == "more":
            told = [len(one["combination"]) for one in goals]
            assert len(plan.calls) > len(before.calls) or sum(told) > sum(
                len(one["combination"]) for one in earlier
            )
    assert seen == {"more", "voice", "form", "asked", "whole", "alone", "values"}


def test_masked_and_joined_variants_come_out_and_keep_their_lineage(made, seeds):
    by_way: dict[str, list[Trajectory]] = {"mask": [], "parallel": []}
    known = {row.id for row in made.accepted}
    roots = {seed.task.root for seed in seeds.values()}
    for row in made.accepted_later:
        body = note_of(row).body
        by_way[body["way"]].append(row)
        assert row.task.method == "looptool"
        assert row.task.parent in roots
        assert row.provenance.source in known
    assert by_way["mask"] and {row.kind for row in by_way["mask"]} == {"clarification"}
    assert {row.kind for row in by_way["parallel"]} <= {"parallel"}
    assert len(made.accepted_later) == sum(one.trajectory is not None for one in made.multiplied)


async def test_single_wishes_of_two_failures_are_joined(calendar):
    made = await made_of(
        tuple(failed(row, "missing_call") for row in calendar), settings=Expanding(variants=8)
    )
    joined = [row for row in made.accepted_later if row.kind == "parallel"]
    assert joined
    for row in joined:
        assert note_of(row).body["way"] == "parallel"
        assert len({call.name for call in row.tool_calls}) > 1


# What they depend on


async def test_neither_order_nor_concurrency_decides_anything():
    given = tuple(
        failed(row, failure)
        for failure, kind in (("wrong_call", "single"), ("missed_question", "clarification"))
        for row in world_rows(NAMES, kind, EACH)
    )
    whole = ids(await expansion(given).explore("00000"))
    shuffled = ids(await expansion(given[::-1], model=Hesitating()).explore("00000"))
    alone = [one for each in given for one in ids(await expansion((each,)).explore("00000"))]
    assert sorted(whole) == sorted(shuffled) == sorted(alone)
    assert len(set(whole)) == len(whole) > 10


def ids(explored):
    return [one.trajectory.id for one in explored if one.trajectory]


class Hesitating:
    """The offline teacher, whose answers come in an order of their own."""

    reads_variables = True

    def __init__(self) -> None:
        self._teacher: Model = worlds(*NAMES).teacher(Path())
        self.id, self.stats = self._teacher.id, self._teacher.stats
        self._rng = random.Random(3)

    async def complete(self, request: Request) -> Completion:
        for _ in range(self._rng.randrange(9)):
            await asyncio.sleep(0)
        return await self._teacher.complete(request)

    async def close(self) -> None:
        pass


async def test_another_round_or_seed_gives_other_variants():
    (one,) = failures(EACH)[:1]
    later = one.model_copy(update={"round": 2})
    first = ids(await expansion((one,)).explore("00000"))
    assert first and not set(first) & set(ids(await expansion((later,)).explore("00000")))


# What is nothing new


async def test_of_two_variants_that_are_alike_the_lower_number_stays():
    (one,) = failures(EACH)[:1]
    twice = await expansion((one, one)).explore("00000")
    first, second = twice[:4], twice[4:]
    assert ids(first) and not ids(second)
    copies = [other.message for other in second if other.code == "near_duplicate"]
    assert len(copies) >= len(ids(first)) and all(" of variant " in told for told in copies)


async def test_a_protected_row_is_refused_in_whatever_spelling():
    given = failures(EACH)[:2]
    plain = await expansion(given).explore("00000")
    planted = [one.trajectory for one in plain if one.trajectory]
    loud = [
        row.model_copy(
            update={
                "task": row.task.model_copy(update={"instruction": row.task.instruction.upper() + "  "}),
                "messages": row.messages[:1],
            }
        )
        for row in planted
    ]
    questions = {"bench/1": "\n\t".join(planted[0].task.instruction.lower().split(" "))}
    lists = [(Novelty(0.9, planted), len(planted)), (Novelty(0.9, loud), len(planted))]
    for known, expected in (*lists, (Novelty(0.9, texts=questions), 1)):
        guarded = await expansion(given, known=known).explore("00000")
        refused = [one for one in guarded if one.code == "near_duplicate" and "protected" in one.message]
        assert len(refused) == expected
        assert all(one.trajectory is None for one in refused)


# A language model writes


def writer(request_text: str):
    def line(request: Request) -> Completion:
        if request.purpose == "looptool.variant":
            return reply({"request": request_text, "details": "the one on Friday"})
        return say("There is nothing here for that.")

    return Scripted(line)


async def test_a_language_model_is_told_what_is_wanted_and_sees_no_plan():
    given = failures(EACH)
    model = writer("Something that nobody has asked for so far, please.")
    explored = await expansion(given[:3] + given[-3:], model=model).explore("00000")
    asked = [one for one in model.requests if one.purpose == "looptool.variant"]
    assert len(asked) > 15 and any(one.trajectory for one in explored)
    for request in asked:
        assert request.variables == {}
        told = request.messages[1]["content"]
        assert "What this person wants, in this order:" in told
        assert "rounds" not in told.partition("What to write:")[2]
    for row in (one.trajectory for one in explored if one.trajectory):
        assert row.task.plan == {} and (row.kind == "no_call" or row.task.intended)


async def test_a_request_that_a_language_model_copies_is_refused():
    (one,) = failures(EACH)[:1]
    model = writer(f"  {one.row.task.instruction.upper()}")
    explored = await expansion((one,), model=model).explore("00000")
    copied = [other for other in explored if other.code == "near_duplicate"]
    assert copied and all(other.message == "the request of its seed" for other in copied)
    assert not ids(explored)


async def test_a_reply_without_a_request_is_a_counted_drop():
    (one,) = failures(EACH)[:1]
    model = Scripted(lambda request: reply({"details": ""}))
    explored = await expansion((one,), model=model).explore("00000")
    assert {other.code for other in explored} <= {"reply_schema", "no_scenario"}
    assert "reply_schema" in {other.code for other in explored}


async def test_rows_without_a_plan_are_understood_from_their_calls():
    given = tuple(
        one.model_copy(update={"row": one.row.model_copy(update={"task": _planless(one.row)})})
        for one in failures(EACH)
    )
    explored = await expansion(given).explore("00000")
    made = Counter(one.part for one in explored if one.trajectory)
    assert all(made[name] >= 2 for name in FAILURES), made


def _planless(row):
    return row.task.model_copy(update={"plan": {}})


async def test_a_row_of_an_unknown_toolkit_gets_none():
    (one,) = failures(EACH)[:1]
    task = one.row.task.model_copy(update={"toolkit": "gone"})
    stranger = one.model_copy(update={"row": one.row.model_copy(update={"task": task})})
    explored = await expansion((stranger,)).explore("00000")
    assert {other.code for other in explored} == {"no_scenario"}


def test_rows_in_memory_come_in_blocks():
    (row,) = world_rows(NAMES, "single", EACH)[:1]
    held = Held([row] * (BLOCK + 3))
    assert [len(held.block(number)) for number in range(len(held))] == [BLOCK, 3]
