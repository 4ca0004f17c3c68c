"""Views for other consumers: read as they read, arguments as they were, what has no place counted, faults found."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pandas
import pyarrow.parquet as pq
import pytest
from builders import call, commit, conversation, task, tool, trajectory
from made import demo_rows
from said import TRICKY as EASILY_BENT
from said import chat, result

from callwright.llm import hermes as hermes_text
from callwright.schemas.message import (
    AssistantMessage,
    Span,
    ToolCall,
    UserMessage,
)
from callwright.schemas.task import Trajectory
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views.folder import Manifest
from callwright.views.rows import ViewError

TRICKY: dict[str, Any] = {
    **EASILY_BENT,
    "text": 'Zoë ☕ 你好 \\ " {{x}}',
    "day": "2024-01-01",
    "several": [{"a": 1}, {"a": "1"}],
}
TYPES: dict[type, Any] = {
    str: {"type": "string"},
    float: {"type": "number"},
    int: {"type": "integer"},
    dict: {"type": "object"},
    type(None): {"type": ["string", "null"]},
}
"""Schemas of the values, by their type in Python."""
BARE_VALUES = {name: value for name, value in TRICKY.items() if value is not None}
VIEWS = ("xlam", "bfcl", "verl", "prime-rl", "roles", "retrieval")
BOOK = tool("book_table", "Book a table.", guests={"type": "integer"}).model_copy(
    update={"resource": "tables"}
)
MENU = tool("get_menu", "Read the menu.", day={"type": "string"}).model_copy(update={"resource": "menus"})
TABLES = tool("list_tables", "List tables.", area={"type": "string"}).model_copy(
    update={"resource": "tables"}
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def accepting(values: dict[str, Any]) -> Any:
    items = {"flags": {"type": "boolean"}, "looks_like": {"type": "string"}, "several": {"type": "object"}}
    typed = {
        name: {"type": "array", "items": items[name]} if isinstance(value, list) else TYPES[type(value)]
        for name, value in values.items()
    }
    return tool("get_event", "Read one event.", **typed)


TRICKY_ROW = trajectory(task("Tricky.", tools=[accepting(TRICKY)]), [call(id="c1", **TRICKY)])
BARE_TRICKY = trajectory(
    task("Tricky, no null.", tools=[accepting(BARE_VALUES)]), [call(id="c1", **BARE_VALUES)]
)
PARALLEL = chat(
    AssistantMessage(
        content="Both at once.", tool_calls=(call(id="c1", event_id="e1"), call(id="c2", event_id="e2"))
    ),
    result("c1", '{"n": 1}'),
    result("c2", "[2]"),
    AssistantMessage(content="There."),
    request="Both.",
)
STEPS = chat(
    AssistantMessage(reasoning="First the list.", tool_calls=(call(id="c1", event_id="e1"),)),
    result("c1"),
    AssistantMessage(tool_calls=(call(id="c2", event_id="e2"),)),
    result("c2"),
    AssistantMessage(content="There."),
    request="Step by step.",
)
MASKED = chat(
    AssistantMessage(content="Which?", train=False),
    UserMessage(content="e1."),
    AssistantMessage(tool_calls=(call(id="c1", event_id="e1"),)),
    result("c1"),
    AssistantMessage(content="There."),
    request="Masked.",
)
SLIPPED = chat(
    AssistantMessage(
        content="How old are you? That is beside the point. Which one?",
        spans=(Span(start=0, end=16, label="error"), Span(start=17, end=42, label="correction")),
    ),
    UserMessage(content="e1."),
    AssistantMessage(tool_calls=(call(id="c1", event_id="e1"),)),
    result("c1"),
    AssistantMessage(content="There."),
    request="Slipped.",
)
REFUSED = trajectory(
    task("A table for two.", tools=[MENU], withheld=BOOK), messages=conversation("A table for two.", [])
)
SERVED = trajectory(task("Book for 2.", tools=[TABLES, BOOK, MENU]), [call("book_table", id="c1", guests=2)])
BARE = trajectory(
    task("Hi.").model_copy(update={"tools": ()}),
    messages=[UserMessage(content="Hi."), AssistantMessage(content="Hello.")],
)
ROWS = (TRICKY_ROW, BARE_TRICKY, PARALLEL, STEPS, MASKED, SLIPPED, REFUSED, SERVED, BARE)


def module(view: str) -> Any:
    return importlib.import_module(f"callwright.views.{view.replace('-', '_')}")


STORES: list[Store] = []
VERSIONS: dict[int, Version] = {}


@pytest.fixture(scope="module", autouse=True)
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One store for all tests: to make one takes longer than an export."""
    with Store.open(tmp_path_factory.mktemp("data"), write=True) as store:
        STORES.append(store)
        yield
        STORES.pop()
        VERSIONS.clear()


