"""AskToAct's measures on agents whose scores are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import callwright

from callwright.scoring import asktoact
from callwright.scoring.files import ScoreError

VALUES = {"city": "Lima", "day": "2026-03-14", "guests": "Ada Weber", "room": "suite"}
SAID = {"city": "In Lima.", "day": "March 14.", "guests": "Ada Weber.", "room": "A suite, please."}
TOOL = {
    "type": "function",
    "function": {
        "name": "book",
        "description": "",
        "parameters": {"type": "object", "properties": {name: {"type": "string"} for name in VALUES}},
    },
}


def called(arguments: dict[str, Any], name: str = "book") -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "c", "type": "function", "function": function}],
    }


def talk(
    asked: list[str], arguments: dict[str, Any], needless: int = 0, name: str = "book"
) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Book a stay."}]
    for argument in asked:
        messages += [
            {"role": "assistant", "content": f"Which {argument}?"},
            {"role": "user", "content": SAID[argument]},
        ]
    for _ in range(needless):
        messages += [{"role": "assistant", "content": "Anything else?"}, {"role": "user", "content": "No."}]
    return [
        *messages,
        called(arguments, name),
        {"role": "tool", "content": "{}"},
        {"role": "assistant", "content": "Done."},
    ]


def item(number: int, missing: int, agent: Callable[[list[str]], list[dict[str, Any]]]) -> dict[str, Any]:
    names = list(VALUES)[:missing]
    return {
        "id": f"r{number}",
        "clock": "2026-01-05",
        "tools": json.dumps([TOOL]),
        "intents": json.dumps(
            [{"value": VALUES[name], "slots": [{"tool": "book", "argument": name}]} for name in names]
        ),
        "messages": [called(VALUES)],
        "predicted": agent(names),
    }


def without(names: list[str]) -> dict[str, str]:
    return {name: value for name, value in VALUES.items() if name not in names}


AGENTS: dict[str, Callable[[list[str]], list[dict[str, Any]]]] = {
    "oracle": lambda names: talk(names, VALUES),
    "never asks": lambda names: talk([], without(names)),
    "asks for everything": lambda names: talk(names, VALUES, needless=len(names) + 1),
    "guesses": lambda names: talk([], without(names) | dict.fromkeys(names, "Paris")),
    "stops one short": lambda names: talk(names[:-1], without(names[-1:])),
    "calls the wrong tool": lambda names: talk(names, VALUES, name="cancel"),
}


def scored(folder: Path, agent: str, counts: tuple[int, ...] = (1, 2, 3, 4)) -> asktoact.AskToActScore:
    path = folder / "predicted.jsonl"
    lines = [item(number, missing, AGENTS[agent]) for number, missing in enumerate(counts)]
    path.write_text("\n".join(map(json.dumps, lines)))
    return asktoact.score(asktoact.read_items(path))


def share(ratio: Any) -> float | None:
    return ratio.count / ratio.of if ratio.of else None


@pytest.mark.parametrize(
    ("agent", "recovery", "efficiency", "tools", "parameters", "solved"),
    [
        ("oracle", 1.0, 1.0, 1.0, 1.0, 1.0),
        ("never asks", 0.0, None, 1.0, 6 / 16, 0.0),
        ("asks for everything", 1.0, 10 / 24, 1.0, 1.0, 1.0),
        ("guesses", 0.0, None, 1.0, 6 / 16, 0.0),
        ("stops one short", 6 / 10, 1.0, 1.0, 12 / 16, 0.0),
        ("calls the wrong tool", 1.0, 1.0, 0.0, 0.0, 0.0),
    ],
)
def test_known_agents_get_their_known_scores(
    tmp_path: Path, agent, recovery, efficiency, tools, parameters, solved
):
    found = scored(tmp_path, agent).everything
    assert share(found.recovery) == recovery
    assert share(found.efficiency) == efficiency
    assert (share(found.tools), share(found.parameters), share(found.solved)) == (tools, parameters, solved)


def test_who_stops_one_short_recovers_all_but_one_of_each_number(tmp_path: Path):
    by = scored(tmp_path, "stops one short", (1, 2, 2, 3)).by_missing
    assert {name: share(group.recovery) for name, group in by.items()} == {"1": 0.0, "2": 0.5, "3+": 2 / 3}


def test_whole_requests_show_who_asks_needlessly(tmp_path: Path):
    asks, oracle = (scored(tmp_path, agent, (0, 0)).everything for agent in ("asks for everything", "oracle"))
    assert (asks.asked_needlessly.count, asks.asked_needlessly.of) == (2, 2)
    assert (oracle.asked_needlessly.count, share(oracle.solved)) == (0, 1.0)


def test_a_value_counts_in_whatever_words_the_user_says_it(tmp_path: Path):
    assert share(scored(tmp_path, "oracle", (2,)).everything.recovery) == 1.0  # "March 14" for 2026-03-14


@pytest.mark.parametrize("missing", ["predicted", "clock", "intents", "tools"])
def test_a_line_that_lacks_something_is_named(tmp_path: Path, missing: str):
    path = tmp_path / "p.jsonl"
    body = item(0, 1, AGENTS["oracle"])
    del body[missing]
    path.write_text(json.dumps(body))
    with pytest.raises(ScoreError, match=f"p.jsonl:1.*{missing}"):
        list(asktoact.read_items(path))


def test_the_command_prints_the_table(tmp_path: Path):
    scored(tmp_path, "oracle")
    done = callwright("score", "predicted.jsonl", "--metric", "asktoact", cwd=tmp_path)
    assert done.returncode == 0
    assert "recovery" in done.stdout
    assert "100.0 (10/10)" in done.stdout


@pytest.mark.parametrize(
    "wrong",
    [
        {"intents": [{"value": "x", "slots": [{"tool": ["f"], "argument": "y"}]}]},
        {"tools": [{"function": {"name": "f", "parameters": {"properties": {"y": 5}}}}]},
        {"messages": [5]},
    ],
)
def test_a_line_that_holds_something_else_is_named(tmp_path: Path, wrong: dict[str, object]):
    path = tmp_path / "p.jsonl"
    body = item(0, 1, AGENTS["oracle"])
    path.write_text(json.dumps(body | wrong))
    with pytest.raises(ScoreError, match="p.jsonl:1: is no row"):
        list(asktoact.read_items(path))
