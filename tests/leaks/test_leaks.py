"""Planted leaks are found and named, and rows that have nothing to do with a benchmark pass."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from leaks.paraphrases import LATER, PAIRS

from callwright.errors import UsageError
from callwright.leaks import Call, Item, Protected, ToolDoc, read_items

Pairs = tuple[tuple[str, str], ...]
both = pytest.mark.parametrize("pairs", [PAIRS, LATER], ids=["chosen on", "later"])
"""The paraphrases that the cosines were chosen on, and those that were written afterwards."""


def benchmark(pairs: Pairs) -> list[Item]:
    return [
        Item(f"bench.jsonl:{number}", (original,), (Call("act", {"q": f"value number {number}"}),))
        for number, (original, _) in enumerate(pairs, 1)
    ]


BENCHMARK = benchmark(PAIRS)


def paraphrased(pairs: Pairs) -> list[Item]:
    return [Item(f"row{number}", (other,)) for number, (_, other) in enumerate(pairs, 1)]


def found(row: Item, **options: object) -> list[tuple[str, str]]:
    protected = Protected(BENCHMARK, [row.said], **options)  # type: ignore[arg-type]
    return [(one.code, one.item) for one in protected.leaks([row])]


def unrelated(number: int) -> Item:
    """One of a thousand requests about a workshop's stock."""
    things = (
        "hinges",
        "brackets",
        "dowels",
        "clamps",
        "rasps",
        "mallets",
        "chisels",
        "gouges",
        "planes",
        "vises",
    )
    frames = (
        "How many {0} are on shelf {1}?",
        "Move {1} {0} to the back room before Tuesday.",
        "We have run out of {0}. Order {1} from Whitlock and Sons.",
        "Mark the {0} in crate {1} as damaged.",
        "Who took the last {1} {0} out of the store?",
    )
    said = frames[number % 5].format(things[number // 5 % 10], number // 50 + 3)
    return Item(f"row{number}", (said,))


def grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[start : start + 5]) for start in range(len(words) - 4)}


@both
def test_at_most_half_of_the_paraphrases_repeat_five_words_of_the_original(pairs: Pairs):
    assert sum(bool(grams(one) & grams(other)) for one, other in pairs) <= len(pairs) / 2


@both
def test_at_least_half_of_twenty_paraphrases_are_found_by_spelling_and_name_their_original(pairs: Pairs):
    rows = paraphrased(pairs)
    protected = Protected(benchmark(pairs), [row.said for row in rows])
    leaks = {one.row: one.item for one in protected.leaks(rows)}
    assert len(leaks) >= 10
    assert all(item == f"bench.jsonl:{row.removeprefix('row')}" for row, item in leaks.items())


def test_of_a_thousand_unrelated_rows_hardly_any_is_refused():
    rows = [unrelated(number) for number in range(1000)]
    assert len({row.said for row in rows}) == 1000
    assert len(list(Protected(BENCHMARK, [row.said for row in rows]).leaks(rows))) <= 10


@pytest.mark.parametrize("number", range(len(PAIRS)))
def test_a_raw_copy_is_found(number: int):
    row = Item("row", (f"  {PAIRS[number][0].upper()}",))
    assert found(row) == [("exact", f"bench.jsonl:{number + 1}")]


@pytest.mark.parametrize(
    ("calls", "code"),
    [
        ((Call("act", {"q": "Value number 3"}),), "exact"),
        ((Call("act", {"phrase": "value number 3"}),), "renamed"),
        ((Call("other", {"phrase": "value number 3"}),), None),
        ((Call("act", {"q": "value number 3"}), Call("act", {"q": "more"})), None),
    ],
)
def test_calls_with_the_same_values_are_found_whatever_the_arguments_are_called(
    calls: tuple[Call, ...], code: str
):
    assert found(Item("row", ("Go on.",), calls)) == ([(code, "bench.jsonl:3")] if code else [])


def test_a_renamed_tool_is_found_by_three_values_that_no_chance_brings():
    protected = Protected([Item("b:1", (), (Call("a", {"x": "Bergen", "y": "2026-04-01", "z": "09:15"}),))])
    row = Item("row", (), (Call("b", {"i": "bergen", "k": "09:15", "j": "2026-04-01"}),))
    assert [one.code for one in protected.leaks([row])] == ["renamed"]


