"""A store that the first callwright wrote is read like one of today's once something was written to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import RECIPE, commit, member, probe, task, trajectory

from callwright.errors import OldStoreError
from callwright.store import FILE_NAME, Store, look, query

ROWS = [trajectory(task(f"Show me event e{number}.", attempt=number)) for number in range(3)]

SCHEMA_1 = """
    CREATE TABLE migrations (number INTEGER PRIMARY KEY, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL);
    INSERT INTO migrations VALUES (1, 'm001_first_tables', '2026-01-05 12:00:00');
    CREATE TABLE tools (
        id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, toolkit VARCHAR NOT NULL, body VARCHAR NOT NULL);
    CREATE TABLE tasks (
        id VARCHAR PRIMARY KEY, root VARCHAR NOT NULL, method VARCHAR NOT NULL, kind VARCHAR NOT NULL,
        attempt BIGINT NOT NULL, body VARCHAR NOT NULL);
    CREATE TABLE trajectories (
        id VARCHAR PRIMARY KEY, task VARCHAR NOT NULL, kind VARCHAR NOT NULL, teacher VARCHAR NOT NULL,
        body VARCHAR NOT NULL);
    CREATE TABLE edges (child VARCHAR, parent VARCHAR, step VARCHAR, PRIMARY KEY (child, parent, step));
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
    CREATE TABLE tags (dataset VARCHAR, tag VARCHAR, number BIGINT NOT NULL, PRIMARY KEY (dataset, tag));
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A data folder with a store of schema 1 that holds `museum@1`."""
    batch = commit(*ROWS)
    with duckdb.connect(
        str(tmp_path / FILE_NAME), config={"storage_compatibility_version": "v1.4.0"}
    ) as connection:
        connection.execute(SCHEMA_1)
        for row in ROWS:
            asked = [row.task.id, row.task.id, "toolalpaca", "single", 0, json.dumps(row.task.record())]
            connection.execute("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?)", asked)
            said = [row.id, row.task.id, "single", "offline-rules", json.dumps(row.record())]
            connection.execute("INSERT INTO trajectories VALUES (?, ?, ?, ?, ?)", said)
        for ordinal, row in enumerate(sorted(ROWS, key=lambda row: row.id)):
            placed = ["museum", 1, ordinal, row.id, "train", "single", "toolalpaca"]
            connection.execute("INSERT INTO version_rows VALUES (?, ?, ?, ?, ?, ?, ?)", placed)
        made = "2026-01-05 12:00:00"
        version = ["museum", 1, batch.version_id, None, "r1", json.dumps(RECIPE), made, '{"rows": 3}']
        connection.execute("INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", version)
        connection.execute("INSERT INTO datasets VALUES ('museum')")
        connection.execute("INSERT INTO tags VALUES ('museum', 'stable', 1)")
    return tmp_path


def test_looking_changes_nothing_and_reading_brings_it_up_to_date(old: Path):
    before = (old / FILE_NAME).read_bytes()
    with pytest.raises(OldStoreError, match="has schema 1, this callwright reads 4"):
        look(old, 1.0)
    assert (old / FILE_NAME).read_bytes() == before
    with Store.open(old, write=False) as store:
        assert [one.name for one in store.versions("museum")] == ["museum@1"]
    look(old, 1.0)


def test_a_query_brings_it_up_to_date(old: Path):
    assert query(old, "SELECT count(*) AS n FROM rows", limit=1).rows == [(3,)]


def test_who_may_only_read_it_is_told(old: Path, monkeypatch: pytest.MonkeyPatch):
    def connect(path: str, *, read_only: bool, config: Any) -> duckdb.DuckDBPyConnection:
        if not read_only:
            raise duckdb.IOException("Cannot open file: Permission denied")
        return real(path, read_only=True, config=config)

    real = duckdb.connect
    monkeypatch.setattr(duckdb, "connect", connect)
    with (
        pytest.raises(OldStoreError, match=r"Permission denied.*brought up to date where it can be written"),
        Store.open(old, write=False),
    ):
        pass


def test_a_store_of_schema_1_keeps_its_versions_and_takes_rounds(old: Path):
    with Store.open(old, write=True) as store:
        version = store.version("museum:stable")
        assert [one for one, _, _ in store.rows(version)] == sorted(
            map(member, ROWS), key=lambda one: one.trajectory
        )
        assert store.commit(commit(*ROWS)) == version  # its id still holds
        why = [member(row).model_copy(update={"reason": "high_perplexity"}) for row in ROWS[:2]]
        asked = probe(ROWS[0])
        second = store.commit(commit(*ROWS[:2], members=why, probes=[asked]))
        assert {one.reason for one, _, _ in store.rows(second)} == {"high_perplexity"}
        assert store.probes() == (asked,)
        assert (version.statistics.by_reason, version.statistics.student) == ({}, "")
    with Store.open(old, write=False) as store:
        assert [one.name for one in store.versions("museum")] == ["museum@1", "museum@2"]
        changed = store.diff(*store.versions("museum"))
        assert changed.reasons == {"none -> high_perplexity": 2}


def test_a_reason_is_never_null(old: Path):
    with Store.open(old, write=True):
        pass
    with (
        duckdb.connect(str(old / FILE_NAME)) as connection,
        pytest.raises(duckdb.ConstraintException, match="NOT NULL"),
    ):
        connection.execute(
            "INSERT INTO version_rows VALUES ('museum', 2, 0, 't', 'train', 'single', 'x', NULL, 'L1')"
        )
