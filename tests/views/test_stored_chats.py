"""The view `trl` copies texts that were written at commit: what it writes is what it writes row by row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import call, commit, member, task, tool, trajectory, verdict

from callwright.schemas.message import (
    AssistantMessage,
    Observation,
    Span,
    SystemMessage,
    ToolCall,
    ToolMessage,
)
from callwright.schemas.task import Provenance, Trajectory
from callwright.store import Store, pages
from callwright.store import chats as stored
from callwright.views import parquet, trl
from callwright.views.rows import ViewError

TRICKY = {"event_id": 'Zoë ☕ \u0000 \\ " </s>', "third": 0.1, "long": 2**63 - 1, "looks_like": ["1", "1e3"]}
DEFAULTED = tool("priced", price={"type": "number", "default": 5e-324})
LATE = [ToolCall(id="c1", name="get_event", arguments='{"event_id": "e1", "z": 1.50, "a": 1E2}')]


def asked(number: int, **changes: Any) -> Any:
    return task(f"Show me event {number}.", attempt=number, **changes)


def thought(row: Trajectory, train: bool) -> Trajectory:
    """The row with an answer that was thought about."""
    said = AssistantMessage(content="Done.", reasoning="It is there.", train=train)
    return row.model_copy(update={"messages": (*row.messages[:-1], said)})


def slipped(row: Trajectory) -> Trajectory:
    """The row with a mistake that must not be learned."""
    said = AssistantMessage(content="No. Done.", spans=(Span(start=0, end=3, label="error"),))
    return row.model_copy(update={"messages": (*row.messages[:-1], said)})


def executed(row: Trajectory, teacher: str) -> Trajectory:
    """The row as a model's, its observations from code that ran."""
    messages = [
        one.model_copy(update={"observation": Observation(content="☕", trust="executed", status=404)})
        if isinstance(one, ToolMessage)
        else one
        for one in (SystemMessage(content="Today is Monday."), *row.messages)
    ]
    made = Provenance(teacher=teacher, prompts={"b.words": "p2", "a.words": "p1"})
    return row.model_copy(update={"messages": tuple(messages), "provenance": made})


TRAIN = (
    *(trajectory(asked(number)) for number in range(9)),
    trajectory(asked(20), [call(**TRICKY)]),
    trajectory(asked(21), LATE),
    trajectory(asked(22), [call(n=0.13436424411240122)]),
    trajectory(asked(23), [call(n=2**70)]),
    trajectory(asked(24), [call(n=5e-324)]),
    trajectory(asked(25), [call(event_id="e1"), call(id="call_2", event_id="e2")]),
    trajectory(asked(26), []),
    trajectory(asked(27, tools=[DEFAULTED]), [call("priced", price=1)]),
    trajectory(asked(28, tools=[tool("b"), tool("a"), tool("c")]), [call("a", event_id="1.5")]),
    thought(trajectory(asked(29)), train=False),
    slipped(trajectory(asked(30))),
    executed(trajectory(asked(31, toolkit="zoo")), "openai:Qwen/Qwen3-32B"),
    trajectory(asked(32).model_copy(update={"tools": ()}), []),
    trajectory(asked(33), teacher="offline-rules:1a2b"),
)
TEST = (executed(trajectory(asked(40, method="ste")), "openai:toy"), slipped(trajectory(asked(41))))


def told(folder: Path) -> dict[str, Any]:
    """The rows of every file, and the page."""
    tables = {
        path.relative_to(folder).as_posix(): pq.read_table(path) for path in sorted(folder.rglob("*.parquet"))
    }
    return {
        "tables": tables,
        "schemas": {name: table.schema for name, table in tables.items()},
        "page": (folder / "README.md").read_text(),
    }


def exported_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch, train: Sequence[Trajectory], test: Sequence[Trajectory]
) -> list[tuple[trl.Manifest, dict[str, Any]]]:
    """A version as the texts at commit give it, and as it is given where there are none."""
    found = []
    with Store.open(folder / "data", write=True) as store:
        said = [verdict(row, rung) for row in (*train[::2], *test) for rung in ("L0", "L1")]
        version = store.commit(commit(*train, test=test, verdicts=said))
        for name, has in (("copied", True), ("made", False)):
            with monkeypatch.context() as patch:
                assert store.has_chats(version)
                if not has:
                    patch.setattr(Store, "has_chats", lambda *_: False)
                manifest = trl.export(store, version, folder / name)
            found.append((manifest, told(folder / name)))
    return found