def exported(folder: Path, view: str, *rows: Trajectory, **options: Any) -> Manifest:
    [store] = STORES
    chosen = rows or ROWS
    number = zlib.crc32("".join(sorted(row.id for row in chosen)).encode())
    if number not in VERSIONS:
        VERSIONS[number] = store.commit(commit(*chosen, dataset=f"museum{number}"))
    folder.mkdir(exist_ok=True)
    made: Manifest = module(view).export(
        store, VERSIONS[number], folder / "out", module(view).Options.model_validate(options)
    )
    return made


def lines(folder: Path, config: str = "default") -> list[dict[str, Any]]:
    text = (folder / "out" / config / "train.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def table(folder: Path) -> list[dict[str, Any]]:
    """As verl reads it: pandas, and nested arrays made lists."""
    frame = pandas.read_parquet(folder / "out" / "default" / "train-00000-of-00001.parquet")
    rows: list[dict[str, Any]] = frame.to_dict("records")
    return [{**row, "prompt": row["prompt"].tolist()} for row in rows]


# Arguments


def xlam_calls(folder: Path) -> list[dict[str, Any]]:
    return [one["arguments"] for row in lines(folder) for one in json.loads(row["answers"])]


def verl_calls(folder: Path) -> list[dict[str, Any]]:
    truths = [json.loads(row["reward_model"]["ground_truth"]) for row in table(folder)]
    return [json.loads(one["arguments"]) for truth in truths for one in truth["calls"]]


def prime_calls(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(row["info"]) for row in lines(folder)]
    return [json.loads(one["arguments"]) for info in found for one in info["calls"]]


def role_calls(folder: Path) -> list[dict[str, Any]]:
    said = [row["completion"][0]["content"] for row in lines(folder, "caller")]
    return [json.loads(one.arguments) for text in said for one in hermes_text.read(text)[1]]


READERS = {"xlam": xlam_calls, "verl": verl_calls, "prime-rl": prime_calls, "roles": role_calls}


@pytest.mark.parametrize("view", READERS)
def test_arguments_come_back_exactly(tmp_path: Path, view: str):
    exported(tmp_path, view, TRICKY_ROW)
    assert json.dumps(READERS[view](tmp_path)) == json.dumps([TRICKY])  # types and order too: 1.0 is not 1


def accepted(values: list[Any], value: Any) -> bool:
    """The leaderboard's rule for a value, without its folding of texts."""
    for one in values:
        if isinstance(value, dict) and isinstance(one, dict):
            if fits(one, value):
                return True
        elif isinstance(value, list) and isinstance(one, list) and value and isinstance(value[0], dict):
            if len(one) == len(value) and all(map(fits, one, value)):
                return True
        elif json.dumps(one) == json.dumps(value):
            return True
    return False


def fits(fields: dict[str, list[Any]], given: dict[str, Any]) -> bool:
    known = all(
        name in fields and any(json.dumps(one) == json.dumps(value) for one in fields[name])
        for name, value in given.items()
    )
    return known and all(name in given or "" in values for name, values in fields.items())


def test_bfcl_accepts_what_was_called_and_nothing_else(tmp_path: Path):
    exported(tmp_path, "bfcl", BARE_TRICKY)
    [answer] = lines(tmp_path, "possible_answer_simple_python")
    [[fields]] = [list(one.values()) for one in answer["ground_truth"]]
    assert fields.keys() == BARE_VALUES.keys()
    assert all(accepted(fields[name], value) for name, value in BARE_VALUES.items())
    assert not any(accepted(fields[name], "other") for name in fields)
    changed = {**BARE_VALUES["nested"], "z": 1}
    assert not accepted(fields["nested"], changed)


def test_bfcl_has_no_place_for_what_its_checker_takes_for_left_out(tmp_path: Path):
    rows = [trajectory(task(f"Read {value}."), [call(id="c1", event_id=value)]) for value in ("", None, "e1")]
    assert exported(tmp_path, "bfcl", *rows).dropped == {"no_such_value": 2}


def test_bfcl_lets_defaults_be_left_out(tmp_path: Path):
    given = tool(
        "find", area={"type": "string"}, limit={"type": "integer", "default": 10}, page={"type": "number"}
    )
    given = given.model_copy(update={"parameters": given.parameters | {"required": ["area"]}})
    rows = [
        trajectory(task(f"Find {n}.", tools=[given]), [call("find", id="c1", area="bar", **more)])
        for n, more in enumerate(({}, {"limit": 10}, {"limit": 3, "page": 2}))
    ]
    exported(tmp_path, "bfcl", *rows)
    told = {
        json.dumps(one["ground_truth"][0]["find"], sort_keys=True)
        for one in lines(tmp_path, "possible_answer_simple_python")
    }
    assert told == {'{"area": ["bar"], "limit": [10, ""]}', '{"area": ["bar"], "limit": [3], "page": [2]}'}
    [function] = lines(tmp_path, "simple_python")[0]["function"]
    kinds = {name: one["type"] for name, one in function["parameters"]["properties"].items()}
    assert (function["parameters"]["type"], kinds) == (
        "dict",
        {"area": "string", "limit": "integer", "page": "float"},
    )


def test_bfcl_takes_a_field_that_is_null_by_default_for_one_that_may_be_left_out(tmp_path: Path):
    def or_null(**schema: Any) -> dict[str, Any]:
        return {"anyOf": [schema, {"type": "null"}], "default": None, "description": "How."}

    span = or_null(type="object", properties={"low": {"type": "number"}, "high": or_null(type="number")})
    given = tool("find", area={"type": "string"}, day=or_null(type="string", format="date"), span=span)
    given = given.model_copy(update={"parameters": given.parameters | {"required": ["area"]}})
    unclear = given.model_copy(
        update={"parameters": given.parameters | {"properties": {"area": {**span, "default": {}}}}}
    )
    more: list[dict[str, Any]] = [{}, {"day": "2026-06-02", "span": {"low": 1}}, {"day": None}]
    rows = [
        *(trajectory(task(f"{n}.", tools=[given]), [call("find", id="c1", area="b", **m)]) for n, m in enumerate(more)),
        trajectory(task("No default.", tools=[unclear]), [call("find", id="c1", area={})]),
    ]  # fmt: skip
    assert exported(tmp_path, "bfcl", *rows).dropped == {"no_such_value": 1, "type_not_told": 1}
    told = [one["ground_truth"][0]["find"] for one in lines(tmp_path, "possible_answer_simple_python")]
    assert sorted(told, key=len) == [
        {"area": ["b"]},
        {"area": ["b"], "day": ["2026-06-02"], "span": [{"low": [1]}]},
    ]
    fields = lines(tmp_path, "simple_python")[0]["function"][0]["parameters"]["properties"]
    assert fields["day"] == {"type": "string", "format": "date", "description": "How."}
    assert fields["span"]["properties"]["high"] == {"type": "float", "description": "How."}


# Contracts


@pytest.mark.parametrize("view", VIEWS)
def test_an_export_keeps_its_contract_and_its_bytes(tmp_path: Path, view: str):
    first = exported(tmp_path / "a", view)
    second = exported(tmp_path / "b", view, *ROWS[::-1])
    assert module(view).validate(tmp_path / "a" / "out") == []
    assert first == second and first.files


DROPPED = {
    "xlam": {"no_tools": 1, "several_turns": 1, "several_user_turns": 2, "text_beside_a_call": 1},
    "bfcl": {
        "no_tools": 1,
        "several_turns": 1,
        "several_user_turns": 2,
        "text_beside_a_call": 1,
        "type_not_told": 1,
    },
    "verl": {"answer_turn": 7, "reasoning": 1, "turn_not_learned": 2},
    "prime-rl": {"answer_turn": 7, "reasoning": 1, "turn_not_learned": 2},
    "roles": {"no_tools": 1, "text_beside_a_call": 1, "turn_not_learned": 2},
    "retrieval": {"maybe_alternative": 1, "nothing_withheld": 1},
}


@pytest.mark.parametrize("view", VIEWS)
def test_what_has_no_place_is_counted(tmp_path: Path, view: str):
    manifest = exported(tmp_path, view)
    assert manifest.dropped == DROPPED[view]
    page = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert all(f"| {code} |" in page for code in manifest.dropped)


@pytest.mark.parametrize("view", VIEWS)
def test_rows_that_a_teacher_made_keep_the_contract(tmp_path: Path, view: str):
    manifest = exported(tmp_path, view, *{row.id: row for row in demo_rows(4)}.values())
    assert module(view).validate(tmp_path / "out") == []
    assert manifest.rows


@pytest.mark.parametrize("view", ["xlam", "verl", "prime-rl", "roles", "retrieval"])
def test_datasets_loads_it(tmp_path: Path, view: str):
    manifest = exported(tmp_path, view)
    for config, splits in manifest.rows.items():
        loaded = datasets.load_dataset(str(tmp_path / "out"), config)["train"]
        assert loaded.num_rows == splits["train"]
        if view != "verl":
            assert json.dumps(loaded[:]["id" if view != "prime-rl" else "info"]) == json.dumps(
                [row["id" if view != "prime-rl" else "info"] for row in lines(tmp_path, config)]
            )


@pytest.mark.parametrize("view", VIEWS[:-1])  # no argument stands in `retrieval`
def test_a_row_that_would_have_to_be_bent_refuses_the_view(tmp_path: Path, view: str):
    for raw, code in (('{"a": NaN}', "arguments_not_json"), ('{"a": "\\ud800"}', "lone_surrogate")):
        bad = trajectory(task(f"Raw {code}?"), [ToolCall(id="c1", name="get_event", arguments=raw)])
        with pytest.raises(ViewError, match=code):
            exported(tmp_path / code, view, bad)


def test_xlam_tools_are_flat_and_what_is_not_flat_is_left_out(tmp_path: Path):
    given = tool(
        "find",
        "Find.",
        area={"type": "string", "description": "Where.", "enum": ["bar", "hall"]},
        ids={"type": "array", "items": {"type": "integer"}},
        more={"type": ["number", "null"], "default": 1},
        note={"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        odd={"anyOf": [{"type": "string"}, {"minimum": 1}]},
    )
    given = given.model_copy(update={"parameters": given.parameters | {"required": ["area"]}})
    bound = given.model_copy(
        update={"name": "bound", "parameters": given.parameters | {"dependentRequired": {"area": ["ids"]}}}
    )
    rows = [
        trajectory(task("A.", tools=[given]), [call("find", id="c1", area="bar")]),
        trajectory(task("B.", tools=[given, bound]), [call("find", id="c1", area="bar")]),
    ]
    manifest = exported(tmp_path, "xlam", *rows)
    assert manifest.dropped == {"not_flat": 1}
    [row] = lines(tmp_path)
    [found] = json.loads(row["tools"])
    assert found["parameters"] == {
        "area": {"type": "str", "description": "Where.", "enum": ["bar", "hall"]},
        "ids": {"type": "List[int], optional", "description": "", "items": {"type": "integer"}},
        "more": {"type": "Union[float, None], optional", "description": "", "default": 1},
        "note": {
            "type": "Union[str, None], optional",
            "description": "",
            "anyOf": [{"type": "string"}, {"type": "null"}],
            "default": None,
        },
        "odd": {
            "type": "any, optional",
            "description": "",
            "anyOf": [{"type": "string"}, {"minimum": 1}],
        },
    }
    exported(tmp_path / "bare", "xlam", SERVED, PARALLEL, system=False)
    assert {row["query"] for row in lines(tmp_path / "bare")} == {"Book for 2.", "Both."}


def test_roles_share_a_turn(tmp_path: Path):
    exported(tmp_path, "roles", STEPS, PARALLEL)
    plans = [json.loads(row["completion"][0]["content"]) for row in lines(tmp_path, "planner")]
    assert {"reason": "First the list.", "next": "caller", "tools": ["get_event"]} in plans
    assert {"next": "caller", "tools": ["get_event", "get_event"]} in plans
    assert sum(plan["next"] == "summarizer" for plan in plans) == len(lines(tmp_path, "summarizer")) == 2
    assert {row["completion"][0]["content"] for row in lines(tmp_path, "summarizer")} == {"There."}
    manifest = exported(tmp_path / "split", "roles", PARALLEL, parallel="split")
    assert manifest.dropped == {"text_beside_a_call": 1, "turn_split": 1}
    assert len(lines(tmp_path / "split", "caller")) == 2


def test_the_caller_sees_the_tools_of_its_plan_alone(tmp_path: Path):
    exported(tmp_path, "roles", SERVED)
    [caller] = lines(tmp_path, "caller")
    [planner] = [row for row in lines(tmp_path, "planner") if row["turn"] == caller["turn"]]
    shown, all_shown = caller["prompt"][0]["content"], planner["prompt"][0]["content"]
    assert '"book_table"' in shown and '"get_menu"' not in shown
    assert '"get_menu"' in all_shown and '"list_tables"' in all_shown


def test_retrieval_knows_what_serves_and_what_does_not(tmp_path: Path):
    other = trajectory(task("book for 2", tools=[TABLES, MENU]), [call("get_menu", id="c1", day="Monday")])
    exported(tmp_path, "retrieval", REFUSED, SERVED, other)
    rows = {row["query"]: row for row in lines(tmp_path)}
    named = {
        query: (
            [[one["name"] for one in each] for each in row["sufficient"]],
            [one["name"] for one in row["negatives"]],
        )
        for query, row in rows.items()
    }
    assert named == {
        "A table for two.": ([["book_table"]], ["get_menu"]),
        # `list_tables` is of the same resource; in `other` it is not.
        "Book for 2.": ([["book_table"]], ["get_menu"]),
        "book for 2": ([["get_menu"]], ["list_tables"]),
    }
    corpus = lines(tmp_path, "corpus")
    assert sorted(one["name"] for one in corpus) == ["book_table", "get_menu", "list_tables"]
    assert {one["id"] for row in rows.values() for one in row["negatives"]} <= {one["id"] for one in corpus}


def test_the_same_request_has_all_sets_and_none_of_them_as_negative(tmp_path: Path):
    again = trajectory(task("Book for  2.", tools=[BOOK, MENU]), [call("get_menu", id="c1", day="Monday")])
    manifest = exported(tmp_path, "retrieval", SERVED, again)
    for row in lines(tmp_path):
        assert sorted(one["name"] for each in row["sufficient"] for one in each) == ["book_table", "get_menu"]
        assert row["negatives"] == []
    assert manifest.dropped == {"maybe_alternative": 1, "serves_elsewhere": 2}


def test_a_reader_of_verl_finds_what_it_asks_for(tmp_path: Path):
    exported(tmp_path, "verl")
    rows = table(tmp_path)
    for number, row in enumerate(rows):
        assert {type(one["content"]) for one in row["prompt"]} == {str}
        assert row["data_source"].startswith("callwright/museum")
        assert (row["reward_model"]["style"], row["extra_info"]["index"]) == ("rule", number)
        calls = json.loads(row["reward_model"]["ground_truth"])["calls"]
        assert len(calls) == row["extra_info"]["calls"]
    both = [row for row in rows if row["prompt"][-1]["content"] == "Both."]
    assert [row["extra_info"]["calls"] for row in both] == [2]
    more = exported(tmp_path / "all", "verl", answers=True)
    assert more.rows["default"]["train"] == len(rows) + 7 and "answer_turn" not in more.dropped


# The reward beside the rows


def loaded_reward(folder: Path) -> Any:
    """As trainers load it: by path, without a place among the modules."""
    spec = importlib.util.spec_from_file_location("custom_module", folder / "out" / "reward.py")
    assert spec and spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize("view", ["verl", "prime-rl"])
def test_right_calls_earn_the_full_reward_from_the_file_beside(tmp_path: Path, view: str):
    rows = {row.id: row for row in demo_rows(4)}
    exported(tmp_path, view, *rows.values(), TRICKY_ROW, PARALLEL)
    reward = loaded_reward(tmp_path)
    asked = table(tmp_path) if view == "verl" else lines(tmp_path)
    for row in asked:
        told = row["extra_info"] if view == "verl" else json.loads(row["info"])
        source = next(one for one in (*rows.values(), TRICKY_ROW, PARALLEL) if one.id == told["id"])
        turn = source.messages[told["turn"]]
        assert isinstance(turn, AssistantMessage)
        said = hermes_text.write(turn.content, turn.tool_calls)
        if view == "verl":
            truth = row["reward_model"]["ground_truth"]
            scores = reward.compute_score(row["data_source"], said, truth, extra_info=told)
            assert set(scores.values()) == {1.0}
        else:
            completion = [{"role": "assistant", "content": said}]
            assert reward.call_match(completion=completion, info=row["info"], state={}) == 1.0
            assert reward.argument_share(completion, json.loads(row["info"])) == 1.0


def test_the_file_beside_needs_nothing_of_ours(tmp_path: Path):
    exported(tmp_path, "verl", SERVED)
    text = (tmp_path / "out" / "reward.py").read_text(encoding="utf-8")
    imported = re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)
    assert set(imported) == {"__future__", "collections", "json", "math", "re", "typing", "unicodedata"}


# Planted faults


Plant = Callable[[dict[str, Any]], None]


def put(*path: Any, value: Any) -> Plant:
    def plant(row: dict[str, Any]) -> None:
        at: Any = row
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return plant


def cut(*path: Any) -> Plant:
    def plant(row: dict[str, Any]) -> None:
        at: Any = row
        for step in path[:-1]:
            at = at[step]
        del at[path[-1]]

    return plant


def inside(column: str, plant: Plant) -> Plant:
    def planted(row: dict[str, Any]) -> None:
        value = json.loads(row[column])
        plant(value)
        row[column] = json.dumps(value)

    return planted


ANSWERS, FAULTY = "possible_answer_multiple", {"name": "book_table", "arguments": "{"}
FAULTS: list[tuple[str, str, Plant, str]] = [
    ("xlam", "default", put("answers", value=[]), "answers"),
    ("xlam", "default", put("answers", value='[{"name": "x", "arguments": {}}]'), "x is not offered"),
    ("xlam", "default", inside("answers", put(0, "arguments", value="{}")), "are no object"),
    ("xlam", "default", inside("answers", cut(0, "arguments", "guests")), "lacks guests"),
    ("xlam", "default", inside("answers", put(0, "arguments", "pets", value=1)), "no parameter pets"),
    (
        "xlam",
        "default",
        inside("tools", put(1, "parameters", "guests", "type", value="integer")),
        "not Python's",
    ),
    ("xlam", "default", inside("tools", put(1, "parameters", value={"type": "object"})), "not flat"),
    ("xlam", "default", put("kind", value="single"), "kind: Extra"),
    ("xlam", "default", put("query", value=" "), "query: is empty"),
    (
        "bfcl",
        "multiple",
        put("function", 1, "parameters", "type", value="object"),
        "function.1.parameters.type",
    ),
    ("bfcl", "multiple", put("question", value=[[], []]), "question"),
    (
        "bfcl",
        "multiple",
        put("function", 1, "parameters", "properties", "guests", "type", value="number"),
        "has the type 'number'",
    ),
    ("bfcl", ANSWERS, put("id", value="multiple_9"), "one by one"),
    ("bfcl", ANSWERS, put("ground_truth", 0, "book_table", "guests", value=2), "guests"),
    ("bfcl", ANSWERS, cut("ground_truth", 0, "book_table", "guests"), "lacks guests"),
    ("bfcl", ANSWERS, put("ground_truth", 0, "book_table", "pets", value=[1]), "no parameter pets"),
    ("bfcl", ANSWERS, put("ground_truth", 0, "book_table", "guests", value=[""]), "no accepted value"),
    ("bfcl", ANSWERS, put("ground_truth", value=[{"x": {}}]), "x is not offered"),
    ("prime-rl", "default", put("info", value={}), "info"),
    ("prime-rl", "default", inside("info", cut("turn")), "turn is missing"),
    ("prime-rl", "default", inside("info", put("calls", 0, value=FAULTY)), "JSON text of one object"),
    ("prime-rl", "default", inside("info", put("tools", value={})), "not offered"),
    ("prime-rl", "default", put("answer", value="[]"), "not what info says"),
    ("prime-rl", "default", put("prompt", -1, "role", value="tool"), "prompt"),
    ("prime-rl", "default", put("prompt", -1, "role", value="assistant"), "does not end"),
    ("roles", "planner", put("completion", 0, "content", value="call it"), "is no plan"),
    ("roles", "planner", put("completion", 0, "content", value='{"next": "caller"}'), "names tools"),
    (
        "roles",
        "planner",
        put("completion", 0, "content", value='{"next": "caller", "tools": ["x"]}'),
        "x is not offered",
    ),
    ("roles", "caller", put("completion", 0, "content", value="Booked."), "not what is planned"),
    ("roles", "caller", put("completion", 0, "content", value="<tool_call>"), "completion or plan"),
    ("roles", "caller", put("prompt", 0, "content", value="You call."), "completion or plan"),
    ("roles", "summarizer", put("completion", 0, "content", value=""), "completion"),
    ("roles", "summarizer", put("completion", 0, "content", value="<tool_call>"), "calls something"),
    ("retrieval", "default", put("sufficient", value=[]), "no set of tools"),
    ("retrieval", "default", put("negatives", 0, "id", value="x"), "not in the corpus"),
    ("retrieval", "corpus", put("id", value="x"), "not in the corpus"),
]


@pytest.mark.parametrize(
    ("view", "config", "plant", "found"), FAULTS, ids=[f"{one[0]}-{n}" for n, one in enumerate(FAULTS)]
)
def test_a_planted_fault_is_found(tmp_path: Path, view: str, config: str, plant: Plant, found: str):
    exported(tmp_path, view, SERVED)
    assert module(view).validate(tmp_path / "out") == []
    path = tmp_path / "out" / config / "train.jsonl"
    first, *rest = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    plant(first)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in (first, *rest)), encoding="utf-8")
    faults = module(view).validate(tmp_path / "out")
    assert any(found in fault for fault in faults), faults


