"""Preference pairs: only from what happened, only where the worse side is wrong there and the better side is proven."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
from builders import call, commit, drop, probe, task, trajectory, verdict

from callwright.schemas.message import (
    AssistantMessage,
    Message,
    Observation,
    Span,
    ToolMessage,
    UserMessage,
)
from callwright.schemas.probe import Prediction
from callwright.schemas.task import Trajectory
from callwright.schemas.verdict import Verdict
from callwright.schemas.version import Statistics
from callwright.store import Store, TrajectoryRow
from callwright.views import trl_dpo
from callwright.views.folder import Manifest
from callwright.views.rows import ViewError

ROW = trajectory(task("Show me e1."), [call(event_id="e1")], messages=())


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def passed(*rows: Trajectory, rungs: tuple[Any, ...] = ("L1", "L2", "L3")) -> list[Verdict]:
    return [verdict(row, rung, judge=f"of {rung}") for row in rows for rung in rungs]


def compared(row: Trajectory, ruling: str = "prediction_wrong", rung: Any = "L3", step: int = 1) -> Verdict:
    made = verdict(row, rung, judge="looptool.compare")
    return made.model_copy(update={"step": step, "evidence": ({"by": "execution", "ruling": ruling},)})


def failed(row: Trajectory, code: str = "extra_call", step: int | None = None) -> Verdict:
    update = {"code": code, "step": step, "outcome": "fail"}
    return verdict(row, "L3", judge="equality").model_copy(update=update)


def attempt(*messages: Message) -> Trajectory:
    return trajectory(ROW.task, messages=[UserMessage(content="Show me e1."), *messages])


def result(id_: str = "call_1") -> ToolMessage:
    return ToolMessage(tool_call_id=id_, name="get_event", observation=Observation(content='{"ok": true}'))


def exported(folder: Path, *rows: Trajectory, **changes: Any) -> Manifest:
    options = trl_dpo.Options.model_validate(changes.pop("options", {}))
    with Store.open(folder / "data", write=True) as store:
        version = store.commit(commit(*rows, **({"verdicts": passed(*rows)} | changes)))
        return trl_dpo.export(store, version, folder / "out", options)


def pairs(folder: Path) -> list[dict[str, Any]]:
    assert trl_dpo.validate(folder / "out") == []
    rows = pq.read_table(folder / "out" / "portable").to_pylist()
    lists = ("prompt", "chosen", "rejected", "tools")
    return [row | {name: json.loads(row[name]) for name in lists if row[name]} for row in rows]


def answered(**greedy: Any) -> Any:
    prediction = Prediction.model_validate({"outcome": "calls", "tool_calls": [call(event_id="e2")]} | greedy)
    return probe(ROW, student="weak", correct=False, greedy=prediction)


def of_student(folder: Path, probed: Any, *verdicts: Verdict) -> Manifest:
    given = [*passed(ROW), *verdicts]
    return exported(folder, ROW, probes=[probed], verdicts=given, statistics=Statistics(student="weak"))


def slipped() -> Trajectory:
    said = "For which museum? You told me that. On which day?"
    spans = (Span(start=0, end=17, label="error"), Span(start=18, end=35, label="correction"))
    return trajectory(
        task("A ticket, please.", hidden={"part": "redundant"}),
        messages=[
            UserMessage(content="A ticket, please."),
            AssistantMessage(content=said, spans=spans),
            UserMessage(content="Friday."),
            AssistantMessage(content="Done."),
        ],
    )


def test_a_mistake_that_is_taken_back_is_the_worse_side(tmp_path: Path):
    manifest = exported(tmp_path, slipped())
    [pair] = pairs(tmp_path)
    assert pair["prompt"] == [{"role": "user", "content": "A ticket, please."}]
    assert pair["chosen"] == [{"role": "assistant", "content": "On which day?"}]
    assert pair["rejected"] == [{"role": "assistant", "content": "For which museum?"}]
    assert (pair["source"], pair["why"], pair["turn"]) == ("mistake", "redundant", 1)
    assert manifest.rows == {"portable": {"train": 1}, "typed": {"train": 1}}
    loaded = datasets.load_dataset(str(tmp_path / "out"))["train"][0]
    assert loaded["rejected"] == pair["rejected"]
    # The same again, byte for byte.
    again = exported(tmp_path / "again", slipped())
    assert again.files == manifest.files


@pytest.mark.parametrize("rungs", [("L1",), (), ("L1", "L3")])
def test_a_pair_whose_better_side_lacks_evidence_is_none(tmp_path: Path, rungs: tuple[str, ...]):
    row = slipped()
    proven = passed(row, rungs=rungs)
    if rungs == ("L1", "L3"):  # L2 was refuted
        proven.append(verdict(row, "L2", "fail", "replay"))
    with pytest.raises(ViewError, match=r"no row fits the view trl-dpo \(unproven 1\)"):
        exported(tmp_path, row, verdicts=proven)


def test_less_evidence_may_be_asked_for(tmp_path: Path):
    row = slipped()
    exported(tmp_path, row, verdicts=passed(row, rungs=("L1",)), options={"evidence": "L1"})
    assert [pair["evidence"] for pair in pairs(tmp_path)] == ["L1"]


def test_a_students_answer_that_execution_ruled_wrong(tmp_path: Path):
    of_student(tmp_path, answered(text="<think>Hm.</think>Let me see."), compared(ROW))
    [pair] = pairs(tmp_path)
    assert pair["chosen"][0]["tool_calls"][0]["function"]["arguments"] == {"event_id": "e1"}
    assert pair["rejected"][0]["tool_calls"][0]["function"]["arguments"] == {"event_id": "e2"}
    assert pair["rejected"][0]["content"] == "Let me see."
    assert pair["source"] == "student"


@pytest.mark.parametrize(
    "verdicts",
    [
        (),
        (compared(ROW, "both_right"),),
        (compared(ROW, rung="L4"),),
        (compared(ROW), compared(ROW, "both_right")),
        (compared(ROW, step=3),),
    ],
)
def test_an_answer_that_nothing_proves_wrong_is_no_pair(tmp_path: Path, verdicts: tuple[Verdict, ...]):
    with pytest.raises(ViewError, match="not_proven_wrong 1"):
        of_student(tmp_path, answered(), *verdicts)


@pytest.mark.parametrize(
    "greedy",
    [
        {"outcome": "unparsable", "tool_calls": [], "text": "could not be read"},
        {"outcome": "calls", "tool_calls": [call().model_copy(update={"arguments": '{"a": NaN}'})]},
        {"outcome": "words", "tool_calls": [], "text": "<think>Hm.</think>"},
    ],
)
def test_an_answer_that_nobody_can_act_on_is_no_pair(tmp_path: Path, greedy: dict[str, Any]):
    with pytest.raises(ViewError, match="unusable_answer 1"):
        of_student(tmp_path, answered(**greedy), compared(ROW))


def test_another_students_answers_are_not_this_versions(tmp_path: Path):
    given = {"probes": [answered()], "verdicts": [*passed(ROW), compared(ROW)]}
    with pytest.raises(ViewError, match="no preference pair"):
        exported(tmp_path, ROW, statistics=Statistics(student="other"), **given)


def refuted(folder: Path, other: Trajectory, *verdicts: Verdict) -> Manifest:
    lost = drop().model_copy(update={"gate": "L3", "trajectory": other.id})
    return exported(
        folder,
        ROW,
        trajectories=[TrajectoryRow.of(ROW), TrajectoryRow.of(other)],
        verdicts=[*passed(ROW), *verdicts],
        drops=[lost],
    )


def test_a_refuted_attempt_at_the_same_task(tmp_path: Path):
    twice = attempt(
        AssistantMessage(tool_calls=(call(event_id="e1"), call(id="c2", event_id="e2"))),
        result(),
        result("c2"),
        AssistantMessage(content="Done."),
    )
    refuted(tmp_path, twice, failed(twice, step=3))
    [pair] = pairs(tmp_path)
    assert (pair["source"], pair["why"], pair["turn"]) == ("attempt", "extra_call", 1)
    assert len(pair["rejected"][0]["tool_calls"]) == 2


def test_a_wrong_answer_after_the_same_calls(tmp_path: Path):
    wrong = attempt(
        AssistantMessage(tool_calls=(call(id="x", event_id="e1"),)),
        result("x"),
        AssistantMessage(content="There is no such event."),
    )
    refuted(tmp_path, wrong, failed(wrong, "result_not_told", 2))
    [pair] = pairs(tmp_path)
    assert pair["turn"] == 3
    assert pair["rejected"] == [{"role": "assistant", "content": "There is no such event."}]


def test_an_attempt_whose_fault_may_lie_elsewhere_is_no_pair(tmp_path: Path):
    other = attempt(
        AssistantMessage(tool_calls=(call(event_id="e3"),)), result(), AssistantMessage(content="No.")
    )
    with pytest.raises(ViewError, match="fault_elsewhere 1"):
        refuted(tmp_path / "a", other, failed(other, "result_not_told", 2))
    replayed = failed(other, "observation_differs", 2).model_copy(update={"judge": "replay", "rung": "L2"})
    with pytest.raises(ViewError, match="fault_elsewhere 1"):
        refuted(tmp_path / "b", other, replayed)


def test_an_attempt_that_was_refuted_lower_is_not_looked_at(tmp_path: Path):
    other = attempt(AssistantMessage(content="No."))
    with pytest.raises(ViewError, match="no preference pair"):
        refuted(tmp_path, other, failed(other).model_copy(update={"rung": "L1"}))


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("rejected", '[{"role": "assistant", "content": "On which day?"}]', "are the same"),
        ("chosen", '[{"role": "user", "content": "x"}]', "chosen is not one turn"),
        ("rejected", '[{"role": "assistant", "content": ""}]', "says and calls nothing"),
        ("prompt", '[{"role": "user", "content": null}]', "content is null"),
        ("evidence", "none", "no evidence"),
    ],
)
def test_a_planted_fault_in_a_pair_is_found(tmp_path: Path, column: str, value: str, found: str):
    exported(tmp_path, slipped())
    path = tmp_path / "out" / "portable" / "train-00000-of-00001.parquet"
    table = pq.read_table(path)
    rows = [row | {column: value} for row in table.to_pylist()]
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), path)
    assert any(found in fault for fault in trl_dpo.validate(tmp_path / "out"))
