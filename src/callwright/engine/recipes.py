"""Read a recipe, and say exactly what is wrong with one: the line, the key, the nearest key that exists."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from callwright.documents import DocumentError, line_of, parse, read_text
from callwright.errors import UsageError
from callwright.schemas.recipe import Models, Recipe
from callwright.values.secrets import PASSWORD, find_credential, find_secret


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
    _refuse_secrets(body, str(path), text)
    return check_recipe(body, str(path), text)


def _refuse_secrets(body: Any, where: str, text: str, keys: tuple[str | int, ...] = ()) -> None:
    """A recipe is kept with every version that is made of it."""
    entries = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in entries:
        _refuse_secrets(value, where, text, (*keys, key))
    if not isinstance(body, str):
        return
    told = secret_in_server(body) if keys[0] == "tools" and keys[-1] == "mcp" else _secret_in(body)
    if not told:
        return
    line = line_of(text, keys)
    place = f"{where}:{line}" if line else where
    raise UsageError(f"{place}: {'.'.join(map(str, keys))}: {told}")


def _secret_in(text: str) -> str:
    if secret := find_secret(text):
        return f"holds what looks like a secret ({secret}); put it into an environment variable, and its name here"
    if PASSWORD.search(text):
        return (
            "has a password in an address; take it out, and name an environment variable that holds it "
            "(models: api_key_env, HTTP tools: headers)"
        )
    return ""


def secret_in_server(server: str) -> str:
    """What is wrong with an MCP server's URL or command line that holds a secret, and what to do; else nothing."""
    found = find_credential(server)
    if not found:
        return ""
    if server.startswith(("http://", "https://")):
        return (
            f"holds what looks like a secret ({found}); take it out, and have it sent as a header from an "
            "environment variable, such as headers: {Authorization: MCP_AUTH}"
        )
    return (
        f"holds what looks like a secret ({found}); write a script that sets it as an environment variable and starts "
        "the server, and name the script here"
    )


def check_recipe(body: Mapping[str, Any], where: str, text: str = "") -> Recipe:
    """The recipe of parsed values; `text` is its YAML, for line numbers."""
    try:
        return Recipe.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        # Unknown keys first: a misspelt key often makes another one missing.
        for one in error.errors():
            if one["type"] == "extra_forbidden":
                first = one
                break
        raise UsageError(_explain(first, body, where, text)) from None


def check_models(body: Mapping[str, Any], where: str) -> Models:
    """The `models` section of parsed values.

    Raises:
        UsageError: With one line.
    """
    try:
        return Models.model_validate(body)
    except ValidationError as refused:
        first = refused.errors()[0]
        error = {**first, "loc": ("models", *first["loc"])}
        raise UsageError(_explain(error, {"models": body}, where, "")) from None


def _explain(error: Any, body: Mapping[str, Any], where: str, text: str) -> str:
    path = _keys_of(error["loc"], body)
    line = line_of(text, path) if text else None
    place = f"{where}:{line}" if line else where
    key = ".".join(str(part) for part in path)
    if error["type"] == "extra_forbidden":
        known = _keys_at(path[:-1], body)
        close = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]}?" if close else f"known keys: {', '.join(known)}"
        return f"{place}: unknown key {key}; {hint}"
    message = error["msg"].removeprefix("Value error, ")
    # What stands in place of a variable's name may be the secret itself.
    unshown = isinstance(error["input"], dict | list) or "environment variable" in message
    given = "" if unshown else f", got {error['input']!r}"
    if error["type"] == "union_tag_not_found":
        return f"{place}: the key {key}.{error['ctx']['discriminator'].strip(_QUOTE)} is missing"
    if error["type"] == "union_tag_invalid":
        told = error["ctx"]
        name = f"{key}.{told['discriminator'].strip(_QUOTE)}"
        return f"{place}: {name}: there is no {told['tag']!r}; there are: {told['expected_tags'].replace(_QUOTE, '')}"
    if error["type"] == "missing":
        return f"{place}: the key {key} is missing"
    return f"{place}: {key + ': ' if key else ''}{message}{given}"


_QUOTE = "'"
_TAGS = ("engine", "hook")
"""Keys that say which record of a union is meant."""


def _keys_of(loc: Sequence[Any], body: Any) -> tuple[Any, ...]:
    """The keys on the way to an error; which branch of a union was tried is none."""
    path = []
    for part in loc:
        if str(part).startswith(("dict[", "literal[")):
            continue
        if isinstance(body, Mapping) and part not in body and part in map(body.get, _TAGS):
            continue
        path.append(part)
        body = _inside(body, part)
    return tuple(path)


def _inside(body: Any, part: Any) -> Any:
    try:
        return body[part]
    except (LookupError, TypeError):
        return None


def _keys_at(path: Sequence[Any], body: Any) -> list[str]:
    """Names of the keys that a recipe knows below a path."""
    model: Any = Recipe
    for part in path:
        body = _inside(body, part)
        if isinstance(part, int):
            continue
        field = (
            model.model_fields.get(part) if isinstance(model, type) and issubclass(model, BaseModel) else None
        )
        records = _records_in(field.annotation) if field else []
        model = next((one for one in records if _is_meant(one, body)), records[-1] if records else None)
    return sorted(info.alias or name for name, info in model.model_fields.items()) if model else []


def _is_meant(record: type[BaseModel], body: Any) -> bool:
    """Whether a record of a union is the one that the given values name."""
    tags = (name for name in _TAGS if name in record.model_fields)
    return any(_inside(body, name) in get_args(record.model_fields[name].annotation) for name in tags)


def _records_in(annotation: Any) -> list[type[BaseModel]]:
    """The record types that an annotation names, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for inner in getattr(annotation, "__args__", ()) for found in _records_in(inner)]


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
        body[last] = parse(value, f"--set {override}")
    except DocumentError:
        raise UsageError(f"--set {override}: the value is not YAML") from None


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe as YAML, every default spelt out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(recipe.resolved(), sort_keys=False, allow_unicode=True, width=100)
    path.write_text(text, encoding="utf-8")
