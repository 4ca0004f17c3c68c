"""A whole build with a real vLLM server as teacher. The model is too small to write good rows: the report says so."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from vllm_server import NAME, Server

from callwright.engine.build import build, run_folder
from callwright.engine.progress import read_statuses
from callwright.engine.recipes import check_recipe
from callwright.engine.results import read_results
from callwright.engine.workshop import Workshop
from callwright.errors import ShortfallError

SIMULATION = {"size": 3, "tools": [{"world": "calendar"}, {"world": "units"}], "mix": {"single": 1.0}}
# Two small tools: on a CPU it is the prompts that take the time.
EXPLORATION = {
    "size": 1,
    "tools": [{"python": "tools.py"}],
    "methods": {"ste": {"episodes": 1, "trials": 2, "max_calls": 2, "paraphrases": 4}},
    "mix": "any",
}
TOOLS = '''
def toss_coin(times: int) -> list[str]:
    """Toss a coin a few times."""
    return ["heads", "tails"] * (times // 2)


def add_numbers(first: float, second: float) -> float:
    """Add two numbers."""
    return first + second
'''


@pytest.mark.parametrize("method", [SIMULATION, EXPLORATION], ids=["toolalpaca", "ste"])
async def test_a_build_ends_in_a_version_or_says_how_little_was_accepted_and_why(
    server: Server, tmp_path: Path, method: dict[str, Any]
) -> None:
    teacher = {"engine": "openai", "base_url": server.base_url, "model": NAME, "in_flight": 24}
    body = {
        "dataset": "small",
        "seed": 7,
        "models": {"teacher": teacher | {"max_tokens": 90, "timeout_s": 240}},
        "accept": {"rung": "L2"},
        **method,
    }
    (tmp_path / "tools.py").write_text(TOOLS, encoding="utf-8")
    workshop = Workshop.of(check_recipe(body, "small"), tmp_path)
    try:
        built = await build(workshop, tmp_path / "data")
        accepted = built.version.statistics.rows
        assert accepted == method["size"]
    except ShortfallError as error:
        assert "rows missing after" in str(error) and "drops: " in str(error)
    [status] = read_statuses(tmp_path / "data")
    assert status["state"] in ("done", "short")
    folder = run_folder(workshop, tmp_path / "data")
    results = [one for path in sorted((folder / "shards").glob("*.jsonl")) for one in read_results(path)]
    assert len(results) == status["attempts"]
    reasons = Counter(f"{one.gate} {one.code}" for one in results if not one.accepted)
    print(f"{len(results)} attempts, {status['accepted']} accepted, dropped: {dict(reasons.most_common())}")
    assert all(one.gate and one.code for one in results if not one.accepted)
    assert sum(reasons.values()) + status["accepted"] == len(results)
    lines = (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == status["requests"]
    entries = [json.loads(line) for line in lines]
    assert all(entry["completion_tokens"] > 0 or "refused" in entry["response"] for entry in entries)
