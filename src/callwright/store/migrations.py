"""How the tables of a store came to be: numbered steps, each applied once, in order."""

from __future__ import annotations

import datetime as dt

from duckdb import DuckDBPyConnection

from callwright.errors import OldStoreError, StoreError


def m001_first_tables(connection: DuckDBPyConnection) -> None:
    """Content-addressed rows, the ledger, and versions."""
    # What is filtered or joined has a column; the rest is one JSON body, kept as text, so that the
    # arguments and schemas of different tools never merge into one type.
    connection.execute("""
        CREATE TABLE tools (
            id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, toolkit VARCHAR NOT NULL, body VARCHAR NOT NULL);
        CREATE TABLE tasks (
            id VARCHAR PRIMARY KEY, root VARCHAR NOT NULL, method VARCHAR NOT NULL, kind VARCHAR NOT NULL,
            attempt BIGINT NOT NULL, body VARCHAR NOT NULL);
        CREATE TABLE trajectories (
            id VARCHAR PRIMARY KEY, task VARCHAR NOT NULL, kind VARCHAR NOT NULL, teacher VARCHAR NOT NULL,
            body VARCHAR NOT NULL);
        CREATE TABLE edges (
            child VARCHAR, parent VARCHAR, step VARCHAR, PRIMARY KEY (child, parent, step));
        CREATE TABLE verdicts (
            id VARCHAR PRIMARY KEY, trajectory VARCHAR NOT NULL, judge VARCHAR NOT NULL, rung VARCHAR NOT NULL,
            outcome VARCHAR NOT NULL, code VARCHAR NOT NULL, step BIGINT, body VARCHAR NOT NULL);
        CREATE TABLE probes (
            id VARCHAR PRIMARY KEY, task VARCHAR NOT NULL, student VARCHAR NOT NULL, body VARCHAR NOT NULL);
        CREATE TABLE runs (
            id VARCHAR PRIMARY KEY, dataset VARCHAR NOT NULL, recipe_digest VARCHAR NOT NULL,
            state VARCHAR NOT NULL, started_at TIMESTAMP NOT NULL, finished_at TIMESTAMP, body VARCHAR NOT NULL);
        CREATE TABLE calls (
            key VARCHAR PRIMARY KEY, purpose VARCHAR NOT NULL, model VARCHAR NOT NULL, item VARCHAR NOT NULL,
            prompt_tokens BIGINT NOT NULL, completion_tokens BIGINT NOT NULL,
            request VARCHAR NOT NULL, response VARCHAR NOT NULL);
        CREATE TABLE datasets (name VARCHAR PRIMARY KEY);
        CREATE TABLE versions (
            dataset VARCHAR, number BIGINT, id VARCHAR NOT NULL, parent VARCHAR, recipe_digest VARCHAR NOT NULL,
            recipe VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL, statistics VARCHAR NOT NULL,
            PRIMARY KEY (dataset, number), UNIQUE (dataset, id));
        CREATE TABLE version_rows (
            dataset VARCHAR, number BIGINT, ordinal BIGINT,
            trajectory VARCHAR NOT NULL, split VARCHAR NOT NULL, kind VARCHAR NOT NULL, method VARCHAR NOT NULL,
            PRIMARY KEY (dataset, number, ordinal));
        CREATE TABLE version_drops (
            dataset VARCHAR, number BIGINT, ordinal BIGINT, method VARCHAR NOT NULL,
            kind VARCHAR NOT NULL, attempt BIGINT NOT NULL, gate VARCHAR NOT NULL, code VARCHAR NOT NULL,
            message VARCHAR NOT NULL, trajectory VARCHAR, PRIMARY KEY (dataset, number, ordinal));
        CREATE TABLE tags (
            dataset VARCHAR, tag VARCHAR, number BIGINT NOT NULL, PRIMARY KEY (dataset, tag));
    """)


