"""The loss mask on the ids of a real tokenizer, trained here on a few lines. Run: make test-extras."""

from __future__ import annotations

from pathlib import Path

import pytest
from reacts import NASTY, exported, nasty
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from callwright.views.toolbench import Options


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Byte-level BPE that merges markers, line ends and spaces."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    texts = ["\nObservation: \nAction: \nAction Input: {\nFinal Answer: \nThought: \nUser: ", NASTY] * 20
    made.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        ),
    )
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.save(str(path))
    return path


def test_the_mask_covers_exactly_the_assistants_spans(tokenizer: Path, tmp_path: Path):
    [line], manifest = exported(
        tmp_path, nasty(), options=Options(tokenizer=str(tokenizer), max_tokens=10_000)
    )
    decode = Tokenizer.from_file(str(tokenizer)).decode
    ids, mask = line["input_ids"], line["loss_mask"]
    assert decode(ids) == "".join(line["segments"])
    learned = [text for text, train in zip(line["segments"], line["trainable"], strict=True) if train]
    assert decode([id_ for id_, learn in zip(ids, mask, strict=True) if learn]) == "".join(learned)
    assert manifest.options["tokenizer"] == "tokenizer.json"
    assert manifest.dropped == {"untrained_turn": 1}


def test_truncation_is_counted_in_the_manifest_and_on_the_page(tokenizer: Path, tmp_path: Path):
    whole, _ = exported(
        tmp_path / "whole", nasty(), options=Options(tokenizer=str(tokenizer), max_tokens=10_000)
    )
    most = len(whole[0]["input_ids"]) - 5
    [line], manifest = exported(
        tmp_path / "cut", nasty(), options=Options(tokenizer=str(tokenizer), max_tokens=most)
    )
    assert len(line["input_ids"]) == len(line["loss_mask"]) == most
    assert manifest.dropped == {"rows_cut": 1, "tokens_cut": 5, "trained_tokens_cut": 5, "untrained_turn": 1}
    assert "| tokens_cut | 5 |" in (tmp_path / "cut" / "out" / "README.md").read_text()
