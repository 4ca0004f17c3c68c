"""Checks of anybody's tool-calling dataset: files in, findings out, nothing changed."""

from callwright.lint.linting import lint
from callwright.lint.report import Report

__all__ = ["Report", "lint"]
