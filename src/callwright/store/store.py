"""The store: everything that was ever made, and the versions of each dataset."""

from __future__ import annotations

import datetime as dt
import difflib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, Literal, cast

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from callwright.errors import StoreError
from callwright.schemas.difference import Difference
from callwright.schemas.explanation import Explanation
from callwright.schemas.probe import Probe
from callwright.schemas.tool import Tool, Toolkit
from callwright.schemas.upkeep import Garbage, Verification
from callwright.schemas.verdict import Rung, Verdict
from callwright.schemas.version import Drop, LedgerEntry, Member, Run, Split, Version
from callwright.store.assigned import roots_of, shown_tools, splits_of_roots
from callwright.store.chats import RULES, ChatTexts
from callwright.store.clustering import Clustered, first_of
from callwright.store.difference import difference, history
from callwright.store.garbage import collect, garbage
from callwright.store.lineage import explained, row_called
from callwright.store.migrations import EVIDENCE
from callwright.store.opening import FILE_NAME, first_line, opened
from callwright.store.pages import PAGE, pages
from callwright.store.query import SEALED, Answer, answered
from callwright.store.rows import (
    CLUSTERED,
    SCHEMAS,
    Commit,
    Row,
    batches,
    call_row,
    drop_rows,
    member_rows,
    probe_row,
    task_edges,
    task_row,
    text_of,
    tool_rows,
    trajectory_edges,
    trajectory_row,
    verdict_row,
)
from callwright.store.verifying import verified

_VERSION_COLUMNS = "dataset, number, id, parent, recipe_digest, recipe, created_at, statistics"
_FETCH = 500
_ON_PAGE = "r.ordinal BETWEEN ? AND ? AND t.id BETWEEN ? AND ?"
_TAG = re.compile(r"(?!\d+$)[a-z0-9][a-z0-9._-]{0,63}", re.IGNORECASE)
"""No number alone: `museum:3` would be taken for `museum@3`."""


