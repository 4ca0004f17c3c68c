"""Toolsets: many APIs side by side, faults among them, killed runs, their folder, and recipes that use them."""

import asyncio
import json

import pytest
from inventor import good, inventor, spoilt

from callwright import documents
from callwright.engine.recipes import check_recipe
from callwright.engine.tools import read_sources, source_of
from callwright.engine.toolsets import Order, invent, rules
from callwright.engine.workshop import Workshop
from callwright.errors import ModelError, ShortfallError, SourceError, UsageError
from callwright.llm.base import Completion
from callwright.llm.scripted import Scripted, say
from callwright.schemas.base import digest
from callwright.sources.toolset import read_toolset


async def by_rules(out, count=12, **more):
    return await invent(Order(out=out, count=count, **more), rules())


def files(folder):
    """File -> bytes of all that a toolset is, without what it was answered."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith("journal")}


async def test_a_toolset_says_what_became_of_every_seed(tmp_path):
    toolset = await by_rules(tmp_path)
    assert toolset == read_toolset(tmp_path)
    assert toolset.teacher == "offline-rules"
    assert len(toolset.accepted) + len(toolset.rejected) == toolset.requested == 12
    assert len({one.category for one in toolset.accepted}) > 9  # one of each category in turn
    assert {name: cost.calls for name, cost in toolset.stages.items()} == {
        "toolalpaca.introduction": 12,
        "toolalpaca.functions": len(toolset.accepted),
        "toolalpaca.specification": len(toolset.accepted),
    }
    counted = sum(count for row in toolset.coverage.values() for count in row.values())
    assert counted == sum(one.functions for one in toolset.accepted) > 36


async def test_the_provenance_of_an_api_stands_in_its_document(tmp_path):
    toolset = await by_rules(tmp_path, 3)
    document = documents.load(tmp_path / toolset.accepted[0].file)
    told = document["x-callwright"]
    assert told["teacher"] == "offline-rules"
    assert told["seed"]["name"] == document["info"]["title"] == toolset.accepted[0].title
    assert set(told["prompts"]) >= {"toolalpaca.introduction", "toolalpaca.repair"}
    journal = {json.loads(line)["key"] for line in (tmp_path / "journal.jsonl").read_text().splitlines()}
    assert len(told["calls"]) == 3
    assert set(told["calls"]) <= journal
    lines = (tmp_path / "toolalpaca.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["Name"] for line in lines] == [one.title for one in toolset.accepted]


async def test_toolkits_of_the_rules_import_whole_and_the_offline_teacher_serves_all_of_them(tmp_path):
    await by_rules(tmp_path, 30, seed=2)
    found = read_sources(source_of(str(tmp_path)), tmp_path.parent)
    assert sum(len(toolkit.tools) for toolkit, _ in found) > 100
    assert [refusal for _, refusals in found for refusal in refusals] == []
    unserved = [
        tool.name
        for toolkit, _ in found
        for tool in toolkit.tools
        if toolkit.phrases is None or tool.name not in toolkit.phrases.tools
    ]
    assert unserved == []


async def test_the_same_order_gives_the_same_folder_whatever_runs_beside_what(tmp_path):
    for name, in_flight, latency in (("one", 1, 0.0), ("many", 16, 0.001)):
        order = Order(out=tmp_path / name, count=12)
        await invent(order, Scripted(inventor(), latency_s=latency), in_flight=in_flight)
    assert files(tmp_path / "one") == files(tmp_path / "many")


async def test_apis_run_side_by_side_and_the_stages_of_one_in_turn(tmp_path):
    under_way, most, seen = set(), 0, []

    class Watched(Scripted):
        async def complete(self, request):
            nonlocal most
            assert request.item not in under_way
            under_way.add(request.item)
            most = max(most, len(under_way))
            seen.append((request.item, request.purpose))
            await asyncio.sleep(0)
            under_way.remove(request.item)
            return await super().complete(request)

    await invent(Order(out=tmp_path, count=10), Watched(good), in_flight=7)
    assert most == 7
    stages = {item: [purpose for one, purpose in seen if one == item] for item, _ in seen}
    whole = [f"toolalpaca.{stage}" for stage in ("introduction", "functions", "specification")]
    assert all(asked in (whole, whole[:1]) for asked in stages.values())


def unlucky(request):
    """Which fault befalls this seed's document, one in five: cut off for good or for once, or broken."""
    return int(digest(request.item)[:6], 16) % 20


