"""Read a recipe, and say exactly what is wrong with one: the line, the key, the nearest key that exists."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from callwright.documents import DocumentError, line_of, parse, read_text
from callwright.errors import UsageError
from callwright.schemas.recipe import Models, Recipe

_PLANNED: Mapping[tuple[str, ...], str] = {
    ("schedule",): "a schedule",
}
"""Keys of the format whose feature this version does not have. They are refused, never ignored."""


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a YAML file, with `key.path=value` overrides applied.

    Raises:
        UsageError: With one line: file, line, key, what is wrong and what would be right.
    """
    try:
        text = read_text(path)
        body = parse(text, str(path))
    except DocumentError as error:
        raise UsageError(str(error)) from None
    if not isinstance(body, dict):
        raise UsageError(f"{path}: a recipe is a mapping of keys; see `callwright init`")
    apply_overrides(body, overrides)
    return check_recipe(body, str(path), text)


def check_recipe(body: Mapping[str, Any], where: str, text: str = "") -> Recipe:
    """The recipe of parsed values; `text` is its YAML, for line numbers."""
    _refuse_planned(body, where, text)
    try:
        return Recipe.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        # Unknown keys first: a misspelt key often makes another one missing.
        for one in error.errors():
            if one["type"] == "extra_forbidden":
                first = one
                break
        raise UsageError(_explain(first, where, text)) from None


def check_models(body: Mapping[str, Any], where: str) -> Models:
    """The `models` section of parsed values.

    Raises:
        UsageError: With one line.
    """
    try:
        return Models.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(_explain({**first, "loc": ("models", *first["loc"])}, where, "")) from None


def _explain(error: Any, where: str, text: str) -> str:
    path = tuple(
        part
        for part in error["loc"]
        if not (error["loc"][0] == "models" and part in ("offline", "openai", "batch"))
        # Which branch of a union was tried is no key.
        and not str(part).startswith(("dict[", "literal["))
    )
    line = line_of(text, path) if text else None
    place = f"{where}:{line}" if line else where
    key = ".".join(str(part) for part in path)
    if error["type"] == "extra_forbidden":
        known = _keys_at(path[:-1])
        close = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]}?" if close else f"known keys: {', '.join(known)}"
        return f"{place}: unknown key {key}; {hint}"
    message = error["msg"].removeprefix("Value error, ")
    given = "" if isinstance(error["input"], dict | list) else f", got {error['input']!r}"
    if error["type"] == "missing":
        return f"{place}: the key {key} is missing"
    return f"{place}: {key + ': ' if key else ''}{message}{given}"


def _keys_at(path: Sequence[Any]) -> list[str]:
    """Names of the keys that a recipe knows below a path."""
    model: Any = Recipe
    for part in path:
        if isinstance(part, int):
            continue
        field = (
            model.model_fields.get(part) if isinstance(model, type) and issubclass(model, BaseModel) else None
        )
        model = _records_in(field.annotation)[-1] if field and _records_in(field.annotation) else None
    return sorted(info.alias or name for name, info in model.model_fields.items()) if model else []


def _records_in(annotation: Any) -> list[type[BaseModel]]:
    """The record types that an annotation names, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for inner in getattr(annotation, "__args__", ()) for found in _records_in(inner)]


def _refuse_planned(body: Mapping[str, Any], where: str, text: str) -> None:
    for path, feature in _PLANNED.items():
        if _has(body, path):
            line = line_of(text, path) if text else None
            place = f"{where}:{line}" if line else where
            raise UsageError(
                f"{place}: {'.'.join(path)}: {feature} is not in this version yet; take the key out"
            )


def _has(body: Any, path: Sequence[str]) -> bool:
    for part in path:
        if not isinstance(body, dict) or part not in body:
            return False
        body = body[part]
    return True


def apply_overrides(body: dict[str, Any], overrides: Sequence[str]) -> None:
    """Set each `key.path=value` in place; values are read as YAML."""
    for override in overrides:
        _apply(body, override)


def _apply(body: dict[str, Any], override: str) -> None:
    name, mark, value = override.partition("=")
    if not mark or not name:
        raise UsageError(f"--set {override}: expected key=value, such as --set size=50")
    *parents, last = name.strip().split(".")
    for parent in parents:
        inner = body.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise UsageError(f"--set {override}: {parent} is not a mapping")
        body = inner
    try:
        body[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise UsageError(f"--set {override}: the value is not YAML") from None


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe as YAML, every default spelt out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(recipe.resolved(), sort_keys=False, allow_unicode=True, width=100)
    path.write_text(text, encoding="utf-8")
