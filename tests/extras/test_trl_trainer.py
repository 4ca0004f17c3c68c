"""TRL on a local model: what is meant to be learned is what is learned, and a student comes out whole."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from builders import call, commit, task, trajectory
from tiny import tiny_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTTrainer

from callwright.errors import TrainingError
from callwright.llm.chat_template import ChatTemplate
from callwright.schemas.loop import Trl
from callwright.schemas.recipe import LocalModel
from callwright.store import Store
from callwright.training import trainer_of
from callwright.training.base import Job
from callwright.training.sft import IGNORED, Collator, last_checkpoint, pairs_of, rows, train, trainer_for
from callwright.training.trl import Training
from callwright.views import trl

ROWS = (
    trajectory(task("Show me event e1."), [call(id="c1", event_id="e1")]),
    trajectory(
        task("And now the events e2 and e3, please, both."), [call(id="c1", event_id="é2"), call(id="c2")]
    ),
    trajectory(task("What is love?", kind="no_call"), []),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("view")
    with Store.open(base / "data", write=True) as store:
        trl.export(store, store.commit(commit(*ROWS)), base / "trl")
    return base / "trl"


def training(folder: Path, view: Path, out: Path, **more: Any) -> Training:
    config = Trl(hook="trl", batch_rows=4, **more)
    return Training(config=config, model=folder, template=None, data=view, out=out)


def job(folder: Path, view: Path, out: Path) -> Job:
    return Job(round=1, student=LocalModel(engine="local", model=str(folder)), data=view, out=out)


def wording(row: Any) -> list[str]:
    """What each of a row's assistant turns is as text, written by hand."""
    return [
        message.content
        + "\n".join(
            f'<tool_call>\n{{"name": "{one.name}", "arguments": {one.arguments}}}\n</tool_call>'
            for one in getattr(message, "tool_calls", ())
        )
        + "<|im_end|>"
        for message in row.messages
        if message.role == "assistant"
    ]


def test_the_learned_tokens_of_a_batch_are_the_assistants_turns_and_nothing_else(
    folder: Path, view: Path, tmp_path: Path
):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    pairs = list(pairs_of(rows(view), ChatTemplate(tokenizer)))
    trainer = trainer_for(training(folder, view, tmp_path), tokenizer, pairs)
    batches = list(trainer.get_train_dataloader())
    turns = [
        (ids, labels, mask)
        for batch in batches
        for ids, labels, mask in zip(
            batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True
        )
    ]
    learned = [tokenizer.decode(labels[labels != IGNORED]) for _, labels, _ in turns]
    # The data loader shuffles.
    assert sorted(learned) == sorted(text for row in ROWS for text in wording(row))
    for ids, labels, mask in turns:
        assert torch.equal(ids[labels != IGNORED], labels[labels != IGNORED])
        whole = tokenizer.decode(ids[mask == 1])
        assert whole.startswith("<|im_start|>system\n") and whole.endswith("<|im_end|>")


def test_the_loss_is_trls_own(folder: Path, view: Path, tmp_path: Path):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    pairs = list(pairs_of(rows(view), ChatTemplate(tokenizer)))
    trainer = trainer_for(training(folder, view, tmp_path), tokenizer, pairs)
    batch = Collator(0)(pairs)
    ours = trainer.compute_loss(trainer.model, dict(batch))
    theirs = SFTTrainer.compute_loss(trainer, trainer.model, dict(batch))
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), rel=1e-4)


async def test_a_student_comes_out_with_a_report_and_is_not_trained_twice(
    folder: Path, view: Path, tmp_path: Path
):
    trainer = trainer_of(Trl(hook="trl", batch_rows=2, learning_rate=1e-2, epochs=6), tmp_path)
    asked = job(folder, view, tmp_path / "out")
    student = await trainer.train(asked)
    assert isinstance(student, LocalModel)
    report = json.loads((tmp_path / "out" / "training.json").read_text(encoding="utf-8"))
    pairs = list(pairs_of(rows(view), ChatTemplate(AutoTokenizer.from_pretrained(student.model))))
    assert report["pairs"] == len(pairs) == 5 and report["left_out"] == 0
    assert report["steps"] == len(report["losses"]) == 18
    assert report["losses"][-1] < 0.75 * report["losses"][0]
    assert report["tokens"] == sum(len(one["input_ids"]) for one in pairs)
    assert 0 < report["trained_tokens"] < report["tokens"]
    before, after = (
        AutoModelForCausalLM.from_pretrained(one).state_dict() for one in (folder, student.model)
    )
    assert any(not torch.equal(before[name], after[name]) for name in before)
    written = (tmp_path / "out" / "model" / "model.safetensors").stat().st_mtime_ns
    assert await trainer.train(asked) == student
    assert (tmp_path / "out" / "model" / "model.safetensors").stat().st_mtime_ns == written


@pytest.mark.parametrize("lora", [0, 4])
async def test_a_training_that_was_killed_goes_on_from_its_last_checkpoint(
    folder: Path, view: Path, tmp_path: Path, lora: int
):
    config = Trl(hook="trl", batch_rows=2, epochs=40, lora=lora, checkpoint_steps=10)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    await trainer_of(config, tmp_path).train(job(folder, view, whole))

    sitting = asyncio.create_task(trainer_of(config, tmp_path).train(job(folder, view, cut)))
    while last_checkpoint(cut) is None and not sitting.done():
        await asyncio.sleep(0.01)
    sitting.cancel()
    await asyncio.wait([sitting])
    assert last_checkpoint(cut) and not (cut / "model").exists()
    # One that was being written.
    (cut / "checkpoints" / "checkpoint-999").mkdir()
    (cut / "checkpoints" / "checkpoint-999" / "trainer_state.json").write_text('{"log', encoding="utf-8")

    await trainer_of(config, tmp_path).train(job(folder, view, cut))
    ours, theirs = (json.loads((one / "training.json").read_text(encoding="utf-8")) for one in (cut, whole))
    assert 10 <= ours["continued_from"] < ours["steps"] and theirs["continued_from"] == 0
    assert (ours["steps"], ours["losses"]) == (theirs["steps"], theirs["losses"])
    ours, theirs = ((one / "model" / "model.safetensors").read_bytes() for one in (cut, whole))
    assert ours == theirs
    assert not (cut / "checkpoints").exists()


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")  # peft's own
def test_an_adapter_is_merged_and_saved_whole(folder: Path, view: Path, tmp_path: Path):
    train(training(folder, view, tmp_path, lora=4, learning_rate=1e-2))
    assert not list((tmp_path / "model").glob("adapter*"))
    before, after = (
        AutoModelForCausalLM.from_pretrained(one).state_dict() for one in (folder, tmp_path / "model")
    )
    assert before.keys() == after.keys()
    name = "model.layers.0.self_attn.q_proj.weight"
    assert not torch.equal(before[name], after[name])


def test_what_is_too_long_is_left_out_and_counted(folder: Path, view: Path, tmp_path: Path):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    lengths = sorted(len(one["input_ids"]) for one in pairs_of(rows(view), ChatTemplate(tokenizer)))
    train(training(folder, view, tmp_path, max_tokens=lengths[2]))
    report = json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))
    assert (report["pairs"], report["left_out"]) == (3, len(lengths) - 3)


def test_nothing_to_learn_is_an_error_and_no_model(folder: Path, view: Path, tmp_path: Path):
    with pytest.raises(
        TrainingError, match=r"none of 5 turns fits into 32 tokens; raise training.max_tokens"
    ):
        train(training(folder, view, tmp_path, max_tokens=32))
    assert not (tmp_path / "model").exists()
