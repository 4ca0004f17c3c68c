"""Trains a small model on each set of `student_data.py`, from the same base, and has it answer the tests.

One pair per assistant turn: the prompt is everything before it, the completion is the turn, and the loss is on the
completion alone. Pairs of more than 2,048 tokens are dropped and counted; of the rest each set gives the same number.
Each test item is a conversation up to the assistant's first turn, which the model writes greedily.

Needs torch and transformers (and `gguf` for a model in that format), and nothing of this project: what is made here is
scored by `student_score.py`. After each stage OUT/results.json and OUT/generations_SET.jsonl.gz are whole.

Run: python benchmarks/student.py --model FOLDER --data FOLDER --out FOLDER [--sets train_16,train_2,train_6]
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import math
import multiprocessing
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import transformers
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

TESTS = ("test_seen", "test_unseen")
MAX_TOKENS = 2048
WARM_UP = 0.05
SEED = 7
BEGAN = time.monotonic()

Row = dict[str, Any]
Ids = np.ndarray[Any, np.dtype[np.int32]]


class Pair(NamedTuple):
    """Token ids; the completion ends with the end-of-turn token."""

    prompt: Ids
    completion: Ids

    @property
    def size(self) -> int:
        return len(self.prompt) + len(self.completion)


class Renderer:
    """Rows as token ids, by a chat template that knows tools."""

    def __init__(self, model: Path, template: Path, tools: dict[str, Any]) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self._template = template.read_text(encoding="utf-8")
        self._tools = tools

    def pairs(self, row: Row) -> list[Pair]:
        messages = row["messages"]
        turns = [place for place, one in enumerate(messages) if one["role"] == "assistant"]
        return [self._pair(row, place) for place in turns]

    def opening(self, row: Row) -> Pair:
        """The assistant's first turn."""
        return self._pair(row, next(i for i, one in enumerate(row["messages"]) if one["role"] == "assistant"))

    def _pair(self, row: Row, turn: int) -> Pair:
        before = self._text(row, turn, add_generation_prompt=True)
        whole = self._text(row, turn + 1)
        assert whole.startswith(before), "the template does not render a conversation piece by piece"
        # Apart, so that training and generation cut the text into the same tokens.
        return Pair(self._ids(before), self._ids(whole[len(before) :].rstrip("\n")))

    def _text(self, row: Row, end: int, **more: Any) -> str:
        tools = [self._tools[one] for one in row["tools"]] or None
        text = self.tokenizer.apply_chat_template(
            row["messages"][:end], tools=tools, chat_template=self._template, tokenize=False, **more
        )
        return str(text)

    def _ids(self, text: str) -> Ids:
        return np.array(self.tokenizer(text, add_special_tokens=False).input_ids, dtype=np.int32)


def main() -> None:
    options = arguments()
    transformers.utils.logging.disable_progress_bar()
    options.out.mkdir(parents=True, exist_ok=True)
    say(f"torch {torch.__version__}, transformers {transformers.__version__}")
    trained = options.sets.split(",")
    pairs, tests = prepared(options, trained)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    say(f"loading the model for {torch.cuda.get_device_name() if device.type == 'cuda' else 'the CPU'}")
    base = loaded(options.model)
    results = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "parameters": sum(one.numel() for one in base.parameters()),
        "options": {key: str(value) for key, value in vars(options).items()},
        "stages": [],
    }
    for name in ("base", *trained):
        model = copy.deepcopy(base).to(device)
        stage: dict[str, Any] = {"set": name}
        if name != "base":
            chosen, counts = pairs[name]
            say(f"{name}: training on {len(chosen)} pairs, {counts['too_long']} were too long")
            stage |= counts | train(model, chosen, options)
        stage |= answered(model, name, tests, options)
        results["stages"].append(stage)
        (options.out / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        say(f"{name}: written")
        del model
        if device.type == "cuda":
            torch.cuda.empty_cache()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a small model on each set and answer the tests.")
    here = Path(__file__).resolve().parent
    add = parser.add_argument
    add(
        "--model",
        type=Path,
        required=True,
        help="folder of the base model and its tokenizer; a .gguf will do",
    )
    add("--data", type=Path, required=True, help="folder that student_data.py wrote")
    add("--out", type=Path, required=True, help="folder for results.json and the generations")
    add(
        "--template",
        type=Path,
        default=here.parent / "src" / "callwright" / "llm" / "hermes.jinja",
        help="chat template",
    )
    add("--sets", default="train_16,train_2,train_6", help="training sets, in order")
    add("--pairs", type=int, default=5900, help="pairs of each set")
    add("--epochs", type=float, default=2.0)
    add("--steps", type=int, default=0, help="steps at the most; 0: as many as the epochs take")
    add("--batch-tokens", type=int, default=32768, help="tokens of a batch with its padding")
    add("--accumulate", type=int, default=2, help="batches of a step")
    add("--lr", type=float, default=5e-4, help="peak, after warming up and before the cosine")
    add("--max-new-tokens", type=int, default=160)
    add("--test-batch", type=int, default=256, help="items generated at once")
    add("--limit", type=int, default=0, help="items of each test; 0: all")
    return parser.parse_args()


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:7.1f} s  {text}", flush=True)


