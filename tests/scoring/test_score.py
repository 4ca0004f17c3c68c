from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import tool
from command import callwright, one_line

from callwright.cli.scoring import score as shown
from callwright.scoring import ste, toolalpaca
from callwright.scoring.calls import Call, read_answer
from callwright.scoring.files import ScoreError

OSLO = '{"city": "Oslo", "days": 3}'


def call(name: str = "forecast", **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": json.dumps(arguments)}


@pytest.mark.parametrize(
    "answer",
    [
        f"Action: forecast\nAction Input: {OSLO}",
        f"Thought: look\nAction: <tool_forecast>\nAction Input: {OSLO}\nObservation: rain\nAction: b\nAction Input: {{",
        f"Action:  forecast \n  Action Input:\n{OSLO} and that is all",
        f'<think>Action: no</think><tool_call>\n{{"name": "forecast", "arguments": {OSLO}}}\n</tool_call>',
        f' {{"name": "forecast", "parameters": {OSLO}}}',
        f'[{{"function": {{"name": "forecast", "arguments": {json.dumps(OSLO)}}}}}]',
        [{"id": "c1", "type": "function", "function": {"name": "forecast", "arguments": OSLO}}],
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"name": "forecast", "arguments": json.loads(OSLO)}],
        },
        {"role": "assistant", "content": f"Action: forecast\nAction Input: {OSLO}"},
    ],
)
def test_every_form_of_a_call_is_read(answer: Any):
    read = read_answer(answer)
    assert (read.calls, read.problem) == ((Call("forecast", {"city": "Oslo", "days": 3}),), "")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("", "no_call"),
        (None, "no_call"),
        ([], "no_call"),
        ("Final Answer: it rains", "no_call"),
        ({"role": "assistant", "content": "It rains."}, "no_call"),
        ("Action: forecast", "bad_arguments"),
        ('Action: forecast\nAction Input: {"city": "Os', "bad_arguments"),
        ('Action: forecast\nAction Input: {"city": 1, "city": 2}', "bad_arguments"),
        ("Action: forecast\nAction Input: [1]", "bad_arguments"),
        ("Action:\nAction Input: {}", "unnamed_call"),
        ([{"name": "", "arguments": "{}"}], "unnamed_call"),
        ([{"name": "forecast", "arguments": "Oslo"}], "bad_arguments"),
        (['{"name"'], "unnamed_call"),
        ({"role": "assistant", "tool_calls": 5}, "unnamed_call"),
    ],
)
def test_an_answer_that_cannot_be_read_says_why(answer: Any, problem: str):
    assert read_answer(answer).problem == problem


def test_arguments_with_braces_and_markers_inside_are_read():
    arguments = {"text": "a }} b\nAction: x", "inner": {"a": {"b": [1, {}]}}}
    text = f"Action: post\nAction Input: {json.dumps(arguments)}"
    assert read_answer(text).calls == (Call("post", arguments),)


def written(folder: Path, *lines: Any) -> Path:
    path = folder / "predictions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def item(number: int, gold: list[Any], predicted: Any, **more: Any) -> dict[str, Any]:
    return {"id": f"r{number}", "gold": gold, "predicted": predicted} | more


