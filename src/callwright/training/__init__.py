"""Hooks to whoever trains: a version's view goes in, a student comes out. No training algorithm lives here."""

from __future__ import annotations

from pathlib import Path

from callwright.schemas.loop import External, Trl
from callwright.training.base import Trainer


def trainer_of(config: External | Trl, base: Path) -> Trainer:
    """The trainer that a recipe names; `base` is the folder that its paths are relative to."""
    # Late: `python -m callwright.training.trl` must not find itself imported already.
    from callwright.training.external import ExternalTrainer
    from callwright.training.trl import TrlTrainer

    return ExternalTrainer(config, base) if isinstance(config, External) else TrlTrainer(config, base)