# Data


def prepared(
    options: argparse.Namespace, sets: Sequence[str]
) -> tuple[dict[str, tuple[list[Pair], dict[str, Any]]], dict[str, list[Pair]]]:
    """Set -> its pairs with counts, and test -> its openings. Before CUDA starts, for it does not survive a fork."""
    tools = {one["id"]: one["tool"] for one in lines(options.data / "tools.jsonl.gz")}
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    global _renderer
    _renderer = Renderer(options.model, options.template, tools)
    pairs: dict[str, tuple[list[Pair], dict[str, Any]]] = {}
    tests: dict[str, list[Pair]] = {}
    with multiprocessing.get_context("fork").Pool() as pool:
        for name in sets:
            rows = list(lines(options.data / f"{name}.jsonl.gz"))
            pairs[name] = chosen(name, pool.imap(_pairs, rows, chunksize=16), options.pairs)
            say(f"{name}: {len(pairs[name][0])} pairs, {pairs[name][1]}")
        for name in TESTS:
            rows = list(lines(options.data / f"{name}.jsonl.gz"))[: options.limit or None]
            tests[name] = pool.map(_opening, rows, chunksize=16)
            longest = max(len(one.completion) for one in tests[name])
            say(f"{name}: {len(rows)} items; the longest right answer has {longest} tokens")
    return pairs, tests


_renderer: Renderer


def _pairs(row: Row) -> list[Pair]:
    return _renderer.pairs(row)


def _opening(row: Row) -> Pair:
    return _renderer.opening(row)


def lines(path: Path) -> Iterator[Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def chosen(name: str, rows: Iterator[list[Pair]], wanted: int) -> tuple[list[Pair], dict[str, Any]]:
    """The first pairs that are short enough, as many as are wanted."""
    kept: list[Pair] = []
    too_long = used = 0
    for pairs in rows:
        used += 1
        short = [one for one in pairs if one.size <= MAX_TOKENS]
        too_long += len(pairs) - len(short)
        kept += short
        if len(kept) >= wanted:
            break
    if len(kept) < wanted:
        raise SystemExit(
            f"{name}: {len(kept)} pairs of at most {MAX_TOKENS} tokens, {wanted} are wanted; "
            "make more rows or lower --pairs"
        )
    kept = kept[:wanted]
    counts = {
        "rows": used,
        "pairs": len(kept),
        "too_long": too_long,
        "tokens": sum(one.size for one in kept),
        "trained_tokens": sum(len(one.completion) for one in kept),
    }
    return kept, counts


# Training


def loaded(folder: Path) -> Any:
    """The model in float32, unpacked when it is a .gguf."""
    packed = next((one.name for one in folder.glob("*.gguf")), None)
    more = {"gguf_file": packed, "quantization_config": GgufConfig(dequantize=True)} if packed else {}
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="sdpa", **more
    )


def batches(pairs: Sequence[Pair], most: int, rng: random.Random) -> list[list[Pair]]:
    """One epoch, in batches of pairs of about the same length; the order of the batches is drawn by chance."""
    shuffled = rng.sample(list(pairs), len(pairs))
    found: list[list[Pair]] = []
    for start in range(0, len(shuffled), 1024):
        batch: list[Pair] = []
        for pair in sorted(shuffled[start : start + 1024], key=lambda one: -one.size):
            if batch and batch[0].size * (len(batch) + 1) > most:
                found.append(batch)
                batch = []
            batch.append(pair)
        found.append(batch)
    rng.shuffle(found)
    return found


def steps_of(pairs: Sequence[Pair], options: argparse.Namespace) -> list[list[list[Pair]]]:
    """Every step's batches."""
    rng = random.Random(SEED)
    found: list[list[Pair]] = []
    for _ in range(math.ceil(options.epochs)):
        found += batches(pairs, options.batch_tokens, rng)
    found = found[: math.ceil(len(found) * options.epochs / math.ceil(options.epochs))]
    steps = [found[start : start + options.accumulate] for start in range(0, len(found), options.accumulate)]
    return steps[: options.steps or None]


def schedule(steps: int) -> Callable[[int], float]:
    """Share of the peak at each step: a straight way up, then half a cosine down to nothing."""
    warm = max(1, round(WARM_UP * steps))

    def share(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))

    return share


