"""`callwright doctor` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

from command import callwright
from workshops import DEMO


def test_it_says_what_is_wrong_and_ends_with_1(tmp_path: Path):
    well = callwright("doctor", DEMO, "--json", cwd=tmp_path, PREFECT_API_URL="")
    assert well.returncode == 0, well.stdout + well.stderr
    assert json.loads(well.stdout)["faults"] == 0
    ill = callwright(
        "doctor", "--data", "/dev/null/data", cwd=tmp_path, PREFECT_API_URL="http://127.0.0.1:9/api"
    )
    assert (ill.returncode, ill.stderr) == (1, "2 faults\n")
    told = [line for line in ill.stdout.splitlines() if line.startswith("FAULT")]
    assert [line.split()[1] for line in told] == ["data", "prefect"]
