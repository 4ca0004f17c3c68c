from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from builders import call, commit, drop, ledger_entry, member, probe, task, tool, trajectory, verdict

from callwright.errors import OldStoreError, StoreError
from callwright.schemas.task import Task
from callwright.schemas.version import Run, Statistics
from callwright.store import FILE_NAME, Store, TaskRow, TrajectoryRow, look, opening, pages
from callwright.store.rows import CLUSTERED

FIRST = trajectory(task("Show me event e1."))
SECOND = trajectory(task("Show me event e2.", attempt=1), [call(event_id="e2")])


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path, write=True) as opened:
        yield opened


def test_a_commit_makes_the_next_version_with_its_parent(store: Store):
    first = store.commit(commit(FIRST))
    second = store.commit(commit(FIRST, SECOND))
    assert (first.name, first.parent) == ("museum@1", None)
    assert (second.name, second.parent) == ("museum@2", first.id)


def test_the_same_rows_and_recipe_make_no_new_version(store: Store):
    first = store.commit(commit(FIRST, SECOND))
    store.commit(commit(FIRST))
    assert store.commit(commit(SECOND, FIRST)) == first
    assert len(store.versions("museum")) == 2


def test_another_split_or_another_recipe_makes_another_version(store: Store):
    ids = {
        store.commit(batch).id
        for batch in (commit(FIRST), commit(test=[FIRST]), commit(FIRST, recipe_digest="r2"))
    }
    assert len(ids) == 3


def test_the_id_of_a_version_does_not_hang_on_its_parents(store: Store):
    alone = commit(SECOND).version_id
    store.commit(commit(FIRST))
    assert store.commit(commit(SECOND)).id == alone


def test_the_ledger_grows_even_when_no_version_results(store: Store):
    store.commit(commit(FIRST))
    store.commit(commit(FIRST, ledger=[ledger_entry("k1")]))
    store.add_calls([ledger_entry("k2"), ledger_entry("k2"), ledger_entry("k3", model="other")])
    assert sorted(entry["key"] for entry in store.calls("offline-rules")) == ["k1", "k2"]


def test_a_finished_call_comes_back_as_it_was_and_is_never_replaced(store: Store):
    entry = ledger_entry("k1", text="½ price ☕", values=[1e-7, 2**70, None], half="\ud800")
    store.add_calls([entry])
    store.add_calls([ledger_entry("k1", text="another")])
    assert store.call("k1") == entry.model_dump()
    assert store.call("k0") is None


def test_rows_come_back_lossless_and_in_one_order(store: Store):
    shown = [call(event_id="e3", nested={"a": [None, 1e-7, 2**63, "2024-01-01", "☕"]})]
    third = trajectory(task("Zoë?", tools=[tool("b", z={"type": "string"}, a={"type": "string"})]), shown)
    version = store.commit(commit(SECOND, third, test=[FIRST]))
    found = list(store.rows(version))
    assert [one.trajectory for one, _, _ in found] == sorted(row.id for row in (FIRST, SECOND, third))
    assert {one.trajectory: one.split for one, _, _ in found}[FIRST.id] == "test"
    body, asked = next((body, asked) for one, body, asked in found if one.trajectory == third.id)
    assert body == third.record()
    tools = store.tools(asked["tools"])
    assert Task.from_record(asked, tools) == third.task
    assert list(tools[asked["tools"][0]].properties) == ["z", "a"]  # as documented, not sorted


def test_reads_may_interleave(store: Store):
    version = store.commit(commit(FIRST, SECOND))
    for one, _, asked in store.rows(version):
        assert store.tools(asked["tools"])
        assert store.verdicts(one.trajectory)


def test_drops_and_statistics_are_kept(store: Store):
    statistics = Statistics(rows=1, attempts=2, drops=({"gate": "L1", "code": "x", "count": 1},))  # type: ignore[arg-type]
    made = store.commit(commit(FIRST, drops=[drop(3), drop(1)], statistics=statistics))
    version = store.version("museum")
    assert version == made
    assert version.statistics == statistics
    assert [one.attempt for one in store.drops(version)] == [3, 1]


