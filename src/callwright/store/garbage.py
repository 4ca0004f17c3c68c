"""What no version needs any more: found by SQL, and deleted only on request."""

from __future__ import annotations

import json
from collections.abc import Iterator

from duckdb import DuckDBPyConnection

from callwright.schemas.upkeep import Garbage

# What a row descends from stays: `explain` tells it, and a rewritten row's split hangs on its root.
_NEEDED = """
    CREATE OR REPLACE TEMP TABLE needed AS
    WITH RECURSIVE reached(id) AS (
        SELECT trajectory FROM version_rows
        UNION
        SELECT found.parent FROM reached JOIN (
            SELECT child, parent FROM edges UNION ALL SELECT id, task FROM trajectories
        ) found ON found.child = reached.id)
    SELECT DISTINCT id FROM reached
"""
_NEEDED_CALLS = """
    CREATE OR REPLACE TEMP TABLE needed_calls AS
    SELECT DISTINCT key FROM (
        SELECT unnest(json_extract_string(body, '$.provenance.calls[*]')) AS key FROM trajectories
        WHERE id IN (SELECT id FROM needed) AND json_valid(body)
        UNION ALL
        SELECT key FROM calls WHERE split_part(item, '#', 1) IN (
            SELECT method || '/' || kind || '/' || attempt FROM tasks WHERE id IN (SELECT id FROM needed))
        UNION ALL
        SELECT json_extract_string(body, '$.greedy.key') FROM probes
        WHERE trajectory IN (SELECT id FROM needed) AND json_valid(body))
    WHERE key IS NOT NULL
"""
# Half a surrogate pair is no JSON to DuckDB; Python reads such bodies.
_UNREADABLE = """
    SELECT body FROM trajectories WHERE id IN (SELECT id FROM needed) AND NOT json_valid(body)
"""
_UNNEEDED = {
    "trajectories": ("id NOT IN (SELECT id FROM needed)", "body"),
    "chats": ("id NOT IN (SELECT id FROM needed)", "array_to_string(messages, '')"),
    "tasks": ("id NOT IN (SELECT id FROM needed)", "body"),
    "verdicts": ("trajectory NOT IN (SELECT id FROM needed)", "body"),
    "probes": ("trajectory NOT IN (SELECT id FROM needed)", "body"),
    "edges": ("child NOT IN (SELECT id FROM needed)", "child"),
}
_UNNEEDED_CALLS = ("key NOT IN (SELECT key FROM needed_calls)", "request || response")


def garbage(connection: DuckDBPyConnection, *, ledger: bool) -> dict[str, Garbage]:
    """Table -> what would go.

    Args:
        connection: Of a store; nothing in it is changed.
        ledger: Whether answers of models count, too.
    """
    _mark(connection, ledger)
    found = {}
    for table, (condition, text) in _conditions(ledger):
        row = connection.execute(
            f"SELECT count(*), coalesce(sum(strlen({text})), 0) FROM {table} WHERE {condition}"
        ).fetchone()
        assert row
        found[table] = Garbage(rows=row[0], bytes=row[1])
    return found


def collect(connection: DuckDBPyConnection, *, ledger: bool) -> None:
    """Delete it, within the transaction of whoever calls."""
    _mark(connection, ledger)
    for table, (condition, _) in _conditions(ledger):
        connection.execute(f"DELETE FROM {table} WHERE {condition}")


def _conditions(ledger: bool) -> Iterator[tuple[str, tuple[str, str]]]:
    yield from _UNNEEDED.items()
    if ledger:
        yield "calls", _UNNEEDED_CALLS


def _mark(connection: DuckDBPyConnection, ledger: bool) -> None:
    connection.execute(_NEEDED)
    if not ledger:
        return
    connection.execute(_NEEDED_CALLS)
    for (body,) in connection.execute(_UNREADABLE).fetchall():
        for key in json.loads(body)["provenance"]["calls"]:
            connection.execute("INSERT INTO needed_calls VALUES (?)", [key])
