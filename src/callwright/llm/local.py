"""A model in a folder, run in this process: questions that arrive together are answered together, in a thread."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from callwright.errors import ModelError, ReplyError, UsageError
from callwright.llm import hermes
from callwright.llm.base import Completion, Request, Usage, request_key
from callwright.llm.chat_template import ChatTemplate
from callwright.llm.wire import with_instruction
from callwright.schemas.base import digest
from callwright.schemas.recipe import LocalModel

if TYPE_CHECKING:
    import torch

_SETTLE_S = 0.02
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class _Asked:
    """A question that waits for its turn."""

    request: Request
    prompt: list[int]
    max_tokens: int
    seed: int
    answer: asyncio.Future[_Answer]


@dataclass(frozen=True)
class _Answer:
    ids: list[int]
    """The token that ends the turn among them, where one came."""
    logprobs: list[float]


class LocalChat:
    """A causal language model of transformers', read from a folder and from nowhere else; also a `Scorer`.

    `stats` counts `requests`, `answered` and `batches`. At temperature 0 the likeliest token is taken, else one is
    drawn from the request's own digest, so the same request is answered the same. Floating point depends a little on
    what is answered together; what was answered is kept by the ledger. `tool_choice` is left to the model.
    """

    reads_variables = False

    def __init__(self, config: LocalModel, base: Path) -> None:
        """The weights are loaded with the first question. `base` is the folder that paths are relative to.

        Raises:
            UsageError: The folder holds no model, the template is not there, or the extra `train` is not installed.
        """
        _offline()
        self._config = config
        self._folder = (base / config.model).expanduser()
        self._tokenizer, self._template = _tokenizer(self._folder, config, base)
        self.id = f"local:{self._folder.name}@{_weights(self._folder, self._template.text)[:16]}"
        self.stats: Counter[str] = Counter()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="local-model")
        self._model: Any = None
        self._waiting: list[_Asked] = []
        self._worker: asyncio.Task[None] | None = None

    async def complete(self, request: Request) -> Completion:
        """Answer one request, together with those that arrive with it.

        Raises:
            ModelError: The weights cannot be loaded, or the machine has too little memory.
            ReplyError: `context_overflow`: the prompt is too long, and is never cut; `raw_call_text`: what looks like
                a call cannot be read.
        """
        self.stats["requests"] += 1
        max_tokens = min(request.sampling.max_tokens, self._config.max_tokens)
        prompt = self._template.prompt(_messages(request), request.tools)
        self._check_room(len(prompt), max_tokens)
        future: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        seed = int(request_key(self, request)[:15], 16)
        self._waiting.append(_Asked(request, prompt, max_tokens, seed, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        answer = await future
        self.stats["answered"] += 1
        return self._completion(request, len(prompt), answer)

    async def score(self, request: Request, answer: Mapping[str, Any]) -> tuple[float, ...] | None:
        """Log-probability of each token of an answer, the one that ends it included; None where the template does not
        write an answer after its prompt.

        Raises:
            ModelError: The weights cannot be loaded.
            ReplyError: `context_overflow`.
        """
        try:
            prompt, completion = self._template.pair(_messages(request), request.tools, answer)
        except ValueError:
            return None
        self._check_room(len(prompt), len(completion))
        return tuple(await self._in_thread(lambda: self._scored(prompt, completion)))

    async def close(self) -> None:
        """Let go of the weights; what is being generated is waited for."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)
        self._model = None

    def _check_room(self, prompt: int, answer: int) -> None:
        if prompt > self._config.context - answer:
            raise ReplyError(
                "context_overflow",
                f"{prompt} tokens of prompt and {answer} of answer do not fit into {self._config.context}; raise the "
                "model's context in the recipe",
            )

    async def _work(self) -> None:
        """Batches until nobody waits; those of like length go together."""
        while self._waiting:
            await asyncio.sleep(_SETTLE_S)
            self._waiting.sort(key=lambda one: -len(one.prompt))
            batch = self._waiting[: self._config.in_flight]
            self._waiting = self._waiting[self._config.in_flight :]
            try:
                answers = await self._in_thread(partial(self._answers, batch))
            except BaseException as error:
                for one in (*batch, *self._waiting):
                    if not one.answer.done():
                        one.answer.set_exception(
                            error if isinstance(error, Exception) else ModelError("the model was closed")
                        )
                self._waiting = []
                if not isinstance(error, Exception):
                    raise
                return
            self.stats["batches"] += 1
            for one, answer in zip(batch, answers, strict=True):
                if not one.answer.done():
                    one.answer.set_result(answer)

    async def _in_thread(self, work: Callable[[], _Made]) -> _Made:
        def with_weights() -> _Made:
            if self._model is None:
                self._model = _load(self._folder)
            return work()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, with_weights)
        except (RuntimeError, MemoryError, OSError) as error:
            raise ModelError(
                f"{self._folder}: the model fails ({str(error).splitlines()[0][:200]})"
            ) from error

    def _answers(self, batch: Sequence[_Asked]) -> list[_Answer]:
        import torch
        from transformers import GenerationConfig, LogitsProcessorList

        model, ends = self._model, list(self._template.ends)
        longest = max(len(one.prompt) for one in batch)
        padding = ends[0]
        ids = torch.tensor([[padding] * (longest - len(one.prompt)) + one.prompt for one in batch])
        mask = torch.tensor([[0] * (longest - len(one.prompt)) + [1] * len(one.prompt) for one in batch])
        choice = _Choice([(one.request.sampling.temperature, one.seed) for one in batch])
        with torch.inference_mode():
            made = model.generate(
                input_ids=ids.to(model.device),
                attention_mask=mask.to(model.device),
                generation_config=GenerationConfig(
                    max_new_tokens=max(one.max_tokens for one in batch),
                    do_sample=False,
                    eos_token_id=ends,
                    pad_token_id=padding,
                ),
                logits_processor=LogitsProcessorList([choice]),
            )
        answers = []
        for number, one in enumerate(batch):
            written = made[number, longest:].tolist()[: one.max_tokens]
            end = next((at + 1 for at, token in enumerate(written) if token in ends), len(written))
            answers.append(_Answer(written[:end], choice.logprobs(number)[:end]))
        return answers

    def _scored(self, prompt: list[int], completion: list[int]) -> list[float]:
        import torch

        ids = torch.tensor([prompt + completion], device=self._model.device)
        with torch.inference_mode():
            logits = self._model(ids, logits_to_keep=len(completion) + 1).logits[0, :-1].float()
        chosen = torch.tensor(completion, device=logits.device)[:, None]
        found: list[float] = logits.log_softmax(-1).gather(1, chosen)[:, 0].tolist()
        return found

    def _completion(self, request: Request, prompt: int, answer: _Answer) -> Completion:
        ended = bool(answer.ids) and answer.ids[-1] in self._template.ends
        text = self._template.decode(answer.ids)
        rest = {
            "usage": Usage(prompt_tokens=prompt, completion_tokens=len(answer.ids)),
            "logprobs": tuple(answer.logprobs) if request.sampling.logprobs else None,
        }
        if not ended:
            # A call that was cut off cannot be read by anyone.
            return Completion(text=text, finish_reason="length", **rest)
        if not request.tools:
            return Completion(text=text, **rest)
        said, calls = hermes.read(f"<think>{text}" if self._template.thinks else text)
        return Completion(
            text=said, tool_calls=calls, finish_reason="tool_calls" if calls else "stop", **rest
        )