def test_why_a_row_is_in_a_round_is_kept_and_does_not_name_the_version(store: Store):
    here = member(FIRST).model_copy(update={"reason": "error_seed"})
    version = store.commit(commit(FIRST, members=[here], statistics=Statistics(rows=1, student="s1")))
    assert [one for one, _, _ in store.rows(version)] == [here]
    assert store.version("museum").statistics.student == "s1"
    assert store.commit(commit(FIRST)) == version


def test_probes_are_kept_once_and_found_by_student_and_conversation(store: Store):
    asked = [probe(row, student=student) for row in (FIRST, SECOND) for student in ("weak", "strong")]
    odd = probe(FIRST, step=12, greedy={"outcome": "words", "text": "\ud800 half", "logprobs": (-0.1, -2e-7)})
    store.commit(commit(FIRST, SECOND, probes=asked))
    store.add_probes([*asked, odd])
    assert set(store.probes()) == {*asked, odd}
    assert store.probes("weak", FIRST.id) == (asked[0], odd)
    assert {one.trajectory for one in store.probes("strong")} == {FIRST.id, SECOND.id}
    assert store.probes(trajectory="nothing") == ()


def test_lineage_is_read_off_the_rows(store: Store):
    rewritten = trajectory(task("Show it.", method="asktoact", parent=FIRST.task.id))
    store.commit(commit(FIRST, rewritten))
    edges = store._read("SELECT parent, step FROM edges WHERE child = ?", rewritten.task.id)
    assert list(edges) == [(FIRST.task.id, "asktoact")]


def test_a_rung_counts_as_evidence_only_when_every_judge_on_it_and_below_said_pass(store: Store):
    third = trajectory(task("Nothing said."))
    said = [
        verdict(FIRST, "L0"),
        verdict(FIRST, "L1"),
        verdict(FIRST, "hygiene"),
        verdict(SECOND, "L0"),
        verdict(SECOND, "L1"),
        verdict(SECOND, "L1", "undecided", judge="prose"),
        verdict(SECOND, "L2"),
    ]
    version = store.commit(commit(FIRST, SECOND, third, verdicts=said))
    assert dict(store.evidence(version)) == {FIRST.id: "L1", SECOND.id: "L0", third.id: "none"}
    assert [one.rung for one in store.verdicts(FIRST.id)] == ["L0", "L1", "hygiene"]


def test_a_version_is_found_by_number_tag_and_recipe(store: Store):
    first = store.commit(commit(FIRST))
    second = store.commit(commit(FIRST, SECOND, recipe_digest="r2"))
    store.tag("museum@1", "stable")
    assert store.version("museum@1") == store.version("museum:stable") == first
    assert store.version("museum") == store.find_version("museum", "r2") == second
    assert store.find_version("museum", "r3") is None
    store.tag("museum", "stable", move=True)
    assert store.version("museum:stable") == second


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("musum", "did you mean museum"),
        ("museum@7", "the newest is museum@1"),
        ("museum@x", "the newest is museum@1"),
        ("museum:stabel", "did you mean stable"),
        ("", "there are: museum"),
    ],
)
def test_a_missing_name_is_answered_with_the_nearest_one(store: Store, name: str, hint: str):
    store.commit(commit(FIRST))
    store.tag("museum", "stable")
    with pytest.raises(StoreError, match=hint):
        store.version(name)


def test_a_missing_tool_is_an_error(store: Store):
    with pytest.raises(StoreError, match="1 tools are missing, the first is nope"):
        store.tools(["nope"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"members": [member(FIRST), member(FIRST)]}, "stands twice"),
        ({"trajectories": []}, "without their conversation"),
        ({"tasks": []}, "without their task"),
    ],
)
def test_a_version_that_could_not_be_read_back_is_not_made(store: Store, changes: dict, reason: str):
    with pytest.raises(StoreError, match=reason):
        store.commit(commit(FIRST, **changes))
    assert store.versions() == ()