def m002_loops(connection: DuckDBPyConnection) -> None:
    """Why a row is in a round of a loop; probes are found by their conversations."""
    # DuckDB adds no column with a constraint, so it gets its constraint afterwards. Nothing wrote probes before.
    connection.execute("""
        ALTER TABLE version_rows ADD COLUMN reason VARCHAR DEFAULT '';
        ALTER TABLE version_rows ALTER COLUMN reason SET NOT NULL;
        DROP TABLE probes;
        CREATE TABLE probes (
            id VARCHAR PRIMARY KEY, task VARCHAR NOT NULL, trajectory VARCHAR NOT NULL, step BIGINT NOT NULL,
            student VARCHAR NOT NULL, body VARCHAR NOT NULL);
    """)


def m003_chats(connection: DuckDBPyConnection) -> None:
    """What trainers are given of a row, as text; and its evidence, which is the version's and no longer changes."""
    # Rows that were committed before get no text: views write it anew, and so does the next version that holds them.
    connection.execute("""
        CREATE TABLE chats (
            id VARCHAR, rules VARCHAR, messages VARCHAR[] NOT NULL, tools VARCHAR[] NOT NULL,
            code VARCHAR NOT NULL, message VARCHAR NOT NULL, toolkit VARCHAR NOT NULL, teacher VARCHAR NOT NULL,
            prompts VARCHAR[] NOT NULL, trusts VARCHAR[] NOT NULL, masked BIGINT NOT NULL, wrong BOOLEAN NOT NULL,
            numbers BOOLEAN NOT NULL, PRIMARY KEY (id, rules));
    """)
    # DuckDB fills no column in the transaction that adds it.
    evidence = EVIDENCE.format(rows="rows_before", within="true")
    connection.execute(f"""
        CREATE TEMP TABLE rows_before AS SELECT * FROM version_rows;
        DROP TABLE version_rows;
        CREATE TABLE version_rows (
            dataset VARCHAR, number BIGINT, ordinal BIGINT,
            trajectory VARCHAR NOT NULL, split VARCHAR NOT NULL, kind VARCHAR NOT NULL, method VARCHAR NOT NULL,
            reason VARCHAR NOT NULL DEFAULT '', evidence VARCHAR NOT NULL,
            PRIMARY KEY (dataset, number, ordinal));
        INSERT INTO version_rows BY NAME
            SELECT r.*, coalesce(e.rung, 'none') AS evidence
            FROM rows_before r LEFT JOIN ({evidence}) e ON e.trajectory = r.trajectory
            ORDER BY r.dataset, r.number, r.ordinal;
        DROP TABLE rows_before;
    """)


EVIDENCE = """
    WITH rungs AS (
        SELECT trajectory, rung, bool_and(outcome = 'pass') AS passed FROM verdicts
        WHERE rung LIKE 'L_' AND {within} AND trajectory IN (SELECT trajectory FROM {rows}) GROUP BY trajectory, rung
    ), broken AS (
        SELECT trajectory, min(rung) AS rung FROM rungs WHERE NOT passed GROUP BY trajectory
    )
    SELECT g.trajectory, max(g.rung) AS rung FROM rungs g LEFT JOIN broken b ON b.trajectory = g.trajectory
    WHERE b.rung IS NULL OR g.rung < b.rung GROUP BY g.trajectory
"""
"""Row -> the highest rung where this one and all below have nothing but pass; others are left out."""


