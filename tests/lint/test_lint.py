from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import call as made_call
from builders import commit, conversation, task, trajectory, verdict
from command import callwright, one_line
from doctored import LINES, PLANTS, WHOLE, doctored, good
from hypothesis import given, settings
from hypothesis import strategies as st
from made import demo_rows

from callwright.cli.linting import lint_
from callwright.engine.exports import VIEWS, export_view
from callwright.errors import UsageError
from callwright.lint import Report, lint
from callwright.lint.codes import CODES
from callwright.schemas.message import AssistantMessage, Observation, Span, ToolMessage
from callwright.schemas.task import Trajectory
from callwright.store import Store

PAGE = (Path(__file__).parents[2] / "docs" / "lint.md").read_text(encoding="utf-8")


def written(folder: Path, *rows: Any, name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def counts(report: Report, *, notes: bool = False) -> dict[str, int]:
    return {one.code: one.count for one in report.findings if notes or one.severity != "note"}


def test_every_planted_fault_is_found_and_counted(tmp_path: Path):
    path = tmp_path / "doctored.jsonl"
    text, expected = doctored()
    path.write_bytes(text)
    report = lint(path)
    found = {code: count for code, count in counts(report, notes=True).items() if code not in WHOLE}
    assert found == dict(expected)
    assert len(expected) >= 50


@pytest.mark.parametrize(("code", "plant"), PLANTS, ids=[f"{code}-{n}" for n, (code, _) in enumerate(PLANTS)])
def test_a_fault_is_told_with_its_place(tmp_path: Path, code: str, plant: Any):
    row = good(7)
    plant(row)
    report = lint(written(tmp_path, good(5), row))
    [found] = [one for one in report.findings if one.code == code]
    assert (found.count, found.rows, found.share) == (1, 1, 0.5)
    assert [one.place for one in found.examples] == ["rows.jsonl:2"]


def test_good_rows_have_no_fault(tmp_path: Path):
    report = lint(written(tmp_path, *map(good, range(200))))
    assert counts(report) == {} and report.rows == report.calls == 200


def refused_and_slipped() -> tuple[Trajectory, Trajectory]:
    """A conversation in which the tool says no, and one in which the assistant takes words back."""
    asked, *_, answer = conversation("Show me event e1.", [])
    no = ToolMessage(
        tool_call_id="call_1",
        name="get_event",
        observation=Observation(content='{"error": "no such event"}', status=404),
    )
    refused = [asked, AssistantMessage(tool_calls=(made_call(event_id="e1"),)), no, answer]
    spans = (Span(start=0, end=10, label="error"), Span(start=11, end=20, label="correction"))
    slip = AssistantMessage(content="Which one? e1, right. On which day?", spans=spans)
    return trajectory(messages=refused), trajectory(
        task("Event e1.", hidden={"part": "redundant"}), messages=[asked, slip, asked, answer]
    )


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = {row.id: row for row in demo_rows(6)}
    tested = next(row for row in rows.values() if row.kind == "single")
    train = [row for row in rows.values() if row is not tested]
    refused, slipped = refused_and_slipped()
    data = tmp_path_factory.mktemp("committed")
    ruled = [verdict(slipped, rung) for rung in ("L1", "L2", "L3")]
    with Store.open(data, write=True) as store:
        store.commit(commit(*train, slipped, test=[tested, refused], verdicts=ruled))
    return data


@pytest.mark.parametrize("view", VIEWS)
def test_our_own_exports_have_no_fault(tmp_path: Path, committed: Path, view: str):
    export_view(committed, "museum", view, tmp_path / "out")
    report = lint(tmp_path / "out")
    assert report.rows and counts(report) == {}
    assert "manifest.json" in report.skipped


def test_a_folder_of_exports_is_as_good_as_each_of_them(tmp_path: Path, committed: Path):
    for view in ("openai", "retrieval", "axolotl"):
        export_view(committed, "museum", view, tmp_path / "museum@1" / view)
    report = lint(tmp_path)
    assert counts(report) == {}
    assert {"museum@1/openai/ids/train.jsonl", "museum@1/retrieval/corpus/train.jsonl"} <= set(report.skipped)


def test_a_table_beside_the_rows_is_passed_over_only_where_the_card_declares_it(tmp_path: Path):
    (tmp_path / "ids").mkdir()
    (tmp_path / "ids" / "train.jsonl").write_text('{"id": "1"}\n')
    written(tmp_path, good(1))
    assert counts(lint(tmp_path)) == {"unknown_format": 1}
    configs = "- config_name: ids\n  data_files: [{split: train, path: ids/*.jsonl}]\n"
    (tmp_path / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    report = lint(tmp_path)
    assert counts(report) == {} and report.skipped == ("ids/train.jsonl",)


def test_every_code_is_documented():
    assert [code for code in CODES if f"`{code}`" not in PAGE] == []


def as_sharegpt(row: Any) -> Any:
    _, user, call, result, answer = row["messages"]
    return {
        "system": "Today is 2030-12-30.",
        "conversations": [
            {"from": "human", "value": user["content"]},
            {"from": "function_call", "value": json.dumps(call["tool_calls"][0]["function"])},
            {"from": "observation", "value": result["content"]},
            {"from": "gpt", "value": answer["content"]},
        ],
        "tools": json.dumps(row["tools"]),
    }


def as_hermes(row: Any) -> Any:
    _, user, call, result, answer = row["messages"]
    made = json.dumps(call["tool_calls"][0]["function"])
    return {
        "conversations": [
            {"from": "system", "value": f"Tools are in <tools></tools>: <tools>{json.dumps(row['tools'])}</tools>"},
            {"from": "human", "value": user["content"]},
            {"from": "gpt", "value": f"<tool_call>\n{made}\n</tool_call>"},
            {"from": "tool", "value": f"<tool_response>{result['content']}</tool_response>"},
            {"from": "gpt", "value": answer["content"]},
        ]
    }  # fmt: skip


def as_xlam(row: Any) -> Any:
    types = {"guest": "str", "day": "str", "seats": "int", "area": "str, optional"}
    flat = {name: {"type": kind, "description": name} for name, kind in types.items()}
    return {
        "id": 1,
        "query": row["messages"][1]["content"],
        "answers": json.dumps([row["messages"][2]["tool_calls"][0]["function"]]),
        "tools": json.dumps([{"name": "book_table", "description": "Book.", "parameters": flat}]),
    }


def as_openai(row: Any) -> Any:
    for call in row["messages"][2]["tool_calls"]:
        call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
    return row


def as_prompt_completion(row: Any) -> Any:
    return {
        "prompt": row["messages"][:2],
        "completion": row["messages"][2:3],
        "tools": json.dumps(row["tools"]),
    }


SHAPES = {
    "sharegpt": as_sharegpt,
    "sharegpt-hermes": as_hermes,
    "xlam": as_xlam,
    "messages": as_openai,
    "prompt-completion": as_prompt_completion,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_format_is_known_and_its_faults_are_found(tmp_path: Path, shape: str):
    wrong = good(2)
    wrong["messages"][2]["tool_calls"][0]["function"]["arguments"]["seats"] = "two"
    unseen = good(3)
    unseen["messages"][2]["tool_calls"][0]["function"]["arguments"]["guest"] = "Zelda Quartz"
    report = lint(written(tmp_path, *map(SHAPES[shape], (good(1), wrong, unseen))))
    assert report.formats == {shape.split("-hermes")[0]: 3} and report.calls == 3
    assert counts(report) == {"wrong_type": 1, "ungrounded_argument": 1}


@pytest.mark.parametrize("form", ["list", "indented", "parquet"])
def test_the_same_rows_in_other_files(tmp_path: Path, form: str):
    rows = [good(1), good(2), good(1)]
    path = tmp_path / "rows.json"
    if form == "parquet":
        texts = {key: [json.dumps(row[key]) for row in rows] for key in ("messages", "tools")}
        pq.write_table(pa.table(texts), path)
    else:
        path.write_text(json.dumps(rows, indent=2 if form == "indented" else None), encoding="utf-8")
    report = lint(path)
    assert report.rows == 3 and counts(report) == {"duplicate_row": 1}


def test_structs_of_arrow_show_their_nulls(tmp_path: Path):
    first, second = good(1), good(2)
    del second["messages"][2]["tool_calls"][0]["function"]["arguments"]["area"]
    second["messages"][2]["tool_calls"][0]["function"]["arguments"]["note"] = None
    tools = [json.dumps(row["tools"]) for row in (first, second)]
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"messages": [first["messages"], second["messages"]], "tools": tools}), path)
    found = counts(lint(path))
    assert found["null_filled"] == 2 and found["null_argument"] == 1 and found["null_key"] > 10


