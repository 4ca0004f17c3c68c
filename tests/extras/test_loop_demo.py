"""One round of the loop's demo on forty rows, with the real model: what `make loop-demo` does for an hour."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from callwright.engine.loop.stages import read_records
from callwright.schemas.round import RoundReport

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "smollm2"
    subprocess.run([sys.executable, ROOT / "tests" / "vllm" / "write_model.py", folder], check=True)
    return folder


def test_a_real_student_goes_round_once_and_no_second_time(smollm2: Path, tmp_path: Path):
    sets = {
        "models.student.model": smollm2,
        "size": 40,
        "loop.rows": 40,
        "loop.held_out.rows": 8,
        "loop.control": "false",
        "loop.training.epochs": 1,
    }
    command = [
        *(sys.executable, "-c", "from callwright.cli.main import main; main()"),
        *("loop", ROOT / "data" / "recipes" / "loop-demo.yaml", "--rounds", "1", "--no-prefect", "--json"),
        *("--data", tmp_path),
        *(word for key, value in sets.items() for word in ("--set", f"{key}={value}")),
    ]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    first = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    [round_] = json.loads(first.stdout)["rounds"]
    assert round_["version"] == "loop-demo@1"
    assert sum(round_["got"].values()) == 40
    assert round_["student_before"] != round_["student_after"]

    [folder] = (tmp_path / "runs").glob("loop-demo-loop-*/round-01")
    training = json.loads((folder / "student" / "out" / "training.json").read_text())
    losses = training["losses"]
    third = len(losses) // 3
    assert training["pairs"] and training["trained_tokens"]
    assert sum(losses[-third:]) < sum(losses[:third])
    [report] = read_records(folder / "report.jsonl", RoundReport)
    assert report.held_out_after.exact.of == report.held_out_before.exact.of > 0

    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(again.stdout) == json.loads(first.stdout)
    assert "training" not in again.stderr