def test_the_metrics_of_a_file_with_known_counts(tmp_path: Path):
    units = tool("forecast", days={"type": "integer"}, units={"type": "string", "default": "metric"})
    found = ste.score(
        ste.read_items(
            written(
                tmp_path,
                item(0, [call(city="Oslo")], [call(city="oslo")]),  # right by both rules
                item(1, [call(city="Oslo")], [call(city="Oslo", days=3)]),  # one argument more
                item(2, [call(days=3)], [call(days="3")]),  # another type
                item(
                    3, [call(days=3)], [call(days=3, units="metric")], tools=[units.wire()]
                ),  # at its default
                item(4, [call(city="Oslo")], [call("search", city="Oslo")]),  # another tool
                item(5, [call(city="Oslo")], "It rains."),
                item(6, [call("now")], [call("now")]),
                item(7, [call("now")], "Action: now\nAction Input: {"),
                item(8, [call("now"), call(city="A")], [call(city="a"), call("now")]),  # in another order
                item(9, [call("now")], [call("now"), call("now")]),  # once too often
            )
        )
    )
    counts = {
        part: [
            (one.count, one.of)
            for one in (group.wellformed, group.api_match, group.correct, group.correct_typed)
        ]
        for part, group in (
            ("all", found.everything),
            ("none", found.without_arguments),
            ("some", found.with_arguments),
        )
    }
    assert counts == {
        "all": [(8, 10), (6, 8), (6, 10), (4, 10)],
        "none": [(2, 3), (1, 2), (1, 3), (1, 3)],
        "some": [(6, 7), (5, 6), (5, 7), (3, 7)],
    }
    assert found.problems == {"bad_arguments": 1, "no_call": 1}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "predictions.jsonl:1: is not JSON"),
        ("[]", "predictions.jsonl:1: is no JSON object"),
        ('{"gold": [], "predicted": ""}', "has no id"),
        ('{"id": "a", "gold": [], "predicted": ""}', "has no gold call"),
        ('{"id": "a", "gold": [{"name": "x", "arguments": "{"}], "predicted": ""}', "gold: is no list"),
        ('{"id": "a", "gold": [{"name": "x"}]}', "has no predicted"),
        ('{"id": "a", "gold": [{"name": "x"}], "predicted": "", "tools": [{}]}', "tools: is no list"),
        ('{"id": "a", "gold": [{"name": "x"}], "predicted": ""}\n' * 2, ":2: the id a stands twice"),
        ("\n\n", "predictions.jsonl: is empty"),
        ('{"id": "a", "gold": [{"name": "x", "arguments": {"y": NaN}}]}', ":1: is not JSON"),
        (
            '{"id": "a", "gold": [{"name": "x"}], "predicted": "", '
            '"tools": [{"function": {"name": "x", "parameters": {"properties": 5}}}]}',
            "tools: is no list",
        ),
    ],
)
def test_a_file_that_cannot_be_scored_names_the_line(tmp_path: Path, line: str, words: str):
    path = tmp_path / "predictions.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(ScoreError, match=words):
        list(ste.read_items(path))


def test_many_calls_of_one_answer_are_paired_at_once(tmp_path: Path):
    gold = [call(city="Oslo")] * 40
    lines = item(0, gold, [*gold[1:], call(city="Rome")]), item(1, gold, gold)
    found = ste.score(ste.read_items(written(tmp_path, *lines)))
    assert (found.everything.api_match.count, found.everything.correct.count) == (2, 1)


def test_a_wide_gold_call_leaves_the_narrow_one_its_only_partner(tmp_path: Path):
    gold = [call(city="Oslo"), call(city="Oslo", days=2)]
    found = ste.score(ste.read_items(written(tmp_path, item(0, gold, gold[::-1]))))
    assert found.everything.correct.count == 1


def test_a_mark_at_the_beginning_of_a_file_is_no_part_of_it(tmp_path: Path):
    path = tmp_path / "predictions.jsonl"
    path.write_text(json.dumps(item(0, [call()], [call()])), encoding="utf-8-sig")
    assert len(list(ste.read_items(path))) == 1


TEXT = (
    "I looked at it.\nProcess Correctness: No at first sight.\n\n"
    "## Results\nProcess Correctness: {}\nFinal Response Correctness: {}\n"
)


