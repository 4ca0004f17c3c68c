"""A turn that must not be learned is excluded or masked in every view: nobody learns it, and nobody is tested on it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import datasets
import pyarrow.parquet as pq
import pytest
from builders import call, commit, probe, task, trajectory, verdict

from callwright.engine.exports import export_view
from callwright.schemas.message import (
    AssistantMessage,
    Message,
    Observation,
    Span,
    ToolMessage,
    UserMessage,
)
from callwright.schemas.probe import Prediction
from callwright.schemas.recipe import ViewName
from callwright.schemas.task import Trajectory
from callwright.schemas.version import Statistics
from callwright.store import Store
from callwright.views.rows import ViewError

MARK = re.compile(r"suspect-\d")
"""Stands in every turn that must not be learned, and nowhere else."""
PLAIN = re.compile(r"\be1\b|There it is\.|For which museum\?")
"""Stands in turns that are learned, and in what they are learned of."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def calls(event: str, *, train: bool, said: str = "") -> tuple[Message, ...]:
    made = call(event_id=event)
    return (
        AssistantMessage(content=said, tool_calls=(made,), train=train, weight=float(train)),
        ToolMessage(tool_call_id=made.id, name=made.name, observation=Observation(content='{"ok": true}')),
    )


def row(request: str, *messages: Message) -> Trajectory:
    return trajectory(task(request), messages=[UserMessage(content=request), *messages])


SLIP = AssistantMessage(
    content="For which museum? You told me that. On which day?",
    spans=(Span(start=0, end=17, label="error"), Span(start=18, end=35, label="correction")),
)
CLEAN = row("Show me e1.", *calls("e1", train=True), AssistantMessage(content="There it is."))
SLIPPED = row(
    "A ticket, please.", SLIP, UserMessage(content="Friday."), AssistantMessage(content="It is done.")
)
CALLED = row("Show me that one.", *calls("suspect-1", train=False), AssistantMessage(content="Here it is."))
ASKED = row(
    "Show me the other.",
    AssistantMessage(content="Do you mean suspect-2?", train=False, weight=0.0),
    UserMessage(content="e2."),
    *calls("e2", train=True),
    AssistantMessage(content="This is it."),
)
LATER = row(
    "Show me one and then another.",
    *calls("e3", train=True),
    *calls("suspect-3", train=False, said="Now suspect-3."),
    AssistantMessage(content="These are both."),
)
TWICE = row(
    "A ticket for me.",
    SLIP.model_copy(update={"content": SLIP.content + " suspect-4", "train": False, "weight": 0.0}),
    UserMessage(content="Friday."),
    AssistantMessage(content="All is done."),
)
LAST = row(
    "What is e5?", *calls("e5", train=True), AssistantMessage(content="suspect-5", train=False, weight=0.0)
)
SUSPECT = (CALLED, ASKED, LATER, TWICE, LAST)


def files(folder: Path, pattern: str) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob(pattern)):
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())


def tables(folder: Path) -> Iterator[dict[str, Any]]:
    lists = ("messages", "prompt", "completion", "chosen", "rejected")
    for one in pq.read_table(folder / "portable").to_pylist():
        yield one | {name: json.loads(one[name]) for name in lists if one.get(name)}


def spoken(messages: list[dict[str, Any]]) -> Iterator[Any]:
    return (one for one in messages if one["role"] == "assistant")


def of_trl(folder: Path) -> Iterator[Any]:
    for one in tables(folder):
        yield from spoken(one.get("completion") or one["messages"])


def of_pairs(folder: Path) -> Iterator[Any]:
    return ([one["chosen"], one["rejected"]] for one in tables(folder))


def of_weights(folder: Path) -> Iterator[Any]:
    for one in files(folder, "default/*.jsonl"):
        yield from (said for said in spoken(one["messages"]) if said.get("weight", 1) > 0)


def of_sharegpt(folder: Path) -> Iterator[Any]:
    for one in files(folder, "default/*.jsonl"):
        yield from (said for said in one["conversations"] if said["from"] in ("gpt", "function_call"))


def of_marks(folder: Path) -> Iterator[Any]:
    """Of the forms that say of each message, or of a part, whether it is to be learned."""
    for one in files(folder, "default/*.jsonl"):
        for said in spoken(one["messages"]):
            if said.get("train", True):
                yield said.get("tool_calls")
                parts = said.get("train_detail") or [{"begin_offset": 0, "end_offset": None, "train": True}]
                for part in parts:
                    end = part["end_offset"]
                    text = said["content"][part["begin_offset"] : None if end is None else end + 1]
                    yield re.sub("<SOE>.*?<EOE>", "", text) if part["train"] else ""


def of_segments(folder: Path) -> Iterator[Any]:
    for one in files(folder, "default/*.jsonl"):
        pairs = zip(one["segments"], one["trainable"], strict=True)
        yield from (text for text, train in pairs if train)


def of_completions(folder: Path) -> Iterator[Any]:
    return (one["completion"] for one in files(folder, "*/*.jsonl"))


def of_tests(folder: Path) -> Iterator[Any]:
    """What a tested model imitates, and what it is measured by."""
    for one in files(folder, "default/*.jsonl"):
        yield [one["gold"], one["demonstrations"], one["prompt"]]


