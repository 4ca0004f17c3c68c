"""Versions that are checked, asked in SQL and explained, and a store that is cleared of what no version needs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import commit, drop, ledger_entry, member, probe, task, tool, trajectory, verdict

from callwright.errors import StoreError, UsageError
from callwright.schemas.message import AssistantMessage, UserMessage
from callwright.schemas.task import Provenance, Trajectory
from callwright.schemas.version import SourceSummary, Statistics
from callwright.store import FILE_NAME, Store, query

DOCS = Path(__file__).parents[2] / "docs" / "store.md"
OTHER = tool("get_hours")


def made(row: Trajectory, *calls: str, source: str | None = None) -> Trajectory:
    return row.model_copy(
        update={
            "provenance": Provenance(teacher="openai:toy", calls=calls, prompts={"a.b": "p1"}, source=source)
        }
    )


KEPT = made(trajectory(task("Show me event e1.", tools=[tool(), OTHER])), "k1", "k2")
SEED = made(trajectory(task("Show event e2.", attempt=1)), "k3")
CHILD = made(
    trajectory(task("Show it.", attempt=2, method="asktoact", parent=SEED.task.id)), "k4", source=SEED.id
)
DROPPED = made(trajectory(task("Which?", attempt=3), []), "k5")
ODD = made(
    trajectory(
        task("\ud800?", attempt=4), messages=[UserMessage(content="\ud800?"), AssistantMessage(content="No.")]
    ),
    "k6",
)
LEDGER = [
    ledger_entry(f"k{n}", model="openai:toy").model_copy(update={"item": f"other/{n}"}) for n in range(1, 8)
]
BESIDE = ledger_entry("k9", model="openai:toy")  # of the attempt of KEPT
SOURCES = Statistics(
    sources=(SourceSummary(name="museum", title="Museum", licence="MIT", origin="museum.yaml"),)
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """`museum@1` holds KEPT, a child of SEED, and ODD; DROPPED and SEED were made on the way."""
    with Store.open(tmp_path, write=True) as store:
        everything = commit(KEPT, SEED, CHILD, DROPPED, ODD)
        store.commit(
            commit(
                KEPT,
                SEED,
                CHILD,
                DROPPED,
                ODD,
                members=[member(row) for row in (KEPT, CHILD, ODD)],
                verdicts=[*everything.verdicts, verdict(KEPT, "L0", judge="calls")],
                probes=[probe(KEPT, greedy={"outcome": "calls", "key": "k7"}), probe(DROPPED)],
                ledger=[*LEDGER, BESIDE],
                drops=[drop(3).model_copy(update={"trajectory": DROPPED.id, "message": "not said"})],
                statistics=SOURCES,
            )
        )
    return tmp_path


def changed(data: Path, sql: str, *values: Any) -> None:
    with duckdb.connect(str(data / FILE_NAME)) as connection:
        connection.execute(sql, list(values))


def test_a_version_that_nobody_touched_is_sound(data: Path):
    with Store.open(data, write=False) as store:
        found = store.verify(store.version("museum"))
    assert (found.sound, found.rows) == (True, 3)
    assert found.checked == {
        "trajectories": 3,
        "chats": 3,
        "tasks": 3,
        "tools": 2,
        "verdicts": 4,
        "probes": 1,
    }


SAID = verdict(KEPT, "L0", judge="calls").id
BODY = "SET body = replace(body, {}) WHERE id = ?"
DAMAGES = {
    "a message": ("UPDATE trajectories " + BODY.format("'Done.', 'Gone.'"), "trajectories", KEPT.id),
    "a text": ("UPDATE chats SET messages = ['{}'] WHERE id = ?", "chats", KEPT.id),
    "a tool of a text": ("UPDATE chats SET tools = [] WHERE id = ?", "chats", KEPT.id),
    "half a body": ("UPDATE trajectories SET body = body[:40] WHERE id = ?", "trajectories", KEPT.id),
    "another teacher": ("UPDATE trajectories SET teacher = 'me' WHERE id = ?", "trajectories", KEPT.id),
    "no conversation": ("DELETE FROM trajectories WHERE id = ?", "trajectories", KEPT.id),
    "a task": ("UPDATE tasks " + BODY.format("'2026', '2027'"), "tasks", KEPT.task.id),
    "a root": ("UPDATE tasks SET root = 'r' WHERE id = ?", "tasks", CHILD.task.id),
    "no task": ("DELETE FROM tasks WHERE id = ?", "tasks", KEPT.task.id),
    "a tool": ("UPDATE tools " + BODY.format("'Read', 'Burn'"), "tools", OTHER.id),
    "no tool": ("DELETE FROM tools WHERE id = ?", "tools", OTHER.id),
    "a verdict": ("UPDATE verdicts " + BODY.format("'L0', 'L3'"), "verdicts", SAID),
    "an outcome": ("UPDATE verdicts SET outcome = 'fail' WHERE id = ?", "verdicts", verdict(KEPT).id),
    "a probe": ("UPDATE probes SET student = 'strong' WHERE trajectory = ?", "probes", KEPT.id),
    "a split": ("UPDATE version_rows SET split = 'test' WHERE trajectory = ?", "versions", KEPT.id),
    "a row": ("DELETE FROM version_rows WHERE trajectory = ?", "versions", KEPT.id),
}  # fmt: skip


@pytest.mark.parametrize(("sql", "table", "id_"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_found_and_named(data: Path, sql: str, table: str, id_: str):
    changed(data, sql, id_)
    with Store.open(data, write=False) as store:
        version = store.version("museum")
        found = store.verify(version)
    assert [one.table for one in found.damage] == [table]
    named = {"versions": version.id, "probes": probe(KEPT, greedy={"outcome": "calls", "key": "k7"}).id}
    assert found.damage[0].id == named.get(table, id_)


def test_what_no_version_needs_is_counted_first_and_goes_only_on_request(data: Path):
    with Store.open(data, write=False) as store:
        before = store.garbage()
    assert {table: one.rows for table, one in before.items()} == {
        "trajectories": 1, "chats": 0, "tasks": 1, "verdicts": 1, "probes": 1, "edges": 1
    }  # fmt: skip
    with Store.open(data, write=True) as store:
        version = store.version("museum")
        rows, reasons = list(store.rows(version)), list(store.drops(version))
        assert store.garbage() == before  # counting deletes nothing
        assert store.collect() == before
        assert (list(store.rows(version)), list(store.drops(version))) == (rows, reasons)
        assert store.verify(version).sound
        assert {one.rows for one in store.garbage().values()} == {0}
        assert store.explain(CHILD.id).ancestors[-1].id == SEED.task.id  # what a row comes from stays
        assert store.probes(trajectory=DROPPED.id) == ()
        assert len(list(store.calls("openai:toy"))) == 8  # the ledger is not asked for


def test_the_ledger_keeps_what_rows_were_made_with(data: Path):
    with Store.open(data, write=True) as store:
        assert store.collect(ledger=True)["calls"].rows == 1
        left = {entry["key"] for entry in store.calls("openai:toy")}
    # k1 to k4 wrote rows and the source of one, k6 the odd one, k7 was a probe, k9 stands under a row's attempt.
    assert left == {"k1", "k2", "k3", "k4", "k6", "k7", "k9"}


def test_a_row_is_explained_by_the_beginning_of_its_id(data: Path):
    with Store.open(data, write=True) as store:
        store.tag("museum", "stable")
        found = store.explain(KEPT.id[:8])
        child = store.explain(CHILD.id)
        seed = store.explain(SEED.id)
        dropped = store.explain(DROPPED.id)
    assert (found.id, found.request, found.toolkit) == (KEPT.id, "Show me event e1.", "museum")
    assert found.document is not None and found.document.licence == "MIT"
    assert [(one.name, one.calls) for one in found.tools] == [("get_event", 1), ("get_hours", 0)]
    assert [(one.version, one.split, one.tags) for one in found.versions] == [
        ("museum@1", "train", ("stable",))
    ]
    assert {one.rung for one in found.verdicts} == {"L0", "L1"} and len(found.probes) == 1
    assert {purpose: one.requests for purpose, one in found.spent.items()} == {"toolalpaca.instruction": 2}
    assert found.beside["toolalpaca.instruction"].requests == 1
    assert [(one.id, one.step) for one in child.ancestors] == [
        (SEED.id, "rewrite"), (CHILD.task.id, "rollout"), (SEED.task.id, "asktoact")
    ]  # fmt: skip
    assert child.root == SEED.task.id
    assert [one.id for one in seed.descendants] == [CHILD.id]
    assert (dropped.versions, dropped.drops[0].code) == ((), "ungrounded_argument")


def test_what_is_gone_still_has_its_reason(data: Path):
    with Store.open(data, write=True) as store:
        store.collect(ledger=True)
        found = store.explain(DROPPED.id)
    assert not found.stored
    assert [(one.gate, one.message) for one in found.drops] == [("L1", "not said")]


def test_a_prefix_must_mean_one_row(data: Path):
    with Store.open(data, write=True) as store:
        with pytest.raises(UsageError, match="too short"):
            store.explain("ab")
        with pytest.raises(StoreError, match="no row's id begins so"):
            store.explain("zzzz")
        twins = [f"abcd{n:028x}" for n in range(2)]
        drops = [drop().model_copy(update={"trajectory": one}) for one in twins]
        store.commit(commit(KEPT, recipe_digest="r2", drops=drops))
        with pytest.raises(UsageError, match=f"more than one row's id begins so .{twins[0]}, {twins[1]}"):
            store.explain("abcd")
        assert store.explain(twins[1]).id == twins[1]


def test_a_tag_moves_only_when_told_to(data: Path):
    with Store.open(data, write=True) as store:
        store.tag("museum@1", "stable")
        store.tag("museum@1", "stable")  # it is there already
        store.commit(commit(KEPT, recipe_digest="r2"))
        with pytest.raises(StoreError, match=r"museum:stable is museum@1; move it to museum@2 with --move"):
            store.tag("museum@2", "stable")
        store.tag("museum@2", "stable", move=True)
        store.tag("museum@1", "stable", move=True)  # a rollback
        assert store.version("museum:stable").number == 1


@pytest.mark.parametrize("tag", ["3", "", "-x", "a b", "a/b"])
def test_what_reads_like_a_number_or_no_name_at_all_is_no_tag(data: Path, tag: str):
    with Store.open(data, write=True) as store, pytest.raises(StoreError, match="is no tag: letters"):
        store.tag("museum@1", tag)


def test_sql_reads_the_tables_and_one_view(data: Path):
    found = query(data, "SELECT id, method, toolkit, request FROM rows ORDER BY ordinal", limit=2)
    assert (found.columns, found.more) == (("id", "method", "toolkit", "request"), True)
    assert len(found.rows) == 2
    found = query(data, "SELECT json_array_length(messages) FROM rows WHERE id = '" + KEPT.id + "'", limit=9)
    assert (found.rows, found.more) == ([(4,)], False)
    odd = query(data, f"SELECT request, messages FROM rows WHERE id = '{ODD.id}'", limit=1)
    assert odd.rows == [(None, None)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM glob('{file}')",
        "SELECT * FROM parquet_scan('http://127.0.0.1:9/a.parquet')",
        "SELECT * FROM sql",
        "COPY tags TO '{file}.out'",
        "ATTACH '{file}.db'",
        "EXPORT DATABASE '{file}.d'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "DELETE FROM tags",
        "UPDATE tags SET tag = 'x'",
        "DROP VIEW rows",
        "CREATE TEMP TABLE t AS SELECT 1",
        "SELECT 1; SELECT 2",
        "SELEC 1",
        "",
    ],
)
def test_sql_reaches_and_changes_nothing_else(data: Path, sql: str):
    file = data / "secret.csv"
    file.write_text("a\nb\n", encoding="utf-8")
    before = sorted(path.name for path in data.iterdir()), (data / FILE_NAME).read_bytes()
    with pytest.raises(UsageError):
        query(data, sql.replace("{file}", str(file)), limit=5)
    assert before == (sorted(path.name for path in data.iterdir()), (data / FILE_NAME).read_bytes())


def test_every_table_and_column_is_documented_and_nothing_else(data: Path):
    found = query(
        data,
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal ORDER BY table_name, column_index",
        limit=500,
    )
    tables: dict[str, list[str]] = {}
    for table, column in found.rows:
        tables.setdefault(table, []).append(column)
    documented = {
        title: re.findall(r"^\| `(\w+)` \| \S", body, re.MULTILINE)
        for title, body in re.findall(
            r"^### (\w+)\n(.*?)(?=^##|\Z)", DOCS.read_text(), re.MULTILINE | re.DOTALL
        )
    }
    assert documented == tables


def test_the_examples_of_the_page_run(data: Path):
    examples = re.findall(r"```sql\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) >= 3
    for sql in examples:
        assert query(data, sql, limit=10).columns


def test_explanations_travel_as_json(data: Path):
    with Store.open(data, write=False) as store:
        found = store.explain(KEPT.id)
    assert json.loads(found.model_dump_json())["verdicts"][0]["trajectory"] == KEPT.id