def test_a_tool_that_serves_is_no_negative(tmp_path: Path):
    exported(tmp_path, "retrieval", SERVED)
    path = tmp_path / "out" / "default" / "train.jsonl"
    [row] = lines(tmp_path)
    row["negatives"] += row["sufficient"][0]
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert any("serves the request" in one for one in module("retrieval").validate(tmp_path / "out"))


VERL_FAULTS: list[tuple[Plant, str]] = [
    (put("reward_model", "ground_truth", value="{}"), "truth: calls"),
    (put("reward_model", "style", value="model"), "reward_model.style"),
    (put("prompt", value=[]), "does not end"),
    (put("prompt", 0, "content", value=None), "prompt.0.content"),
    (put("extra_info", "id", value=None), "extra_info.id"),
]


@pytest.mark.parametrize(("plant", "found"), VERL_FAULTS, ids=[one[1] for one in VERL_FAULTS])
def test_a_fault_planted_in_parquet_is_found(tmp_path: Path, plant: Plant, found: str):
    exported(tmp_path, "verl", SERVED)
    path = tmp_path / "out" / "default" / "train-00000-of-00001.parquet"
    read = pq.read_table(path)
    [row] = read.to_pylist()
    plant(row)
    pq.write_table(type(read).from_pylist([row], schema=read.schema), path)
    faults = module("verl").validate(tmp_path / "out")
    assert any(found in fault and "row 0" in fault for fault in faults), faults


@pytest.mark.parametrize("view", ["verl", "prime-rl"])
def test_another_reward_beside_the_rows_is_found(tmp_path: Path, view: str):
    exported(tmp_path, view, SERVED)
    path = tmp_path / "out" / "reward.py"
    path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert module(view).validate(tmp_path / "out") == [
        "reward.py: is not what this version of callwright writes"
    ]
    path.unlink()
    assert module(view).validate(tmp_path / "out") == ["reward.py: is missing"]
