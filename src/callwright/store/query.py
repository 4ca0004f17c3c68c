"""SQL of a user's own over a store: one SELECT, which can change nothing and reach nothing but the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from callwright.errors import UsageError

SEALED: Mapping[str, str | bool] = {
    # No files, no network, no extensions, and no variables of this very process as tables.
    "enable_external_access": False,
    "python_enable_replacements": False,
    "allow_community_extensions": False,
    "lock_configuration": True,
}
"""Settings of the connection that such SQL runs on."""

ROWS = """
    CREATE TEMP VIEW rows AS
    SELECT r.dataset, r.number, r.ordinal, r.trajectory AS id, r.split, r.kind, r.method, r.reason, t.task, k.root,
        json_extract_string(CASE WHEN json_valid(k.body) THEN k.body END, '$.toolkit') AS toolkit, t.teacher,
        json_extract_string(CASE WHEN json_valid(k.body) THEN k.body END, '$.instruction') AS request,
        CASE WHEN json_valid(t.body) THEN json_extract(t.body, '$.messages') END AS messages
    FROM version_rows r JOIN trajectories t ON t.id = r.trajectory JOIN tasks k ON k.id = t.task
"""
"""The one view beside the tables; half a surrogate pair, which a model can write, is no JSON to DuckDB."""

_ALLOWED = {"SELECT", "EXPLAIN"}


@dataclass(frozen=True)
class Answer:
    """What a query found."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    more: bool
    """Whether there are rows beyond the limit."""


def answered(connection: duckdb.DuckDBPyConnection, sql: str, limit: int) -> Answer:
    """Run one statement on a connection with the settings `SEALED`.

    Args:
        connection: Read-only.
        sql: One SELECT (or EXPLAIN, DESCRIBE, SHOW).
        limit: Rows to read at the most.

    Raises:
        UsageError: It is no such statement, or DuckDB refuses it.
    """
    try:
        statements = connection.extract_statements(sql)
        kinds = [statement.type.name for statement in statements]
        if len(kinds) != 1 or not _ALLOWED.issuperset(kinds):
            raise UsageError(
                f"a query is one SELECT, got {' and '.join(kinds) or 'nothing'}; docs/store.md lists the tables"
            )
        connection.execute(ROWS)
        connection.execute(statements[0])
        found = connection.fetchmany(limit + 1)
        columns = tuple(column[0] for column in connection.description or ())
    except duckdb.Error as error:
        raise UsageError(f"query: {error}") from None
    return Answer(columns, found[:limit], more=len(found) > limit)
