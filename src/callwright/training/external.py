"""A user's own command trains: it is given folders, and leaves a file that says where the student is."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from callwright.errors import TrainingError
from callwright.schemas.loop import External
from callwright.schemas.recipe import LocalModel, OpenAIModel, SimulatedModel, Student
from callwright.training.base import Job
from callwright.training.child import run
from callwright.values.canonical import parse_json

STUDENT = "student.json"
_FORMS = '{"model": PATH} or {"base_url": URL, "model": NAME}'


class ExternalTrainer:
    """Runs the command once for each job. A job that has its student already is not run again."""

    def __init__(self, config: External, base: Path) -> None:
        """`base` is the folder that the recipe's paths are relative to."""
        self._config = config
        self._base = base

    async def train(self, job: Job) -> Student:
        """Run the command, and read what it left.

        Raises:
            TrainingError: The command failed or took too long, or left no student that can be used.
        """
        out = job.out.absolute()
        written, began = out / STUDENT, out / "job.json"
        if not _done(written, began, job):
            out.mkdir(parents=True, exist_ok=True)
            written.unlink(missing_ok=True)
            began.write_text(job.model_dump_json(), encoding="utf-8")
            try:
                await run(self._command(job), out / "training.log", self._config.timeout_s)
            except TrainingError:
                # Half a training's word would be taken for a whole one's the next time.
                written.unlink(missing_ok=True)
                raise
        try:
            return _student(written, job.student)
        except TrainingError:
            written.unlink(missing_ok=True)
            raise

    def _command(self, job: Job) -> list[str]:
        student = job.student
        if isinstance(student, SimulatedModel):
            raise TrainingError(
                "a simulated student cannot be trained by a command; use training: {hook: simulated}"
            )
        model = (
            str((self._base / student.model).absolute()) if isinstance(student, LocalModel) else student.model
        )
        places = {
            "{data}": str(job.data.absolute()),
            "{model}": model,
            "{out}": str(job.out.absolute()),
            "{round}": str(job.round),
        }
        return [_filled(part, places) for part in shlex.split(self._config.command)]


def _done(written: Path, began: Path, job: Job) -> bool:
    """Whether this very job has left a student after it began."""
    try:
        return (
            began.read_text(encoding="utf-8") == job.model_dump_json()
            and written.stat().st_mtime_ns >= began.stat().st_mtime_ns
        )
    except OSError:
        return False


def _student(written: Path, before: Student) -> Student:
    try:
        told = parse_json(written.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TrainingError(
            f"the training wrote no {written}; let its command end by writing {_FORMS}"
        ) from None
    except (OSError, ValueError) as error:
        raise TrainingError(f"{written} cannot be read ({error}); it must hold {_FORMS}") from error
    if (
        not isinstance(told, dict)
        or told.keys() not in ({"model"}, {"base_url", "model"})
        or not all(one and isinstance(one, str) for one in told.values())
    ):
        raise TrainingError(f"{written} holds something else than {_FORMS}; correct what the command writes")
    return _replaced(told, written, before)


def _replaced(told: dict[str, Any], written: Path, before: Student) -> Student:
    if isinstance(before, OpenAIModel):
        return OpenAIModel.model_validate({**before.model_dump(mode="json"), **told})
    assert isinstance(before, LocalModel)
    if "base_url" in told:
        try:
            return OpenAIModel.model_validate({"engine": "openai", "max_tokens": before.max_tokens, **told})
        except ValidationError as error:
            raise TrainingError(f"{written}: base_url is wrong ({error.errors()[0]['msg']})") from error
    folder = (written.parent / told["model"]).absolute()
    if not (folder / "config.json").is_file():
        raise TrainingError(
            f"{written} names {folder}, which holds no model (no config.json); let the command write it there"
        )
    # What was trained may have a template of its own; the one that the recipe names is the recipe's.
    return before.model_copy(update={"model": str(folder)})


def _filled(part: str, places: dict[str, str]) -> str:
    for mark, place in places.items():
        part = part.replace(mark, place)
    return part