def of_people(folder: Path) -> Iterator[Any]:
    """What a person is not told to pass over."""
    for one in files(folder, "default/*.jsonl"):
        yield [said for said in one["conversation"] if "not to be learned" not in said["who"]]


def of_answers(folder: Path) -> Iterator[Any]:
    return (one["answers"] for one in files(folder, "default/*.jsonl"))


def of_accepted(folder: Path) -> Iterator[Any]:
    return (one["ground_truth"] for one in files(folder, "possible_answer_*/*.jsonl"))


def of_rewards(folder: Path) -> Iterator[Any]:
    for one in pq.read_table(folder / "default").to_pylist():
        yield one["reward_model"]["ground_truth"]


def of_rubrics(folder: Path) -> Iterator[Any]:
    return ([one["answer"], one["info"]] for one in files(folder, "default/*.jsonl"))


def of_queries(folder: Path) -> Iterator[Any]:
    """Which tools are found is learned of requests; a suspect call makes its row's request a suspect."""
    suspect = {one.task.instruction: f"suspect-1 {one.task.instruction}" for one in (CALLED, LATER)}
    for one in files(folder, "default/*.jsonl"):
        query = one["query"].removeprefix("Please: ")
        yield suspect.get(query, query)


LEARNED: dict[ViewName, Callable[[Path], Iterator[Any]]] = {
    "trl": of_trl,
    "trl-dpo": of_pairs,
    "openai": of_weights,
    "llamafactory": of_sharegpt,
    "axolotl": of_marks,
    "hermes": of_sharegpt,
    "toolbench": of_segments,
    "ste-sft": of_completions,
    "ste-icl": of_tests,
    "ste-rehearsal": of_completions,
    "review": of_people,
    "spans": of_marks,
    "xlam": of_answers,
    "bfcl": of_accepted,
    "verl": of_rewards,
    "prime-rl": of_rubrics,
    "roles": of_completions,
    "retrieval": of_queries,
}
"""View -> what is learned of its files."""
OPTIONS: dict[ViewName, tuple[tuple[str, ...], ...]] = {
    "trl": ((), ("format=prompt-completion",), ("format=turns",), ("format=turns", "parallel=split")),
    "toolbench": ((), ("serial=true",)),
    "ste-sft": ((), ("all_turns=true",)),
    "ste-rehearsal": (("batches=1",),),
    "spans": ((), ("form=markers",)),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version with clean rows, with suspects in train and in test, and with pairs whose better side is a suspect."""
    folder = tmp_path_factory.mktemp("suspects")
    trained, tested = (CLEAN, SLIPPED, *SUSPECT), tuple(map(renamed, (CLEAN, *SUSPECT)))
    rows = [*trained, *tested]
    answer = Prediction.model_validate({"outcome": "calls", "tool_calls": [call(event_id="e9")]})
    probes = [probe(one, correct=False, greedy=answer) for one in rows]
    compared = [
        verdict(one, "L3", judge="looptool.compare").model_copy(
            update={"step": 1, "evidence": ({"by": "execution", "ruling": "prediction_wrong"},)}
        )
        for one in rows
    ]
    proven = [verdict(one, rung, judge=f"of {rung}") for one in rows for rung in ("L1", "L2", "L3")]
    with Store.open(folder, write=True) as store:
        store.commit(
            commit(
                *trained,
                test=tested,
                verdicts=[*proven, *compared],
                probes=probes,
                statistics=Statistics(student="weak"),
            )
        )
    return folder


def renamed(one: Trajectory) -> Trajectory:
    """The same conversation about another request."""
    first, *rest = one.messages
    return row(f"Please: {first.content}", *rest)


@pytest.mark.parametrize("view", get_args(ViewName))
def test_no_view_has_a_suspect_learned(data: Path, tmp_path: Path, view: ViewName):
    for number, sets in enumerate(OPTIONS.get(view, ((),))):
        folder = tmp_path / str(number)
        export_view(data, "museum@1", view, folder, sets)
        learned = [json.dumps(one) for one in LEARNED[view](folder)]
        assert learned, sets
        assert [text for text in learned if MARK.search(text)] == [], sets
        # What is clean is learned all the same.
        assert any(PLAIN.search(text) for text in learned), sets


@pytest.mark.parametrize("view", ["openai", "axolotl", "toolbench", "spans"])
def test_where_a_turn_can_be_masked_its_row_stays(data: Path, tmp_path: Path, view: ViewName):
    export_view(data, "museum@1", view, tmp_path / "out")
    text = "".join(path.read_text() for path in (tmp_path / "out" / "default").glob("*.jsonl"))
    assert set(MARK.findall(text)) == {f"suspect-{number}" for number in range(1, 6)}


def test_a_version_of_suspects_alone_cannot_be_learned_whole(tmp_path: Path):
    with Store.open(tmp_path / "data", write=True) as store:
        store.commit(commit(CALLED, LATER))
    with pytest.raises(ViewError, match="has no rows"):
        export_view(tmp_path / "data", "museum@1", "trl", tmp_path / "out")
