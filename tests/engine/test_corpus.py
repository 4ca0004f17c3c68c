from __future__ import annotations

import random
from typing import Any

import pytest
from builders import call, task, tool, toolkit, trajectory

from callwright.cli.reading import _describe_corpus
from callwright.engine import corpus
from callwright.engine.corpus import CorpusCount
from callwright.engine.results import Result
from callwright.schemas.version import Corpus, Statistics

KIT = toolkit(tool("get_event"), tool("get_hours"), tool("buy_ticket"), name="museum")


def result(
    request: str, *calls: Any, turns: int = 1, answer: str = "Here you are.", **changes: Any
) -> Result:
    """An accepted row with these calls in each of so many turns."""
    row = trajectory(task(request, **changes), calls)
    body = row.record()
    first, middle, last = body["messages"][:1], body["messages"][1:-1], body["messages"][-1:]
    last[0]["content"] = answer
    body["messages"] = first + middle * turns + last
    identity = {"method": "toolalpaca", "kind": "single", "attempt": 0, "accepted": True}
    return Result(**identity, task=row.task.record(), trajectory_id=row.id, trajectory=body)


def counted(*results: Result) -> Corpus:
    count = CorpusCount([KIT])
    for one in results:
        count.add(one)
    return count.corpus(results)


def test_the_shape_of_rows_with_known_counts():
    found = counted(
        result("When is it open on Monday?", call("get_hours", day="Monday"), answer="From nine to five."),
        result("And on Sunday?", call("get_hours"), turns=2),
        result("Two things.", call("get_event"), call("get_hours"), call("get_event", event_id="e1")),
        result("What is love?"),
    )
    assert found.model_dump() == {
        "tools": 2,
        "by_category": {"other": 4},
        "functions_per_toolkit": 3.0,
        "by_calls": {0: 1, 1: 1, 2: 1, 3: 1},
        "by_steps": {0: 1, 1: 2, 2: 1},
        "calls": 6,
        "empty_arguments": 4,
        "request_words": 3.5,
        "answer_words": 3.25,
        "same_requests": 0,
        "compared_requests": 4,
        "near_requests": 0,
    }
    assert found.several_calls == 2
    assert Corpus.model_validate_json(found.model_dump_json()) == found


def test_the_same_request_and_nearly_the_same_one_are_counted_apart():
    requests = [
        "Please show me all the special events of the museum on March 14.",
        "please show me all the  special events of the museum on March 14.",
        "Please show me all the special events of the museum on March 15.",
        "Buy two tickets.",
        "Will it rain in Oslo tomorrow?",
    ]
    found = counted(*(result(request, attempt=index) for index, request in enumerate(requests)))
    assert (found.same_requests, found.near_requests, found.compared_requests) == (2, 3, 5)


def test_a_sample_finds_what_is_like_it_anywhere_and_order_is_of_no_account(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(corpus, "SAMPLE", 40)
    monkeypatch.setattr(corpus, "_BLOCK", 7)
    words = [f"{chr(97 + index % 26)}{index * 7919 % 99991:05}x{index}" for index in range(60)]
    rows = [result(f"{word} {word[::-1]}", attempt=index) for index, word in enumerate(words)]
    rows += [result(f"{word} {word[::-1]}.", attempt=100 + index) for index, word in enumerate(words)]
    found = counted(*rows)
    assert (found.compared_requests, found.near_requests) == (40, 40)
    random.Random(0).shuffle(rows)
    assert counted(*rows) == found
    alone = counted(*[row for row in rows if not row.trajectory["messages"][0]["content"].endswith(".")])
    assert (alone.compared_requests, alone.near_requests) == (40, 0)


def test_no_rows_have_a_shape_too():
    assert counted() == Corpus()


def test_a_version_from_before_shapes_were_counted_says_so(capsys: pytest.CaptureFixture[str]):
    _describe_corpus(Statistics(rows=3))
    assert capsys.readouterr().out == "shape     not counted: an earlier callwright made this version\n"
