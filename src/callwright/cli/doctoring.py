"""`doctor`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from callwright.cli.talk import say, show_json
from callwright.engine.doctor import examine
from callwright.settings import data_folder

_MARKS = {"ok": "ok", "fault": "FAULT", "skipped": "-"}


def doctor(recipe: Path | None, sets: list[str], data: Path | None, as_json: bool) -> None:
    found = asyncio.run(examine(recipe, sets, data_folder(data)))
    faults = sum(one.outcome == "fault" for one in found)
    if as_json:
        show_json({"faults": faults, "findings": [one.model_dump(mode="json") for one in found]})
    else:
        for one in found:
            print(f"{_MARKS[one.outcome]:<5}  {one.check:<11}  {one.where}: {one.message}")
        say(f"{faults} {'fault' if faults == 1 else 'faults'}" if faults else "no faults")
    if faults:
        raise typer.Exit(1)
