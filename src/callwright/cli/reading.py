"""`status`, `export` and `dataset`: reads of the store and of running builds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from textwrap import shorten
from typing import Any

from callwright.cli.planning import compared
from callwright.cli.talk import conversation, say, show_json, show_table
from callwright.engine.exports import export_view
from callwright.engine.progress import read_statuses
from callwright.errors import UsageError
from callwright.schemas.difference import Difference
from callwright.schemas.task import KINDS
from callwright.schemas.version import Rounds, Statistics, Version
from callwright.settings import data_folder, exports_folder
from callwright.store import Store

WAIT_S = 10.0


def status(data: Path | None, as_json: bool) -> None:
    found = read_statuses(data_folder(data))
    if as_json:
        show_json(found)
    elif not found:
        say(f"no runs in {data_folder(data)}")
    else:
        header = ("dataset", "state", "accepted", "wanted", "attempts", "requests", "updated", "message")
        lines = [
            [*(one[key] for key in header[:-2]), one["updated_at"][:19], shorten(one["message"], 70)]
            for one in found
        ]
        show_table(header, lines)


def export(
    name: str,
    view: str,
    sets: list[str],
    out: Path | None,
    data: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    folder = data_folder(data)
    if out is None:
        with Store.open(folder, write=False, wait_s=WAIT_S) as store:
            out = exports_folder(folder) / store.version(name).name / view
    version = export_view(folder, name, view, out, sets, overwrite=overwrite)
    if as_json:
        show_json({"version": version.name, "id": version.id, "view": view, "folder": str(out)})
    else:
        print(out)


def report(
    name: str, against: str | None, out: Path | None, data: Path | None, overwrite: bool, as_json: bool
) -> None:
    from callwright.report import REPORT_FILE, write_report  # loads numpy, which no other read needs

    folder = data_folder(data)
    with Store.open(folder, write=False, wait_s=WAIT_S) as store:
        version = store.version(name)
        other = store.version(against) if against else None
        path = out or exports_folder(folder) / version.name / REPORT_FILE
        made = write_report(store, version, path, other, overwrite=overwrite)
    if as_json:
        shown = {"conversations": len(made.conversations), "rows": made.total}
        show_json({"version": version.name, "id": version.id, "file": str(path)} | shown)
    else:
        print(path)


def datasets(data: Path | None, as_json: bool) -> None:
    with Store.open(data_folder(data), write=False, wait_s=WAIT_S) as store:
        newest = {version.dataset: version for version in store.versions()}
        tags = {name: store.tags(name) for name in newest}
    _show_versions(list(newest.values()), tags, as_json)


def log(name: str, data: Path | None, as_json: bool) -> None:
    with Store.open(data_folder(data), write=False, wait_s=WAIT_S) as store:
        found = store.versions(name)
        tags = {name: store.tags(name)}
    _show_versions(list(reversed(found)), tags, as_json)


def _show_versions(versions: list[Version], tags: Mapping[str, Mapping[str, int]], as_json: bool) -> None:
    def tagged(version: Version) -> list[str]:
        return [tag for tag, number in tags[version.dataset].items() if number == version.number]

    if as_json:
        show_json([v.model_dump(mode="json") | {"name": v.name, "tags": tagged(v)} for v in versions])
        return
    rows = [
        [
            v.name,
            v.id[:12],
            v.statistics.rows,
            v.statistics.teacher,
            v.created_at.isoformat(timespec="seconds"),
            ", ".join(tagged(v)),
        ]
        for v in versions
    ]
    show_table(("version", "id", "rows", "teacher", "made at", "tags"), rows)


def show(name: str, rows: int, kind: str | None, stats: bool, data: Path | None, as_json: bool) -> None:
    if kind is not None and kind not in KINDS:
        raise UsageError(f"unknown kind {kind}; there are: {', '.join(KINDS)}")
    with Store.open(data_folder(data), write=False, wait_s=WAIT_S) as store:
        version = store.version(name)
        chosen = (row for row in store.rows(version) if kind in (None, row[0].kind))
        shown = [(member, trajectory) for member, trajectory, _ in islice(chosen, rows)]
    if as_json:
        body = version.model_dump(mode="json") | {"name": version.name}
        show_json(body | {"shown": [member.model_dump() | trajectory for member, trajectory in shown]})
        return
    _describe(version)
    if stats:
        _describe_corpus(version.statistics)
        if version.statistics.rounds.rows:
            _describe_rounds(version.statistics.rounds)
    for member, trajectory in shown:
        print(f"\n{member.kind} {member.trajectory} ({member.split})")
        print(conversation(trajectory["messages"]))


def diff(before: str, after: str, data: Path | None, as_json: bool) -> None:
    with Store.open(data_folder(data), write=False, wait_s=WAIT_S) as store:
        old, new = store.version(before), store.version(after)
        if old.dataset != new.dataset:
            raise UsageError(
                f"{old.name} and {new.name} are versions of two datasets; name two of one, such as "
                f"{old.dataset}@1 {old.dataset}@2"
            )
        changed = store.diff(old, new)
    if as_json:
        show_json(changed.model_dump(mode="json") | {"same_rows": changed.same_rows})
    else:
        _describe_difference(changed)


def _describe_difference(changed: Difference) -> None:
    added, removed, kept = changed.added, changed.removed, changed.kept
    print(
        f"{changed.before} -> {changed.after}: {added.rows} added, {removed.rows} removed, {kept.rows} kept"
    )
    if changed.same_rows:
        print("the rows are the same, in the same splits")
    for title in ("reason", "kind", "method", "toolkit", "tool") if added.rows or removed.rows else ():
        counts = [getattr(rows, f"by_{title}") for rows in (added, removed, kept)]
        names = sorted(set().union(*counts))
        if names:
            print()
            header = (title, "added", "removed") + (("kept",) if counts[2] else ())
            show_table(
                header, [[name, *(by.get(name, 0) for by in counts[: len(header) - 1])] for name in names]
            )
    if changed.drops or changed.splits or changed.reasons or changed.recipe:
        print()
    for title, table in (
        ("removed", {name or "no reason told": count for name, count in changed.drops.items()}),
        ("splits", changed.splits),
        ("reasons", changed.reasons),
    ):
        if table:
            print(f"{title:<9} {_histogram(table)}")
    for key, (was, now) in changed.recipe.items():
        print(f"{'recipe':<9} {key}: {_value(was)} -> {_value(now)}")


def _value(value: Any) -> str:
    return "not there" if value is None else json.dumps(value, ensure_ascii=False)


def _describe(version: Version) -> None:
    counts = version.statistics
    print(f"{version.name}  {version.id}")
    print(f"made at   {version.created_at.isoformat(timespec='seconds')} by {counts.teacher}")
    if counts.student:
        print(f"student   {counts.student}")
    print(f"rows      {counts.rows} of {counts.attempts} attempts, {counts.requests} model calls")
    for title, table in (
        *([("reasons", counts.by_reason)] if counts.by_reason else []),
        ("kinds", counts.by_kind),
        ("splits", counts.by_split),
        ("toolkits", counts.by_toolkit),
        ("evidence", counts.by_rung),
        ("mended", counts.mended),
    ):
        print(f"{title:<9} {', '.join(f'{name} {count}' for name, count in table.items()) or 'none'}")
    rows_made = max(counts.rows, 1)
    for purpose, spent in counts.by_purpose.items():
        tokens = spent.prompt_tokens + spent.completion_tokens
        print(
            f"asked     {purpose} {spent.requests} times, {spent.requests / rows_made:.2f} a row; {tokens} tokens, "
            f"{tokens / rows_made:.0f} a row; {spent.refused} answers of no use"
        )
    if counts.planned:
        print(f"planned   {compared(counts)}")
    print(f"recovered {counts.recovered} rows in which a call failed and the right next move followed")
    drops = ", ".join(f"{drop.gate} {drop.code} {drop.count}" for drop in counts.drops)
    print(f"drops     {drops or 'none'}")


def _describe_corpus(counts: Statistics) -> None:
    """The shape of the corpus, in the terms of the papers it is compared with."""
    shape, rows = counts.corpus, counts.rows
    if rows and not shape.by_calls:
        print("shape     not counted: an earlier callwright made this version")
        return
    called = rows - shape.by_calls.get(0, 0)
    spent = counts.prompt_tokens + counts.completion_tokens
    for title, text in (
        ("tools", f"{shape.tools} called, {shape.functions_per_toolkit:g} in a toolkit on average"),
        ("category", _histogram(shape.by_category)),
        (
            "calls",
            f"{_share(shape.several_calls, called)} of rows with calls have several; {_histogram(shape.by_calls)}",
        ),
        ("steps", f"{_histogram(shape.by_steps)}"),
        ("empty", f"{_share(shape.empty_arguments, shape.calls)} of calls have no arguments"),
        ("words", f"{shape.request_words:g} in a request, {shape.answer_words:g} in an answer, on average"),
        ("recovery", f"{_share(counts.recovered, rows)} of rows"),
        ("same", f"{_share(shape.same_requests, rows)} of requests are another row's too"),
        (
            "near",
            f"{_share(shape.near_requests, shape.compared_requests)} of {shape.compared_requests} compared",
        ),
        ("asked", f"{_mean(counts.requests, rows)} model calls and {_mean(spent, rows)} tokens a row"),
    ):
        print(f"{title:<9} {text}")


def _describe_rounds(found: Rounds) -> None:
    """What the DAG method found, and what parallel calls save."""
    serial = found.rows - found.parallel
    for title, text in (
        (
            "rounds",
            f"{_mean(found.in_all, found.rows)} a row in place of {_mean(found.turns_before, found.rows)} turns",
        ),
        (
            "",
            f"{_mean(found.calls, found.in_all)} calls a round; rounds in a row: {_histogram(found.by_rounds)}",
        ),
        ("parallel", f"{_share(found.parallel, found.rows)} of rows; {serial} kept serial"),
        ("read", f"{_share(found.characters, found.characters_before)} of the characters of serial calls"),
        ("proven", f"{found.proven} rows, by {found.orders} executed orders"),
        ("waits", f"{_histogram(found.by_reason)}; {_share(found.ambiguous, found.edges)} ambiguous"),
    ):
        print(f"{title:<9} {text}")


def _histogram(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _share(count: int, of: int) -> str:
    return f"{100 * count / of:.1f} %" if of else "none"


def _mean(total: int, count: int) -> str:
    return f"{total / count:.1f}" if count else "no"
