"""`dataset tag|query|verify|gc`, `explain` and `push`: versions as things to name, ask, check and hand on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from callwright.cli.talk import say, show_json, show_table
from callwright.errors import StoreError, UsageError, printable
from callwright.schemas.explanation import Explanation
from callwright.schemas.probe import Probe
from callwright.schemas.verdict import RUNGS, Verdict
from callwright.schemas.version import Spent
from callwright.settings import data_folder
from callwright.store import Store
from callwright.store import query as ask

WAIT_S = 10.0
_WIDEST = 80
"""Characters of one cell of a printed table; JSON has them all."""


def tag(name: str, tag: str, move: bool, data: Path | None, as_json: bool) -> None:
    with Store.open(data_folder(data), write=True, wait_s=WAIT_S) as store:
        version = store.version(name)
        dataset, mark, rest = tag.partition(":")
        if mark and dataset != version.dataset:
            raise UsageError(
                f"{tag}: a tag names versions of its own dataset, and {version.name} is none of {dataset}'s"
            )
        tag = rest if mark else tag
        before = store.tags(version.dataset).get(tag)
        store.tag(version.name, tag, move=move)
    if as_json:
        show_json({"dataset": version.dataset, "tag": tag, "number": version.number, "before": before})
        return
    moved = f", was {version.dataset}@{before}" if before not in (None, version.number) else ""
    print(f"{version.dataset}:{tag} is {version.name}{moved}")


def query(sql: str, limit: int, data: Path | None, as_json: bool) -> None:
    found = ask(data_folder(data), sql, limit=limit, wait_s=WAIT_S)
    if as_json:
        show_json([dict(zip(found.columns, map(_plain, row), strict=True)) for row in found.rows])
    else:
        show_table(found.columns, [list(map(_cell, row)) for row in found.rows])
    if found.more:
        say(f"only the first {limit} rows; --limit takes another number")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date | dt.datetime | dt.time) else value


def _cell(value: Any) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."


def verify(name: str, data: Path | None, as_json: bool) -> None:
    with Store.open(data_folder(data), write=False, wait_s=WAIT_S) as store:
        found = store.verify(store.version(name))
    if as_json:
        show_json(found.model_dump(mode="json") | {"sound": found.sound})
    elif found.sound:
        counts = ", ".join(f"{count} {table}" for table, count in sorted(found.checked.items()))
        print(f"{found.version}: sound; its id and the ids of {counts} are those of their contents")
    else:
        show_table(
            ("table", "id", "what is wrong"), [[one.table, one.id, one.message] for one in found.damage]
        )
    if not found.sound:
        first = found.damage[0]
        raise StoreError(
            f"{found.version}: {len(found.damage)} records are not what their names say, the first is {first.id} in "
            f"{first.table}; restore the store from a copy, or build the version anew in another data folder"
        )


def gc(apply: bool, ledger: bool, data: Path | None, as_json: bool) -> None:
    with Store.open(data_folder(data), write=apply, wait_s=WAIT_S) as store:
        found = store.collect(ledger=ledger) if apply else store.garbage(ledger=ledger)
    if as_json:
        show_json({"deleted": apply, "tables": {name: one.model_dump() for name, one in found.items()}})
        return
    show_table(("table", "records", "bytes"), [[name, one.rows, one.bytes] for name, one in found.items()])
    if not any(one.rows for one in found.values()):
        say("nothing to delete: versions need all that is here")
    elif apply:
        say("deleted; the file keeps its size, and new rows use the room")
    else:
        say("nothing was deleted; --apply deletes it")


def push(name: str, repo: str, view: str, public: bool, data: Path | None, as_json: bool) -> None:
    from callwright.engine.pushing import push_version

    pushed = push_version(data_folder(data), name, repo, view, private=not public)
    if as_json:
        show_json(pushed.model_dump())
        return
    if not pushed.uploaded:
        say(f"{pushed.repo} has {pushed.version} already, as {pushed.tag}; nothing was uploaded")
    print(pushed.url)
    say(f'load it with: load_dataset("{pushed.repo}", revision="{pushed.tag}")')


def explain(prefix: str, data: Path | None, as_json: bool) -> None:
    with Store.open(data_folder(data), write=False, wait_s=WAIT_S) as store:
        found = store.explain(prefix)
    if as_json:
        show_json(found.model_dump(mode="json"))
        return
    print(f"row       {found.id}")
    for title, text in _told(found):
        print(f"{title:<9} {printable(text)}")


def _told(found: Explanation) -> Iterator[tuple[str, str]]:
    if found.stored:
        yield from _made(found)
        yield from _ruled(found.verdicts)
        yield from (("probe", _probe(one)) for one in found.probes)
        if not found.probes:
            yield "probe", "no student was asked"
    else:
        yield (
            "gone",
            "the conversation was deleted by `dataset gc`; only the reason why it was dropped is left",
        )
    for place in found.versions:
        tags = f" ({', '.join(place.tags)})" if place.tags else ""
        reason = f", because of: {place.reason}" if place.reason else ""
        yield "in", f"{place.version}{tags}, split {place.split}{reason}"
    if not found.versions:
        yield "in", "no version"
    for drop in found.drops:
        yield "not in", f"{drop.version}: dropped at {drop.gate}, {drop.code}{_after(drop.message)}"
    if found.stored:
        yield from _cost("spent", found.spent)
        yield from _cost("beside", found.beside)
        if found.forgotten:
            yield "spent", f"{found.forgotten} model calls of it are in the ledger no more"


def _made(found: Explanation) -> Iterator[tuple[str, str]]:
    yield "kind", f"{found.kind}, by {found.method}, attempt {found.attempt}"
    yield "asked", found.request
    yield "today", str(found.clock)
    yield "teacher", found.teacher
    for purpose, prompt in found.prompts.items():
        yield "prompt", f"{purpose} {prompt}"
    source = found.document
    if source:
        by = f", invented by {source.teacher}" if source.teacher else ""
        licence = f"licence {source.licence}" if source.licence else "licence not stated"
        yield (
            "toolkit",
            f"{found.toolkit}: {source.title or source.name}, from {source.origin}{by}, {licence}",
        )
    else:
        yield "toolkit", f"{found.toolkit}: where it comes from is not recorded"
    for tool in found.tools:
        called = f"called {tool.calls} {'time' if tool.calls == 1 else 'times'}" if tool.calls else "offered"
        what = "withheld on purpose" if tool.withheld else called
        yield "tool", f"{tool.name or 'unknown'} {tool.id}: {what}"
        if tool.leaves:
            paths = (" > ".join(path) for path in (tool.leaves.context, tool.leaves.constraints))
            yield "drawn", "; ".join(paths)
    yield "task", found.task
    for relative in found.ancestors:
        if relative.id != found.task:
            by = f", made by {relative.method}" if relative.method else ""
            yield "from", f"{relative.what} {relative.id}{by} ({relative.step})"
    for relative in found.descendants:
        yield "became", f"{relative.what} {relative.id}, by {relative.method}"


def _ruled(verdicts: tuple[Verdict, ...]) -> Iterator[tuple[str, str]]:
    for one in sorted(verdicts, key=lambda one: RUNGS.index(one.rung)):
        where = "" if one.step is None else f" at message {one.step}"
        code = f" {one.code}" if one.code else ""
        yield one.rung, f"{one.judge}: {one.outcome}{code}{where}{_after(one.message)}"
        yield from (("", f"  {_evidence(evidence)}") for evidence in one.evidence)


def _evidence(evidence: Mapping[str, Any]) -> str:
    """One thing that a judge looked at; of a value, where it comes from."""
    if {"path", "derivation", "text"} <= evidence.keys():
        path = str(evidence["path"]).strip("/").replace("/", ".")
        source = evidence.get("source")
        seen = f" in message {source}" if isinstance(source, int) else ""
        derivation = str(evidence["derivation"]).replace("_", " ")
        return f"{path}: {derivation}, from {evidence['text']!r}{seen}"
    return ", ".join(f"{name} {value}" for name, value in evidence.items())


def _probe(one: Probe) -> str:
    sampled = f"{one.successes} of {one.attempts} samples right" if one.attempts else "not sampled"
    band = f", {one.band}" if one.band else ""
    perplexity = (
        "" if one.label_perplexity is None else f", perplexity of the label {one.label_perplexity:.2f}"
    )
    return f"{one.student} at message {one.step}: {'right' if one.correct else 'wrong'}, {sampled}{band}{perplexity}"


def _cost(title: str, spent: Mapping[str, Spent]) -> Iterator[tuple[str, str]]:
    for purpose, one in spent.items():
        tokens = f"{one.prompt_tokens:,} tokens read, {one.completion_tokens:,} written"
        yield title, f"{purpose}: {one.requests} calls, {tokens}"


def _after(message: str) -> str:
    return f": {message}" if message else ""
