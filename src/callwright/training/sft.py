"""Supervised fine-tuning with TRL: rows become pairs of a prompt and a completion, and the completion is learned."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # read by the libraries when they are imported

import pyarrow.parquet as pq
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from transformers.trainer_pt_utils import LengthGroupedSampler
from trl import SFTConfig, SFTTrainer

from callwright.errors import TrainingError
from callwright.llm.chat_template import ChatTemplate
from callwright.llm.local import fast_bf16
from callwright.training.trl import CHECKPOINTS, Training

IGNORED = -100


def train(training: Training) -> None:
    """Write `model` and `training.json` below `training.out`; the folder `model` appears whole or not at all.

    Raises:
        TrainingError: No pair is left, or the view holds turns that must not be learned.
        UsageError: The model's tokenizer writes no tools.
    """
    began = time.monotonic()
    torch.manual_seed(training.config.seed)
    tokenizer = AutoTokenizer.from_pretrained(training.model, local_files_only=True)
    template = ChatTemplate(tokenizer, training.template, training.model.name)
    pairs, left_out = _fitting(pairs_of(rows(training.data), template), training.config.max_tokens)
    if not pairs:
        raise TrainingError(
            f"none of {left_out} turns fits into {training.config.max_tokens} tokens; raise training.max_tokens"
        )
    trainer = trainer_for(training, tokenizer, pairs)
    trained_from, checkpoint = time.monotonic(), last_checkpoint(training.out)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    seconds = time.monotonic() - trained_from
    steps = trainer.state.global_step
    before = _steps_of(checkpoint) if checkpoint else 0
    tokens = sum(len(pair["input_ids"]) for pair in pairs)
    report = {
        "pairs": len(pairs),
        "left_out": left_out,
        "tokens": tokens,
        "trained_tokens": sum(label != IGNORED for pair in pairs for label in pair["labels"]),
        "steps": steps,
        "continued_from": before,
        "losses": [round(entry["loss"], 4) for entry in trainer.state.log_history if "loss" in entry],
        "seconds": round(time.monotonic() - began, 1),
        "tokens_per_s": round(tokens * training.config.epochs * (1 - before / steps) / seconds, 1),
    }
    tokenizer.chat_template = template.text
    _save(trainer.model, tokenizer, training.out, report)


def rows(view: Path) -> Iterator[dict[str, Any]]:
    """The rows of the split `train` of a view `trl`, with `messages` and `tools` as JSON values.

    Raises:
        TrainingError: It is no such view.
    """
    files = sorted((view / "typed").glob("train-*.parquet"))
    if not files:
        raise TrainingError(f"{view} holds no rows for training; export the view trl there")
    for file in files:
        for row in pq.read_table(file, columns=["messages", "tools"]).to_pylist():
            yield {name: [json.loads(one) for one in listed or ()] for name, listed in row.items()}


def pairs_of(rows: Iterable[Mapping[str, Any]], template: ChatTemplate) -> Iterator[dict[str, list[int]]]:
    """One pair for each turn of the assistant's: tokens, and as labels those of the turn with the mark that ends it."""
    for row in rows:
        for place, message in enumerate(row["messages"]):
            if message["role"] == "assistant":
                prompt, answer = template.pair(row["messages"][:place], row["tools"], message)
                yield {"input_ids": prompt + answer, "labels": [IGNORED] * len(prompt) + answer}


def trainer_for(
    training: Training, tokenizer: PreTrainedTokenizerBase, pairs: list[dict[str, list[int]]]
) -> SFTTrainer:
    """The trainer of TRL's, ready to go."""
    config, gpu = training.config, torch.cuda.is_available()
    arguments = SFTConfig(
        output_dir=str(training.out / CHECKPOINTS),
        seed=config.seed,
        data_seed=config.seed,
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        per_device_train_batch_size=config.batch_rows,
        use_cpu=not gpu,
        optim="adamw_torch_fused",
        bf16=torch.cuda.is_bf16_supported() if gpu else fast_bf16(),
        # On a CPU there is memory enough, and no time to compute anything twice.
        activation_checkpointing=gpu,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        save_strategy="steps" if config.checkpoint_steps else "no",
        save_steps=config.checkpoint_steps or 1,
        save_total_limit=1,
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=gpu,
    )
    model = AutoModelForCausalLM.from_pretrained(training.model, local_files_only=True, dtype=torch.float32)
    return _Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(pairs),
        processing_class=tokenizer,
        data_collator=Collator(tokenizer.pad_token_id or 0),
        peft_config=_lora(config.lora) if config.lora else None,
    )