def test_a_row_in_two_splits_is_an_error_and_in_two_configs_is_none(tmp_path: Path):
    for config in ("typed", "portable"):
        (tmp_path / config).mkdir()
        written(tmp_path / config, good(1), name="train.jsonl")
        written(tmp_path / config, good(2), name="test.jsonl")
    assert counts(lint(tmp_path)) == {}
    written(tmp_path / "typed", good(1), name="test.jsonl")
    assert counts(lint(tmp_path)) == {"split_overlap": 1}


def test_leaks_are_told_by_words_and_by_calls(tmp_path: Path):
    asked, called, other = good(1), good(2), good(3)
    asked["messages"][1]["content"] = (
        "Hello, my friends and I would love to sit in the garden and I wonder whether that can be done."
    )
    called["messages"][1]["content"] = "In other words."
    benchmark = written(tmp_path, asked, called, name="benchmark.jsonl")
    copied, same = good(11), good(2)
    copied["messages"][1]["content"] += " My friends and I would love to sit in the garden and I wonder, too."
    report = lint(written(tmp_path, copied, same, other), [benchmark])
    found = {one.code: one.examples[0].message for one in report.findings if one.severity == "error"}
    assert found.keys() == {"leaked_text", "leaked_calls"}
    assert "benchmark.jsonl:1" in found["leaked_text"] and "benchmark.jsonl:2" in found["leaked_calls"]
    text = written(tmp_path, {"goal": asked["messages"][1]["content"]}, name="goals.jsonl")
    assert counts(lint(written(tmp_path, copied), [text])) == {"leaked_text": 1}