def m004_no_indexes(connection: DuckDBPyConnection) -> None:
    """Tables that grow with rows have no index: DuckDB would hold it in memory whole while they are written."""
    columns = {
        "tasks": "id VARCHAR NOT NULL, root VARCHAR NOT NULL, method VARCHAR NOT NULL, kind VARCHAR NOT NULL, "
        "attempt BIGINT NOT NULL, body VARCHAR NOT NULL",
        "trajectories": "id VARCHAR NOT NULL, task VARCHAR NOT NULL, kind VARCHAR NOT NULL, "
        "teacher VARCHAR NOT NULL, body VARCHAR NOT NULL",
        "chats": "id VARCHAR NOT NULL, rules VARCHAR NOT NULL, messages VARCHAR[] NOT NULL, "
        "tools VARCHAR[] NOT NULL, code VARCHAR NOT NULL, message VARCHAR NOT NULL, toolkit VARCHAR NOT NULL, "
        "teacher VARCHAR NOT NULL, prompts VARCHAR[] NOT NULL, trusts VARCHAR[] NOT NULL, "
        "masked BIGINT NOT NULL, wrong BOOLEAN NOT NULL, numbers BOOLEAN NOT NULL",
        "edges": "child VARCHAR NOT NULL, parent VARCHAR NOT NULL, step VARCHAR NOT NULL",
        "verdicts": "id VARCHAR NOT NULL, trajectory VARCHAR NOT NULL, judge VARCHAR NOT NULL, "
        "rung VARCHAR NOT NULL, outcome VARCHAR NOT NULL, code VARCHAR NOT NULL, step BIGINT, body VARCHAR NOT NULL",
        "probes": "id VARCHAR NOT NULL, task VARCHAR NOT NULL, trajectory VARCHAR NOT NULL, step BIGINT NOT NULL, "
        "student VARCHAR NOT NULL, body VARCHAR NOT NULL",
        "calls": "key VARCHAR NOT NULL, purpose VARCHAR NOT NULL, model VARCHAR NOT NULL, item VARCHAR NOT NULL, "
        "prompt_tokens BIGINT NOT NULL, completion_tokens BIGINT NOT NULL, request VARCHAR NOT NULL, "
        "response VARCHAR NOT NULL",
        "version_rows": "dataset VARCHAR NOT NULL, number BIGINT NOT NULL, ordinal BIGINT NOT NULL, "
        "trajectory VARCHAR NOT NULL, split VARCHAR NOT NULL, kind VARCHAR NOT NULL, method VARCHAR NOT NULL, "
        "reason VARCHAR NOT NULL, evidence VARCHAR NOT NULL",
        "version_drops": "dataset VARCHAR NOT NULL, number BIGINT NOT NULL, ordinal BIGINT NOT NULL, "
        "method VARCHAR NOT NULL, kind VARCHAR NOT NULL, attempt BIGINT NOT NULL, gate VARCHAR NOT NULL, "
        "code VARCHAR NOT NULL, message VARCHAR NOT NULL, trajectory VARCHAR",
    }
    for table, declared in columns.items():
        connection.execute(f"""
            CREATE TABLE {table}_new ({declared});
            INSERT INTO {table}_new BY NAME SELECT * FROM {table};
            DROP TABLE {table};
            ALTER TABLE {table}_new RENAME TO {table};
        """)


MIGRATIONS = (m001_first_tables, m002_loops, m003_chats, m004_no_indexes)


def migrate(connection: DuckDBPyConnection, where: str) -> None:
    """Bring a store that is open for writing to this schema; nothing happens when it is there already.

    Raises:
        StoreError: A newer callwright wrote it.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations "
        "(number INTEGER PRIMARY KEY, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
    )
    applied = _applied(connection, where)
    for number, step in enumerate(MIGRATIONS[applied:], start=applied + 1):
        connection.begin()
        step(connection)
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", [number, step.__name__, now])
        connection.commit()


def check(connection: DuckDBPyConnection, where: str) -> None:
    """Refuse to read a store of another schema.

    Raises:
        OldStoreError: It is older.
        StoreError: It is newer, or no store of callwright at all.
    """
    if not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'migrations'").fetchone():
        raise StoreError(
            f"{where}: a DuckDB file, but not made by callwright; choose another folder with --data"
        )
    applied = _applied(connection, where)
    if applied < len(MIGRATIONS):
        raise OldStoreError(f"{where}: has schema {applied}, this callwright reads {len(MIGRATIONS)}")


def _applied(connection: DuckDBPyConnection, where: str) -> int:
    row = connection.execute("SELECT coalesce(max(number), 0) FROM migrations").fetchone()
    applied = int(row[0]) if row else 0
    if applied > len(MIGRATIONS):
        raise StoreError(
            f"{where}: written by a newer callwright (schema {applied}, this one knows {len(MIGRATIONS)}); "
            "upgrade callwright to open it"
        )
    return applied
