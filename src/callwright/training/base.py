"""What a trainer is: it gets a folder of rows and a student, and comes back with the student that it has become."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from callwright.schemas.base import Record
from callwright.schemas.recipe import Student


class Job(Record):
    """One training."""

    round: int
    """Counted from 1."""
    student: Student
    """What is trained on: the student of the round before."""
    data: Path
    """The folder of the view `trl`, of which the split `train` counts."""
    out: Path
    """A folder of the trainer's own. It may hold what a killed training left behind."""


class Trainer(Protocol):
    async def train(self, job: Job) -> Student:
        """Train, and say where the new student is. What a killed training left is continued or begun anew.

        Raises:
            TrainingError: It failed, or left no student behind; the loop can be continued.
        """
        ...
