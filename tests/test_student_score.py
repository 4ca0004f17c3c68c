"""The scores of the student experiment: what is read as a call, and what counts as right."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import builders
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def score() -> ModuleType:
    spec = importlib.util.spec_from_file_location("student_score", ROOT / "benchmarks" / "student_score.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def written(*calls: tuple[str, Any]) -> str:
    bodies = [json.dumps({"name": name, "arguments": arguments}) for name, arguments in calls]
    return "".join(f"\n<tool_call>\n{body}\n</tool_call>" for body in bodies)


EVENT = ("get_event", {"event_id": "e1"})
ROOM = ("get_room", {"room": 3, "floor": 0})


def item(score: ModuleType, text: str, *expected: tuple[str, dict[str, Any]], place: int = 0) -> Any:
    tools = {
        "a": builders.tool("get_event"),
        "b": builders.tool("get_room", room={"type": "integer"}, floor={"type": "integer", "default": 0}),
    }
    calls = [{"function": {"name": name, "arguments": arguments}} for name, arguments in expected]
    turn = {"role": "assistant", "content": "", **({"tool_calls": calls} if calls else {})}
    messages = [{"role": "user", "content": "Please."}, turn]
    row = {"messages": messages, "tools": ["a", "b"], "kind": "single", "toolkit": "museum"}
    return score.scored_item(row, tools, {"test": "test_unseen", "item": place, "text": text})


@pytest.mark.parametrize(
    ("text", "exact", "names"),
    [
        (written(EVENT, ROOM), True, True),
        (written(ROOM, EVENT), True, True),
        (written(EVENT, ("get_room", {"room": 3})), True, True),
        (written(EVENT, ("get_room", {"room": "3"})), False, True),
        (written(EVENT, ("get_room", {"room": 4})), False, True),
        (written(EVENT), False, False),
        (written(EVENT, EVENT), False, False),
        (written(EVENT, ROOM, ROOM), False, False),
        (written(EVENT, ("get_floor", ROOM[1])), False, False),
        ("Which event do you mean?", False, False),
        (written(EVENT, ROOM).removesuffix("</tool_call>"), False, False),
        (written(EVENT, ("get_room", "3")), False, False),
    ],
)
def test_an_answer_is_right_when_it_makes_the_calls_of_the_row_and_no_others(
    score: ModuleType, text: str, exact: bool, names: bool
) -> None:
    found = item(score, text, EVENT, ROOM)
    assert (found.exact, found.names) == (exact, names)


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("Which one?", ()),
        (written(EVENT), (EVENT,)),
        ("<tool_call>{", None),
        ("<tool_call>[]</tool_call>", None),
    ],
)
def test_where_no_call_is_right_only_an_answer_without_one_is(
    score: ModuleType, text: str, called: tuple[Any, ...] | None
) -> None:
    found = item(score, text)
    assert found.called == called
    assert found.exact == (called == ())


def test_shares_are_of_the_items_that_they_are_about_and_lie_in_their_intervals(score: ModuleType) -> None:
    right, wrong = item(score, written(EVENT), EVENT), item(score, "Which?", EVENT)
    silent = item(score, "I have no tool for that.", place=1)
    found = score.scores([right] * 6 + [wrong] * 2 + [silent] * 2, ["museum"])["test_unseen"]
    share, low, high, count = found["all"]["calls right, where a call is"]
    assert (share, count) == (0.75, 8)
    assert low < share < high
    assert found["worlds of the set"]["right"][0] == 0.8
    assert found["all"]["no call, where none is"] == [1.0, 1.0, 1.0, 2]
    assert "other worlds" not in found
    assert score.difference([right, silent], [wrong, silent])["right"][0] == 0.5
