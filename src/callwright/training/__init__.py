"""Hooks to whoever trains: a version's view goes in, a student comes out. No training algorithm lives here."""

from __future__ import annotations

from callwright.schemas.loop import Training
from callwright.training.base import Trainer
from callwright.training.simulated import SimulatedTrainer


def trainer_of(config: Training) -> Trainer:
    """The trainer that a recipe names."""
    return SimulatedTrainer()
