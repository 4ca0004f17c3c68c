"""docker-compose.yml as an engine would read it: variables filled in, and what each service runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<how>:-|:\?)(?P<word>[^}]*))?\}")
_DOLLAR = "\0"


def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return found


def filled(text: str, variables: Mapping[str, str]) -> str:
    """The text with `${NAME}`, `${NAME:-default}` and `${NAME:?message}` filled in; `$$` is a dollar.

    Raises:
        KeyError: A variable that must be set is not.
    """

    def value(match: re.Match[str]) -> str:
        given = variables.get(match["name"], "")
        if not given and match["how"] != ":-":
            raise KeyError(match["name"])
        return given or match["word"]

    return _VARIABLE.sub(value, text.replace("$$", _DOLLAR)).replace(_DOLLAR, "$")


@dataclass(frozen=True)
class Service:
    """What one service runs."""

    name: str
    command: tuple[str, ...]
    """Without the image's own entry point, which is known to pass on what it is given."""
    environment: Mapping[str, str]
    health: tuple[str, ...]
    """The command of its health check; empty if it has none."""

    @classmethod
    def of(cls, name: str, variables: Mapping[str, str]) -> Service:
        body = document()["services"][name]
        given = body.get("environment", {})
        environment = {key: variables.get(key) if value is None else value for key, value in given.items()}
        parts = [*_words(body.get("entrypoint", [])), *_words(body.get("command", []))]
        return cls(
            name,
            tuple(filled(part, variables) for part in parts),
            {key: filled(value, variables) for key, value in environment.items() if value is not None},
            tuple(filled(part, variables) for part in _test(body.get("healthcheck", {}).get("test", []))),
        )


def _words(command: str | list[str]) -> list[str]:
    """A command is a list, or text that is split as a shell would."""
    return shlex.split(command) if isinstance(command, str) else command


def _test(test: list[str]) -> list[str]:
    match test:
        case ["CMD", *words]:
            return words
        case ["CMD-SHELL", line]:
            return ["sh", "-c", line]
    return []