def test_an_unknown_format_says_what_was_seen(tmp_path: Path):
    path = written(tmp_path, {"text": "a", "label": 1})
    with pytest.raises(
        UsageError, match=r"rows.jsonl:1 has the keys text, label; known are: messages, sharegpt"
    ):
        lint(path)
    with pytest.raises(UsageError, match="no such file"):
        lint(tmp_path / "gone")


def test_exit_codes_are_for_ci(tmp_path: Path):
    clean, bad = written(tmp_path, good(1)), good(2)
    assert callwright("lint", clean, "--fail-on", "warning", cwd=tmp_path).returncode == 0
    bad["tools"] = None
    result = callwright("lint", written(tmp_path, bad, name="bad.jsonl"), "--json", cwd=tmp_path)
    assert result.returncode == 3 and "1 error" in result.stderr
    assert json.loads(result.stdout)["findings"][0]["code"] == "no_tools"
    unknown = written(tmp_path, {"text": "a"}, name="unknown.jsonl")
    one_line(callwright("lint", unknown, cwd=tmp_path), 2, "the keys text")
    with pytest.raises(UsageError, match="unknown severity bad"):
        lint_(clean, [], "bad", as_json=False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(["2031-01-01", "in 99999999 weeks", "<tool_call>", "99:99", "<tools>[1]</tools>", "[{", "two"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "properties", "items", "$ref", "enum", "anyOf", "name", "a", "function", "required"])
        | st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in inner for place in places(child, (*path, key)))]


@settings(max_examples=60, deadline=None)
@given(shape=st.sampled_from(list(SHAPES)), data=st.data())
def test_nothing_in_a_row_makes_it_crash(tmp_path_factory: pytest.TempPathFactory, shape: str, data: Any):
    row = SHAPES[shape](good(1))
    for _ in range(2):
        *way, last = data.draw(st.sampled_from([one for one in places(row) if one]))
        holder = row
        for step in way:
            holder = holder[step]
        holder[last] = data.draw(JSON)
    path = tmp_path_factory.mktemp("fuzz") / "rows.jsonl"
    path.write_bytes((json.dumps(good(2)) + "\n" + json.dumps(row) + "\n").encode())
    assert lint(path).rows == 2


@settings(max_examples=60, deadline=None)
@given(text=st.binary(max_size=60) | st.text(alphabet='[]{}",:\\ \n1amesg', max_size=40).map(str.encode))
def test_no_bytes_make_it_crash(tmp_path_factory: pytest.TempPathFactory, text: bytes):
    for name in ("rows.jsonl", "rows.json"):
        path = tmp_path_factory.mktemp("bytes") / name
        path.write_bytes(text)
        try:
            assert lint(path).findings
        except UsageError as error:
            assert name in str(error)


def test_lines_that_are_wrong_do_not_hide_the_others(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    for code, line in LINES:
        path.write_bytes(line + b"\n" + json.dumps(good(1)).encode())
        report = lint(path)
        assert report.rows == 2 and report.findings[0].code == code, code
        assert report.findings[0].examples[0].place == "rows.jsonl:1"


def test_what_no_calendar_and_no_reader_can_hold_does_not_make_it_crash(tmp_path: Path):
    far, deep, endless = good(1), good(2), good(3)
    far["messages"][1]["content"] += " In 999999999 weeks, or for 999999999 nights from 2031-01-01."
    deep["messages"][3]["content"] = "[" * 5000 + "]" * 5000
    endless["messages"][2]["tool_calls"][0]["function"]["arguments"]["seats"] = float("inf")
    report = lint(written(tmp_path, far, deep, endless))
    assert report.rows == 3 and counts(report) == {"not_strict_json": 1, "wrong_type": 1}
