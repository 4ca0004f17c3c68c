"""How well the answers of `student.py` agree with the rows: tools chosen, whole calls, and holding back.

An answer is right when it makes the row's calls and no others, in any order, by the one comparison of calls
(`values/calls.py`: typed, defaults as good as left out); where the row's first turn makes no call, when it makes none.
A row knows one way; where there is another (a list read without a filter, say), it counts as wrong.

Shares come with 95 % intervals of a bootstrap over items. Items of one world are alike, so what they say about
worlds is less certain than they look.

Run: python benchmarks/student_score.py DATA OUT
DATA is the folder of `student_data.py`, OUT that of `student.py`; the scores also go to OUT/scores.json.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from callwright.schemas.task import KINDS
from callwright.schemas.tool import Tool
from callwright.values.calls import same_call

TESTS = ("test_seen", "test_unseen")
RESAMPLES = 2000

Call = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Item:
    """One test item with what was answered."""

    test: str
    place: int
    kind: str
    toolkit: str
    expected: tuple[Call, ...]
    called: tuple[Call, ...] | None
    """None where a call was begun that cannot be read."""
    exact: bool
    """Whether exactly the right calls were made; none, where none is right."""
    names: bool
    """Whether exactly the right tools were called, whatever their arguments."""


def main() -> None:
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    worlds = json.loads((data / "worlds.json").read_text(encoding="utf-8"))
    tools = {one["id"]: tool_of(one["tool"]) for one in lines(data / "tools.jsonl.gz")}
    rows = {test: list(lines(data / f"{test}.jsonl.gz")) for test in TESTS}
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    scored = {
        stage["set"]: [
            scored_item(rows[one["test"]][one["item"]], tools, one)
            for one in lines(out / f"generations_{stage['set']}.jsonl.gz")
        ]
        for stage in results["stages"]
    }
    found = {name: scores(items, worlds.get(name)) for name, items in scored.items()}
    against = {
        f"{name} - {other}": difference(scored[name], scored[other])
        for name, other in (("train_16", "train_2"), ("train_16", "train_6"), ("train_16", "base"))
        if name in scored and other in scored
    }
    body = {"scores": found, "differences_on_test_unseen": against}
    (out / "scores.json").write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    tell(found, against)


def lines(path: Path) -> Iterator[Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def tool_of(wire: dict[str, Any]) -> Tool:
    function = wire["function"]
    return Tool(name=function["name"], description=function["description"], parameters=function["parameters"])


def scored_item(row: dict[str, Any], tools: dict[str, Tool], answer: dict[str, Any]) -> Item:
    offered = {tools[one].name: tools[one] for one in row["tools"]}
    turn = next(one for one in row["messages"] if one["role"] == "assistant")
    functions = [one["function"] for one in turn.get("tool_calls", ())]
    expected = tuple((one["name"], one["arguments"]) for one in functions)
    called = calls_in(answer["text"])
    return Item(
        test=answer["test"],
        place=answer["item"],
        kind=row["kind"],
        toolkit=row["toolkit"],
        expected=expected,
        called=called,
        exact=called is not None and same_calls(offered, called, expected),
        names=called is not None
        and sorted(name for name, _ in called) == sorted(name for name, _ in expected),
    )


_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)


def calls_in(text: str) -> tuple[Call, ...] | None:
    """The calls that a text makes in Hermes' notation; None when one that was begun cannot be read."""
    found: list[Call] = []
    for body in _CALL.findall(text):
        try:
            call = json.loads(body)
        except ValueError:
            return None
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            return None
        if not isinstance(call.get("arguments"), dict):
            return None
        found.append((call["name"], call["arguments"]))
    return tuple(found) if text.count("<tool_call>") == len(found) else None


def same_calls(offered: dict[str, Tool], called: Sequence[Call], expected: Sequence[Call]) -> bool:
    """Whether they are the same calls of offered tools, in any order."""
    left = list(expected)
    for name, arguments in called:
        same = (one for one in left if one[0] == name and same_call(offered[name], arguments, one[1]))
        match = next(same, None)
        if match is None:
            return False
        left.remove(match)
    return not left


