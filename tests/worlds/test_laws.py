"""Laws that every world keeps, tried on every tool with arguments made from its schema."""

from __future__ import annotations

import datetime as dt
import inspect
import itertools
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import jsonschema_rs
import pytest
from draws import CLOCK, Call, Key, Watched, called, drawn, fresh, kit, texts
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from callwright.schemas.base import canonical_json
from callwright.schemas.tool import Tool
from callwright.sources.phrases import load_phrases
from callwright.toolbox.graph import feeds_of, sources_of, tool_graph
from callwright.values.makers import is_id_name
from callwright.worlds import NAMES, base, world_class
from callwright.worlds.base import World, shipped_phrases, toolkit_of

STATUSES = {200, 404, 409, 422}
EXAMPLES = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def strings_in(value: Any) -> list[str]:
    """Every string of a state: ids and names that calls can refer to."""
    if isinstance(value, dict):
        return [*value, *(one for child in value.values() for one in strings_in(child))]
    if isinstance(value, list):
        return [one for child in value for one in strings_in(child)]
    return [value] if isinstance(value, str) else []


def values(schema: dict[str, Any], root: dict[str, Any], known: list[str]) -> st.SearchStrategy[Any]:
    """Values of a schema, strings often taken from the world's state."""
    if "$ref" in schema:
        return values(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root, known)
    if "anyOf" in schema:
        return st.one_of([values(one, root, known) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    kind = schema.get("type")
    if kind == "null":
        return st.none()
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        return st.integers(schema.get("minimum", -3), schema.get("maximum", 500))
    if kind == "number":
        return st.floats(schema.get("minimum", -5), schema.get("maximum", 500), allow_nan=False)
    if kind == "array":
        return st.lists(values(schema.get("items", {}), root, known), max_size=3)
    if kind == "object":
        return arguments(schema, root, known)
    if schema.get("format") == "date":
        return st.dates(CLOCK - dt.timedelta(days=9), CLOCK + dt.timedelta(days=40)).map(dt.date.isoformat)
    return (
        st.sampled_from(known)
        | st.sampled_from(["09:30", "17:00", "Dana Whitfield", "x"])
        | st.text(max_size=8)
    )


def arguments(schema: dict[str, Any], root: dict[str, Any], known: list[str]) -> st.SearchStrategy[Any]:
    made = {name: values(child, root, known) for name, child in schema.get("properties", {}).items()}
    required = set(schema.get("required", ()))
    return st.fixed_dictionaries(
        {name: one for name, one in made.items() if name in required},
        optional={name: one for name, one in made.items() if name not in required},
    )


def calls(world: World) -> st.SearchStrategy[Call]:
    known = sorted(set(strings_in(world.state)))[:400]
    tools = toolkit_of(type(world)).tools
    return st.one_of(
        [st.tuples(st.just(one.name), arguments(one.parameters, one.parameters, known)) for one in tools]
    )


def usual(name: str, world: World) -> st.SearchStrategy[Call]:
    """Calls with values that people give and ids that exist: most of them succeed."""
    seeds = st.integers(0, 1_000_000).map(random.Random)
    made = st.builds(lambda tool, rng: drawn(name, world, tool, rng), st.sampled_from(kit(name).tools), seeds)
    return made.filter(bool)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_state_and_another_seed_another(name: str) -> None:
    assert fresh(name).state_hash() == fresh(name).state_hash()
    assert fresh(name).state_hash() != fresh(name, 6).state_hash()
    json.loads(canonical_json(fresh(name).state))


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_valid_and_every_argument_is_described(name: str) -> None:
    for tool in toolkit_of(world_class(name)).tools:
        assert tool.description and tool.resource, tool.name
        jsonschema_rs.validator_for(tool.parameters)
        jsonschema_rs.validator_for(tool.returns)
        assert all(schema.get("description") for schema in tool.properties.values()), tool.name


@pytest.mark.parametrize("name", NAMES)
def test_every_call_answers_in_the_documented_shape_or_with_a_documented_error(name: str) -> None:
    @EXAMPLES
    @given(st.data())
    def run(data: Any) -> None:
        world = fresh(name)
        for call in data.draw(st.lists(calls(world) | usual(name, world), min_size=1, max_size=6)):
            answer = called(world, name, call)
            if answer is None:
                continue
            status, body = answer
            assert status in STATUSES
            if status == 200:
                returns = toolkit_of(type(world)).tool(call[0]).returns
                assert returns is not None
                assert jsonschema_rs.validator_for(returns, validate_formats=True).is_valid(body), (
                    call,
                    body,
                )
            else:
                assert body["error"]
            canonical_json(body)

    run()


@pytest.mark.parametrize("name", NAMES)
def test_a_snapshot_brings_the_same_answers_back(name: str) -> None:
    @EXAMPLES
    @given(st.data())
    def run(data: Any) -> None:
        world = fresh(name)
        for call in data.draw(st.lists(calls(world) | usual(name, world), max_size=3)):
            called(world, name, call)
        before, kept = world.state_hash(), world.snapshot()
        later = data.draw(st.lists(calls(world) | usual(name, world), min_size=1, max_size=3))
        first = [called(world, name, call) for call in later]
        after = world.state_hash()
        world.restore(kept)
        assert world.state_hash() == before
        assert [called(world, name, call) for call in later] == first
        assert world.state_hash() == after

    run()


@pytest.mark.parametrize("name", NAMES)
def test_a_call_that_fails_leaves_the_state_alone(name: str) -> None:
    @EXAMPLES
    @given(st.data())
    def run(data: Any) -> None:
        world = fresh(name)
        before = world.state_hash()
        answer = called(world, name, data.draw(calls(world) | usual(name, world)))
        if answer is None or answer[0] != 200:
            assert world.state_hash() == before

    run()


@pytest.mark.parametrize("name", NAMES)
def test_the_phrase_sheet_fits_the_tools(name: str) -> None:
    kit = toolkit_of(world_class(name))
    sheet = load_phrases(shipped_phrases(world_class(name)), kit)
    assert set(sheet.tools) == {tool.name for tool in kit.tools}


@pytest.mark.parametrize("name", NAMES)
def test_chance_is_used_for_the_first_state_alone(name: str) -> None:
    """`self.rng` and `self.fake` belong to `populate`: what a tool draws would depend on the calls before it."""
    source = inspect.getsource(world_class(name))
    head, _, rest = source.partition("def populate")
    tools = rest.partition("@tool")[2]
    assert "self.rng" not in tools and "self.fake" not in tools and "self.rng" not in head


@pytest.mark.parametrize("name", NAMES)
def test_every_tool_succeeds_with_what_its_sheet_suggests(name: str) -> None:
    missing = {tool.name for tool in kit(name).tools}
    for seed in range(30):
        world, rng = fresh(name, seed), random.Random(seed)
        # Twice round, for some act on what others make: what is in the cart can be taken out of it.
        for tool in (*kit(name).tools, *kit(name).tools):
            call = drawn(name, world, tool, rng)
            status, _ = (call and called(world, name, call)) or (None, None)
            assert status in STATUSES | {None}, (tool.name, status)
            if status == 200:
                missing.discard(tool.name)
        if not missing:
            return
    pytest.fail(f"never answered with success: {sorted(missing)}")


# Independent calls commute


@pytest.mark.parametrize("name", NAMES)
def test_calls_that_do_not_notice_each_other_leave_the_same_state_in_both_orders(name: str) -> None:
    """Where both are answered in both orders as they are alone, what they leave is what each leaves alone.

    A record that both store is left aside: "on" and "off" are answered alike in both orders, and the last one wins.
    """

    @EXAMPLES
    @given(st.data())
    def run(data: Any) -> None:
        world = fresh(name, data.draw(st.integers(0, 2)))
        first, second = (data.draw(calls(world) | usual(name, world)) for _ in range(2))
        assume(called(world, name, first) and called(world, name, second))
        watched = Watched(fresh(name, world.seed))
        alone, touched, changes = [], [], []
        for call in (first, second):
            alone += watched.play(call)
            touched.append(watched.touched)
            changes.append(watched.changes)
        left = []
        for there in (True, False):
            answers = watched.play(*((first, second) if there else (second, first)))
            assume((answers if there else answers[::-1]) == alone)
            left.append(watched.changes)
        for change in (*left, *changes):
            for key in touched[0] & touched[1]:
                change.pop(key, None)
        assert left[0] == left[1] == changes[0] | changes[1]

    run()


@dataclass(frozen=True)
class Act:
    """A call that changed something when it was made alone, and named or made all that it touched."""

    call: Call
    answer: tuple[int, Any]
    ids: frozenset[str]
    made: frozenset[Key]
    around: frozenset[str]
    """What it says, what it is answered, and what stands in the records that it touched."""


def acts(name: str, world: World, watched: Watched, rng: random.Random) -> Iterator[Act]:
    """Two for each tool, where it has some."""
    for tool in kit(name).tools * 2:
        call = drawn(name, world, tool, rng)
        if call is None:
            continue
        (answer,) = watched.play(call)
        named = texts(call[1])
        if (
            answer[0] == 200
            and watched.touched
            and {key for _, key in watched.touched - watched.made} <= named
        ):
            ids = frozenset(key for _, key in watched.touched)
            around = named | watched.mentioned | texts(answer[1])
            yield Act(call, answer, ids, frozenset(watched.made), frozenset(around))
        watched.play()


@pytest.mark.parametrize("name", NAMES)
def test_calls_that_act_on_different_things_are_answered_as_if_they_were_alone(name: str) -> None:
    """Or refused, for a limit that the other used up. Things are different where nothing that the one call says or
    touches is what the other one acts on. Every pair of tools is tried in both orders.
    """

    @settings(EXAMPLES, max_examples=4)
    @given(st.integers(0, 2), st.integers(0, 1_000_000))
    def run(seed: int, draw: int) -> None:
        world = fresh(name, seed)
        watched = Watched(world)
        for one, other in itertools.permutations(acts(name, world, watched, random.Random(draw)), 2):
            if texts(one.call[1]) & texts(other.call[1]):
                continue
            assert not one.made & other.made, ("an id does not follow from the arguments", one, other)
            if one.ids & other.around or other.ids & one.around:
                continue
            first, (status, body) = watched.play(one.call, other.call)
            assert first == one.answer
            # A cart shows what else was put into it.
            shown = one.ids & texts(body)
            assert shown or (status, body) == other.answer or status in STATUSES - {200}, (
                one.call,
                other,
                body,
            )

    run()


# The catalogue as a whole


def tools() -> list[tuple[str, Tool]]:
    return [(name, tool) for name in NAMES for tool in kit(name).tools]


def test_the_catalogue_is_wide_and_most_of_it_keeps_a_state() -> None:
    assert len(NAMES) >= 20
    assert len(tools()) >= 150
    assert len({kit(name).category for name in NAMES}) >= 12
    assert sum(map(keeps_a_state, NAMES)) >= 0.6 * len(NAMES)


def keeps_a_state(name: str) -> bool:
    """Whether some call leaves a world otherwise than it was."""
    world, rng = fresh(name), random.Random(name)
    before = world.state_hash()
    for tool in kit(name).tools * 5:
        call = drawn(name, world, tool, rng)
        if call and called(world, name, call) and world.state_hash() != before:
            return True
    return False


@pytest.mark.parametrize("name", NAMES)
def test_every_id_is_found_by_a_list_or_a_search_of_the_same_world(name: str) -> None:
    graph = tool_graph(kit(name))
    for tool in kit(name).tools:
        for argument in tool.properties:
            if not is_id_name(argument, codes=False):
                continue
            lists = [
                giver
                for giver in sources_of(kit(name), graph, tool.name, argument)
                if kit(name).tool(giver).resource and answers_with_a_list(kit(name).tool(giver))
            ]
            feeds = [feed for giver in lists for feed in feeds_of(graph, giver, tool.name)]
            assert any(feed.confirmed for feed in feeds if feed.argument == argument), (tool.name, argument)


def answers_with_a_list(tool: Tool) -> bool:
    """Whether the answer is a list of things, or a thing that is made of a list, such as a cart."""
    returns = tool.returns or {}
    return returns.get("type") == "array" or any(
        "$ref" in field.get("items", {}) for field in returns.get("properties", {}).values()
    )


@pytest.mark.parametrize("name", NAMES)
def test_no_list_pours_out_everything(name: str) -> None:
    for tool in kit(name).tools:
        if (tool.returns or {}).get("type") != "array" or tool.required:
            continue
        assert tool.properties, f"{tool.name} has neither a filter nor a limit"
        limit = tool.properties.get("limit", {}).get("default", 10)
        for seed in range(6):
            status, rows = fresh(name, seed).call(tool.name, {})
            assert status == 200
            assert len(rows) <= limit, (tool.name, seed, len(rows))


@pytest.mark.parametrize("name", NAMES)
def test_every_tool_is_asked_for_in_eight_ways_and_no_ask_is_another_one_with_a_please(name: str) -> None:
    sheet = kit(name).phrases
    assert sheet is not None
    for tool, phrases in sheet.tools.items():
        asks = [(register, ask) for register, listed in phrases.asks.items() for ask in listed]
        assert len({register for register, _ in asks}) >= 3, tool
        assert len({bare(re.sub(r"\{\w+\}", "", ask)) for _, ask in asks}) >= 8, tool
        said: dict[str, str] = {}
        for _, ask in asks:
            assert said.setdefault(bare(ask), ask) == ask, (tool, said[bare(ask)], ask)
        assert len(said) == len(asks), (tool, "an ask stands there twice")


def bare(ask: str) -> str:
    """An ask without case, punctuation and "please"; its slots are words of it."""
    return " ".join(word for word in re.findall(r"\{\w+\}|[\w']+", ask.casefold()) if word != "please")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_required_can_be_asked_for_and_named(name: str) -> None:
    sheet = kit(name).phrases
    assert sheet is not None
    for tool in kit(name).tools:
        for argument in tool.required:
            assert sheet.tools[tool.name].questions.get(argument), (tool.name, argument)
            assert sheet.tools[tool.name].replies.get(argument), (tool.name, argument)


def test_the_catalogue_holds_parameters_of_every_kind() -> None:
    found = {
        kind
        for _, tool in tools()
        for argument, schema in tool.properties.items()
        for kind in kinds_of(schema, tool.parameters, argument in tool.required)
    }
    assert found >= {
        "text",
        "number",
        "boolean",
        "date",
        "enum",
        "array",
        "object",
        "list of objects",
        "default",
    }


def kinds_of(schema: dict[str, Any], root: dict[str, Any], required: bool) -> Iterator[str]:
    if not required and schema.get("default") is not None:
        yield "default"
    for one in schema.get("anyOf", [schema]):
        whole = root["$defs"][one["$ref"].rsplit("/", 1)[-1]] if "$ref" in one else one
        kind = {"string": "text", "integer": "number"}.get(whole.get("type", ""), whole.get("type", ""))
        if kind == "array" and "object" in kinds_of(whole["items"], root, True):
            yield "list of objects"
        yield "enum" if "enum" in whole else "date" if whole.get("format") == "date" else kind


class Careless(World):
    """A world with a mistake: what it answers is not what it says."""

    def populate(self) -> None:
        self.state["lamps"] = {"one": {"id": "one", "lit": False}}

    @base.tool(resource="lamps")
    def light(self) -> int:
        """Light the lamp."""
        self.put("lamps", {"id": "one", "lit": True})
        return cast(int, "bright")


def test_a_mistake_of_the_world_leaves_the_state_alone_too() -> None:
    world = Careless(seed=1, clock=CLOCK)
    with pytest.raises(ValueError, match="valid integer"):
        world.call("light", {})
    assert world.one("lamps", "one") == {"id": "one", "lit": False}
