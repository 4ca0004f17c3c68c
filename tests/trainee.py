"""A user's training command for tests: python trainee.py WHAT DATA MODEL OUT ROUND."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main(what: str, data: str, model: str, out: str, round_: str) -> None:
    folder = Path(out)
    with (folder / "runs").open("a", encoding="utf-8") as file:
        print(os.getpid(), data, model, round_, file=file)
    print("step 1\nstep 2")
    if what == "crash":
        (folder / "student.json").write_text('{"model": "half"}', encoding="utf-8")
        sys.exit("no room on the card")
    if what == "hang":
        time.sleep(60)
    if what == "model":
        (folder / "new").mkdir(exist_ok=True)
        (folder / "new" / "config.json").write_text("{}", encoding="utf-8")
        what = '{"model": "new"}'
    if what != "nothing":
        (folder / "student.json").write_text(what, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])


def told(folder: Path) -> list[list[str]]:
    """What each run was told: data, model, round."""
    return [line.split()[1:] for line in (folder / "runs").read_text(encoding="utf-8").splitlines()]


ENDPOINT = json.dumps({"base_url": "http://localhost:8000/v1", "model": "new"})
