"""A local student: what it is asked, what it answers, and that the same question has the same answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import tiny_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from callwright.errors import ReplyError, UsageError
from callwright.llm import hermes
from callwright.llm.base import Request, Sampling
from callwright.llm.chat_template import ChatTemplate
from callwright.llm.local import LocalChat
from callwright.schemas.message import ToolCall
from callwright.schemas.recipe import LocalModel
from callwright.settings import shipped_folder

TOOL = {
    "type": "function",
    "function": {
        "name": "find_events",
        "description": "Find events. The next come first.",
        "parameters": {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]},
    },
}
SYSTEM = {"role": "system", "content": "You help people."}
ANSWER = {
    "role": "assistant",
    "content": "Let me see.",
    "tool_calls": [
        {
            "id": "a",
            "type": "function",
            "function": {"name": "find_events", "arguments": '{"day": "2026-03-01", "at": "é"}'},
        }
    ],
}


ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32, so that what is computed together and alone can be compared to four digits."""
    monkeypatch.setattr("callwright.llm.local.fast_bf16", lambda: False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


def chat(folder: Path, **more: Any) -> LocalChat:
    return LocalChat(LocalModel(engine="local", model=str(folder), max_tokens=24, **more), folder)


def question(
    text: str = "What is on?", sample: int = 0, tools: tuple[Any, ...] = (), **sampling: Any
) -> Request:
    return Request(
        purpose="test.ask",
        messages=(SYSTEM, {"role": "user", "content": text}),
        tools=tools,
        sampling=Sampling(max_tokens=12, logprobs=True, **sampling),
        sample=sample,
    )


async def test_what_is_asked_together_is_answered_as_alone(folder: Path):
    model = chat(folder, in_flight=4)
    asked = [question("go " * length) for length in (1, 30, 7, 2, 15)]
    together = await asyncio.gather(*map(model.complete, asked))
    assert model.stats["batches"] == 2
    alone = [await model.complete(one) for one in asked]
    assert [one.text for one in together] == [one.text for one in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)
    await model.close()


async def test_log_probabilities_are_those_of_the_tokens(folder: Path):
    model = chat(folder)
    answer = await model.complete(question())
    assert answer.logprobs is not None and len(answer.logprobs) == answer.usage.completion_tokens == 12
    assert answer.finish_reason == "length"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompt = ChatTemplate(tokenizer).prompt(question().messages, ())
    weights = AutoModelForCausalLM.from_pretrained(folder)
    ids = list(prompt)
    for told in answer.logprobs:
        likely = weights(torch.tensor([ids])).logits[0, -1].detach().log_softmax(-1)
        assert told == pytest.approx(float(likely.max()), abs=1e-4)
        ids.append(int(likely.argmax()))
    await model.close()


async def test_samples_differ_and_each_is_drawn_the_same_again(folder: Path):
    first, second = chat(folder), chat(folder)
    asked = [question(sample=number, temperature=1.0) for number in range(3)]
    there = await asyncio.gather(*map(first.complete, asked))
    back = [await second.complete(one) for one in reversed(asked)][::-1]
    assert [one.text for one in there] == [one.text for one in back]
    assert len({one.text for one in there}) == 3
    await first.close()
    await second.close()


async def test_an_answer_is_scored_token_by_token(folder: Path):
    model = chat(folder)
    scores = await model.score(question(tools=(TOOL,)), ANSWER)
    prompt, completion = ChatTemplate(AutoTokenizer.from_pretrained(folder)).pair(
        question().messages, (TOOL,), ANSWER
    )
    assert scores is not None and len(scores) == len(completion)
    weights = AutoModelForCausalLM.from_pretrained(folder)
    logits = weights(torch.tensor([prompt + completion])).logits[0].detach().log_softmax(-1)
    for place, (token, told) in enumerate(zip(completion, scores, strict=True), start=len(prompt) - 1):
        assert told == pytest.approx(float(logits[place, token]), abs=1e-4)
    await model.close()


async def test_a_prompt_that_is_too_long_is_refused_whole(folder: Path):
    model = chat(folder, context=256)
    with pytest.raises(ReplyError, match="^context_overflow: "):
        await model.complete(question("long " * 100))
    with pytest.raises(ReplyError, match="^context_overflow: "):
        await model.score(question(), {"role": "assistant", "content": "long " * 100})
    assert (await model.complete(question())).usage.completion_tokens == 12
    await model.close()


def test_an_id_names_weights_and_template(folder: Path, tmp_path: Path):
    one = chat(folder).id
    assert one == chat(folder).id and one.startswith(f"local:{folder.name}@")
    other = tiny_model(tmp_path / "other" / folder.name, seed=1)
    assert chat(other).id != one
    (tmp_path / "plain.jinja").write_text("{{ messages[0].content }}", encoding="utf-8")
    assert chat(folder, template=str(tmp_path / "plain.jinja")).id != one


def test_a_folder_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="holds no model"):
        chat(tmp_path)


@pytest.mark.parametrize("own", [None, "{% for m in messages %}{{ m.content }}{% endfor %}"])
def test_a_template_that_renders_no_tools_gives_way_to_ours(folder: Path, own: str | None):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = own
    assert ChatTemplate(tokenizer).text == hermes.TEMPLATE.read_text(encoding="utf-8")


def test_a_template_that_renders_tools_stays(folder: Path):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = "{{ tools | tojson }}{% for m in messages %}{{ m.content }}{% endfor %}"
    assert ChatTemplate(tokenizer).text == tokenizer.chat_template


@pytest.mark.parametrize(
    "template",
    [hermes.TEMPLATE, shipped_folder() / "recipes" / "loop-demo.jinja"],
    ids=["hermes", "loop-demo"],
)
def test_our_templates_write_what_the_reader_reads(folder: Path, template: Path):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    written = ChatTemplate(tokenizer, template.read_text(encoding="utf-8"))
    prompt, completion = written.pair(question().messages, (TOOL,), ANSWER)
    assert "find_events" in tokenizer.decode(prompt)
    calls = (ToolCall(id="call_1", name="find_events", arguments='{"day": "2026-03-01", "at": "é"}'),)
    assert tokenizer.decode(completion) == hermes.write("Let me see.", calls) + "<|im_end|>"
    assert hermes.read(written.decode(completion)) == ("Let me see.", calls)


def test_our_templates_mark_the_assistants_words(folder: Path):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    messages = [*question().messages, ANSWER]
    marked = tokenizer.apply_chat_template(
        messages,
        tools=[TOOL],
        chat_template=hermes.TEMPLATE.read_text(encoding="utf-8"),
        return_assistant_tokens_mask=True,
        return_dict=True,
    )
    learned = [
        token for token, one in zip(marked["input_ids"], marked["assistant_masks"], strict=True) if one
    ]
    assert learned == ChatTemplate(tokenizer).pair(messages[:-1], (TOOL,), ANSWER)[1]


def test_a_template_that_shows_tools_beside_a_system_message_alone_is_a_models_own(folder: Path):
    shown = (ROOT / "data" / "recipes" / "loop-demo.jinja").read_text(encoding="utf-8")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = shown
    assert ChatTemplate(tokenizer).text == shown
    tokenizer.chat_template = "{% for one in messages %}{{ one.content }}{% endfor %}"
    assert ChatTemplate(tokenizer).text != tokenizer.chat_template, "it shows no tools at all"
