"""Views for trainers: every argument comes back as it was, what has no place is counted, planted faults are found."""

from __future__ import annotations

import importlib
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
import yaml
from builders import call, commit, task, tool, trajectory

from callwright.llm import hermes as hermes_text
from callwright.schemas.message import (
    AssistantMessage,
    Message,
    Observation,
    Span,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from callwright.schemas.task import Trajectory
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views import trl
from callwright.views.folder import Manifest
from callwright.views.rows import ViewError

TRICKY: dict[str, Any] = {
    "text": 'Zoë ☕ 你好 \\ " </s> {{x}}',
    "tiny": 1e-7,
    "third": 0.1,
    "whole": 1.0,
    "long": 2**63 - 1,
    "least": -(2**63),
    "nothing": None,
    "flags": [True, False, [], {}, [None]],
    "looks_like": ["1", "true", "1e3", "null", "2024-01-01", "2024-01-01T00:00:00Z"],
    "nested": {"a": {"b": [{"c": 1}, {"d": "x"}]}},
}
CHATS = ("openai", "llamafactory", "axolotl", "hermes")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def result(id_: str, content: str = '{"ok": true}', name: str = "get_event") -> ToolMessage:
    return ToolMessage(tool_call_id=id_, name=name, observation=Observation(content=content))


def chat(*messages: Message, request: str = "Show me e1.", **changes: Any) -> Trajectory:
    opening = (SystemMessage(content="You help."), UserMessage(content=request))
    return trajectory(task(request, **changes), messages=[*opening, *messages])


TRICKY_ROW = chat(
    AssistantMessage(tool_calls=(call(id="c1", **TRICKY),)),
    result("c1", "plain, no JSON"),
    AssistantMessage(content="Done."),
    request="Tricky.",
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
MASKED = chat(
    AssistantMessage(content="Which?", train=False),
    UserMessage(content="e1."),
    AssistantMessage(tool_calls=(call(id="c1"),)),
    result("c1"),
    AssistantMessage(content="There.", reasoning="It is e1."),
    request="Masked.",
)
SLIPPED = chat(
    AssistantMessage(
        content="How old are you? That is beside the point. Which one?",
        spans=(Span(start=0, end=16, label="error"), Span(start=17, end=42, label="correction")),
    ),
    UserMessage(content="e1."),
    AssistantMessage(tool_calls=(call(id="c1"),)),
    result("c1"),
    AssistantMessage(content="There."),
    request="Slipped.",
)
BARE = trajectory(
    task("Hi.").model_copy(update={"tools": ()}),
    messages=[UserMessage(content="Hi."), AssistantMessage(content="Hello.")],
)
ROWS = (TRICKY_ROW, PARALLEL, MASKED, SLIPPED, BARE)


def module(view: str) -> Any:
    return importlib.import_module(f"callwright.views.{view.replace('-', '_')}")


@pytest.fixture(scope="module", autouse=True)
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One store for all tests: to make one takes longer than an export."""
    with Store.open(tmp_path_factory.mktemp("data"), write=True) as store:
        STORES.append(store)
        yield
        STORES.pop()


STORES: list[Store] = []
VERSIONS: dict[int, Version] = {}


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


def lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "out" / "default" / "train.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def by_request(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        one.get("value") or one.get("content"): row
        for row in lines(folder)
        for one in (row.get("conversations") or row["messages"])
        if (one.get("from") or one["role"]) in ("human", "user")
    }


def calls(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and argument text of each call of an exported row, whatever the view."""
    for message in row.get("messages", ()):
        for one in message.get("tool_calls", ()):
            yield one["function"]["name"], one["function"]["arguments"]
    for turn in row.get("conversations", ()):
        if turn["from"] == "function_call":
            found = json.loads(turn["value"])
            for one in found if isinstance(found, list) else [found]:
                yield one["name"], json.dumps(one["arguments"])
        elif turn["from"] == "gpt":
            yield from ((one.name, one.arguments) for one in hermes_text.read(turn["value"])[1])


@pytest.mark.parametrize("view", CHATS)
def test_arguments_come_back_exactly(tmp_path: Path, view: str):
    beyond = trajectory(task("Beyond."), [call(id="c1", n=2**70)])
    exported(tmp_path, view, *ROWS, beyond)
    found = [
        json.loads(arguments)
        for request in ("Tricky.", "Beyond.")
        for _, arguments in calls(by_request(tmp_path)[request])
    ]
    assert json.dumps(found) == json.dumps([TRICKY, {"n": 2**70}])  # types and order too: 1.0 is not 1


@pytest.mark.parametrize("format_", ["messages", "prompt-completion", "turns"])
def test_trl_has_the_same_arguments_in_each_format_and_config(tmp_path: Path, format_: str):
    beyond = trajectory(task("Beyond."), [call(id="c1", n=2**70)])
    manifest = exported(tmp_path, "trl", TRICKY_ROW, beyond, format=format_)
    assert manifest.left_out["typed"] == (2 if format_ == "turns" else 1)
    row = trl.load(tmp_path / "out")["train"][0]
    said = [*(row.get("messages") or []), *(row.get("prompt") or []), *(row.get("completion") or [])]
    [found] = [one["function"]["arguments"] for message in said for one in message.get("tool_calls", ())]
    assert json.dumps(found) == json.dumps(TRICKY)
    kept = pq.read_table(tmp_path / "out" / "portable").to_pylist()
    assert any(str(2**70) in text for one in kept for text in one.values() if isinstance(text, str))


@pytest.mark.parametrize("view", [*CHATS, "trl"])
@pytest.mark.parametrize("parallel", ["as-is", "split", "drop"])
def test_an_export_keeps_its_contract_and_its_bytes(tmp_path: Path, view: str, parallel: str):
    first = exported(tmp_path / "a", view, parallel=parallel)
    second = exported(tmp_path / "b", view, *ROWS[::-1], parallel=parallel)
    assert module(view).validate(tmp_path / "a" / "out") == []
    assert first == second and first.files
    assert first.options["parallel"] == parallel
    assert first.dropped.get("several_calls", 0) == (parallel == "drop")
    assert first.dropped.get("turn_split", 0) == (parallel == "split")


@pytest.mark.parametrize("view", CHATS)
def test_datasets_loads_it(tmp_path: Path, view: str):
    exported(tmp_path, view)
    loaded = datasets.load_dataset(str(tmp_path / "out"), "default")["train"]
    assert loaded.num_rows == len(lines(tmp_path))
    if view != "openai":  # whose tools are objects, by its contract
        written, read = list(calls(by_request(tmp_path)["Tricky."])), []
        for row in loaded:
            row["messages"] = [
                {name: value for name, value in one.items() if value is not None}
                for one in row.get("messages") or ()
            ]
            read.extend(calls(row))
        assert written[0] in read


def test_a_split_turn_says_its_words_once_and_each_call_has_its_result(tmp_path: Path):
    exported(tmp_path, "openai", PARALLEL, parallel="split")
    [row] = lines(tmp_path)
    assert [(one["role"], one.get("content")) for one in row["messages"]] == [
        ("system", "You help."),
        ("user", "Both."),
        ("assistant", "Both at once."),
        ("tool", '{"n": 1}'),
        ("assistant", None),
        ("tool", "[2]"),
        ("assistant", "There."),
    ]
    assert row["parallel_tool_calls"] is False


def test_openai_masks_turns_and_names_rows_beside_the_file(tmp_path: Path):
    manifest = exported(tmp_path, "openai")
    rows = by_request(tmp_path)
    weights = [one.get("weight") for one in rows["Masked."]["messages"] if one["role"] == "assistant"]
    assert weights == [0, None, None]
    assert [one.get("weight") for one in rows["Slipped."]["messages"]][2] == 0
    assert rows["Hi."].keys() == {"messages"}
    assert rows["Both."]["parallel_tool_calls"] is True
    assert manifest.dropped == {"part_masked": 1, "reasoning": 1}
    ids = (tmp_path / "out" / "ids" / "train.jsonl").read_text().splitlines()
    assert [json.loads(one)["id"] for one in ids] == sorted(row.id for row in ROWS)


def test_llamafactory_declares_its_files_and_joins_results(tmp_path: Path):
    manifest = exported(tmp_path, "llamafactory")
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text())
    [(name, declared)] = info.items()
    assert name.startswith("museum") and name.endswith("_1_train")
    assert (tmp_path / "out" / declared["file_name"]).is_file()
    turns = by_request(tmp_path)["Both."]["conversations"]
    assert [one["from"] for one in turns] == ["human", "function_call", "observation", "gpt"]
    assert turns[2]["value"] == '[{"n": 1}, [2]]'
    assert manifest.dropped == {"masked": 2, "text_beside_a_call": 1}
    none = tool("ping").model_copy(update={"parameters": {"type": "object"}})
    exported(tmp_path / "none", "llamafactory", trajectory(task(tools=[none]), [call("ping")]))
    assert '"properties": {}' in lines(tmp_path / "none")[0]["tools"]


def test_axolotl_masks_turns_and_parts_and_its_config_names_the_keys(tmp_path: Path):
    exported(tmp_path, "axolotl")
    rows = by_request(tmp_path)
    assert [one["train"] for one in rows["Masked."]["messages"]] == [False] * 4 + [True, False, True]
    slip = next(one for one in rows["Slipped."]["messages"] if "train_detail" in one)
    assert [slip["content"][one["begin_offset"] : one["end_offset"] + 1] for one in slip["train_detail"]] == [
        "How old are you?",
        " That is beside the point. Which one?",
    ]
    [declared] = yaml.safe_load((tmp_path / "out" / "axolotl.yaml").read_text())["datasets"]
    assert (tmp_path / "out" / declared["path"]).is_file()
    keys = {key for row in rows.values() for one in row["messages"] for key in one}
    assert {declared["message_field_training"], declared["message_field_training_detail"]} <= keys


def test_hermes_reads_back_and_leaves_out_what_it_could_not_tell_apart(tmp_path: Path):
    marked = chat(AssistantMessage(content="Write <tool_call> yourself."), request="Marks?")
    manifest = exported(tmp_path, "hermes", *ROWS, marked)
    assert manifest.dropped == {"mark_in_text": 1, "masked": 2}
    rows = by_request(tmp_path)
    turns = rows["Both."]["conversations"]
    said, made = hermes_text.read(turns[2]["value"])
    assert (said, [one.name for one in made]) == ("Both at once.", ["get_event", "get_event"])
    assert turns[3]["value"].count("<tool_response>") == 2
    assert '"content": "plain, no JSON"' in rows["Tricky."]["conversations"][3]["value"]
    assert rows["Hi."]["conversations"][0]["from"] == "human"


def test_trl_turns_are_learned_one_by_one_and_mistakes_are_not(tmp_path: Path):
    manifest = exported(tmp_path, "trl", format="turns")
    rows = list(trl.load(tmp_path / "out")["train"])
    assert [row["completion"][0]["content"] for row in rows if row["id"] == SLIPPED.id] == ["", "There."]
    assert [row["turn"] for row in rows if row["id"] == MASKED.id] == [4, 6]
    assert all(row["prompt"][-1]["role"] in ("user", "tool") for row in rows)
    assert manifest.dropped == {"turn_not_learned": 2}
    assert 'select_columns(["prompt", "completion", "tools"])' in (tmp_path / "out" / "README.md").read_text()


def test_trl_completions_begin_where_something_is_learned(tmp_path: Path):
    manifest = exported(tmp_path, "trl", format="prompt-completion")
    rows = {row["id"]: row for row in trl.load(tmp_path / "out")["train"]}
    assert SLIPPED.id not in rows
    assert manifest.left_out == {"mistakes": 1}
    assert [one["role"] for one in rows[MASKED.id]["prompt"]] == ["system", "user", "assistant", "user"]
    assert rows[BARE.id]["tools"] is None


def test_nothing_that_fits_is_an_error_that_says_why(tmp_path: Path):
    with pytest.raises(ViewError, match=r"no row fits the view hermes \(masked 1\)"):
        exported(tmp_path, "hermes", MASKED)
    with pytest.raises(ViewError, match=r"has no rows.*\(several_calls 1\)"):
        exported(tmp_path / "trl", "trl", PARALLEL, parallel="drop")


@pytest.mark.parametrize("view", CHATS)
def test_a_row_that_would_have_to_be_bent_refuses_the_view(tmp_path: Path, view: str):
    for raw, code in (('{"a": NaN}', "arguments_not_json"), ('{"a": "\\ud800"}', "lone_surrogate")):
        bad = trajectory(task(f"Raw {code}?"), [ToolCall(id="c1", name="get_event", arguments=raw)])
        with pytest.raises(ViewError, match=code):
            exported(tmp_path / code, view, bad)


Plant = Callable[[dict[str, Any]], None]


def planted(path: Path, plant: Plant) -> None:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    plant(rows[0])
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")


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


CALL = ("messages", 2, "tool_calls", 0, "function")
FAULTS: list[tuple[str, Plant, str]] = [
    ("openai", put("id", value="x"), "id: Extra"),
    ("openai", put(*CALL, "arguments", value={"a": 1}), "arguments"),
    ("openai", put(*CALL, "arguments", value='{"a": 1'), "JSON text of one object"),
    ("openai", put(*CALL, "arguments", value='{"a": 1, "a": 2}'), "JSON text of one object"),
    ("openai", put(*CALL, "name", value="other"), "other is not offered"),
    ("openai", put("messages", 2, "weight", value=0.5), "weight"),
    ("openai", put("messages", 3, "tool_call_id", value="c9"), "answers the call 'c9'"),
    ("openai", cut("messages", 3), "before the call 'c1' is answered"),
    ("openai", cut("messages", -1), "last message"),
    ("openai", put("messages", 2, "tool_calls", value=[]), "tool_calls"),
    ("openai", cut("tools"), "not offered"),
    ("llamafactory", put("conversations", 0, "from", value="user"), "stands where human"),
    ("llamafactory", cut("conversations", 0), "number of turns is odd"),
    ("llamafactory", put("conversations", 1, "value", value="get_event(1)"), "conversations.1"),
    ("llamafactory", put("conversations", 1, "value", value='{"name": "get_event"}'), "name and arguments"),
    (
        "llamafactory",
        put("conversations", 1, "value", value='{"name": "get_event", "arguments": "{}"}'),
        "are no object",
    ),
    ("llamafactory", put("conversations", 2, "from", value="human"), "not paired"),
    ("llamafactory", put("tools", value=[]), "tools"),
    (
        "llamafactory",
        put("tools", value='[{"function": {"name": "get_event", "parameters": {}}}]'),
        "properties",
    ),
    ("axolotl", put(*CALL, "arguments", value={"a": 1}), "arguments"),
    ("axolotl", put("messages", 1, "train", value=True), "role user is to be learned"),
    ("axolotl", put("messages", 2, "train", value="yes"), "train"),
    ("axolotl", put("messages", 2, "content", value=None), "content"),
    (
        "axolotl",
        put("messages", -1, "train_detail", value=[{"begin_offset": 1, "end_offset": 4, "train": True}]),
        "does not cover",
    ),
    ("axolotl", put("tools", 0, "function", "parameters", value={"type": "object"}), "parameters"),
    ("hermes", put("conversations", 2, "value", value='<tool_call>\n{"name": 1}\n</tool_call>'), "call"),
    (
        "hermes",
        put("conversations", 2, "value", value='<tool_call>\n{"name": "x", "arguments": {}}\n</tool_call>'),
        "x is not offered",
    ),
    ("hermes", put("conversations", 3, "value", value="<tool_response>\n{}"), "does not close"),
    ("hermes", put("conversations", 3, "from", value="human"), "before get_event is answered"),
    ("hermes", cut("conversations", -1), "not the assistant's words"),
    ("hermes", put("tools", value='[{"name": "get_event"}]'), "tools"),
]


@pytest.mark.parametrize(("view", "plant", "found"), FAULTS, ids=[f"{one[0]}-{one[2]}" for one in FAULTS])
def test_a_planted_fault_is_found(tmp_path: Path, view: str, plant: Plant, found: str):
    exported(tmp_path, view, TRICKY_ROW)
    assert module(view).validate(tmp_path / "out") == []
    planted(tmp_path / "out" / "default" / "train.jsonl", plant)
    faults = module(view).validate(tmp_path / "out")
    assert any(found in fault and "default/train.jsonl:1" in fault for fault in faults), faults


def test_what_declares_the_files_is_checked_too(tmp_path: Path):
    exported(tmp_path, "llamafactory")
    (tmp_path / "out" / "default" / "train.jsonl").rename(tmp_path / "out" / "default" / "other.jsonl")
    assert any("there is no file" in one for one in module("llamafactory").validate(tmp_path / "out"))
    exported(tmp_path / "axolotl", "axolotl")
    (tmp_path / "axolotl" / "out" / "axolotl.yaml").unlink()
    assert module("axolotl").validate(tmp_path / "axolotl" / "out") == ["axolotl.yaml: is missing"]


TRL_FAULTS: list[tuple[Plant, str]] = [
    (put("messages", 2, "tool_calls", 0, "function", "arguments", value='{"a": 1}'), "are no object"),
    (put("messages", 2, "content", value=None), "content is null"),
    (put("messages", 2, "name", value=None), "name is null"),
    (put("messages", 0, "role", value="human"), "role 'human'"),
    (cut("messages", 3), "before the call"),
    (put("tools", value=[]), "must be null"),
]


@pytest.mark.parametrize(("plant", "found"), TRL_FAULTS, ids=[one[1] for one in TRL_FAULTS])
def test_a_fault_planted_in_parquet_is_found(tmp_path: Path, plant: Plant, found: str):
    exported(tmp_path, "trl", TRICKY_ROW)
    path = tmp_path / "out" / "portable" / "train-00000-of-00001.parquet"
    table = pq.read_table(path)
    [row] = table.to_pylist()
    decoded = row | {name: json.loads(row[name]) for name in ("messages", "tools")}
    plant(decoded)
    row |= {name: json.dumps(decoded[name]) for name in ("messages", "tools")}
    pq.write_table(type(table).from_pylist([row], schema=table.schema), path)
    faults = trl.validate(tmp_path / "out")
    assert any(found in fault and "portable" in fault for fault in faults), faults
    assert not any("typed" in fault for fault in faults)