def faulty(request):
    number, text = unlucky(request), good(request).text
    again = request.purpose == "toolalpaca.repair"
    if number == 0 and not again:
        return say(text[: len(text) // 2], finish_reason="length")
    if number == 0:
        return say(text[len(text) // 2 :])
    if number == 1:
        return say(text[:-9]) if not again else say(text)
    if number == 2:
        return say('{"openapi": ' * 20, finish_reason="length")
    if number == 3:
        return spoilt(lambda body: body["paths"].clear())(request)
    return say(text)


async def test_faults_among_many_apis_end_in_a_document_or_a_counted_reason(tmp_path):
    model = Scripted(inventor(specification=faulty, repair=faulty))
    toolset = await invent(Order(out=tmp_path, count=60), model, in_flight=16)
    assert toolset.unfinished == ()
    assert len(toolset.accepted) + len(toolset.rejected) == 60
    assert any(one.rounds for one in toolset.accepted)
    found = {one.code for one in toolset.rejected}
    assert found == {"truncated_reply", "invalid_openapi"}
    assert all(one.rounds == 5 for one in toolset.rejected if one.stage == "repair")


async def test_a_run_that_was_cut_short_goes_on_and_asks_nothing_twice(tmp_path):
    class Killed(Exception):
        """The process ends here."""

    def until(count):
        asked = []

        def line(request):
            asked.append(request)
            if len(asked) > count:
                raise Killed
            return good(request)

        return line

    whole = Scripted(good)
    await invent(Order(out=tmp_path / "whole", count=12), whole)
    for count in (5, 9, 7):
        with pytest.raises(Killed):
            await invent(Order(out=tmp_path / "cut", count=12), Scripted(until(count)), in_flight=3)
    last = Scripted(good)
    await invent(Order(out=tmp_path / "cut", count=12), last, in_flight=3)
    assert len(last.requests) == len(whole.requests) - 5 - 9 - 7
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


async def test_an_endpoint_that_dies_leaves_what_was_made_and_the_rest_for_later(tmp_path):
    asked = []

    def dies(request):
        asked.append(request)
        return good(request) if len(asked) <= 20 else ModelError("the endpoint is gone")

    order = Order(out=tmp_path, count=12)
    with pytest.raises(ModelError, match="not finished.*the endpoint is gone; run the same command again"):
        await invent(order, Scripted(dies))
    half = read_toolset(tmp_path)
    assert half.accepted
    assert len(half.accepted) + len(half.rejected) + len(half.unfinished) == 12
    assert len(asked) == 20 + min(5, len(half.unfinished))  # nobody goes on asking a dead endpoint
    again = Scripted(good)
    assert (await invent(order, again)).unfinished == ()
    assert len(again.requests) < 36 - 18


SEEDS = """\
name\tdescription\tcategory
Spoonbill\tRecipes from home cooks\tFood
Spoonbill!\tWine and beer ratings\tFood
Fork & Knife\tRecipes from home cooks\tFood
你好\tTea houses\tFood
"""


async def test_two_of_one_name_and_two_that_say_the_same_are_rejected(tmp_path):
    table = tmp_path / "seeds.tsv"
    table.write_text(SEEDS, encoding="utf-8")
    said = (
        "Home cooks share recipes here. People search them by cuisine, look at one, and keep those they like."
    )
    model = Scripted(inventor(introduction=lambda _: say(said)))
    toolset = await invent(Order(out=tmp_path / "out", count=4, seeds=table), model)
    assert len(toolset.accepted) == 1
    assert toolset.reasons == {"duplicate_introduction": 1, "duplicate_name": 1, "unusable_name": 1}


async def test_a_required_cell_that_is_empty_is_a_shortfall_that_names_it(tmp_path):
    order = Order(out=tmp_path, count=3, required=("weather:delete",))
    with pytest.raises(
        ShortfallError, match="the required cell Weather:delete of the coverage is empty"
    ) as caught:
        await invent(order, rules())
    assert caught.value.exit_code == 3
    assert len(read_toolset(tmp_path).accepted) == 3
    filled = Order(out=tmp_path, count=3, required=("weather:search", "Patent"))
    assert {"Weather", "Patent"} <= set((await invent(filled, rules())).coverage)


@pytest.mark.parametrize(
    ("cell", "said"), [("Whether", "no seeds of the category"), ("Weather:serch", "no capability serch")]
)
async def test_a_required_cell_that_cannot_be_is_a_usage_error(tmp_path, cell, said):
    with pytest.raises(UsageError, match=said):
        await invent(Order(out=tmp_path, count=3, required=(cell,)), rules())


def recipe(folder, **source):
    body = {"dataset": "kits", "size": 10, "tools": [{"toolset": str(folder), **source}]}
    return check_recipe(body, "kits")


async def test_a_recipe_must_allow_toolkits_of_the_rules(tmp_path):
    toolset = await by_rules(tmp_path, 5)
    with pytest.raises(UsageError, match="rules invented the toolkit .*; write allow_rules: true"):
        Workshop.of(recipe(tmp_path), tmp_path)
    workshop = Workshop.of(recipe(tmp_path, allow_rules=True), tmp_path)
    assert [toolkit.name for toolkit in workshop.toolkits] == [one.name for one in toolset.accepted]
    assert {toolkit.teacher for toolkit in workshop.toolkits} == {"offline-rules"}
    assert [toolkit.category for toolkit in workshop.toolkits] == [one.category for one in toolset.accepted]
    # One file of the folder carries the label, too.
    alone = {**recipe(tmp_path).resolved(), "tools": [{"openapi": str(tmp_path / toolset.accepted[0].file)}]}
    with pytest.raises(UsageError, match="allow_rules"):
        Workshop.of(check_recipe(alone, "kits"), tmp_path)


async def test_toolkits_of_a_model_need_no_permission(tmp_path):
    await invent(Order(out=tmp_path, count=3), Scripted(good, id="openai:strong"))
    workshop = Workshop.of(recipe(tmp_path), tmp_path)
    assert {toolkit.teacher for toolkit in workshop.toolkits} == {"openai:strong"}


def test_a_folder_that_is_no_toolset_says_so(tmp_path):
    with pytest.raises(SourceError, match="no such file; make a toolset with"):
        Workshop.of(recipe(tmp_path), tmp_path)
    (tmp_path / "toolset.yaml").write_text("hello: 1\n", encoding="utf-8")
    with pytest.raises(SourceError, match="this is no toolset"):
        Workshop.of(recipe(tmp_path), tmp_path)


def test_a_toolset_has_no_name_of_its_own():
    with pytest.raises(UsageError, match="a toolset holds many toolkits"):
        recipe("kits", name="mine")


def test_the_model_is_closed_whatever_happens(tmp_path):
    model = Scripted(lambda _: Completion(text="x"))
    asyncio.run(invent(Order(out=tmp_path, count=2), model))
    assert model.closed
