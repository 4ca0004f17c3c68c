"""Read files of predictions and verdicts that other programs wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from callwright.errors import CallwrightError
from callwright.values.canonical import parse_json

_LONGEST = 16 * 2**20
"""Characters of a line: a device without an end would fill the memory."""


class ScoreError(CallwrightError):
    """A file cannot be scored; the message names the file, the line and what is missing."""


def lines_of(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each JSON object of a file of JSON lines, with its place for messages.

    Raises:
        ScoreError: The file cannot be read or is empty, or a line is no JSON object.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            empty = True
            for number, line in enumerate(iter(lambda: file.readline(_LONGEST), ""), 1):
                where = f"{path}:{number}"
                if len(line) == _LONGEST and not line.endswith("\n"):
                    raise ScoreError(
                        f"{where}: longer than {_LONGEST} characters; one JSON object a line is expected"
                    )
                if line.strip():
                    empty = False
                    yield where, _object(line, where)
    except UnicodeDecodeError:
        raise ScoreError(f"{path}: is no UTF-8 text; write it as JSON lines in UTF-8") from None
    except OSError as error:
        raise ScoreError(f"{path}: cannot be read ({error.strerror})") from None
    if empty:
        raise ScoreError(f"{path}: is empty; there is nothing to score")


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        value = parse_json(line)
    except ValueError as error:
        raise ScoreError(f"{where}: is not JSON ({error}); one JSON object a line is expected") from None
    if not isinstance(value, dict):
        raise ScoreError(f"{where}: is no JSON object")
    return value


def one_id(where: str, body: dict[str, Any], seen: set[str]) -> str:
    """The id of a line, which no earlier one may have.

    Raises:
        ScoreError: There is none, or it stands twice.
    """
    if not isinstance(body.get("id"), str | int):
        raise ScoreError(f"{where}: has no id; name the row that it belongs to")
    found = str(body["id"])
    if found in seen:
        raise ScoreError(f"{where}: the id {found} stands twice; keep one answer to each row")
    seen.add(found)
    return found