class Store:
    """One DuckDB file, open. Made by `Store.open`; for one thread."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        self._where = str(folder / FILE_NAME)

    @classmethod
    @contextmanager
    def open(cls, folder: Path, *, write: bool, wait_s: float = 10.0) -> Iterator[Store]:
        """The store of a data folder; made when it is opened for writing and not there yet.

        One that an earlier callwright wrote is brought up to date, also where it is only read.

        Raises:
            StoreBusyError: Somebody else still holds it after `wait_s` seconds.
            OldStoreError: An earlier callwright wrote it, and the folder cannot be written.
            StoreError: There is none, it is not ours, or a newer callwright wrote it.
        """
        with opened(folder, write=write, wait_s=wait_s) as connection:
            yield cls(connection, folder)

    # Writing

    def commit(self, batch: Commit) -> Version:
        """Make the next version in one transaction; killed in the middle, it leaves nothing behind.

        When the dataset already has a version with the same members, splits and recipe, that one is
        returned and only the ledger grows.

        Raises:
            StoreError: A row stands twice in the version, or names a conversation or task that is not there.
        """
        _refuse_twins(batch)
        with self._transaction():
            self._load("calls", (call_row(one) for one in batch.ledger))
            known = self._versions("dataset = ? AND id = ?", batch.dataset, batch.version_id)
            if known:
                return known[0]
            latest = self._latest(batch.dataset)
            version = Version(
                dataset=batch.dataset,
                number=latest.number + 1 if latest else 1,
                id=batch.version_id,
                parent=latest.id if latest else None,
                recipe_digest=batch.recipe_digest,
                recipe=dict(batch.recipe),
                created_at=dt.datetime.now(dt.UTC),
                statistics=batch.statistics,
            )
            self._load_content(batch)
            self._load_version(version, batch)
            self._refuse_orphans(version)
            return version

    def add_calls(self, entries: Iterable[LedgerEntry]) -> None:
        """Remember finished model calls; those that are known already stay as they are."""
        with self._transaction():
            self._load("calls", (call_row(one) for one in entries))

    def add_probes(self, probes: Iterable[Probe]) -> None:
        """Remember what a student did, also where no version comes of it."""
        with self._transaction():
            self._load("probes", (probe_row(one) for one in probes))

    def add_tools(self, toolkits: Iterable[Toolkit]) -> None:
        """Remember tools that no version uses yet."""
        with self._transaction():
            self._load_tools(toolkits)

    def record_run(self, run: Run) -> None:
        """Write down how a run stands; a later record of the same run replaces the earlier one."""
        values = [run.id, run.dataset, run.recipe_digest, run.state, _to_utc(run.started_at)]
        values += [_to_utc(run.finished_at) if run.finished_at else None, text_of(run.body)]
        with self._transaction():
            self._connection.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def tag(self, name: str, tag: str, *, move: bool = False) -> Version:
        """Give a version a name that can move: `museum@3` becomes `museum:stable`.

        Raises:
            StoreError: There is no such version, it is no name for a tag, or another version has it and `move` is not
                set.
        """
        if not _TAG.fullmatch(tag):
            raise StoreError(
                f"{tag!r} is no tag: letters, digits, dots, dashes and underscores, and no number alone"
            )
        version = self.version(name)
        holder = self.tags(version.dataset).get(tag)
        if holder not in (None, version.number) and not move:
            raise StoreError(
                f"{version.dataset}:{tag} is {version.dataset}@{holder}; move it to {version.name} with --move, or "
                "choose another tag"
            )
        with self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", [version.dataset, tag, version.number]
            )
        return version

    # Versions

    def versions(self, dataset: str | None = None) -> tuple[Version, ...]:
        """All versions, or those of one dataset, oldest first.

        Raises:
            StoreError: There is no such dataset.
        """
        if dataset is None:
            return self._versions("true")
        return self._versions("dataset = ?", dataset) or self._unknown_dataset(dataset)

    def version(self, name: str) -> Version:
        """The version called `museum@3`, `museum:stable`, or `museum` for the newest.

        Raises:
            StoreError: There is no such version; the message names the nearest one.
        """
        dataset = re.split("[@:]", name, maxsplit=1)[0]
        versions = self.versions(dataset)
        if dataset == name:
            return versions[-1]
        mark, rest = name[len(dataset)], name[len(dataset) + 1 :]
        number = self._tagged(dataset, rest) if mark == ":" else rest
        for version in versions:
            if str(version.number) == str(number):
                return version
        raise StoreError(
            f"{name}: no such version; {dataset} has {len(versions)}, the newest is {versions[-1].name}"
        )

    def find_version(self, dataset: str, recipe_digest: str) -> Version | None:
        """The newest version that this recipe made, if any."""
        found = self._versions("dataset = ? AND recipe_digest = ?", dataset, recipe_digest)
        return found[-1] if found else None

    def tags(self, dataset: str) -> dict[str, int]:
        """Tag -> number of the version it stands for."""
        return dict(self._read("SELECT tag, number FROM tags WHERE dataset = ? ORDER BY tag", dataset))

    def diff(self, before: Version, after: Version) -> Difference:
        """What changed from one version to another."""
        return difference(self._read, before, after)

    def history(self, version: Version, most: int = 10) -> tuple[Difference, ...]:
        """What the last versions up to this one changed of those before them, oldest first: rows and recipes."""
        earlier = self._versions(
            "dataset = ? AND number BETWEEN ? AND ?",
            version.dataset,
            version.number - most,
            version.number,
        )
        return history(self._read, earlier)

    def splits_of_roots(self, datasets: Sequence[str]) -> dict[str, Split]:
        """Root task -> the split that the first version of some datasets gave it."""
        return {root: cast(Split, split) for root, split in splits_of_roots(self._read, datasets).items()}

    def shown_tools(self, datasets: Sequence[str]) -> set[tuple[str, str]]:
        """(Toolkit, tool) of all tools that rows outside of `unseen_tools` offer, over some datasets' versions."""
        return shown_tools(self._read, datasets)

    def roots_of(self, ids: Sequence[str]) -> set[str]:
        """Root tasks of conversations and tasks, by their ids; those that are not here are left out."""
        return roots_of(self._read, ids)

    # Rows

    def members(self, version: Version) -> Iterator[Member]:
        """Each row without its content, by id: a digest, so the first n are a fair draw of all."""
        columns = list(Member.model_fields)
        found = self._read(
            f"SELECT {', '.join(columns)} FROM version_rows WHERE dataset = ? AND number = ? ORDER BY ordinal",
            version.dataset,
            version.number,
        )
        return (Member.model_validate(dict(zip(columns, values, strict=True))) for values in found)

    def rows(
        self, version: Version, only: Collection[str] | None = None
    ) -> Iterator[tuple[Member, dict[str, Any], dict[str, Any]]]:
        """Each row with its trajectory's and its task's record, always in the same order.

        Args:
            version: The version.
            only: Ids of the rows that are wanted; all of them unless given.
        """
        if only is not None:
            yield from self._bodies(version, "r.trajectory IN (SELECT unnest(?::VARCHAR[]))", sorted(only))
            return
        for page in pages(self._read, version):
            yield from self._bodies(version, _ON_PAGE, *page.ordinals, *page.ids)

    def has_chats(self, version: Version) -> bool:
        """Whether each row has a text for chat trainers, made by the rules of today and free of what refuses it."""
        return all(
            self._count(
                """
                SELECT count(*) FROM version_rows r LEFT JOIN chats c
                    ON c.id = r.trajectory AND c.rules = ? AND c.code = '' AND c.id BETWEEN ? AND ?
                WHERE r.dataset = ? AND r.number = ? AND r.ordinal BETWEEN ? AND ? AND c.id IS NULL
                """,
                RULES,
                *page.ids,
                version.dataset,
                version.number,
                *page.ordinals,
            )
            == 0
            for page in pages(self._read, version)
        )

    def chats(self, version: Version) -> Iterator[pa.Table]:
        """The rows of a version that `has_chats`, as tables of some thousand rows, each in no order but by `ordinal`.

        Columns are those of `chats` and `version_rows` that docs/store.md describes; no tools are null.
        """
        for page in pages(self._read, version):
            with closing(self._connection.cursor()) as cursor:
                found = cursor.execute(
                    """
                    SELECT r.ordinal, r.trajectory AS id, r.split, c.messages,
                        CASE WHEN len(c.tools) > 0 THEN c.tools END AS tools, r.kind, r.method, c.toolkit, c.teacher,
                        r.evidence, c.prompts, c.trusts, c.masked, c.wrong, c.numbers
                    FROM version_rows r JOIN chats c ON c.id = r.trajectory
                    WHERE r.dataset = ? AND r.number = ? AND r.ordinal BETWEEN ? AND ?
                        AND c.rules = ? AND c.id BETWEEN ? AND ?
                    """,
                    [version.dataset, version.number, *page.ordinals, RULES, *page.ids],
                ).to_arrow_table()
            yield found.combine_chunks()

    def evidence(self, version: Version) -> Iterator[tuple[str, Rung | Literal["none"]]]:
        """Each row, in the order of `rows`, and the highest rung where this one and all below had nothing but pass."""
        return self._read(
            "SELECT trajectory, evidence FROM version_rows WHERE dataset = ? AND number = ? ORDER BY ordinal",
            version.dataset,
            version.number,
        )

    def drops(self, version: Version) -> Iterator[Drop]:
        """Every attempt that did not become a row of the version, and why."""
        columns = ("method", "kind", "attempt", "gate", "code", "message", "trajectory")
        found = self._read(
            f"SELECT {', '.join(columns)} FROM version_drops WHERE dataset = ? AND number = ? ORDER BY ordinal",
            version.dataset,
            version.number,
        )
        return (Drop.model_validate(dict(zip(columns, values, strict=True))) for values in found)

    def refuted(self, version: Version) -> Iterator[tuple[str, dict[str, Any]]]:
        """Conversations that were dropped, fail at L2 or L3, and are of the task of some row: id and record of each."""
        found = self._read(
            """
            WITH tasks_of_rows AS (
                SELECT DISTINCT t.task FROM version_rows r JOIN trajectories t ON t.id = r.trajectory
                WHERE r.dataset = ?1 AND r.number = ?2
            )
            SELECT t.id, t.body FROM trajectories t WHERE t.task IN (FROM tasks_of_rows)
                AND t.id IN (SELECT trajectory FROM version_drops WHERE dataset = ?1 AND number = ?2)
                AND t.id NOT IN (SELECT trajectory FROM version_rows WHERE dataset = ?1 AND number = ?2)
                AND t.id IN (
                    SELECT trajectory FROM verdicts WHERE outcome = 'fail' AND rung IN ('L2', 'L3'))
            ORDER BY t.id
            """,
            version.dataset,
            version.number,
        )
        return ((id_, json.loads(body)) for id_, body in found)

    def tools(self, ids: Iterable[str]) -> dict[str, Tool]:
        """Tools by id.

        Raises:
            StoreError: One of them is not in the store.
        """
        wanted = sorted(set(ids))
        found = self._read("SELECT id, body FROM tools WHERE id IN (SELECT unnest(?::VARCHAR[]))", wanted)
        tools = {id_: Tool.model_validate_json(body) for id_, body in found}
        missing = [one for one in wanted if one not in tools]
        if missing:
            raise StoreError(f"{self._where}: {len(missing)} tools are missing, the first is {missing[0]}")
        return tools

    def all_tools(self) -> list[tuple[str, Tool]]:
        """Every tool that was ever read, with its toolkit's name."""
        found = self._read("SELECT toolkit, body FROM tools ORDER BY toolkit, name, id")
        return [(toolkit, Tool.model_validate_json(body)) for toolkit, body in found]

    def verdicts(self, trajectory: str) -> tuple[Verdict, ...]:
        """What the judges said of one conversation, lowest rung first."""
        found = self._read(
            "SELECT body FROM verdicts WHERE trajectory = ? ORDER BY rung, judge, step NULLS FIRST, id",
            trajectory,
        )
        return tuple(Verdict.model_validate_json(body) for (body,) in found)

    def probes(self, student: str | None = None, trajectory: str | None = None) -> tuple[Probe, ...]:
        """What students did at decisions: of one student, on one conversation, or all."""
        found = self._read(
            """
            SELECT body FROM probes WHERE (?1 IS NULL OR student = ?1) AND (?2 IS NULL OR trajectory = ?2)
            ORDER BY student, trajectory, step, id
            """,
            student,
            trajectory,
        )
        return tuple(Probe.model_validate(json.loads(body)) for (body,) in found)

    def explain(self, prefix: str) -> Explanation:
        """Everything about the row whose id begins so.

        Raises:
            UsageError: Several ids do.
            StoreError: None does.
        """
        return explained(self._read, row_called(self._read, prefix))

    # Upkeep

    def verify(self, version: Version) -> Verification:
        """Compute the names of a version and of its records anew, from the bodies that are stored."""
        return verified(self._read, version)

    def garbage(self, *, ledger: bool = False) -> dict[str, Garbage]:
        """Table -> records that no version needs: not a row of one, nor what such a row descends from.

        Args:
            ledger: Whether to count model calls, too, that no needed row was made with.
        """
        return garbage(self._connection, ledger=ledger)

    def collect(self, *, ledger: bool = False) -> dict[str, Garbage]:
        """Delete what `garbage` finds, in one transaction; versions, their rows and their drops' reasons stay.

        Returns:
            What went.
        """
        with self._transaction():
            found = garbage(self._connection, ledger=ledger)
            collect(self._connection, ledger=ledger)
        return found

    # The ledger and the runs

    def call(self, key: str) -> dict[str, Any] | None:
        """The ledger's entry of that key, as JSON values."""
        columns = list(LedgerEntry.model_fields)
        for values in self._read(f"SELECT {', '.join(columns)} FROM calls WHERE key = ?", key):
            return _entry(dict(zip(columns, values, strict=True)))
        return None

    def calls(self, model: str) -> Iterator[dict[str, Any]]:
        """The ledger's entries of one model, as JSON values."""
        columns = list(LedgerEntry.model_fields)
        for values in self._read(f"SELECT {', '.join(columns)} FROM calls WHERE model = ?", model):
            yield _entry(dict(zip(columns, values, strict=True)))

    def runs(self, dataset: str | None = None) -> tuple[Run, ...]:
        """All runs, or those of one dataset, oldest first."""
        columns = list(Run.model_fields)
        found = self._read(
            f"SELECT {', '.join(columns)} FROM runs WHERE ?1 IS NULL OR dataset = ?1 ORDER BY started_at, id",
            dataset,
        )
        return tuple(_run(dict(zip(columns, values, strict=True))) for values in found)

    # Within

    def _read(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Rows of a query, a few hundred at a time; a cursor of its own, so that reads may interleave."""
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(query, list(values))
            while batch := cursor.fetchmany(_FETCH):
                yield from batch

    def _count(self, query: str, *values: Any) -> int:
        return next(int(count) for (count,) in self._read(query, *values))

    def _bodies(
        self, version: Version, condition: str, *values: Any
    ) -> Iterator[tuple[Member, dict[str, Any], dict[str, Any]]]:
        found = self._read(
            f"""
            SELECT r.trajectory, r.split, r.kind, r.method, r.reason, t.body, k.body
            FROM version_rows r JOIN trajectories t ON t.id = r.trajectory JOIN tasks k ON k.id = t.task
            WHERE r.dataset = ? AND r.number = ? AND {condition} ORDER BY r.ordinal
            """,
            version.dataset,
            version.number,
            *values,
        )
        for trajectory, split, kind, method, reason, body, task in found:
            member = Member(trajectory=trajectory, split=split, kind=kind, method=method, reason=reason)
            yield member, json.loads(body), json.loads(task)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._connection.begin()
        except duckdb.Error as error:
            raise StoreError(f"{self._where}: cannot be written ({first_line(error)})") from error
        try:
            yield
            self._connection.commit()
        except duckdb.Error as error:
            self._rollback()
            raise StoreError(f"{self._where}: nothing was written ({first_line(error)})") from error
        except BaseException:
            self._rollback()
            raise

    def _rollback(self) -> None:
        with suppress(duckdb.Error):  # it may have ended the transaction itself
            self._connection.rollback()

    def _load(self, table: str, values: Iterable[Row]) -> None:
        """Rows that are not there yet; those that are stay as they are."""
        with self._clustered(table) as parts:
            for batch in batches(values):
                parts.add(_table(table, batch))
            self._insert_new(table, parts)

    def _clustered(self, table: str) -> Clustered:
        return Clustered(self._folder, CLUSTERED[table].by)

    def _insert_new(self, table: str, parts: Clustered) -> None:
        by, keys = CLUSTERED[table]
        same = " AND ".join(f"there.{key} = rows.{key}" for key in keys)
        for part in parts:
            rows = first_of(part, keys)
            ends = pc.min_max(rows[by]).as_py()
            self._read_in(
                rows,
                f"""
                INSERT INTO {table} BY NAME SELECT * FROM rows WHERE NOT EXISTS (
                    SELECT 1 FROM {table} there WHERE {same} AND there.{by} BETWEEN ? AND ?)
                """,
                ends["min"],
                ends["max"],
            )

    def _read_in(self, rows: pa.Table, sql: str, *values: Any) -> None:
        """Run SQL over a table of Arrow's that it calls `rows`."""
        # DuckDB finds the local variable; what is registered, it would hold until the transaction ends.
        self._connection.execute(sql, list(values))

    def _load_tools(self, toolkits: Iterable[Toolkit]) -> None:
        for batch in batches(tool_rows(toolkits)):
            self._read_in(
                _table("tools", batch), "INSERT INTO tools BY NAME SELECT * FROM rows ON CONFLICT DO NOTHING"
            )

    def _load_content(self, commit: Commit) -> None:
        self._load_tools(commit.toolkits)
        with self._clustered("edges") as edges:
            with self._clustered("tasks") as tasks:
                for batch in batches(commit.tasks):
                    tasks.add(_table("tasks", map(task_row, batch)))
                    edges.add(_table("edges", task_edges(batch)))
                self._insert_new("tasks", tasks)
            self._load_conversations(commit, edges)
            self._insert_new("edges", edges)
        self._load("verdicts", (verdict_row(one) for one in commit.verdicts))
        self._load("probes", (probe_row(one) for one in commit.probes))

    def _load_conversations(self, commit: Commit, edges: Clustered) -> None:
        members = {one.trajectory for one in commit.members}
        texts = ChatTexts(self._stored_tool)
        with self._clustered("trajectories") as bodies, self._clustered("chats") as chats:
            for batch in batches(commit.trajectories):
                bodies.add(_table("trajectories", map(trajectory_row, batch)))
                made = (texts.row(one.id, one.body, one.task) for one in batch if one.id in members)
                chats.add(_table("chats", filter(None, made)))
                edges.add(_table("edges", trajectory_edges(batch)))
            self._insert_new("trajectories", bodies)
            self._insert_new("chats", chats)

    def _stored_tool(self, id_: str) -> Tool | None:
        # The connection itself, not a cursor: within a commit it must see the open transaction.
        found = self._connection.execute("SELECT body FROM tools WHERE id = ?", [id_]).fetchone()
        return Tool.model_validate_json(found[0]) if found else None

    def _load_members(self, version: Version, commit: Commit) -> None:
        """The rows, each with the evidence that it has by now: verdicts of later versions do not change it."""
        for batch in batches(member_rows(commit, version.number), PAGE):
            evidence = EVIDENCE.format(rows="rows", within="trajectory BETWEEN ? AND ?")
            self._read_in(
                _table("version_rows", batch),
                f"""
                INSERT INTO version_rows BY NAME SELECT rows.*, coalesce(e.rung, 'none') AS evidence
                FROM rows LEFT JOIN ({evidence}) e ON e.trajectory = rows.trajectory ORDER BY rows.ordinal
                """,
                batch[0]["trajectory"],
                batch[-1]["trajectory"],
            )

    def _load_version(self, version: Version, commit: Commit) -> None:
        self._connection.execute("INSERT INTO datasets VALUES (?) ON CONFLICT DO NOTHING", [version.dataset])
        self._connection.execute(
            f"INSERT INTO versions ({_VERSION_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                version.dataset,
                version.number,
                version.id,
                version.parent,
                version.recipe_digest,
                text_of(version.recipe),
                _to_utc(version.created_at),
                version.statistics.model_dump_json(),
            ],
        )
        self._load_members(version, commit)
        for batch in batches(drop_rows(commit, version.number)):
            self._read_in(
                _table("version_drops", batch), "INSERT INTO version_drops BY NAME SELECT * FROM rows"
            )

    def _refuse_orphans(self, version: Version) -> None:
        """A version that could not be read back whole is not made."""
        found = self._connection.execute(
            """
            SELECT r.trajectory, t.id IS NULL FROM version_rows r
            LEFT JOIN trajectories t ON t.id = r.trajectory LEFT JOIN tasks k ON k.id = t.task
            WHERE r.dataset = ? AND r.number = ? AND k.id IS NULL ORDER BY r.ordinal
            """,
            [version.dataset, version.number],
        ).fetchall()
        if found:
            trajectory, alone = found[0]
            what = "conversation" if alone else "task"
            raise StoreError(
                f"{version.dataset}: {len(found)} rows without their {what}, first {trajectory}; nothing was written"
            )

    def _latest(self, dataset: str) -> Version | None:
        found = self._versions("dataset = ?", dataset)
        return found[-1] if found else None

    def _versions(self, condition: str, *values: Any) -> tuple[Version, ...]:
        # The connection itself, not a cursor: within a commit it must see the open transaction.
        found = self._connection.execute(
            f"SELECT {_VERSION_COLUMNS} FROM versions WHERE {condition} ORDER BY dataset, number",
            list(values),
        ).fetchall()
        return tuple(_version(dict(zip(_VERSION_COLUMNS.split(", "), one, strict=True))) for one in found)

    def _tagged(self, dataset: str, tag: str) -> int:
        tags = self.tags(dataset)
        if tag not in tags:
            raise StoreError(f"{dataset}:{tag}: no such tag{_nearest(tag, tags)}")
        return tags[tag]

    def _unknown_dataset(self, dataset: str) -> tuple[Version, ...]:
        names = list(chain.from_iterable(self._read("SELECT name FROM datasets ORDER BY name")))
        raise StoreError(f"{dataset}: no such dataset in {self._where}{_nearest(dataset, names)}")


