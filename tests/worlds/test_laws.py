"""Laws that every world keeps, tried on every tool with arguments made from its schema."""

from __future__ import annotations

import datetime as dt
import inspect
import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callwright.schemas.base import canonical_json
from callwright.sources.phrases import load_phrases
from callwright.worlds import NAMES, world_class
from callwright.worlds.base import World, shipped_phrases, toolkit_of

CLOCK = dt.date(2026, 3, 10)
STATUSES = {200, 404, 409, 422}
EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


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
        return st.floats(schema.get("minimum", -5), schema.get("maximum", 500), allow_nan=False, width=16)
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


def calls(world: World) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    known = sorted(set(strings_in(world.state)))[:400]
    tools = toolkit_of(type(world)).tools
    return st.one_of(
        [st.tuples(st.just(one.name), arguments(one.parameters, one.parameters, known)) for one in tools]
    )


def fresh(name: str, seed: int = 5) -> World:
    return world_class(name)(seed, CLOCK)


def called(world: World, call: tuple[str, dict[str, Any]]) -> tuple[int, Any] | None:
    """The answer, or None for arguments that the schema refuses (a strict toolbox never passes those on)."""
    tool = toolkit_of(type(world)).tool(call[0])
    try:
        validator = jsonschema_rs.validator_for(tool.parameters, validate_formats=True)
        return world.call(*call) if validator.is_valid(call[1]) else None
    except ValueError:
        return None


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
        for call in data.draw(st.lists(calls(world), min_size=1, max_size=6)):
            answer = called(world, call)
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
        for call in data.draw(st.lists(calls(world), max_size=3)):
            called(world, call)
        before, kept = world.state_hash(), world.snapshot()
        later = data.draw(st.lists(calls(world), min_size=1, max_size=3))
        first = [called(world, call) for call in later]
        after = world.state_hash()
        world.restore(kept)
        assert world.state_hash() == before
        assert [called(world, call) for call in later] == first
        assert world.state_hash() == after

    run()


@pytest.mark.parametrize("name", NAMES)
def test_a_call_that_fails_leaves_the_state_alone(name: str) -> None:
    @EXAMPLES
    @given(st.data())
    def run(data: Any) -> None:
        world = fresh(name)
        before = world.state_hash()
        answer = called(world, data.draw(calls(world)))
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
