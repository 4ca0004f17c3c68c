"""The fenced blocks of a page: the commands that it shows, and the files that it has the reader write."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

TAGS = {
    "setup": "makes an environment; `.ci/run` does so in a clean clone",
    "extras": "needs torch; tests/extras follows the guide and the loop's demo",
    "vllm": "needs a language model; tests/vllm builds with one",
    "services": "needs a Prefect server, and does not end; tests/services/test_schedules.py types the like",
    "hub": "uploads; tests/cli/test_push.py does so to a hub of its own",
    "bench": "takes hours",
}
"""What keeps a block from being run by `test_docs.py`, and what runs its commands instead."""

_FENCE = re.compile(r"^ *```(\S+)(?: ([^\n`]+))?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SHELL = ("console", "sh", "bash")


class Block(NamedTuple):
    """One fenced block. `label` is a tag of a console's, or the name of a file that the reader is to write."""

    language: str
    label: str
    text: str

    @property
    def commands(self) -> list[str]:
        """What is typed: the lines after `$`, as a shell reads them."""
        if self.language not in _SHELL:
            return []
        return [line.strip()[2:] for line in self.text.splitlines() if line.strip().startswith("$ ")]

    @property
    def file(self) -> str:
        return self.label if self.language not in _SHELL and "." in self.label else ""


def blocks(page: Path) -> list[Block]:
    return [
        Block(*(one or "" for one in found)) for found in _FENCE.findall(page.read_text(encoding="utf-8"))
    ]


def steps(page: Path) -> list[Block]:
    """Files to write and blocks to run, in the page's order."""
    return [one for one in blocks(page) if one.file or (one.commands and not one.label)]


def follow(todo: Iterable[Block], folder: Path, stand_ins: Mapping[str, str] | None = None) -> None:
    """Do in a folder what a page says.

    Args:
        todo: Blocks of the page.
        folder: Where its commands are typed.
        stand_ins: What the reader is to put in place of an example's, such as the id of a row.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CALLWRIGHT_")}
    environment["PATH"] = f"{_programs(folder)}{os.pathsep}{environment['PATH']}"
    for one in todo:
        if one.file:
            (folder / one.file).write_text(one.text, encoding="utf-8")
            continue
        for command in one.commands:
            for example, given in (stand_ins or {}).items():
                command = command.replace(example, given)
            done = subprocess.run(
                ["bash", "-ec", command],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=600,
            )
            assert done.returncode == 0, f"$ {command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def _programs(folder: Path) -> Path:
    """A folder with `callwright` and `python` as an environment that is activated has them.

    Prefect's server takes ten seconds to start for each build; the demo that `.ci/run` makes builds under it.
    """
    programs = folder / ".bin"
    programs.mkdir(exist_ok=True)
    python = shlex.quote(sys.executable)
    callwright = f'{python} -m callwright "$@"'
    texts = {
        "python": f'exec {python} "$@"',
        "callwright": f"case $1 in build|run|loop) exec {callwright} --no-prefect;; *) exec {callwright};; esac",
    }
    for name, text in texts.items():
        script = programs / name
        script.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        script.chmod(0o755)
    return programs
