"""The splits that earlier versions gave to root tasks and tools: they hold for ever."""

from __future__ import annotations

from collections.abc import Sequence

from callwright.store.pages import Read

# The first version that had a root decides; older datasets come first, so that what descends from one agrees with it.
_ROOTS = """
    SELECT k.root, arg_min(r.split, (v.created_at, r.number, r.ordinal))
    FROM version_rows r JOIN trajectories t ON t.id = r.trajectory JOIN tasks k ON k.id = t.task
    JOIN versions v ON v.dataset = r.dataset AND v.number = r.number
    WHERE r.dataset IN (SELECT unnest(?::VARCHAR[])) GROUP BY k.root
"""
# Half a surrogate pair, which a model can write, is no JSON to DuckDB; such a row has no tools here.
_SHOWN = """
    SELECT DISTINCT t.toolkit, t.name FROM (
        SELECT DISTINCT unnest(json_extract_string(CASE WHEN json_valid(k.body) THEN k.body END, '$.tools[*]')) AS id
        FROM version_rows r JOIN trajectories j ON j.id = r.trajectory JOIN tasks k ON k.id = j.task
        WHERE r.dataset IN (SELECT unnest(?::VARCHAR[])) AND r.split <> 'unseen_tools') used
    JOIN tools t ON t.id = used.id
"""


def splits_of_roots(read: Read, datasets: Sequence[str]) -> dict[str, str]:
    """Root task -> its split, over all versions of some datasets."""
    return dict(read(_ROOTS, list(datasets)))


def shown_tools(read: Read, datasets: Sequence[str]) -> set[tuple[str, str]]:
    """(Toolkit, tool) of all tools that rows outside of `unseen_tools` offer, over all versions of some datasets."""
    return {(toolkit, name) for toolkit, name in read(_SHOWN, list(datasets))}


def roots_of(read: Read, ids: Sequence[str]) -> set[str]:
    """Root tasks of conversations and tasks, by their ids; those that the store does not know are left out."""
    found = read(
        """
        SELECT k.root FROM tasks k WHERE k.id IN (SELECT unnest(?1::VARCHAR[]))
        UNION SELECT k.root FROM trajectories t JOIN tasks k ON k.id = t.task
        WHERE t.id IN (SELECT unnest(?1::VARCHAR[]))
        """,
        list(ids),
    )
    return {root for (root,) in found}
