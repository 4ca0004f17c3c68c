"""What changed between two versions, counted in SQL: no row passes through Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from callwright.schemas.difference import Difference, RowCounts
from callwright.schemas.version import Version
from callwright.store.pages import Read

_BOTH = """
    WITH a AS (SELECT * FROM version_rows WHERE dataset = ? AND number = ?),
    b AS (SELECT * FROM version_rows WHERE dataset = ? AND number = ?),
    compared AS (
        SELECT coalesce(b.trajectory, a.trajectory) AS trajectory,
            CASE WHEN a.trajectory IS NULL THEN 'added' WHEN b.trajectory IS NULL THEN 'removed' ELSE 'kept' END
                AS change,
            a.split AS split_before, b.split AS split_after, a.reason AS reason_before, b.reason AS reason_after,
            coalesce(b.kind, a.kind) AS kind, coalesce(b.method, a.method) AS method
        FROM a FULL JOIN b ON a.trajectory = b.trajectory)
"""
_CLASSES = """
    SELECT change, split_before, split_after, reason_before, reason_after, kind, method, count(*)
    FROM compared GROUP BY ALL ORDER BY ALL
"""
# Half a surrogate pair, which a model can write, is no JSON to DuckDB; such a row has no toolkit and no tool here.
_TOOLKITS = """
    SELECT change, json_extract_string(CASE WHEN json_valid(k.body) THEN k.body END, '$.toolkit') AS toolkit, count(*)
    FROM compared JOIN trajectories t ON t.id = compared.trajectory JOIN tasks k ON k.id = t.task
    WHERE change <> 'kept' GROUP BY ALL ORDER BY ALL
"""
_TOOLS = """
    , called AS (
        SELECT change, unnest(list_distinct(json_extract_string(
            CASE WHEN json_valid(t.body) THEN t.body END, '$.messages[*].tool_calls[*].name'))) AS tool
        FROM compared JOIN trajectories t ON t.id = compared.trajectory WHERE change <> 'kept')
    SELECT change, tool, count(*) FROM called GROUP BY ALL ORDER BY ALL
"""
_DROPS = """
    , dropped AS (
        SELECT trajectory, arg_min(gate || ' ' || code, ordinal) AS reason FROM version_drops
        WHERE dataset = ? AND number = ? AND trajectory IS NOT NULL GROUP BY trajectory)
    SELECT coalesce(reason, '') AS reason, count(*)
    FROM compared LEFT JOIN dropped ON dropped.trajectory = compared.trajectory
    WHERE change = 'removed' GROUP BY reason ORDER BY count(*) DESC, reason
"""


def difference(read: Read, before: Version, after: Version) -> Difference:
    """What changed from one version to another."""
    later = (after.dataset, after.number)
    versions = (before.dataset, before.number, *later)
    counts: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    rows: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for change, split, new_split, reason, new_reason, kind, method, count in read(
        _BOTH + _CLASSES, *versions
    ):
        rows[change] += count
        counts[change]["reason"][reason if change == "removed" else new_reason] += count
        counts[change]["kind"][kind] += count
        counts[change]["method"][method] += count
        if change == "kept" and split != new_split:
            splits[f"{split} -> {new_split}"] += count
        if change == "kept" and reason != new_reason:
            reasons[f"{reason or 'none'} -> {new_reason or 'none'}"] += count
    for what, query in (("toolkit", _TOOLKITS), ("tool", _TOOLS)):
        for change, name, count in read(_BOTH + query, *versions):
            counts[change][what][name] += count
    kinds = {
        change: RowCounts(
            rows=rows[change],
            **{f"by_{what}": _named(counted) for what, counted in counts[change].items()},
        )
        for change in rows
    }
    return Difference(
        before=before.name,
        after=after.name,
        **kinds,
        drops=dict(read(_BOTH + _DROPS, *versions, *later)),
        splits=dict(splits),
        reasons=dict(reasons),
        recipe=_changed_keys(before.recipe, after.recipe),
    )


def history(read: Read, versions: Sequence[Version]) -> tuple[Difference, ...]:
    """What each version changed of the one before it: rows and recipe alone, for it joins no bodies."""
    return tuple(_in_short(read, before, after) for before, after in pairwise(versions))


def _in_short(read: Read, before: Version, after: Version) -> Difference:
    rows: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    found = read(_BOTH + _CLASSES, before.dataset, before.number, after.dataset, after.number)
    for change, split, new_split, _, _, _, _, count in found:
        rows[change] += count
        if change == "kept" and split != new_split:
            splits[f"{split} -> {new_split}"] += count
    return Difference(
        before=before.name,
        after=after.name,
        **{change: RowCounts(rows=count) for change, count in rows.items()},
        splits=dict(splits),
        recipe=_changed_keys(before.recipe, after.recipe),
    )


def _named(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted((name, count) for name, count in counts.items() if name))


def _changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    old, new = dict(_flat(before)), dict(_flat(after))
    return {
        key: (old.get(key), new.get(key))
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    }


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """A tree of JSON objects as keys with dots; lists are values."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else name)
    else:
        yield key, value
