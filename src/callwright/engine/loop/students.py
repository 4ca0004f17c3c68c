"""The student of a loop: made from what a recipe or a trainer says, and told apart from any other."""

from __future__ import annotations

from pathlib import Path

from callwright.engine.loop.stages import damaged
from callwright.errors import ModelError
from callwright.llm.base import Model, Sampling
from callwright.llm.learner import SimulatedStudent, read_skills
from callwright.llm.openai import OpenAIChat
from callwright.schemas.base import Record
from callwright.schemas.recipe import LocalModel, OpenAIModel, SimulatedModel, Student


class Known(Record):
    """A student as it is written down: where it is, and what it said that it was."""

    config: Student
    identity: str


def student_model(config: Student, base: Path) -> Model:
    """The model, not yet connected; `base` is what its paths are relative to."""
    if isinstance(config, SimulatedModel):
        return SimulatedStudent(read_skills(config, base))
    if isinstance(config, LocalModel):
        from callwright.llm.local import LocalChat  # torch takes seconds to import

        return LocalChat(config, base)
    return OpenAIChat(config)


def read_known(path: Path) -> Known:
    """
    Raises:
        StoreError: It was damaged since it was written.
    """
    try:
        return Known.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise damaged(path) from error


async def identity(model: Model) -> str:
    """What names a student: the digest of its weights, or what its endpoint says that it serves."""
    return f"{model.id} {await model.identity()}" if isinstance(model, OpenAIChat) else model.id


async def check_identity(model: Model, known: Known) -> None:
    """
    Raises:
        ModelError: Another model answers than the one that was written down.
    """
    now = await identity(model)
    if now != known.identity:
        raise ModelError(
            f"the student is not the one that this round began with: it was {known.identity!r} and is {now!r} now; "
            "serve the old one again, or begin a new loop under another dataset name"
        )


def sampling(config: Student) -> Sampling:
    """Greedy, as a probe asks first."""
    most = config.max_tokens if isinstance(config, OpenAIModel | LocalModel) else 256
    return Sampling(temperature=0.0, max_tokens=most)
