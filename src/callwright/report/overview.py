"""A version on one page of Markdown, and its funnel as a table: what a scheduler shows beside a run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callwright.report.counting import gates_of
from callwright.schemas.difference import Difference
from callwright.schemas.version import Version
from callwright.values.public import public_recipe

_CHANGES = 12
"""Changed keys of a recipe that are named."""


def funnel(version: Version) -> list[dict[str, Any]]:
    """One row for each gate that dropped something: what reached it, what it dropped and why, what it left."""
    rows = []
    for gate in gates_of(version):
        dropped = sum(gate.dropped.values())
        reasons = ", ".join(f"{code} {count}" for code, count in gate.dropped.items())
        rows.append(
            {
                "gate": gate.name,
                "in": gate.left + dropped,
                "dropped": dropped,
                "left": gate.left,
                "reasons": reasons,
            }
        )
    return rows


def overview(version: Version, changed: Difference | None) -> str:
    """The page.

    Args:
        version: What it is about.
        changed: How it differs from the version before it; None for a first one.
    """
    return "\n".join(
        (*_head(version), *_rows(version), *_changes(changed), *_spent(version), *_notes(version))
    )


def _head(version: Version) -> Iterator[str]:
    counts = version.statistics
    yield f"# {version.name}"
    yield ""
    yield (
        f"{counts.rows} rows of {counts.attempts} attempts, written by `{counts.teacher}`, "
        f"{version.created_at:%Y-%m-%d %H:%M} UTC. Id `{version.id[:12]}`."
    )


def _rows(version: Version) -> Iterator[str]:
    counts = version.statistics
    for title, found in (
        ("kind", counts.by_kind),
        ("split", counts.by_split),
        ("evidence up to", counts.by_rung),
    ):
        yield from _table((title, "rows"), list(found.items()))


def _changes(changed: Difference | None) -> Iterator[str]:
    if changed is None:
        return
    yield ""
    yield f"## Since {changed.before}"
    yield ""
    yield f"{changed.added.rows} rows came, {changed.removed.rows} went, {changed.kept.rows} stayed."
    came, went = changed.added.by_toolkit, changed.removed.by_toolkit
    yield from _table(
        ("toolkit", "came", "went"),
        [(name, came.get(name, 0), went.get(name, 0)) for name in sorted(came.keys() | went.keys())],
    )
    # What a card keeps to itself, a page on somebody's server does not tell either.
    told = {key: pair for key, pair in sorted(changed.recipe.items()) if public_recipe({_last(key): ""})}
    yield from _table(
        ("key of the recipe", "before", "now"),
        [(key, *(_value(key, one) for one in told[key])) for key in list(told)[:_CHANGES]],
    )
    if len(told) > _CHANGES:
        yield ""
        yield f"{len(told) - _CHANGES} more keys differ; `callwright dataset diff` names them."


def _spent(version: Version) -> Iterator[str]:
    spent: Mapping[str, Any] = version.statistics.by_purpose
    if spent:
        yield ""
        yield "## Asked"
    yield from _table(
        ("purpose", "questions", "refused", "tokens read", "tokens written"),
        [
            (name, one.requests, one.refused, one.prompt_tokens, one.completion_tokens)
            for name, one in sorted(spent.items())
        ],
    )


def _notes(version: Version) -> Iterator[str]:
    if version.statistics.notes:
        yield ""
        yield "## Notes"
        yield ""
        yield from (f"- {note}" for note in version.statistics.notes)


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    for row in rows:
        yield f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in row)} |"


def _value(key: str, value: Any) -> str:
    text = json.dumps(public_recipe({_last(key): value})[_last(key)], ensure_ascii=False)
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"


def _last(key: str) -> str:
    return key.rpartition(".")[2]
