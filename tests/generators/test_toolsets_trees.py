"""Tools drawn from two trees: each pair of leaves can be, what was drawn is kept, checked, and told of each tool."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import commit, task, trajectory
from inventor import good
from test_prompts import check
from typer.testing import CliRunner

from callwright.cli.main import app
from callwright.engine.tools import read_source, single_sources
from callwright.engine.toolsets import Order, invent, rules
from callwright.errors import UsageError
from callwright.generators.toolalpaca.toolsets import trees
from callwright.generators.toolalpaca.toolsets.documents import examine
from callwright.generators.toolalpaca.toolsets.seeds import Seed
from callwright.generators.toolalpaca.toolsets.stages import Introduction, RejectedError, Stages
from callwright.llm.base import Completion, Request
from callwright.llm.scripted import Scripted, reply, say
from callwright.schemas.recipe import ToolSource
from callwright.schemas.tool import Leaves, Tool, Toolkit
from callwright.sources.openapi import LEAVES, read_openapi
from callwright.sources.toolset import read_toolset
from callwright.store import Store

# A teacher that keeps what was drawn


def named(words: str, naming: str) -> str:
    parts = words.lower().replace("'", "").split()[:4]
    titled = "".join(part.title() for part in parts)
    return {
        "camelCase": titled[0].lower() + titled[1:],
        "PascalCase": titled,
        "snake_case": "_".join(parts),
        "kebab-case": "-".join(parts),
    }[naming]


DESCRIBED = {
    "brief": "Finds things by place, e.g. the old harbour.",
    "explained": 'Does what it is called (within approx. 1.5 days). Answers yes or no. Use it for "what is on?"',
    "exemplified": 'Says "open" or "closed." For example, it serves a visitor who knows the day.',
}
COUNTS = {"none": 0, "one_to_three": 2, "four_or_more": 5}
PLAIN = {"string": "town", "number": "size", "boolean": "open"}


def listed(leaf: Leaves) -> dict[str, Any]:
    """A function of the list that keeps its leaf."""
    wanted = trees.Constraints.of(leaf.constraints)
    types = [wanted.type, *["string"] * 9][: COUNTS[wanted.parameters]]
    return {
        "name": named(leaf.context[-1], wanted.naming),
        "description": DESCRIBED[wanted.described],
        "inputs": [
            {"name": f"field{number}", "type": one, "required": number == 0, "description": "A field."}
            for number, one in enumerate(types)
        ],
        "output": "What came of it.",
    }


def schema(kind: str) -> dict[str, Any]:
    if kind == "string":
        return {"enum": ["north", "south"], "description": "A choice that leaves its type to its values."}
    more: dict[str, Any] = {"array": {"items": {"type": "string"}}, "object": {}}.get(kind, {})
    if kind == "object":
        more = {"properties": {"inner": {"type": "string", "description": "Inside."}}}
    return {"type": kind, "description": "A field.", **more}


THING = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string", "description": "Its name."}},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "object": THING,
    "list": {"type": "array", "items": THING},
    "page": {
        "type": "object",
        "properties": {
            "total": {"type": "integer", "description": "How many."},
            "things": {"type": "array", "items": THING},
        },
    },
}


def written(functions: list[dict[str, Any]], drawn: tuple[Leaves, ...]) -> dict[str, Any]:
    """A document that keeps what was drawn; what a function takes stands in its body."""
    paths: dict[str, Any] = {}
    for number, (function, leaf) in enumerate(zip(functions, drawn, strict=True)):
        wanted = trees.Constraints.of(leaf.constraints)
        fields = {one["name"]: schema(one["type"]) for one in function["inputs"]}
        operation: dict[str, Any] = {
            "operationId": function["name"],
            "summary": "Do a thing",
            "description": function["description"],
            "responses": {
                "200": {
                    "description": "Done.",
                    "content": {"application/json": {"schema": ANSWERS[wanted.answer]}},
                }
            },
        }
        if fields:
            body = {"type": "object", "properties": fields}
            operation["requestBody"] = {"content": {"application/json": {"schema": body}}}
        paths[f"/things{number}"] = {"post" if fields else "get": operation}
    return {"openapi": "3.0.3", "info": {"title": "Drawn", "version": "1"}, "paths": paths}


def seed_of(request: Request) -> Seed:
    return Seed.model_validate(request.variables["seed"])


def keeping(change: Callable[[str, Any], Any] = lambda stage, made: made) -> Callable[[Request], Completion]:
    """A model that keeps what was drawn, but for what `change` makes of its functions or its document."""

    def line(request: Request) -> Completion:
        seed = seed_of(request)
        functions = [listed(leaf) for leaf in seed.functions]
        if request.purpose == "toolalpaca.introduction":
            return say(f"{seed.name} is what people of that field use for {seed.description}.")
        if request.reply_schema:
            return reply({"functions": change("functions", functions)})
        return say(json.dumps(change("document", written(functions, seed.functions))))

    return line


# The draw


def test_the_trees_are_broad_and_no_leaf_stands_twice():
    context, constraints = trees.leaves("context"), trees.leaves("constraints")
    assert len(context) == len(set(context)) == 192
    assert {len(path) for path in context} == {3}
    assert len({path[0] for path in context}) == 12
    assert len({path[-1] for path in context}) == 192
    assert len(constraints) == len(set(constraints)) == 4 * (3 + 2 * 5 * 3 * 3)
    assert len(trees.Constraints._fields) == 5


class Fixed(random.Random):
    """Draws the numbers that it is told to."""

    def __init__(self, *numbers: int) -> None:
        super().__init__(0)
        self._numbers = iter(numbers)

    def randrange(self, *bounds: int) -> int:  # type: ignore[override]
        found = next(self._numbers)
        assert 0 <= found < bounds[0]
        return found


def test_every_pair_of_leaves_can_be_drawn_and_each_by_one_draw_alone():
    context, constraints = trees.leaves("context"), trees.leaves("constraints")
    pairs = Counter(
        trees.pair(Fixed(one, other))
        for one, other in itertools.product(range(len(context)), range(len(constraints)))
    )
    assert set(pairs.values()) == {1}
    assert len(pairs) == len(context) * len(constraints) == 71_424
    assert {(one.context, one.constraints) for one in pairs} == set(itertools.product(context, constraints))


def test_the_two_leaves_are_drawn_independently():
    draws = [trees.pair(random.Random(number)) for number in range(6000)]
    cells = Counter((one.context[0], one.constraints[0]) for one in draws)
    assert len(cells) == 12 * 4
    assert all(80 < count < 175 for count in cells.values()), cells  # 125 of each


def test_a_toolkit_is_a_sub_topic_with_a_path_of_its_own_for_each_function():
    seeds = trees.draw_toolkits(48, 3)
    assert len({seed.name for seed in seeds}) == 48
    assert trees.draw_toolkits(5, 3) == seeds[:5] != trees.draw_toolkits(5, 4)
    for seed in seeds:
        assert len(seed.functions) == 4
        assert len({one.context[:2] for one in seed.functions}) == 1
        assert [one.context[-1] for one in seed.functions] == seed.description.partition(": ")[2].split("; ")
    assert {one.context for seed in seeds for one in seed.functions} == set(trees.leaves("context"))
    assert len({one.constraints for seed in seeds for one in seed.functions}) > 120
    with pytest.raises(UsageError, match="has 48 sub-topics, not 49"):
        trees.draw_toolkits(49, 3)


# What was drawn is kept


def checked(leaf: Leaves, spoil: Callable[[dict[str, Any]], object] = lambda operation: None) -> list[str]:
    """Codes against a document of one function that keeps its leaf, but for what `spoil` does."""
    document = written([listed(leaf)], (leaf,))
    [item] = document["paths"].values()
    [operation] = item.values()
    spoil(operation)
    tools = read_openapi(document, "drawn")[0].tools
    return [one.code for one in trees.problems(document, tools, {operation["operationId"]: leaf})]


def test_what_keeps_its_leaf_is_never_refused():
    """Every path of the constraint tree: no false alarm in the list nor in the document."""
    context = trees.leaves("context")
    for number, path in enumerate(trees.leaves("constraints")):
        leaf = Leaves(context=context[number % len(context)], constraints=path)
        function = listed(leaf)
        assert trees.listing_problems([function], [leaf]) == [], path
        document = written([function], (leaf,))
        examined = examine(json.dumps(document), [function["name"]], "drawn", {function["name"]: leaf})
        assert examined.problems == (), path


def fields(operation: dict[str, Any]) -> dict[str, Any]:
    held = operation.setdefault(
        "requestBody", {"content": {"application/json": {"schema": {"type": "object"}}}}
    )
    found: dict[str, Any] = held["content"]["application/json"]["schema"].setdefault("properties", {})
    return found


def rename(operation: dict[str, Any], wanted: trees.Constraints) -> bool:
    others = {"camelCase": "find_it", "snake_case": "FindIt", "PascalCase": "find-it", "kebab-case": "findIt"}
    operation["operationId"] = others[wanted.naming]
    return True


def shorten(operation: dict[str, Any], wanted: trees.Constraints) -> bool:
    operation["operationId"] = "x1" if wanted.naming != "PascalCase" else "X1"
    return True


def recount(operation: dict[str, Any], wanted: trees.Constraints) -> bool:
    given = fields(operation)
    if wanted.parameters == "four_or_more":
        for name in list(given)[3:]:
            del given[name]
    else:
        given |= {f"more{number}": schema("string") for number in range(4 if wanted.type else 1)}
    return True


def retype(operation: dict[str, Any], wanted: trees.Constraints) -> bool:
    if not wanted.type:
        return False
    other = "boolean" if wanted.type != "boolean" else "string"
    for name in fields(operation):
        fields(operation)[name] = schema(other)
    return True


def nest(operation: dict[str, Any], wanted: trees.Constraints) -> bool:
    if not wanted.simple:
        return False
    fields(operation)[list(fields(operation))[-1]] = schema("array")
    return True


def reanswer(operation: dict[str, Any], wanted: trees.Constraints) -> bool:
    other = {"object": "page", "list": "object", "page": "list"}[wanted.answer]
    operation["responses"]["200"]["content"]["application/json"]["schema"] = ANSWERS[other]
    return True


def redescribe(operation: dict[str, Any], wanted: trees.Constraints) -> bool:
    operation["description"] = DESCRIBED["explained" if wanted.described == "brief" else "brief"]
    return True


def unexample(operation: dict[str, Any], wanted: trees.Constraints) -> bool:
    if wanted.described != "exemplified":
        return False
    operation["description"] = DESCRIBED["explained"]
    return True


@pytest.mark.parametrize(
    ("plant", "code"),
    [
        (rename, "wrong_name_style"),
        (shorten, "wrong_name_style"),
        (recount, "wrong_parameter_count"),
        (retype, "wrong_parameter_types"),
        (nest, "wrong_parameter_types"),
        (reanswer, "wrong_output"),
        (redescribe, "wrong_description"),
        (unexample, "wrong_description"),
    ],
)
def test_what_breaks_its_leaf_is_found_on_every_path(plant: Callable[..., bool], code: str):
    context, planted = trees.leaves("context"), 0
    for number, path in enumerate(trees.leaves("constraints")):
        leaf = Leaves(context=context[number % len(context)], constraints=path)
        done: list[bool] = []
        found = checked(
            leaf,
            lambda operation, path=path, done=done: done.append(plant(operation, trees.Constraints.of(path))),
        )
        if done == [True]:
            planted += 1
            assert code in found, path
    assert planted >= 90


def test_a_list_is_held_against_the_leaves_before_a_document_is_asked_for():
    leaf = Leaves(context=("a", "b", "c"), constraints=("snake_case", "none", "object", "brief"))
    function = listed(leaf) | {"name": "do_it"}
    assert trees.listing_problems([function], [leaf]) == []
    for change, code in (
        ({"name": "doIt"}, "wrong_name_style"),
        ({"inputs": [{"name": "town", "type": "string"}]}, "wrong_parameter_count"),
        ({"description": DESCRIBED["explained"]}, "wrong_description"),
    ):
        assert [one.code for one in trees.listing_problems([function | change], [leaf])] == [code]
    assert [one.code for one in trees.listing_problems([function] * 2, [leaf])] == ["wrong_functions"]


# A whole run


def run(out: Path, line: Callable[[Request], Completion], count: int = 3) -> tuple[Any, Scripted]:
    model = Scripted(line)
    return asyncio.run(invent(Order(out, count, seed=5, trees=True), model)), model


def toolkits(folder: Path) -> list[Toolkit]:
    """What a recipe reads of a toolset."""
    sources = single_sources(ToolSource(toolset=str(folder)), folder)
    return [read_source(one, folder)[0] for one in sources]


def test_the_prompt_carries_both_paths_and_every_tool_keeps_them(tmp_path: Path):
    toolset, model = run(tmp_path, keeping())
    assert [one.code for one in toolset.rejected] == []
    for request in model.requests:
        for leaf in seed_of(request).functions:
            wanted = trees.Constraints.of(leaf.constraints)
            told = request.messages[1]["content"].partition(f". {leaf.context[-1]}\n")[2].partition("\n\n")[0]
            assert told.startswith(trees.worded([leaf]).partition("\n")[2])
            assert f"name: {wanted.naming}," in told and wanted.type in told
    kits = toolkits(tmp_path)
    seeds = {seed.name: seed for seed in trees.draw_toolkits(3, 5)}
    assert {kit.title for kit in kits} == set(seeds)
    for kit in kits:
        assert {tool.leaves for tool in kit.tools} == set(seeds[kit.title].functions)
    tools = [tool for kit in kits for tool in kit.tools]
    covered = read_toolset(tmp_path).trees
    assert sum(covered["domain"].values()) == sum(covered["naming"].values()) == len(tools) == 12
    assert covered["leaves"]["context"] == 12
    assert covered["leaves"]["context in all"] == 192
    assert len(covered["domain"]) == 12  # those that nothing was drawn from are told as well


async def test_the_prompt_of_drawn_functions():
    model = Scripted(keeping())
    [seed] = trees.draw_toolkits(1, 5)
    await Stages(model).invent(Introduction(seed=seed, text="A service."))
    check("toolset-trees", model.requests[0])


def test_leaves_survive_in_the_store_and_explain_tells_them(tmp_path: Path):
    run(tmp_path / "set", keeping(), 1)
    [kit] = toolkits(tmp_path / "set")
    row = trajectory(task(tools=kit.tools, toolkit=kit.name), [])
    with Store.open(tmp_path / "data", write=True) as store:
        store.commit(commit(row, toolkits=[kit]))
    with Store.open(tmp_path / "data", write=False) as store:
        kept = store.tools([tool.id for tool in kit.tools])
        assert [kept[tool.id].leaves for tool in kit.tools] == [tool.leaves for tool in kit.tools]
        assert [one.leaves for one in store.explain(row.id).tools] == [tool.leaves for tool in kit.tools]
    shown = CliRunner().invoke(app, ["explain", row.id[:12], "--data", str(tmp_path / "data")])
    leaf: Any = kit.tools[0].leaves
    assert " > ".join(leaf.context) in " ".join(shown.stdout.split())


def test_leaves_are_no_part_of_what_a_model_sees():
    leaf = trees.pair(random.Random(1))
    plain = Tool(name="do_it", description="Do it.", parameters={"type": "object"})
    drawn = plain.model_copy(update={"leaves": leaf})
    assert (drawn.id, drawn.wire()) == (plain.id, plain.wire())


def stubborn(stage: str, made: Any) -> Any:
    """Describes every function otherwise than was drawn, in the document alone."""
    if stage == "document":
        for item in made["paths"].values():
            for operation in item.values():
                operation["description"] = "A very long sentence that goes on and on, and says nothing " * 3
    return made


def test_a_document_that_breaks_a_leaf_goes_back_and_then_is_a_counted_rejection(tmp_path: Path):
    tries = iter([stubborn] + [lambda stage, made: made] * 9)

    def once(stage: str, made: Any) -> Any:
        return next(tries)(stage, made) if stage == "document" else made

    toolset, model = run(tmp_path / "mended", keeping(once), 1)
    assert [one.rounds for one in toolset.accepted] == [1]
    sent_back = model.requests[-1].messages[-1]["content"]
    assert "wrong_description: " in sent_back
    toolset, _ = run(tmp_path / "never", keeping(stubborn), 1)
    assert [(one.stage, one.code) for one in toolset.rejected] == [("repair", "wrong_description")]
    assert toolset.reasons == {"wrong_description": 1}


def test_a_list_that_breaks_a_leaf_is_asked_for_once_more(tmp_path: Path):
    def longer(stage: str, made: Any) -> Any:
        return [*made, made[0] | {"name": "oneMoreThing"}] if stage == "functions" else made

    model = Scripted(keeping(longer))
    [seed] = trees.draw_toolkits(1, 5)
    with pytest.raises(RejectedError) as refused:
        asyncio.run(Stages(model).invent(Introduction(seed=seed, text="A service.")))
    assert (refused.value.stage, refused.value.code) == ("functions", "wrong_functions")
    assert len(model.requests) == 2


def test_rules_do_not_draw_and_trees_take_no_seeds(tmp_path: Path):
    with pytest.raises(UsageError, match="rules invent what they know"):
        asyncio.run(invent(Order(tmp_path, 1, trees=True), rules()))
    order = Order(tmp_path, 1, categories=("Weather",), trees=True)
    with pytest.raises(UsageError, match="comes from the trees"):
        asyncio.run(invent(order, Scripted(good)))


def test_a_document_with_leaves_that_cannot_be_read_has_none():
    leaf = trees.pair(random.Random(2))
    document = written([listed(leaf)], (leaf,))
    [item] = document["paths"].values()
    [operation] = item.values()
    for odd in ("x", {"context": 1}, None):
        operation[LEAVES] = odd
        assert read_openapi(document, "drawn")[0].tools[0].leaves is None