def query(folder: Path, sql: str, *, limit: int, wait_s: float = 10.0) -> Answer:
    """One SELECT of a user's over the store of a data folder; it can change nothing and reach nothing else.

    Raises:
        UsageError: It is no SELECT, or DuckDB refuses it.
        StoreError: There is no store, or it cannot be read.
    """
    with opened(folder, write=False, wait_s=wait_s, config=SEALED) as connection:
        return answered(connection, sql, limit)


def _refuse_twins(batch: Commit) -> None:
    if len({one.trajectory for one in batch.members}) != len(batch.members):
        raise StoreError(f"{batch.dataset}: a conversation stands twice in the version; nothing was written")


def _table(name: str, rows: Iterable[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SCHEMAS[name])


def _version(columns: dict[str, Any]) -> Version:
    parsed = {name: json.loads(columns[name]) for name in ("recipe", "statistics")}
    return Version.model_validate(columns | parsed | {"created_at": _from_utc(columns["created_at"])})


def _entry(columns: dict[str, Any]) -> dict[str, Any]:
    return columns | {name: json.loads(columns[name]) for name in ("request", "response")}


def _run(columns: dict[str, Any]) -> Run:
    times = {name: _from_utc(columns[name]) for name in ("started_at", "finished_at") if columns[name]}
    return Run.model_validate(columns | times | {"body": json.loads(columns["body"])})


def _to_utc(time: dt.datetime) -> dt.datetime:
    """UTC without its zone: DuckDB needs an extension for times with one."""
    return time.astimezone(dt.UTC).replace(tzinfo=None)


def _from_utc(time: dt.datetime) -> dt.datetime:
    return time.replace(tzinfo=dt.UTC)


def _nearest(name: str, names: Iterable[str]) -> str:
    known = sorted(names)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are: {', '.join(known[:10])}" if known else "; there is none yet"