# Shares

Group = Callable[[Item], bool]
SHARES: dict[str, tuple[Group, Group]] = {
    "right": (lambda one: True, lambda one: one.exact),
    "calls right, where a call is": (lambda one: bool(one.expected), lambda one: one.exact),
    "tools right, where a call is": (lambda one: bool(one.expected), lambda one: one.names),
    "calls readable, where one is made": (
        lambda one: one.called != (),
        lambda one: one.called is not None,
    ),
    "no call, where none is": (lambda one: not one.expected, lambda one: one.called == ()),
}
"""Name -> of which items, and how many of them."""


def scores(items: Sequence[Item], worlds: Sequence[str] | None) -> dict[str, Any]:
    """Test -> group -> share -> [share, low, high, items]."""
    groups: dict[str, Group] = {"all": lambda one: True}
    groups |= {f"kind {kind}": lambda one, kind=kind: one.kind == kind for kind in KINDS}
    groups |= {
        "calls with arguments": lambda one: bool(one.expected) and all(given for _, given in one.expected),
        "calls without arguments": lambda one: (
            bool(one.expected) and not any(given for _, given in one.expected)
        ),
    }
    if worlds is not None:
        groups["worlds of the set"] = lambda one: one.toolkit in worlds
        groups["other worlds"] = lambda one: one.toolkit not in worlds
    found: dict[str, Any] = {}
    for test in TESTS:
        for group, belongs in groups.items():
            chosen = [one for one in items if one.test == test and belongs(one)]
            shares = {}
            for share, (of, counts) in SHARES.items():
                outcomes = [counts(one) for one in chosen if of(one)]
                if outcomes:
                    shares[share] = [*interval(np.array(outcomes, dtype=float)), len(outcomes)]
            if shares:
                found.setdefault(test, {})[group] = shares
    return found


def difference(one: Sequence[Item], other: Sequence[Item]) -> dict[str, list[float]]:
    """Share -> [difference, low, high] on the tools that neither has seen, item by item."""
    both = {item.place: item for item in other if item.test == "test_unseen"}
    pairs = [(item, both[item.place]) for item in one if item.test == "test_unseen"]
    found = {}
    for share, (of, counts) in SHARES.items():
        # Which items count must not depend on the answer.
        outcomes = [float(counts(a)) - float(counts(b)) for a, b in pairs if of(a) and of(b)]
        if outcomes and "readable" not in share:
            found[share] = [*interval(np.array(outcomes))]
    return found


def interval(outcomes: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float, float]:
    """The mean, and the middle 95 % of the means of resamples."""
    rng = np.random.default_rng(7)
    means = outcomes[rng.integers(0, len(outcomes), (RESAMPLES, len(outcomes)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return round(float(outcomes.mean()), 4), round(float(low), 4), round(float(high), 4)


def tell(found: dict[str, Any], against: dict[str, Any]) -> None:
    for test in TESTS:
        for share in SHARES:
            print(f"\n{test}: {share}\n")
            print(f"| group | items | {' | '.join(found)} |\n| --- | --- |{' --- |' * len(found)}")
            groups = dict.fromkeys(group for one in found.values() for group in one.get(test, {}))
            for group in groups:
                cells = [one.get(test, {}).get(group, {}).get(share) for one in found.values()]
                if any(cells):
                    counts = sorted({str(cell[3]) for cell in cells if cell}, key=int)
                    texts = [f"{c[0]:.1%} ({c[1]:.1%} to {c[2]:.1%})" if c else "" for c in cells]
                    print(f"| {group} | {', '.join(counts)} | {' | '.join(texts)} |")
    print("\nDifferences on test_unseen, item by item\n")
    for name, shares in against.items():
        for share, (mean, low, high) in shares.items():
            print(f"{name}: {share}: {mean:+.1%} ({low:+.1%} to {high:+.1%})")


if __name__ == "__main__":
    main()
