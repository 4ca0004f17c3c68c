"""The language model that a recipe names, not yet connected."""

from __future__ import annotations

from pathlib import Path

from callwright.llm.base import Model
from callwright.llm.batch import BatchChat
from callwright.llm.openai import OpenAIChat
from callwright.schemas.recipe import BatchModel, OpenAIModel


def language_model(config: OpenAIModel | BatchModel, folder: Path) -> Model:
    """`folder` is for the files of a model that is asked in batches."""
    return BatchChat(config, folder) if isinstance(config, BatchModel) else OpenAIChat(config)