def last_checkpoint(out: Path) -> Path | None:
    """The last one that is whole: its state is what is written last."""
    found = [one.parent for one in (out / CHECKPOINTS).glob("checkpoint-*/trainer_state.json") if _whole(one)]
    return max(found, key=_steps_of, default=None)


def _steps_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _whole(state: Path) -> bool:
    try:
        json.loads(state.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


class Collator:
    """Pads on the left, so that what is learned stands together at the right end; positions as in generation."""

    def __init__(self, padding: int) -> None:
        self._padding = padding

    def __call__(self, pairs: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        longest = max(len(pair["input_ids"]) for pair in pairs)

        def padded(name: str, filler: int) -> torch.Tensor:
            return torch.tensor([[filler] * (longest - len(pair[name])) + list(pair[name]) for pair in pairs])

        mask = torch.tensor(
            [[0] * (longest - len(pair["input_ids"])) + [1] * len(pair["input_ids"]) for pair in pairs]
        )
        return {
            "input_ids": padded("input_ids", self._padding),
            "labels": padded("labels", IGNORED),
            "attention_mask": mask,
            "position_ids": (mask.cumsum(-1) - 1).clamp(min=0),
        }


class _ByLength(LengthGroupedSampler):  # type: ignore[misc]
    """Rows of about one length together, in an order that seed and epoch alone decide.

    The library's goes by the state of torch's generator, which a training that goes on in mid-epoch does not have.
    """

    def __init__(self, batch_rows: int, lengths: list[int], seed: int) -> None:
        super().__init__(batch_rows, lengths=lengths)
        self._seed = seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """The trainer says so before each epoch, and before the one that it goes on in."""
        self.generator = torch.Generator().manual_seed(self._seed + epoch)


class _Trainer(SFTTrainer):  # type: ignore[misc]
    """TRL's, with its loss computed for the learned tokens alone where there is no GPU.

    TRL 1.16 puts every position through the vocabulary's projection there, which takes most of a step's time.
    """

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> _ByLength:
        lengths = [len(pair) for pair in (train_dataset or self.train_dataset)["input_ids"]]
        return _ByLength(self.args.train_batch_size, lengths, self.args.data_seed)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        labels = inputs["labels"]
        if labels.device.type != "cpu" or return_outputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        learned = labels != IGNORED
        width = labels.shape[1] - int(learned.any(0).nonzero()[0])
        given = {name: value for name, value in inputs.items() if name != "labels"}
        logits = model(**given, use_cache=False, logits_to_keep=width + 1).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(
            logits.float().flatten(0, 1),
            labels[:, -width:].flatten(),
            ignore_index=IGNORED,
            reduction="sum",
        )
        return loss / (learned.sum() if num_items_in_batch is None else num_items_in_batch)


def _fitting(
    pairs: Iterable[dict[str, list[int]]], max_tokens: int
) -> tuple[list[dict[str, list[int]]], int]:
    """The pairs that are short enough, and the number of the others."""
    every = list(pairs)
    fitting = [pair for pair in every if len(pair["input_ids"]) <= max_tokens]
    return fitting, len(every) - len(fitting)


def _lora(rank: int) -> Any:
    from peft import LoraConfig

    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")


def _save(model: Any, tokenizer: PreTrainedTokenizerBase, out: Path, report: Mapping[str, Any]) -> None:
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    working, target = out / "model.part", out / "model"
    shutil.rmtree(working, ignore_errors=True)
    model.save_pretrained(working)
    tokenizer.save_pretrained(working)
    (out / "training.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    working.rename(target)
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)