def test_a_commit_streams_over_many_batches(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("callwright.store.rows.batches.__defaults__", (7,))
    monkeypatch.setattr(pages, "PAGE", 25)
    made = [trajectory(task(f"Show me event {number}.", attempt=number)) for number in range(50)]
    version = store.commit(commit(*made, drops=[drop(number) for number in range(20)]))
    assert len(list(store.rows(version))) == 50
    assert [one.attempt for one in store.drops(version)] == list(range(20))


def test_what_comes_twice_or_is_there_already_is_stored_once(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("callwright.store.clustering._ROWS", 4)
    monkeypatch.setattr("callwright.store.clustering._IN_MEMORY", 20_000)
    rows = [trajectory(task(f"Show me event {number}.", attempt=number)) for number in range(40)]
    for first, last in ((0, 25), (15, 40)):
        some = rows[first:last]
        twice = [*some, *some]
        store.commit(
            commit(
                *some,
                recipe_digest=f"r{first}",
                tasks=[TaskRow.of(one.task) for one in twice],
                trajectories=[TrajectoryRow.of(one) for one in twice],
                verdicts=[verdict(one) for one in twice],
                probes=[probe(one) for one in twice],
                ledger=[ledger_entry(f"k{number}", text=str(first)) for number in range(first, last)],
            )
        )
    for table, (_, keys) in CLUSTERED.items():
        columns = ", ".join(keys)
        found = store._read(f"SELECT count(*), count(DISTINCT ({columns})) FROM {table}")
        assert (table, *next(found)) == (table, 40, 40)
    texts = [entry["response"]["text"] for entry in store.calls("offline-rules")]
    assert (texts.count("0"), texts.count("15")) == (25, 15)


def test_no_table_that_grows_with_rows_has_an_index(store: Store):
    # DuckDB would hold it in memory whole.
    indexed = store._read(
        "SELECT DISTINCT table_name FROM duckdb_constraints() WHERE constraint_type <> ?", "NOT NULL"
    )
    assert {name for (name,) in indexed} == {"datasets", "migrations", "runs", "tags", "tools", "versions"}


@pytest.mark.slow
def test_a_version_may_be_larger_than_what_duckdb_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(opening._MEMORY, True, "24MB")
    said = [f"Show me event {number}. " + f"{number:03x}" * 9_000 for number in range(400)]
    rows = [trajectory(task(one, attempt=number)) for number, one in enumerate(said)]
    with Store.open(tmp_path, write=True) as store:
        version = store.commit(commit(*rows))
    with Store.open(tmp_path, write=False) as store:
        assert sorted(body["messages"][0]["content"] for _, body, _ in store.rows(version)) == sorted(said)


def test_a_failing_source_of_rows_leaves_nothing_behind(store: Store):
    def broken():
        yield TrajectoryRow.of(FIRST)
        raise OSError("the spool is gone")

    with pytest.raises(OSError, match="spool"):
        store.commit(commit(FIRST, trajectories=broken(), ledger=[ledger_entry("k1")]))
    assert store.versions() == ()
    assert store.call("k1") is None
    assert store.commit(commit(FIRST)).number == 1


def test_a_run_is_recorded_and_replaced_by_its_later_state(store: Store):
    started = dt.datetime(2026, 1, 5, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    run = Run(id="run1", dataset="museum", recipe_digest="r1", state="running", started_at=started)
    store.record_run(run)
    done = run.model_copy(update={"state": "done", "finished_at": started, "body": {"version": "museum@1"}})
    store.record_run(done)
    assert store.runs("museum") == (done,)
    assert store.runs("other") == ()


def test_reading_cannot_write_and_needs_a_store(tmp_path: Path):
    with pytest.raises(StoreError, match="no store here yet"), Store.open(tmp_path, write=False):
        pass
    with Store.open(tmp_path, write=True) as store:
        store.commit(commit(FIRST))
    with Store.open(tmp_path, write=False) as store:
        assert store.version("museum").number == 1
        with pytest.raises(StoreError, match="read-only"):
            store.commit(commit(SECOND))


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from builders import commit, ledger_entry, task, trajectory
from callwright.store import Store, TrajectoryRow

def dying(rows):
    for row in rows:
        yield TrajectoryRow.of(row)
    os.kill(os.getpid(), signal.SIGKILL)

rows = [trajectory(task(f"Event {number}?", attempt=number)) for number in range(12_000)]
with Store.open(Path(sys.argv[1]), write=True) as store:
    store.commit(commit(*rows, trajectories=dying(rows), ledger=[ledger_entry("k9")]))
"""


def test_a_kill_in_the_middle_of_a_commit_leaves_the_version_before(tmp_path: Path):
    with Store.open(tmp_path, write=True) as store:
        before = store.commit(commit(FIRST))
    tests = str(Path(__file__).parents[1])
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), tests], timeout=120)
    assert killed.returncode == -9
    with Store.open(tmp_path, write=True) as store:
        assert store.versions() == (before,)
        assert store.call("k9") is None
        assert list(store._read("SELECT count(*) FROM tasks")) == [(1,)]
        assert store.commit(commit(FIRST, SECOND)).number == 2


def test_a_store_of_a_newer_callwright_is_refused(tmp_path: Path):
    with Store.open(tmp_path, write=True):
        pass
    with duckdb.connect(str(tmp_path / FILE_NAME)) as connection:
        connection.execute("INSERT INTO migrations VALUES (99, 'm099_future', now()::TIMESTAMP)")
    for write in (True, False):
        with (
            pytest.raises(StoreError, match="newer callwright .schema 99"),
            Store.open(tmp_path, write=write),
        ):
            pass


def test_a_store_of_an_older_schema_is_brought_up_to_date_by_writing(tmp_path: Path, monkeypatch):
    with Store.open(tmp_path, write=True) as store:
        version = store.commit(commit(FIRST))

    def m005_more(connection):
        connection.execute("ALTER TABLE tags ADD COLUMN note VARCHAR")

    from callwright.store import migrations

    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, m005_more))
    with pytest.raises(OldStoreError, match="has schema 4"):
        look(tmp_path, 1.0)
    with Store.open(tmp_path, write=True) as store:
        assert list(store._read("SELECT number, name FROM migrations ORDER BY 1")) == [
            (1, "m001_first_tables"),
            (2, "m002_loops"),
            (3, "m003_chats"),
            (4, "m004_no_indexes"),
            (5, "m005_more"),
        ]
    with Store.open(tmp_path, write=False) as store:
        assert store.versions() == (version,)


@pytest.mark.parametrize("write", [True, False])
def test_a_file_that_is_no_store_is_refused_in_one_line(tmp_path: Path, write: bool):
    (tmp_path / FILE_NAME).write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="cannot be opened") as caught, Store.open(tmp_path, write=write):
        pass
    assert "\n" not in str(caught.value)


def test_a_duckdb_file_of_somebody_else_is_refused(tmp_path: Path):
    with duckdb.connect(str(tmp_path / FILE_NAME)) as connection:
        connection.execute("CREATE TABLE mine (i INTEGER)")
    with pytest.raises(StoreError, match="not made by callwright"), Store.open(tmp_path, write=False):
        pass


def test_bodies_are_readable_json_for_sql(store: Store):
    store.commit(commit(FIRST))
    (body,) = next(store._read("SELECT body FROM tasks"))
    assert json.loads(body)["instruction"] == "Show me event e1."
    assert TaskRow.of(FIRST.task).body["parent"] is None
