"""A command that answers a batch as the museum's teacher does, and misbehaves where it is told to.

Run: python batch_command.py INPUT OUTPUT FOLDER

In FOLDER it keeps `asked.txt`, the id of every question that it was asked. `fail.json` there names what goes wrong:
`exit` (code), `skip` (answer all but so many), `status` (of the first line) and what is `said` of it, `torn` (the last
line is cut off), `raw` (the first call is text), `hold` ("before" or "after" it writes): it waits until the file
`release` is there. All of it happens in round `round` alone, where that is given.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import loopback as lb
from teacher import museum_teacher


def main() -> None:
    asked, output, folder = map(Path, sys.argv[1:])
    plan = folder / "fail.json"
    fail = json.loads(plan.read_text(encoding="utf-8")) if plan.exists() else {}
    lines = [json.loads(line) for line in asked.read_text(encoding="utf-8").splitlines()]
    with (folder / "asked.txt").open("a", encoding="utf-8") as file:
        file.writelines(f"{line['custom_id']}\n" for line in lines)
    rounds = folder / "rounds.txt"
    with rounds.open("a", encoding="utf-8") as file:
        file.write(f"{len(lines)}\n")
    number = len(rounds.read_text(encoding="utf-8").splitlines())
    if number != fail.get("round", number):
        fail = {}
    if fail.get("hold") == "before":
        wait(folder)
    answers = [json.dumps(answer(line)) for line in lines]
    if "status" in fail:
        answers[0] = json.dumps(failed(lines[0], fail["status"], fail.get("said", "as it was told to")))
    if fail.get("raw"):
        place = next(place for place, line in enumerate(lines) if "tools" in line["body"])
        answers[place] = json.dumps(said(lines[place], lb.RAW_CALL))
    text = "\n".join(answers[: len(answers) - fail.get("skip", 0)]) + "\n"
    output.write_text(text[:-40] if fail.get("torn") else text, encoding="utf-8")
    if fail.get("hold") == "after":
        wait(folder)
    if fail.get("exit"):
        print("CUDA out of memory")
        sys.exit(fail["exit"])


def wait(folder: Path) -> None:
    (folder / "held").touch()
    while not (folder / "release").exists():
        time.sleep(0.01)


def answer(line: dict[str, Any]) -> dict[str, Any]:
    assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
    return said(line, museum_teacher(line["body"]))


def said(line: dict[str, Any], body: Any) -> dict[str, Any]:
    response = {"status_code": 200, "request_id": "x", "body": body}
    return {"id": "batch-1", "custom_id": line["custom_id"], "response": response, "error": None}


def failed(line: dict[str, Any], status: int, words: str) -> dict[str, Any]:
    response = {"status_code": status, "request_id": "x", "body": None}
    error = {"error": {"message": words}}
    return {"id": "batch-1", "custom_id": line["custom_id"], "response": response, "error": error}


if __name__ == "__main__":
    main()
