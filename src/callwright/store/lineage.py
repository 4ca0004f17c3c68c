"""All that a store knows of one row."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from callwright.errors import StoreError, UsageError
from callwright.schemas.explanation import Explanation, Offered, Place, Refused, Relative
from callwright.schemas.probe import Probe
from callwright.schemas.verdict import Verdict
from callwright.schemas.version import SourceSummary, Spent, Statistics
from callwright.store.pages import Read

_FIND = """
    SELECT DISTINCT id FROM (
        SELECT id FROM trajectories UNION ALL SELECT trajectory FROM version_drops WHERE trajectory IS NOT NULL)
    WHERE starts_with(id, ?) ORDER BY id LIMIT 6
"""
_ANCESTORS = """
    WITH RECURSIVE up(id, step, depth) AS (
        SELECT parent, step, 1 FROM edges WHERE child = ?
        UNION
        SELECT e.parent, e.step, up.depth + 1 FROM up JOIN edges e ON e.child = up.id WHERE up.depth < 20)
    SELECT up.id, up.step, t.id IS NOT NULL, coalesce(k.method, tk.method, '')
    FROM up LEFT JOIN trajectories t ON t.id = up.id LEFT JOIN tasks tk ON tk.id = t.task
    LEFT JOIN tasks k ON k.id = up.id ORDER BY up.depth, up.step, up.id
"""
_DESCENDANTS = """
    SELECT e.child, e.step, k.method FROM edges e JOIN trajectories t ON t.id = e.child JOIN tasks k ON k.id = t.task
    WHERE e.parent = ? AND e.step = 'rewrite' ORDER BY e.child
"""
_PLACES = """
    SELECT r.dataset || '@' || r.number, r.split, r.reason,
        (SELECT list(g.tag ORDER BY g.tag) FROM tags g WHERE g.dataset = r.dataset AND g.number = r.number)
    FROM version_rows r WHERE r.trajectory = ? ORDER BY r.dataset, r.number
"""
_DROPS = """
    SELECT dataset || '@' || number, gate, code, message FROM version_drops WHERE trajectory = ?
    ORDER BY dataset, number, ordinal
"""
_STATISTICS = """
    SELECT v.statistics FROM versions v WHERE (v.dataset, v.number) IN (
        SELECT (dataset, number) FROM version_rows WHERE trajectory = ?1
        UNION ALL SELECT (dataset, number) FROM version_drops WHERE trajectory = ?1)
    ORDER BY v.created_at DESC
