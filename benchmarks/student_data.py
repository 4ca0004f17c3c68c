"""The data of `student.py`: training sets over 2, 6 and 16 worlds, and tests on worlds seen and never seen.

Each set is a version of its own, built with the offline teacher, so that the tools of other worlds are not even
offered. The worlds are drawn by chance, the smaller sets from the larger. Who trains on them takes the same number of
pairs of each (the ablation of Tang et al. 2023: more distinct toolsets at a fixed number of instances).

A folder holds `tools.jsonl.gz` (id and tool), `worlds.json` (set -> worlds) and a `SET.jsonl.gz` each: rows of
`messages`, `tools` (ids, in the order of the offer), `kind` and `toolkit`. The same code writes the same bytes.

Run: python benchmarks/student_data.py FOLDER [SHARE]
SHARE, 1 unless given, makes every set smaller, to try things out.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import yaml

import callwright
from callwright.schemas.base import digest
from callwright.worlds import NAMES

HELD_OUT = ("library", "smart_home", "travel", "units")
"""Ids from lists, levels and modes, bookings with dates, bare numbers: unlike each other and the rest."""
_DRAWN = random.Random(7).sample([name for name in NAMES if name not in HELD_OUT], len(NAMES) - len(HELD_OUT))
WORLDS: dict[str, tuple[str, ...]] = {
    "train_2": tuple(_DRAWN[:2]),
    "train_6": tuple(_DRAWN[:6]),
    "train_16": tuple(_DRAWN),
    "test_unseen": HELD_OUT,
}
SIZES = {"train_2": 3000, "train_6": 3000, "train_16": 3400, "test_unseen": 640}
"""Rows: enough for 5,900 pairs of at most 2,048 tokens, and for the tests."""
MIX = {"single": 0.3, "multi_step": 0.2, "parallel": 0.2, "clarification": 0.15, "no_call": 0.15}
TESTS = {"test_seen": 300, "test_unseen": 600}
"""Test -> its rows. What the largest set has seen is tested with its own test split."""

Row = dict[str, Any]


def main() -> None:
    folder = Path(sys.argv[1])
    share = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    folder.mkdir(parents=True, exist_ok=True)
    sets: dict[str, list[Row]] = {}
    with ProcessPoolExecutor(len(WORLDS)) as pool:
        sizes = [max(20, round(share * SIZES[name])) for name in WORLDS]
        for name, (train, test) in zip(WORLDS, pool.map(built, WORLDS, sizes), strict=True):
            sets[name] = train
            if test:
                sets["test_seen"] = test
    asked = {opening(row) for name, found in sets.items() if name.startswith("train_") for row in found}
    for name, most in TESTS.items():
        fresh = [row for row in sets[name] if opening(row) not in asked]
        print(f"{name}: {len(sets[name]) - len(fresh)} rows left out, whose request stands in a training set")
        sets[name] = fresh[:most]
    write(folder, sets)


def built(name: str, size: int) -> tuple[list[Row], list[Row]]:
    """The rows of the train split and of the test split, each in an order drawn by chance."""
    recipe = {
        "dataset": name,
        "size": size,
        "seed": 11,
        "tools": [{"world": world} for world in sorted(WORLDS[name])],
        "mix": MIX,
        "accept": {"rung": "L2"},
        "splits": {"test": 0.1 if name == "train_16" else 0.0},
    }
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"{name}.yaml"
        path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
        version = callwright.build(path, place)
        loaded = callwright.load(version.name, place, config="portable")
        found = {split: [_row(one) for one in loaded[split]] for split in loaded}
    for rows in found.values():
        random.Random(11).shuffle(rows)
    return found.get("train", []), found.get("test", [])


def _row(one: Row) -> Row:
    tools = json.loads(one["tools"] or "[]")
    return {"messages": json.loads(one["messages"]), "tools": tools} | {
        label: one[label] for label in ("kind", "toolkit")
    }


def opening(row: Row) -> str:
    """What the user says first."""
    return next(str(one["content"]) for one in row["messages"] if one["role"] == "user")


def write(folder: Path, sets: dict[str, list[Row]]) -> None:
    tools: dict[str, Any] = {}
    for name, rows in sets.items():
        lines = []
        for row in rows:
            named = {digest(tool)[:12]: tool for tool in row["tools"]}
            tools |= named
            lines.append(row | {"tools": list(named)})
        size = _write_lines(folder / f"{name}.jsonl.gz", lines)
        turns = sum(one["role"] == "assistant" for row in rows for one in row["messages"])
        kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(row["kind"] for row in rows).items())
        print(f"{name}: {len(rows)} rows, {turns} assistant turns ({kinds}), {size / 1e6:.2f} MB")
    _write_lines(folder / "tools.jsonl.gz", [{"id": one, "tool": tool} for one, tool in tools.items()])
    (folder / "worlds.json").write_text(json.dumps(WORLDS, indent=1) + "\n", encoding="utf-8")


def _write_lines(path: Path, lines: Iterable[Any]) -> int:
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    return path.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
