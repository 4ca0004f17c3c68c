"""The offline teacher explores: executed plans, refusals that are recovered, nothing that is asked twice."""

import asyncio
from functools import cache
from pathlib import Path

from made import codes

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.values.mentions import fold


@cache
def workshop(name, **settings):
    body = {
        "dataset": "x",
        "size": 10,
        "tools": [{"world": name}],
        "methods": {"ste": {"episodes": 2, "trials": 4, **settings}},
        "mix": "any",
    }
    return Workshop.of(check_recipe(body, "x"), Path())


async def gone_through(given, chain):
    teacher = given.teacher(Path())
    explorer = given.explorers(teacher, teacher, given.toolbox(teacher))["ste"]
    explored = await explorer.explore(chain)
    seeds = [one.trajectory for one in explored if not one.code]
    return explored, await explorer.multiply(chain, seeds)


@cache
def chain(name, **settings):
    return asyncio.run(gone_through(workshop(name.partition(".")[0], **settings), name))


def good(explored):
    return [one.trajectory for one in explored if not one.code]


def test_what_it_keeps_passes_every_check_up_to_execution_and_equality():
    for name in ("restaurant.book_table", "library.renew_loan", "units.convert_length"):
        explored, made = chain(name, paraphrases=20)
        rows = good(explored) + good(made)
        assert len(rows) > 8
        judges = workshop(name.partition(".")[0], paraphrases=20).judges()
        assert [row.id for row in rows if codes(judges, row)] == []


def test_a_refusal_is_recovered_with_what_the_person_said_they_would_take_instead():
    recovered = [
        row
        for row in good(chain("restaurant.book_table", paraphrases=20)[0])
        if any(not one.observation.succeeded for one in row.observations())
    ]
    assert recovered
    for row in recovered:
        refused, served = row.tool_calls[-2:]
        assert refused.name == served.name
        assert [turn.role for turn in row.messages].count("user") == 1
        assert row.kind == "multi_step"
        assert row.messages[-1].content.startswith(
            ("The first", "What you", "Your first", "That had", "It was", "First")
        )


def test_it_asks_for_nothing_twice_while_it_remembers():
    tasks = [one.trajectory.task for one in chain("restaurant.book_table", paraphrases=20)[0]]
    requests = [fold(task.instruction) for task in tasks if task.parent is None]
    assert len(set(requests)) == len(requests) == 8


def test_tools_that_find_ids_are_offered_and_what_competes_is_not():
    (row, *_) = good(chain("library.renew_loan", paraphrases=20)[0])
    names = [tool.name for tool in row.task.tools]
    assert {"renew_loan", "list_loans"} <= set(names)
    assert {one.name for one in row.task.tools if one.resource == "loans"} == {"renew_loan", "list_loans"}


def test_a_last_call_that_needed_an_id_is_refused():
    explored, _ = chain("library.renew_loan", paraphrases=20)
    refused = [one for one in explored if one.code == "needs_earlier_call"]
    assert refused
    assert all("loan_id" in one.message for one in refused)


def test_paraphrases_say_the_same_in_other_words():
    _, made = chain("restaurant.book_table", paraphrases=20)
    kept = good(made)
    assert kept
    for row in kept:
        assert row.task.parent
        assert row.task.plan["scenario"]["goals"]
    assert len({row.task.instruction for row in kept}) == len(kept)