class _Choice:
    """Turns the likeliest token into one drawn by temperature (Gumbel's trick), row by row, and keeps its likelihood.

    The log-probabilities are those of the model itself, at temperature 1.
    """

    def __init__(self, rows: Sequence[tuple[float, int]]) -> None:
        """`rows`: temperature and seed of each."""
        import torch

        self._rows = [
            (temperature, torch.Generator().manual_seed(seed) if temperature > 0 else None)
            for temperature, seed in rows
        ]
        self._logprobs: list[torch.Tensor] = []

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        import torch

        raw = scores.float()
        drawn = raw.clone()
        for number, (temperature, generator) in enumerate(self._rows):
            if generator is not None:
                uniform = torch.rand(raw.shape[-1], generator=generator).clamp(1e-20, 1 - 1e-7)
                drawn[number] = raw[number] / temperature - (-uniform.log()).log().to(raw.device)
        self._logprobs.append(raw.log_softmax(-1).gather(1, drawn.argmax(-1, keepdim=True))[:, 0].cpu())
        return drawn

    def logprobs(self, row: int) -> list[float]:
        return [float(step[row]) for step in self._logprobs]


def _messages(request: Request) -> tuple[dict[str, Any], ...]:
    """The messages; a schema is stated in words, for nothing holds the decoder to it."""
    return (
        with_instruction(request.messages, request.reply_schema) if request.reply_schema else request.messages
    )


def _offline() -> None:
    # Read by the libraries when they are first imported: no hub is asked for anything.
    os.environ["HF_HUB_OFFLINE"] = "1"


def _tokenizer(folder: Path, config: LocalModel, base: Path) -> tuple[Any, ChatTemplate]:
    if not (folder / "config.json").is_file():
        raise UsageError(
            f"{folder} holds no model (no config.json); correct models.student.model in the recipe"
        )
    try:
        from transformers import AutoTokenizer
    except ImportError:
        raise UsageError("engine: local needs the extra train: pip install 'callwright[train]'") from None
    try:
        text = (base / config.template).read_text(encoding="utf-8") if config.template else None
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder}: the tokenizer or the template cannot be read ({error})") from error
    return tokenizer, ChatTemplate(tokenizer, text, str(folder))


def _load(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig

    gpu = torch.cuda.is_available()
    # Weights as they were saved, but on a CPU that multiplies bfloat16 several times as fast.
    dtype = torch.bfloat16 if not gpu and fast_bf16() else "auto"
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=dtype)
    # What a model's makers recommend, such as a penalty for repetition, would change what it is measured by.
    model.generation_config = GenerationConfig()
    return model.to("cuda" if gpu else "cpu").eval()


def fast_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware."""
    import torch

    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def _weights(folder: Path, template: str) -> str:
    """Names the weights and the template by their content."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise UsageError(f"{folder} holds no weights (*.safetensors); save the model with save_pretrained")
    return digest([[_file_digest(file) for file in files], template])


def _file_digest(file: Path) -> str:
    status = file.stat()
    key = (str(file.resolve()), status.st_size, status.st_mtime_ns)
    if key not in _DIGESTS:
        with file.open("rb") as opened:
            _DIGESTS[key] = hashlib.file_digest(opened, "sha256").hexdigest()
    return _DIGESTS[key]


_DIGESTS: dict[tuple[str, int, int], str] = {}
"""(Path, size, time of change) -> digest: a student is opened more than once in a run."""