def train(model: Any, pairs: Sequence[Pair], options: argparse.Namespace) -> dict[str, Any]:
    """Train in place; weights stay in float32, products are in bfloat16 on a GPU."""
    device = model.device
    torch.manual_seed(SEED)
    steps = steps_of(pairs, options)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.lr, betas=(0.9, 0.95), weight_decay=0.0)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule(len(steps)))
    model.train()
    losses: list[float] = []
    began, seen = time.monotonic(), 0
    for number, step in enumerate(steps):
        targets = sum(len(one.completion) for batch in step for one in batch)
        total = torch.zeros((), device=device)
        for batch in step:
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                loss = loss_sum(model, batch) / targets
            loss.backward()
            total += loss.detach()
            seen += sum(one.size for one in batch)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rate.step()
        optimizer.zero_grad(set_to_none=True)
        if number % 10 == 0 or number + 1 == len(steps):
            losses.append(round(total.item(), 4))
            per_s = seen / (time.monotonic() - began)
            say(f"  step {number + 1} of {len(steps)}, loss {losses[-1]}, {per_s:,.0f} tokens/s")
    took = time.monotonic() - began
    return {
        "steps": len(steps),
        "losses": losses,
        "train_s": round(took, 1),
        "tokens_per_s": round(seen / took),
    }


def loss_sum(model: Any, batch: Sequence[Pair]) -> torch.Tensor:
    """The cross-entropy of the completions' tokens, added up. Only their places go through the vocabulary."""
    width = max(one.size for one in batch)
    ids = np.zeros((len(batch), width), dtype=np.int64)
    target = np.full((len(batch), width), -1, dtype=np.int64)
    for row, pair in enumerate(batch):
        start, end = len(pair.prompt), pair.size
        ids[row, :start], ids[row, start:end] = pair.prompt, pair.completion
        target[row, start - 1 : end - 1] = pair.completion
    places = torch.from_numpy(np.flatnonzero(target >= 0)).to(model.device, non_blocking=True)
    wanted = torch.from_numpy(target[target >= 0]).to(model.device, non_blocking=True)
    # Padding is on the right, where a causal model does not look: without a mask the fast kernel is used.
    hidden = model.model(input_ids=torch.from_numpy(ids).to(model.device), use_cache=False).last_hidden_state
    logits = model.lm_head(hidden.flatten(0, 1)[places])
    return functional.cross_entropy(logits.float(), wanted, reduction="sum")


# Answers


def answered(
    model: Any, name: str, tests: dict[str, list[Pair]], options: argparse.Namespace
) -> dict[str, Any]:
    """Write what the model answers to every test item."""
    model.eval()
    if model.device.type == "cuda":
        model.to(torch.bfloat16)
    began = time.monotonic()
    texts: list[dict[str, Any]] = []
    for test, items in tests.items():
        for place, (text, ended) in enumerate(generated(model, items, options)):
            texts.append({"test": test, "item": place, "text": text, "ended": ended})
    body = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in texts)
    (options.out / f"generations_{name}.jsonl.gz").write_bytes(gzip.compress(body.encode(), mtime=0))
    return {"answers": len(texts), "answer_s": round(time.monotonic() - began, 1)}


@torch.inference_mode()
def generated(model: Any, items: Sequence[Pair], options: argparse.Namespace) -> list[tuple[str, bool]]:
    """Each item's text, and whether the model ended it by itself. Items of about the same length go together."""
    tokenizer = _renderer.tokenizer
    end = tokenizer.eos_token_id
    found: list[tuple[str, bool]] = [("", False)] * len(items)
    order = sorted(range(len(items)), key=lambda place: -len(items[place].prompt))
    for start in range(0, len(order), options.test_batch):
        places = order[start : start + options.test_batch]
        width = len(items[places[0]].prompt)
        ids = torch.full((len(places), width), end)
        mask = torch.zeros((len(places), width), dtype=torch.int64)
        for row, place in enumerate(places):
            prompt = torch.from_numpy(items[place].prompt.astype(np.int64))
            ids[row, width - len(prompt) :] = prompt
            mask[row, width - len(prompt) :] = 1
        written = model.generate(
            ids.to(model.device),
            attention_mask=mask.to(model.device),
            max_new_tokens=options.max_new_tokens,
            do_sample=False,
            eos_token_id=end,
            pad_token_id=end,
        )[:, width:].tolist()
        for place, one in zip(places, written, strict=True):
            ended = end in one
            found[place] = (tokenizer.decode(one[: one.index(end)] if ended else one), ended)
        say(f"  {start + len(places)} of {len(items)} answered")
    return found


if __name__ == "__main__":
    main()
