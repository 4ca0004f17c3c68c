"""The page: one file that loads nothing, sends nothing and runs no script but its own.

What rows, tools and observations say was written by strangers. It stands in the page as one JSON value, in which `<` is
escaped, and is shown as text alone; a content security policy names the scripts by their digests.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from importlib.metadata import version as version_of
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from callwright.errors import CallwrightError, UsageError
from callwright.report.conversations import conversation, draw
from callwright.report.counting import Catalogue, Count
from callwright.report.mapping import plane
from callwright.report.texts import pretty
from callwright.schemas.report import Conversation, Milestone, Picture, Report, ToolDocument
from callwright.schemas.version import Member, Version
from callwright.store import Store
from callwright.store.rows import text_of
from callwright.values.public import public_recipe
from callwright.values.secrets import find_secret

REPORT_FILE = "report.html"
SHOWN = 300
"""Conversations of a version that can be browsed."""

_FOLDER = files("callwright.report")
_SCRIPTS = ("vendor/d3.min.js", "vendor/plot.min.js", "charts.js", "graph.js", "browser.js", "report.js")
_LICENCES = {"D3": "vendor/d3.LICENSE", "Observable Plot": "vendor/plot.LICENSE"}


class ReportError(CallwrightError):
    """The report cannot be written."""


def write_report(
    store: Store, version: Version, path: Path, against: Version | None = None, *, overwrite: bool = False
) -> Report:
    """Write the page; the same versions give the same bytes, and the file appears whole or not at all.

    Args:
        store: Where the versions are.
        version: The version that is shown.
        path: The file.
        against: A version to show beside it.
        overwrite: Whether another file in that place may be replaced.

    Raises:
        UsageError: Both versions are the same.
        ReportError: Another file is in the place, or it cannot be written.
    """
    if against is not None and against.name == version.name:
        raise UsageError(f"{version.name} cannot be shown beside itself; name another version with --against")
    report = make_report(store, version, against)
    _write(path, render(report).encode(errors="xmlcharrefreplace"), overwrite)
    return report


def make_report(store: Store, version: Version, against: Version | None = None) -> Report:
    """All that the page shows."""
    versions = [one for one in (version, against) if one]
    catalogue = Catalogue(store)
    pictures, explained = _pictures(store, versions, catalogue)
    conversations, total, kept_back = _conversations(store, versions, catalogue)
    offered = sorted(set(chain.from_iterable(one.offered for one in conversations)))
    return Report(
        made_with=f"callwright {version_of('callwright')}",
        pictures=tuple(pictures),
        history=tuple(
            _milestone(one) for one in store.versions(version.dataset) if one.number <= version.number
        ),
        difference=_difference(store, version, against) if against else None,
        explained=explained,
        conversations=tuple(conversations),
        total=total,
        kept_back=kept_back,
        tools={id: _document(catalogue, id) for id in offered},
    )


def _difference(store: Store, version: Version, against: Version) -> Any:
    # Whoever is handed the page need not know the folders and endpoints of the machine.
    shown = [one.model_copy(update={"recipe": public_recipe(one.recipe)}) for one in (against, version)]
    return store.diff(*shown)


def _pictures(store: Store, versions: Sequence[Version], catalogue: Catalogue) -> tuple[list[Picture], float]:
    counts = []
    for version in versions:
        count = Count(catalogue)
        for (_, rung), row in zip(store.evidence(version), store.rows(version), strict=True):
            count.add(*row, rung)
        count.points = [(point, text) for point, text in count.points if not find_secret(text)]
        counts.append(count)
    places, explained = plane([text for count in counts for _, text in count.points])
    found, at = [], iter(places)
    for version, count in zip(versions, counts, strict=True):
        points = [
            point.model_copy(update={"x": x, "y": y})
            for (point, _), (x, y) in zip(count.points, at, strict=False)
        ]
        found.append(count.picture(version, points))
    return found, explained


def _conversations(
    store: Store, versions: Sequence[Version], catalogue: Catalogue
) -> tuple[list[Conversation], int, int]:
    """Those that were drawn, how many they were drawn from, and how many were drawn and kept back."""
    ids = [{one.trajectory for one in store.members(version)} for version in versions]
    chosen: dict[str, None] = {}
    for index, version in enumerate(versions):
        other = ids[1 - index] if len(ids) > 1 else set()
        chosen.update(dict.fromkeys(draw(store.members(version), other, SHOWN)))
    places: dict[str, dict[str, Member]] = {}
    records: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for version in versions:
        for member, trajectory, task in store.rows(version, chosen):
            places.setdefault(member.trajectory, {})[version.name] = member
            records[member.trajectory] = (trajectory, task)
    found = []
    for id in chosen:
        trajectory, task = records[id]
        withheld = catalogue.tool(task["withheld"]) if task["withheld"] else None
        shown = conversation(trajectory, task, places[id], store.verdicts(id), withheld)
        if not find_secret(text_of(shown.model_dump())):
            found.append(shown)
    return found, len(set().union(*ids)), len(chosen) - len(found)


def _milestone(version: Version) -> Milestone:
    counts = version.statistics
    return Milestone(
        version=version.name,
        rows=counts.rows,
        by_reason=counts.by_reason,
        by_kind=counts.by_kind,
        tokens=counts.prompt_tokens + counts.completion_tokens,
    )


def _document(catalogue: Catalogue, id: str) -> ToolDocument:
    tool = catalogue.tool(id)
    return ToolDocument(
        name=tool.name,
        toolkit=catalogue.toolkit(id),
        description=tool.description,
        parameters=pretty(tool.parameters),
    )


def render(report: Report) -> str:
    """The page's text."""
    scripts = [_file(name) for name in _SCRIPTS]
    template = _environment().from_string(_file("report.html"))
    return template.render(
        report=report,
        data=report.model_dump(mode="json"),
        policy=_policy(scripts),
        style=Markup(_file("report.css")),
        # They are ours, and none holds the end of its element.
        scripts=[Markup(script) for script in scripts],
        licences={name: _file(path) for name, path in _LICENCES.items()},
    )


def _environment() -> Environment:
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.policies["json.dumps_function"] = _json
    made.policies["json.dumps_kwargs"] = {}
    return made


def _json(value: Any) -> str:
    """ASCII, for half a surrogate pair has no place in a file; order is kept, for it means something."""
    return json.dumps(value, separators=(",", ":"))


def _policy(scripts: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in digests)
    # The charts set the style of their elements.
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def _file(name: str) -> str:
    return _FOLDER.joinpath(name).read_text(encoding="utf-8")


def _write(path: Path, content: bytes, overwrite: bool) -> None:
    if path.is_dir():
        raise ReportError(f"{path}: is a folder; name a file, such as {path / REPORT_FILE}")
    working = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.exists() and not overwrite:
            if path.read_bytes() == content:
                return
            raise ReportError(f"{path}: holds something else; choose another file, or add --overwrite")
        path.parent.mkdir(parents=True, exist_ok=True)
        working.write_bytes(content)
        working.replace(path)
    except OSError as error:
        raise ReportError(
            f"{path}: cannot be written ({error.strerror or error}); make room or choose another place"
        ) from error
    finally:
        working.unlink(missing_ok=True)