def test_rows_that_call_with_other_values_ask_for_something_else():
    text = "Please look up the opening hours of the big swimming pool in the park for {}."
    item = Item("b:1", (text.format("Monday"),), (Call("hours", {"day": "monday", "place": "pool one"}),))
    row = Item("row", (text.format("Sunday"),), (Call("hours", {"day": "sunday", "place": "pool two"}),))
    assert list(Protected([item]).leaks([row])) == []
    assert list(Protected([Item("b:1", item.texts)]).leaks([row]))


def test_a_tool_leaks_by_all_that_it_is_and_not_by_its_name():
    tool = ToolDoc("get_weather", frozenset({"city"}), "Reads the weather.")
    protected = Protected([Item("b:1", tools=(tool,))])
    same = Item("row1", tools=(ToolDoc("Get_Weather", frozenset({"city"}), "reads  the weather."),))
    others = [
        Item("row2", tools=(ToolDoc("get_weather", frozenset({"place"}), "Reads the weather."),)),
        Item("row3", tools=(ToolDoc("get_weather", frozenset({"city"}), "Tells rain from sun."),)),
    ]
    assert [(one.code, one.row) for one in protected.leaks([same, *others])] == [("tool", "row1")]
    assert not list(Protected([Item("b:1", tools=(tool,))], tools=False).leaks([same]))


def test_a_child_is_known_by_its_source_and_by_its_root():
    source, root = "a" * 32, "b" * 32
    protected = Protected([Item("b:1", ("What?",), ids=frozenset({source}))], roots=[root])
    rows = [Item("row1", ("Hm.",), ids=frozenset({source})), Item("row2", ("So.",), ids=frozenset({root}))]
    assert [(one.code, one.row) for one in protected.leaks(rows)] == [
        ("lineage", "row1"),
        ("lineage", "row2"),
    ]


SHAPES = {
    "chat": {"messages": [{"role": "user", "content": "Hi there"}, {"role": "assistant", "tool_calls": [
        {"function": {"name": "f", "arguments": '{"a": 1}'}}]}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "D", "parameters": {
            "type": "object", "properties": {"a": {"type": "integer"}}}}}]},
    "sharegpt": {"conversations": [{"from": "human", "value": "Hi there"}, {"from": "gpt", "value":
        '<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>'}],
        "tools": '[{"name": "f", "description": "D", "parameters": {"properties": {"a": {}}}}]'},
    "flat": {"query": "Hi there", "answers": '[{"name": "f", "arguments": {"a": 1}}]',
        "tools": '[{"name": "f", "description": "D", "parameters": {"a": {"type": "int"}}}]'},
    "expected": {"question": [[{"role": "user", "content": "Hi there"}]], "ground_truth": [{"f": {"a": [1]}}],
        "function": [{"name": "f", "description": "D", "parameters": {"properties": {"a": {"type": "integer"}}}}]},
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("suffix", ["jsonl", "json", "parquet"])
def test_requests_calls_and_tools_are_found_in_whatever_shape(tmp_path: Path, shape: str, suffix: str):
    path, row = tmp_path / f"bench.{suffix}", SHAPES[shape]
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist([row]), path)
    else:
        path.write_text(json.dumps([row] if suffix == "json" else row), encoding="utf-8")
    [item] = read_items(path)
    assert item.name == f"bench.{suffix}:1"
    assert item.texts == ("Hi there",)
    assert [(one.name, dict(one.arguments)) for one in item.calls] == [("f", {"a": 1})]
    assert item.tools == (ToolDoc("f", frozenset({"a"}), "D"),)


def test_an_unknown_shape_is_refused_with_what_was_seen(tmp_path: Path):
    path = tmp_path / "odd.jsonl"
    path.write_text('{"foo": 1, "bar": "x"}\n', encoding="utf-8")
    with pytest.raises(UsageError, match="its rows have: foo, bar"):
        list(read_items(path))
    path.write_text("no json\n", encoding="utf-8")
    with pytest.raises(UsageError, match="is no JSON lines"):
        list(read_items(path))