@pytest.mark.parametrize(
    ("given", "rulings"),
    [
        (TEXT.format("Yes", "No"), ("Yes", "No", 0)),
        (TEXT.format("yes.", "UNCERTAIN"), ("Yes", "Uncertain", 0)),
        ("**Process Correctness**: Yes\n**Final Response Correctness:** Yes", ("Yes", "Yes", 0)),
        (TEXT.format("Nothing", "Notable"), ("Uncertain", "Uncertain", 2)),
        ("Both are fine.", ("Uncertain", "Uncertain", 2)),
        ("Process Correctness: Yes", ("Yes", "Uncertain", 1)),
        ({"process_correctness": "Yes", "final_response_correctness": "No"}, ("Yes", "No", 0)),
        ({"process_correctness": True, "final_response_correctness": ""}, ("Uncertain", "Uncertain", 2)),
        (
            'So {x}: ```json\n{"process_correctness": "No", "final_response_correctness": "Yes"}```',
            ("No", "Yes", 0),
        ),
    ],
)
def test_a_verdict_is_one_of_three_words_or_uncertain_and_counted(given: Any, rulings: tuple[str, str, int]):
    found = toolalpaca.read_verdict(given)
    assert (found.process, found.response, found.unreadable) == rulings


def verdicts() -> list[dict[str, Any]]:
    """A hundred items: 63 Yes on the process, 68 on the response, 60 on both, 1 without a solution, 2 unreadable."""
    words = [("Yes", "Yes")] * 60 + [("Yes", "No")] * 3 + [("No", "Yes")] * 8 + [("No", "No")] * 26
    words += [("Maybe", "Uncertain"), ("Uncertain", "Perhaps")]
    items = [{"id": number, "output": TEXT.format(*pair)} for number, pair in enumerate(words)]
    return [*items, {"id": 99, "input": "", "output": ""}]


def test_the_accuracies_of_known_verdicts_in_both_forms(tmp_path: Path):
    items = verdicts()
    flat = written(tmp_path, *items)
    nested = tmp_path / "nested.json"
    nested.write_text(json.dumps({"statistics": {"num": 100}, "One API": items[:40], "Other": items[40:]}))
    for path in (flat, nested):
        found = toolalpaca.score(toolalpaca.read_verdicts(path))
        assert (found.items, found.errors, found.unreadable) == (100, 1, 2)
        assert found.process == {"Yes": 63, "No": 34, "Uncertain": 2}
        assert found.response == {"Yes": 68, "No": 29, "Uncertain": 2}
        accuracies = (found.procedure_accuracy, found.response_accuracy, found.overall_accuracy)
        assert [(one.count, one.of) for one in accuracies] == [(63, 100), (68, 100), (60, 100)]


def test_an_item_without_a_verdict_is_an_error_that_names_it(tmp_path: Path):
    with pytest.raises(ScoreError, match=r"predictions.jsonl:1: has no verdict"):
        list(toolalpaca.read_verdicts(written(tmp_path, {"id": 1, "text": "Yes"})))


def test_an_average_is_never_shown_without_its_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = written(tmp_path, item(0, [call("now")], [call("now")]), item(1, [call(city="Oslo")], "no"))
    shown(path, "ste", False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:4]] == [
        "with arguments",
        "without arguments",
        "everything",
    ]
    assert lines[1].split()[-1] == "(0/1)" and lines[2].split()[-1] == "(1/1)"
    shown(path, "ste", True)
    body = json.loads(capsys.readouterr().out)
    assert body["with_arguments"]["correct"] == {"count": 0, "of": 1, "share": 0.0}
    assert body["with_arguments"]["api_match"]["share"] is None


def test_rulings_are_shown_with_their_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shown(written(tmp_path, *verdicts()), "toolalpaca", False)
    text = capsys.readouterr().out
    assert "60.0 (60/100)" in text and "1 without a solution, 2 rulings unreadable" in text


def test_the_command_scores_a_file_and_what_it_cannot_score_is_one_line(tmp_path: Path):
    path = written(tmp_path, item(0, [call("now")], "Action: now\nAction Input: {}"))
    result = callwright("score", path, "--json", cwd=tmp_path)
    assert json.loads(result.stdout)["everything"]["correct_typed"]["count"] == 1
    one_line(callwright("score", path, "--metric", "bleu", cwd=tmp_path), 2, "unknown metric bleu")
    one_line(callwright("score", "gone.jsonl", cwd=tmp_path), 1, "gone.jsonl: cannot be read")