"""
_SAID = "SELECT body FROM {} WHERE trajectory = ? ORDER BY {}"
_CALLS = "SELECT key, purpose, prompt_tokens, completion_tokens FROM calls WHERE "


def row_called(read: Read, prefix: str) -> str:
    """The id of the one row whose id begins so.

    Raises:
        UsageError: Several do, or the prefix is too short to mean one.
        StoreError: None does.
    """
    if len(prefix) < 4:
        raise UsageError(f"{prefix!r} is too short for the beginning of an id; give four digits at least")
    found = [id_ for (id_,) in read(_FIND, prefix)]
    if not found:
        raise StoreError(
            f"{prefix}: no row's id begins so; `callwright dataset show NAME -n 5` prints some rows with their ids"
        )
    if len(found) > 1:
        more = ", ..." if len(found) > 5 else ""
        raise UsageError(
            f"{prefix}: more than one row's id begins so ({', '.join(found[:5])}{more}); give more of it"
        )
    return str(found[0])


def explained(read: Read, id_: str) -> Explanation:
    """Everything about one row of the store, or about one that a version dropped."""
    places = [
        Place(version=version, split=split, reason=reason, tags=tuple(tags or ()))
        for version, split, reason, tags in read(_PLACES, id_)
    ]
    drops = [
        Refused(version=version, gate=gate, code=code, message=message)
        for version, gate, code, message in read(_DROPS, id_)
    ]
    known: dict[str, Any] = {"id": id_, "versions": tuple(places), "drops": tuple(drops)}
    row = next(
        read(
            "SELECT t.kind, t.task, t.body, k.root, k.body FROM trajectories t JOIN tasks k ON k.id = t.task "
            "WHERE t.id = ?",
            id_,
        ),
        None,
    )
    if row is None:
        return Explanation(**known, stored=False)
    kind, task_id, text, root, asked = row
    body, task = json.loads(text), json.loads(asked)
    made = body["provenance"]
    item = f"{task['method']}/{task['kind']}/{task['attempt']}"
    spent, beside, found = _spent(read, made["calls"], item, made["teacher"])
    return Explanation(
        **known,
        kind=kind,
        task=task_id,
        root=root,
        method=task["method"],
        attempt=task["attempt"],
        toolkit=task["toolkit"],
        clock=task["clock"],
        request=task["instruction"],
        teacher=made["teacher"],
        prompts=made["prompts"],
        document=_document(read, id_, task["toolkit"]),
        tools=_tools(read, task["tools"], task["withheld"], body["messages"]),
        ancestors=tuple(_ancestors(read, id_)),
        descendants=tuple(
            Relative(id=child, what="conversation", step=step, method=method)
            for child, step, method in read(_DESCENDANTS, id_)
        ),
        verdicts=tuple(
            Verdict.model_validate(json.loads(one))
            for (one,) in read(_SAID.format("verdicts", "rung, judge, step NULLS FIRST, id"), id_)
        ),
        probes=tuple(
            Probe.model_validate(json.loads(one))
            for (one,) in read(_SAID.format("probes", "student, step, id"), id_)
        ),
        spent=spent,
        beside=beside,
        forgotten=len(set(made["calls"])) - found,
    )


def _ancestors(read: Read, id_: str) -> Iterator[Relative]:
    seen = set()
    for parent, step, is_conversation, method in read(_ANCESTORS, id_):
        if parent not in seen:
            seen.add(parent)
            what = "conversation" if is_conversation or step == "rewrite" else "task"
            yield Relative(id=parent, what=what, step=step, method=method)


def _document(read: Read, id_: str, toolkit: str) -> SourceSummary | None:
    for (text,) in read(_STATISTICS, id_):
        for source in Statistics.model_validate_json(text).sources:
            if source.name == toolkit:
                return source
    return None


def _tools(
    read: Read, offered: Sequence[str], withheld: str | None, messages: Sequence[Any]
) -> tuple[Offered, ...]:
    ids = [*offered, *([withheld] if withheld else [])]
    names = {
        id_: (name, toolkit, json.loads(leaves) if leaves else None)
        for id_, name, toolkit, leaves in read(
            "SELECT id, name, toolkit, body->'$.leaves' FROM tools WHERE id IN (SELECT unnest(?::VARCHAR[]))",
            ids,
        )
    }
    calls = Counter(call["name"] for message in messages for call in message.get("tool_calls", ()))
    return tuple(
        Offered(
            id=id_,
            name=names.get(id_, ("", "", None))[0],
            toolkit=names.get(id_, ("", "", None))[1],
            leaves=names.get(id_, ("", "", None))[2],
            calls=calls[names[id_][0]] if id_ in names and id_ != withheld else 0,
            withheld=id_ == withheld,
        )
        for id_ in ids
    )


def _spent(
    read: Read, keys: Sequence[str], item: str, model: str
) -> tuple[dict[str, Spent], dict[str, Spent], int]:
    """What its own turns took, what else was asked under its attempt's name, and how many of its own were found."""
    own = list(read(_CALLS + "key IN (SELECT unnest(?::VARCHAR[]))", list(keys)))
    mine = {key for key, *_ in own}
    others = read(_CALLS + "split_part(item, '#', 1) = ? AND model = ?", item, model)
    return _summed(own), _summed(one for one in others if one[0] not in mine), len(mine)


def _summed(calls: Iterable[tuple[Any, ...]]) -> dict[str, Spent]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for _, purpose, read_, written in calls:
        found[purpose].update(requests=1, prompt_tokens=read_, completion_tokens=written)
    return {purpose: Spent(**spent) for purpose, spent in sorted(found.items())}
