"""The language model that a recipe's teacher is, not yet connected."""

from __future__ import annotations

from pathlib import Path

from callwright.llm.base import Model
from callwright.llm.batch import BatchChat
from callwright.llm.openai import OpenAIChat
from callwright.schemas.recipe import BatchModel, OpenAIModel


def language_model(config: OpenAIModel | BatchModel, folder: Path) -> Model:
    """`folder` is the run's, for a model that keeps files."""
    return BatchChat(config, folder / "batch") if isinstance(config, BatchModel) else OpenAIChat(config)
