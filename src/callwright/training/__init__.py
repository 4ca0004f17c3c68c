"""Hooks to whoever trains: a version's view goes in, a student comes out. No training algorithm lives here."""

from __future__ import annotations

from pathlib import Path

from callwright.schemas.loop import External, Training, Trl
from callwright.training.base import Trainer
from callwright.training.external import ExternalTrainer
from callwright.training.simulated import SimulatedTrainer
from callwright.training.trl import TrlTrainer


def trainer_of(config: Training, base: Path) -> Trainer:
    """The trainer that a recipe names; `base` is the folder that its paths are relative to."""
    if isinstance(config, External):
        return ExternalTrainer(config, base)
    return TrlTrainer(config, base) if isinstance(config, Trl) else SimulatedTrainer()
