"""The reward of calls: right calls earn all of it, and nothing else does; the file for trainers says the same."""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from turns import planned

from callwright.llm import hermes
from callwright.schemas.message import ToolCall
from callwright.scoring.reward import MEASURES, compute_score, reward_of
from callwright.values.mutations import mutated
from callwright.views.decisions import reward_source

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 3}},
    "required": ["city"],
}
TOOLS = {"forecast": SCHEMA, "now": {"type": "object", "properties": {}}}


def made(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(id="c1", name=name, arguments=json.dumps(arguments))


def truth(*calls: ToolCall, tools: dict[str, Any] | None = None) -> str:
    listed = [{"name": one.name, "arguments": one.arguments} for one in calls]
    return json.dumps({"calls": listed, "tools": tools or TOOLS})


OSLO, BERGEN, NOW = made("forecast", city="Oslo"), made("forecast", city="Bergen", days=5), made("now")


@pytest.mark.parametrize(
    ("right", "said", "expected"),
    [
        # match, calls, arguments, names, format
        ([OSLO], [OSLO], (1, 1, 1, 1, 1)),
        ([OSLO], [made("forecast", days=3.0, city="Oslo")], (1, 1, 1, 1, 1)),
        ([OSLO, BERGEN], [BERGEN, OSLO], (1, 1, 1, 1, 1)),
        ([OSLO], [OSLO, OSLO], (0, 2 / 3, 2 / 3, 2 / 3, 1)),
        ([OSLO, BERGEN], [OSLO], (0, 2 / 3, 4 / 7, 2 / 3, 1)),
        ([OSLO], [made("forecast", city="oslo")], (0, 0, 1 / 2, 1, 1)),
        ([OSLO], [NOW], (0, 0, 0, 0, 1)),
        ([OSLO], [made("weather", city="Oslo")], (0, 0, 0, 0, 0)),
        ([NOW], [NOW], (1, 1, 1, 1, 1)),
        ([], [NOW], (0, 0, 0, 0, 1)),
    ],
)
def test_each_measure_says_what_it_says(
    right: list[ToolCall], said: list[ToolCall], expected: tuple[float, ...]
):
    assert reward_of(truth(*right), hermes.write("", said)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("right", "said", "match"),
    [
        ([], "Which city do you mean?", 1),
        ([], "<think>They did not say.</think>Which city?", 1),
        ([OSLO], "It will rain.", 0),
        ([], "", 0),
        ([], "<think>They did not say.</think>", 0),
        ([OSLO], f"<think>{hermes.write('', [OSLO])}", 0),
        ([OSLO], f"<think>Oslo, then.</think>{hermes.write('', [OSLO])}", 1),
        ([], f"<think>{hermes.write('', [OSLO])}</think>Which city?", 1),
        ([OSLO], '<tool_call>{"name": "forecast", "arguments": {"city": "Oslo"</tool_call>', 0),
        ([], '<tool_call>{"name": "forecast", "arguments": {"city": "Oslo"</tool_call>', 0),
        (
            [OSLO],
            '<tool_call>{"name": "forecast", "arguments": {"city": "Oslo", "city": "Oslo"}}</tool_call>',
            0,
        ),
        ([OSLO], {"role": "assistant", "tool_calls": [{"function": OSLO.model_dump(exclude={"id"})}]}, 1),
        ([OSLO], {"role": "assistant", "content": hermes.write("Let me look.", [OSLO])}, 1),
    ],
)
def test_calls_are_read_strictly(right: list[ToolCall], said: Any, match: float):
    found = reward_of(truth(*right), said)
    assert found.match == match
    assert found.match or max(found) < 1 or found.format == 1


def test_a_trainer_chooses_the_measure():
    said = hermes.write("", [OSLO])
    scores = compute_score("callwright/x", said, truth(OSLO, BERGEN), extra_info=None, reward="calls")
    assert scores.keys() == {"score", *MEASURES}
    assert (scores["score"], scores["match"]) == (pytest.approx(2 / 3), 0)
    with pytest.raises(KeyError):
        compute_score("callwright/x", said, truth(OSLO), reward="mach")


def standalone(folder: Path) -> ModuleType:
    """The file for trainers, loaded by its path."""
    path = folder / "reward.py"
    path.write_text(reward_source(), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("beside", path)
    assert spec and spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def share(right: Sequence[str], said: Sequence[str]) -> float:
    """The share of right calls, counted by striking off."""
    left, common = list(right), 0
    for one in said:
        if one in left:
            left.remove(one)
            common += 1
    return 2 * common / (len(right) + len(said)) if right or said else 1.0


def test_planned_turns_earn_all_and_changed_ones_do_not(tmp_path: Path):
    beside = standalone(tmp_path)
    rng = random.Random(5)
    wrong = 0
    for turn in planned():
        told = truth(*turn.calls, tools={name: tool.parameters for name, tool in turn.tools.items()})
        texts = [f"{one.name} {one.arguments}" for one in turn.calls]
        tried: list[tuple[str, Sequence[ToolCall]]] = [("right", turn.calls), ("fewer", turn.calls[1:])]
        tried += [
            ("more", (*turn.calls, turn.calls[0])),
            *filter(None, [mutated(turn.tools, turn.calls, rng)]),
        ]
        for kind, calls in tried:
            said = hermes.write("Well.", calls)
            found = reward_of(told, said)
            assert tuple(beside.reward_of(told, said)) == tuple(found)
            if kind == "right":
                assert set(found) == {1.0}
            else:
                wrong += 1
                assert found.match == 0 and found.calls < 1
                assert found.calls == pytest.approx(
                    share(texts, [f"{one.name} {one.arguments}" for one in calls])
                )
    assert wrong > 200