def test_what_is_copied_is_what_is_made_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pages, "PAGE", 4)
    (copied, tables), (made, others) = exported_twice(tmp_path, monkeypatch, TRAIN, TEST)
    assert copied.left_out == {"mistakes": 3, "typed": 4}  # two with wrong words, one with a masked turn
    assert copied == made  # digests of all files among it
    assert tables == others
    assert {
        row["evidence"] for row in tables["tables"]["typed/train-00000-of-00001.parquet"].to_pylist()
    } == {
        "L1",
        "none",
    }


def test_groups_of_rows_and_files_are_cut_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 3)
    monkeypatch.setattr(pages, "PAGE", 7)
    (copied, _), (made, _) = exported_twice(tmp_path, monkeypatch, TRAIN[:9], ())
    assert copied == made
    file = pq.ParquetFile(tmp_path / "copied" / "portable" / "train-00000-of-00001.parquet")
    assert [file.metadata.row_group(place).num_rows for place in range(file.num_row_groups)] == [3, 3, 3]


def test_long_texts_have_smaller_groups(tmp_path: Path):
    schema = pa.schema([("id", pa.string())])
    with (
        pytest.MonkeyPatch.context() as patch,
        parquet.SplitWriter(tmp_path, "train", schema) as writer,
    ):
        patch.setattr(parquet, "BYTES_PER_GROUP", 1_000)
        writer.add_table(pa.table({"id": ["x" * 300] * 10}))
    file = pq.ParquetFile(tmp_path / "train-00000-of-00001.parquet")
    assert file.metadata.num_rows == 10
    assert file.metadata.num_row_groups > 2


def test_rows_that_were_committed_before_are_made_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with Store.open(tmp_path / "data", write=True) as store:
        with monkeypatch.context() as patch:
            patch.setattr(stored, "RULES", "another")  # an earlier callwright looked for other secrets
            old = store.commit(commit(TRAIN[0]))
        assert not store.has_chats(old)
        assert trl.export(store, old, tmp_path / "out").rows["typed"] == {"train": 1}
        assert store.has_chats(store.commit(commit(TRAIN[0], recipe_digest="r2")))
        assert store.has_chats(old)


def test_a_row_that_must_not_be_exported_has_its_verdict_in_the_store(tmp_path: Path):
    secret = trajectory(task("Raw?"), [call(key="sk-abcdefghij0123456789xyz")])
    odd = trajectory(task("\ud800?"), [ToolCall(id="\ud800", name="get_event", arguments="[")])
    leaky = trajectory(task(tools=[tool(description="Bearer abcdefghijk0123456789xyz")]))
    with Store.open(tmp_path / "data", write=True) as store:
        version = store.commit(commit(secret, odd, leaky, TRAIN[0]))
        found = dict(store._read("SELECT id, (code, len(messages)) FROM chats"))
        assert found == {
            secret.id: ("secret", 0),
            odd.id: ("lone_surrogate", 0),
            leaky.id: ("secret", 0),
            TRAIN[0].id: ("", 4),
        }
        with pytest.raises(ViewError, match=r"3 rows must not be exported \(lone_surrogate 1, secret 2\)"):
            trl.export(store, version, tmp_path / "out")


def test_a_later_verdict_changes_no_evidence_of_an_earlier_version(tmp_path: Path):
    row, other = TRAIN[:2]
    with Store.open(tmp_path / "data", write=True) as store:
        first = store.commit(commit(row, verdicts=[verdict(row, "L1")]))
        refuted = verdict(row, "L1", "fail", judge="prose")
        second = store.commit(
            commit(row, other, members=[member(row)], verdicts=[refuted], recipe_digest="r2")
        )
        assert [dict(store.evidence(one))[row.id] for one in (first, second)] == ["L1", "none"]


def test_conversations_lie_by_the_first_digits_of_their_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("callwright.store.rows.batches.__defaults__", (7,))
    monkeypatch.setattr("callwright.store.clustering._ROWS", 5)
    monkeypatch.setattr("callwright.store.clustering._IN_MEMORY", 1_000)
    rows = [trajectory(asked(number)) for number in range(60)]
    with Store.open(tmp_path / "data", write=True) as store:
        version = store.commit(commit(*rows))
        for table in ("trajectories", "chats"):
            found = [id_ for (id_,) in store._read(f"SELECT id FROM {table}")]
            ordered = sorted(row.id for row in rows)
            assert sorted(found) == ordered
            assert max(abs(place - ordered.index(id_)) for place, id_ in enumerate(found)) < 10
        assert store.verify(version).sound
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "callwright.duckdb",
        "callwright.lock",
    ]
