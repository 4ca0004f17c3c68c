"""Rows of the view `trl` in TRL's own hands: its templates, and its trainers' way from a row to tokens."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from builders import call, commit, task, trajectory, verdict
from datasets import load_dataset
from tiny import tiny_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from callwright.llm.hermes import TEMPLATE
from callwright.schemas.message import AssistantMessage, Span, UserMessage
from callwright.store import Store
from callwright.views import trl, trl_dpo

ROOT = Path(__file__).resolve().parents[2]
SLIPPED = trajectory(
    task("A ticket, please."),
    messages=[
        UserMessage(content="A ticket, please."),
        AssistantMessage(
            content="For which museum? You told me that. On which day?",
            spans=(Span(start=0, end=17, label="error"), Span(start=18, end=35, label="correction")),
        ),
        UserMessage(content="Friday."),
        AssistantMessage(content="Done."),
    ],
)
ROWS = (trajectory(task("Show me e1 and e2."), [call(id="c1"), call(id="c2", event_id="é2")]), SLIPPED)


@pytest.fixture(scope="module")
def templates() -> ModuleType:
    spec = importlib.util.spec_from_file_location("trl_templates", ROOT / "benchmarks" / "trl_templates.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(templates: ModuleType) -> Any:
    return templates.rows()


def test_a_template_that_can_tell_of_a_call_tells_all_of_a_row(found: Any):
    assert sum(one.trls for one in found) >= 30
    # The original of DeepSeek-V3 takes arguments as text alone; TRL trains with its own copy.
    assert [one.name for one in found if one.trls and not (one.one and one.split)] == ["deepseekv3"]


def test_several_calls_stand_there_whole_or_have_to_be_split(found: Any):
    assert {"llama3_1", "llama3_2"} <= {one.name for one in found if one.split and not one.several}
    assert [one.name for one in found if one.several and not one.one] == []


def test_the_page_is_what_the_templates_do(templates: ModuleType, found: Any):
    assert templates.PAGE.read_text(encoding="utf-8") == templates.page(found), "make templates"


def model_of(folder: Path) -> tuple[Any, Any]:
    tiny_model(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = TEMPLATE.read_text(encoding="utf-8")
    return AutoModelForCausalLM.from_pretrained(folder), tokenizer


def test_trl_learns_the_completion_of_a_turn_and_nothing_else(tmp_path: Path):
    with Store.open(tmp_path / "data", write=True) as store:
        trl.export(store, store.commit(commit(*ROWS)), tmp_path / "out", trl.Options(format="turns"))
    data = trl.load(tmp_path / "out")["train"].select_columns(["prompt", "completion", "tools"])
    model, tokenizer = model_of(tmp_path / "tiny")
    config = SFTConfig(
        output_dir=str(tmp_path / "sft"),
        use_cpu=True,
        bf16=False,
        activation_checkpointing=False,
        max_length=None,
        report_to="none",
    )
    trainer = SFTTrainer(model=model, args=config, train_dataset=data, processing_class=tokenizer)
    batch = trainer.data_collator(list(trainer.train_dataset))
    learned = [tokenizer.decode(one[one != -100]).strip() for one in batch["labels"]]
    wanted = [
        one["content"]
        + "\n".join(
            f'<tool_call>\n{{"name": "{made["function"]["name"]}", "arguments": '
            f"{json.dumps(made['function']['arguments'], ensure_ascii=False)}}}\n</tool_call>"
            for made in one.get("tool_calls", ())
        )
        + "<|im_end|>"
        for [one] in data["completion"]
    ]
    assert learned == wanted
    assert len(wanted) == 3  # two of the calling row, and the last turn of the one with a mistake


def test_trl_reads_preference_pairs(tmp_path: Path):
    proven = [verdict(SLIPPED, rung) for rung in ("L1", "L2")]
    with Store.open(tmp_path / "data", write=True) as store:
        version = store.commit(commit(SLIPPED, verdicts=proven))
        trl_dpo.export(store, version, tmp_path / "out", trl_dpo.Options())
    data = load_dataset(str(tmp_path / "out"))["train"].select_columns(list(trl_dpo.LISTS))
    model, tokenizer = model_of(tmp_path / "tiny")
    config = DPOConfig(
        output_dir=str(tmp_path / "dpo"),
        use_cpu=True,
        bf16=False,
        activation_checkpointing=False,
        report_to="none",
    )
    trainer = DPOTrainer(model=model, args=config, train_dataset=data, processing_class=tokenizer)
    [row] = list(trainer.train_dataset)
    assert tokenizer.decode(row["chosen_ids"]).startswith("On which day?<|im_end|>")
    assert tokenizer.decode(row["rejected_ids"]).startswith("For which museum?<|im_end|>")
    assert "get_event" in tokenizer.decode(row["prompt_ids"])
