"""TRL's SFTTrainer on a local model, in a process of its own.

torch's memory goes with the process, and the loop's event loop stays free.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from callwright.errors import CallwrightError, TrainingError
from callwright.schemas.base import Record
from callwright.schemas.loop import Trl
from callwright.schemas.recipe import LocalModel, Student
from callwright.training.base import Job
from callwright.training.child import run

MODEL, CHECKPOINTS = "model", "checkpoints"


class Training(Record):
    """What the process is told."""

    config: Trl
    model: Path
    template: str | None
    """The text of a chat template."""
    data: Path
    out: Path


class TrlTrainer:
    """Trains in `JOB.out`: `model` is the student, `training.json` the report, `training.log` what was printed."""

    def __init__(self, config: Trl, base: Path) -> None:
        """`base` is the folder that the recipe's paths are relative to."""
        self._config = config
        self._base = base

    async def train(self, job: Job) -> Student:
        """Train. A model or a checkpoint that is there already was made by the same job, or is thrown away.

        Raises:
            TrainingError: The training failed; the log's last lines are told.
        """
        student = job.student
        if not isinstance(student, LocalModel):
            raise TrainingError(
                "training: {hook: trl} trains a model in a folder; the student must be {engine: local, model: FOLDER}"
            )
        out = job.out.absolute()
        out.mkdir(parents=True, exist_ok=True)
        told = Training(
            config=self._config,
            model=(self._base / student.model).absolute(),
            template=(self._base / student.template).read_text(encoding="utf-8")
            if student.template
            else None,
            data=job.data.absolute(),
            out=out,
        ).model_dump_json()
        place = out / "job.json"
        if not (place.is_file() and place.read_text(encoding="utf-8") == told):
            for name in (MODEL, CHECKPOINTS):
                shutil.rmtree(out / name, ignore_errors=True)
            place.write_text(told, encoding="utf-8")
        if not (out / MODEL).is_dir():
            await run([sys.executable, "-u", "-c", _CHILD, str(place)], out / "training.log")
        if not (out / MODEL / "config.json").is_file():
            raise TrainingError(f"the training left no model in {out / MODEL}; see {out / 'training.log'}")
        # The template is saved with the model.
        return student.model_copy(update={"model": str(out / MODEL), "template": None})


def main(path: Path) -> None:
    training = Training.model_validate(json.loads(path.read_text(encoding="utf-8")))
    try:
        from callwright.training.sft import train
    except ImportError as error:
        sys.exit(f"{error.name} is missing; install the extra: pip install 'callwright[train]'")
    try:
        train(training)
    except CallwrightError as error:
        sys.exit(str(error))


_CHILD = "import sys, pathlib; from callwright.training.trl import main; main(pathlib.Path(sys.argv[1]))"
