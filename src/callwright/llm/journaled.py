"""A model that remembers: every answer is written down before it is used, and never asked for again."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from callwright.errors import ReplyError, StoreError
from callwright.llm.base import Completion, Model, Request, Sampling, Scorer, Usage, decisive
from callwright.llm.budget import SCORED, Cost, Purse, cost_of
from callwright.llm.journal import Journal
from callwright.schemas.base import digest
from callwright.schemas.version import LedgerEntry
from callwright.values.secrets import redact

Earlier = Callable[[str], dict[str, Any] | None]
"""Finds the ledger entry of a key in what earlier runs were answered, as JSON values."""

_Ask = Callable[[Request], Awaitable[Completion]]

_REFUSED = "refused"


def is_refusal(entry: Mapping[str, Any]) -> bool:
    """Whether a ledger entry holds an answer that could not be used, in place of a completion."""
    return _REFUSED in entry["response"]


class Journaled:
    """Looks in this run's journal, then in earlier runs, then asks the model.

    `stats` counts `asked`, `answered_from_journal`, `answered_from_store`, `shared` (waited for the same
    question of another item), and `prompt_tokens` and `completion_tokens` of what was asked.
    """

    def __init__(
        self,
        model: Model,
        journal: Journal,
        earlier: Earlier | None = None,
        *,
        purse: Purse | None = None,
        keep_refusals: bool = True,
    ) -> None:
        """With a purse, only what the model is really asked costs something.

        With `keep_refusals`, an answer that was refused (`ReplyError`) is written down as well and refused again.
        """
        self.id = model.id
        self.reads_variables = model.reads_variables
        self.stats: Counter[str] = Counter()
        self._model = model
        self._journal = journal
        self._earlier = earlier
        self._purse = purse
        self._keep_refusals = keep_refusals
        self._flights: dict[str, _Flight] = {}

    async def complete(self, request: Request) -> Completion:
        """Answer one request; `key` of the answer names its entry in the ledger.

        Raises:
            ModelError: The endpoint failed for good. Nothing is written; the next one who asks tries again.
            ReplyError: The answer does not have the shape that was asked for, now or when it was written down.
            StoreError: The answer could not be written down.
            BudgetError: The purse holds too little for it.
        """
        return await self._remembered(decisive(self._model, request), request, self._model.complete)

    async def score(self, request: Request, answer: Mapping[str, Any]) -> tuple[float, ...] | None:
        """Log-probability of each token of an answer, as the model tells it; that it cannot tell is written down too.

        Its entry in the ledger has the key of the whole conversation, the answer at its end, with `scored` beside it.

        Returns:
            None where the model cannot tell. Of a model that is no `Scorer` nothing is written.

        Raises:
            As `complete`.
        """
        model = self._model
        told = request.model_copy(
            update={
                "messages": (*request.messages, dict(answer)),
                "sampling": Sampling(max_tokens=1),
                "sample": 0,
            }
        )
        question = {**decisive(model, told), SCORED: True}
        if not isinstance(model, Scorer):
            known = self._look_up(digest(question))
            return known.logprobs if known else None

        async def scored(request: Request) -> Completion:
            return Completion(logprobs=await model.score(request, answer))

        return (await self._remembered(question, request, scored)).logprobs

    async def close(self) -> None:
        """Closes the model; the journal belongs to whoever opened it."""
        await self._model.close()

    async def _remembered(self, question: dict[str, Any], request: Request, ask: _Ask) -> Completion:
        key = digest(question)
        known = self._look_up(key)
        if known is not None:
            return known
        flight = self._flights.get(key)
        if flight is None or flight.task.done():
            task = asyncio.create_task(self._ask(key, question, request, ask))
            flight = self._flights[key] = _Flight(task)
        else:
            self.stats["shared"] += 1
        return await self._landing(key, flight)

    def _look_up(self, key: str) -> Completion | None:
        entry = self._journal.get(key)
        if entry is not None:
            self.stats["answered_from_journal"] += 1
            return _completion(entry)
        entry = self._earlier(key) if self._earlier else None
        if entry is None:
            return None
        found = _completion(entry)
        self._journal.append(entry)
        self.stats["answered_from_store"] += 1
        return found

    async def _landing(self, key: str, flight: _Flight) -> Completion:
        """The flight's answer or error; it is called off when nobody waits for it any more."""
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                flight.task.cancel()
                if self._flights.get(key) is flight:
                    del self._flights[key]

    async def _ask(self, key: str, question: dict[str, Any], request: Request, ask: _Ask) -> Completion:
        if self._purse is None:
            return _completion(await self._answered(key, question, request, ask))
        most = await self._purse.take(question)
        used = Cost()
        try:
            entry = await self._answered(key, question, request, ask)
            used = cost_of(entry)
        except ReplyError:
            used = most  # an answer of no use is paid for all the same; how dear it was nobody says
            raise
        finally:
            self._purse.settle(most, used)
        return _completion(entry)

    async def _answered(
        self, key: str, question: dict[str, Any], request: Request, ask: _Ask
    ) -> dict[str, Any]:
        """The entry of the model's answer, or of its refusal, written down."""
        usage = Usage()
        try:
            answer = await ask(request)
            usage = answer.usage
            response = answer.model_dump(mode="json", exclude={"key"})
        except ReplyError as error:
            if not self._keep_refusals:
                raise
            response = {_REFUSED: {"code": error.code, "message": error.message}}
        entry = {
            "key": key,
            "purpose": request.purpose,
            "model": self.id,
            "item": request.item,
            "request": question,
            "response": response,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
        }
        # What is written down has no secrets, and a run that is resumed sees what this one sees.
        entry["response"] = json.loads(redact(json.dumps(response)))
        self._journal.append(entry)
        self.stats["asked"] += 1
        self.stats["prompt_tokens"] += usage.prompt_tokens
        self.stats["completion_tokens"] += usage.completion_tokens
        # The answer is read back from the entry, so that a run that is resumed sees the very same value.
        return entry


@dataclass
class _Flight:
    """One question under way, and how many wait for its answer."""

    task: asyncio.Task[Completion]
    waiting: int = 0


def _completion(entry: dict[str, Any]) -> Completion:
    try:
        kept = LedgerEntry.model_validate(entry)
        if is_refusal(entry):
            raise ReplyError(**kept.response[_REFUSED])
        return Completion.model_validate({**kept.response, "key": kept.key})
    except ValidationError as error:
        raise StoreError(
            f"the ledger entry {entry.get('key')!r} was not written by this version of callwright "
            f"({error.error_count()} problems); start a new run"
        ) from error
