"""What came of attempts, and the files that keep it: one line each, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonlines
from pydantic import ValidationError

from callwright.errors import StoreError
from callwright.judges.normaliser import Mend
from callwright.schemas.base import Record
from callwright.schemas.task import Kind
from callwright.schemas.verdict import Verdict
from callwright.schemas.version import Drop


class Result(Record):
    """What came of one attempt: one line of a shard's or a chain's file."""

    method: str
    kind: Kind
    attempt: int
    accepted: bool
    gate: str = ""
    code: str = ""
    message: str = ""
    signature: str = ""
    """Digest of what was said and called; equal ones are duplicates."""
    root: str = ""
    task_id: str = ""
    task: dict[str, Any] = {}
    trajectory_id: str = ""
    trajectory: dict[str, Any] = {}
    part: str = ""
    """Which of its method's sorts of rows it is, where a recipe says how many of each it wants."""
    row_kind: Kind | None = None
    """The kind that was read off the messages."""
    verdicts: tuple[Verdict, ...] = ()
    mends: tuple[Mend, ...] = ()
    """What was trimmed or taken out of the loss before the verdicts."""

    @property
    def empty_arguments(self) -> bool:
        """Whether things were called, and none of the calls has an argument."""
        calls = [call for turn in self.trajectory.get("messages", ()) for call in turn.get("tool_calls", ())]
        return bool(calls) and all(call["arguments"].strip() in _EMPTY for call in calls)

    def dropped(self, gate: str, code: str, message: str = "") -> Drop:
        """The reason why it is no row of a version."""
        return Drop(
            method=self.method,
            kind=self.kind,
            attempt=self.attempt,
            gate=gate,
            code=code,
            message=message,
            trajectory=self.trajectory_id or None,
        )


_EMPTY = ("", "{}", "{ }")


def write_results(path: Path, results: list[Result]) -> None:
    """Write a file of results whole or not at all, and force it to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            writer = jsonlines.Writer(file)
            writer.write_all(result.model_dump(mode="json") for result in results)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); free some space and run again"
        ) from error


def read_results(path: Path) -> Iterator[Result]:
    """The results of a file, one at a time.

    Raises:
        StoreError: A line was damaged since it was written.
    """
    with jsonlines.open(path) as reader:
        try:
            for line in reader:
                yield Result.model_validate(line)
        except (jsonlines.InvalidLineError, ValidationError, UnicodeDecodeError) as error:
            raise StoreError(
                f"{path}: damaged since it was written; delete this file and run again, it is made anew from the "
                "journal"
            ) from error


def conversations(paths: Sequence[Path]) -> Iterator[Result]:
    """Results that hold a conversation, read from their files one at a time."""
    return (result for path in paths for result in read_results(path) if result.trajectory_id)


def chosen_results(paths: Sequence[Path], chosen: Collection[str]) -> Iterator[Result]:
    """The accepted results of a version's rows, each once."""
    missing = set(chosen)
    for result in conversations(paths):
        if result.accepted and result.trajectory_id in missing:
            missing.discard(result.trajectory_id)
            yield result
