"""ToolAlpaca's metrics (Tang et al. 2023, arXiv 2306.05301) from a judge's verdicts: Procedure, Response and Overall.

The judge rules twice on each solution, on its calls and on its final response, each Yes, No or Uncertain.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from callwright.documents import DocumentError, read_text
from callwright.schemas.base import Record
from callwright.scoring.files import ScoreError, lines_of
from callwright.scoring.ste import Ratio
from callwright.values.canonical import parse_json_at

Ruling = Literal["Yes", "No", "Uncertain"]
RULINGS: tuple[Ruling, ...] = ("Yes", "No", "Uncertain")

_KEYS = ("process_correctness", "final_response_correctness")
_LINES = {
    "process_correctness": re.compile(r"(?im)^\W*process correctness\W+(\w+)"),
    "final_response_correctness": re.compile(r"(?im)^\W*final response correctness\W+(\w+)"),
}
_HEADING = re.compile(r"^#+\s*results\b", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Verdict:
    """What a judge said of one solution."""

    process: Ruling
    response: Ruling
    unreadable: int = 0
    """Rulings that were none of the three words and count as Uncertain."""


class ToolAlpacaScore(Record):
    items: int
    errors: int
    """Items without a solution; they count against every metric."""
    unreadable: int
    """Rulings that were none of the three words; they count as Uncertain."""
    process: dict[str, int]
    response: dict[str, int]
    procedure_accuracy: Ratio
    response_accuracy: Ratio
    overall_accuracy: Ratio
    """Both rulings are Yes / items."""


def read_verdicts(path: Path) -> Iterator[Verdict | None]:
    """The verdicts of a file, None for an item without a solution.

    The file is JSON lines, one item a line, or the reference's JSON: API -> list of items. An item has the judge's text
    as `verdict` or `output`, or the two rulings as `process_correctness` and `final_response_correctness`.

    Raises:
        ScoreError: The file cannot be read, or an item has no verdict; the message says which.
    """
    for where, item in _items(path):
        given = next((item[key] for key in ("verdict", "output") if key in item), item)
        if given is item and not any(key in item for key in _KEYS):
            raise ScoreError(f"{where}: has no verdict; put the judge's text or its JSON there")
        yield None if given in ("", None) else read_verdict(given)


def read_verdict(given: Any) -> Verdict:
    """A verdict from the judge's text or JSON. Only the words Yes, No and Uncertain count, whatever their case."""
    found = given if isinstance(given, dict) else _in_text(str(given))
    rulings = [_ruling(found.get(key)) for key in _KEYS]
    process, response = (ruling or "Uncertain" for ruling in rulings)
    return Verdict(process, response, rulings.count(None))


def score(verdicts: Iterable[Verdict | None]) -> ToolAlpacaScore:
    """The metrics over all items."""
    known = list(verdicts)
    ruled = [one for one in known if one]
    process, response = Counter(one.process for one in ruled), Counter(one.response for one in ruled)
    both = sum(one.process == one.response == "Yes" for one in ruled)
    return ToolAlpacaScore(
        items=len(known),
        errors=len(known) - len(ruled),
        unreadable=sum(one.unreadable for one in ruled),
        process={word: process[word] for word in RULINGS},
        response={word: response[word] for word in RULINGS},
        procedure_accuracy=Ratio(count=process["Yes"], of=len(known)),
        response_accuracy=Ratio(count=response["Yes"], of=len(known)),
        overall_accuracy=Ratio(count=both, of=len(known)),
    )


def _items(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    whole = _whole(path)
    if whole is None:
        yield from lines_of(path)
        return
    for api, items in whole.items():
        for index, item in enumerate(items if api != "statistics" else ()):
            if not isinstance(item, dict):
                raise ScoreError(f"{path}: {api}: item {index} is no JSON object")
            yield f"{path}: {api} {item.get('id', index)}", item


def _whole(path: Path) -> dict[str, list[Any]] | None:
    """The reference's form, API -> items; None when the file is anything else."""
    try:
        value = json.loads(read_text(path))
    except (DocumentError, ValueError, RecursionError):
        return None
    listed = isinstance(value, dict) and [one for api, one in value.items() if api != "statistics"]
    return value if listed and all(isinstance(one, list) for one in listed) else None


def _in_text(text: str) -> dict[str, Any]:
    """The two rulings in a judge's text: as lines below its last heading "Results", or as a JSON object."""
    said = text
    for heading in _HEADING.finditer(text):
        said = text[heading.end() :]
    found = {key: match[1] for key, pattern in _LINES.items() if (match := pattern.search(said))}
    return found or _object_in(said)


def _object_in(text: str) -> dict[str, Any]:
    for opening in re.finditer(r"\{", text):
        try:
            value, _ = parse_json_at(text, opening.start())
        except ValueError:
            continue
        if isinstance(value, dict) and any(key in value for key in _KEYS):
            return value
    return {}


def _ruling(word: Any) -> Ruling | None:
    said = word.strip().strip(".").capitalize() if isinstance(word, str) else ""
    return next((one for one in RULINGS if one == said), None)
