"""REWRITE: the same call, asked for in other words; what was said for the call must still be there.

Wang et al. 2024 (STE), section 3.2. One chat for each seed; its history presses for something new.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from callwright.errors import ReplyError
from callwright.generators.base import Explored
from callwright.generators.conversing import together
from callwright.generators.ste.examples import Known, grounded
from callwright.generators.ste.prompts import prompt
from callwright.llm.base import Model, Request, Sampling
from callwright.llm.replies import ask
from callwright.schemas.message import UserMessage
from callwright.schemas.task import Trajectory
from callwright.values.derivations import Grounding, Synonyms
from callwright.values.facts import unseen, unseen_names
from callwright.values.mentions import Mentions, contains, fold

_MOST = 6
"""Paraphrases of one seed, at the most (reference code)."""

_REPLY = {
    "type": "object",
    "properties": {"request": {"type": "string", "minLength": 3}},
    "required": ["request"],
    "additionalProperties": False,
}


def count_for(seeds: int, target: int = 150) -> int:
    """Paraphrases of each seed: as many as bring so many seeds to the target, from one to six (reference code)."""
    return max(1, min(round(target / seeds) - 1, _MOST))


class _Said(NamedTuple):
    """A wording, and the ledger's key of the answer that gave it."""

    request: str
    key: str


class Paraphraser:
    """Rewords the requests of accepted rows; the calls, their results and the answer stay as they are."""

    def __init__(self, model: Model, sampling: Sampling, synonyms: Synonyms) -> None:
        self._model = model
        self._sampling = sampling
        self._synonyms = synonyms

    async def of(self, seeds: Sequence[Trajectory], target: int) -> list[Explored]:
        """Paraphrases of one tool's seeds, those that are refused among them; the seeds take turns.

        Raises:
            ModelError: The endpoint failed for good.
        """
        count = count_for(len(seeds), target)
        worded = await together(self._chat(seed, count) for seed in seeds)
        known = Known()
        for seed in seeds:
            known.add(seed.task.instruction)
        return [
            self._made(seed, said[turn], known)
            for turn in range(count)
            for seed, said in zip(seeds, worded, strict=True)
        ]

    async def _chat(self, seed: Trajectory, count: int) -> list[_Said | ReplyError]:
        """So many wordings of one seed, or what was wrong with the answer."""
        asked = f"The request: {seed.task.instruction}"
        if values := list(dict.fromkeys(self._values(seed))):
            asked += "\n\nValues that must still be there: " + "; ".join(values)
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": prompt("paraphrase").template},
            {"role": "user", "content": asked},
        ]
        found: list[_Said | ReplyError] = []
        for turn in range(count):
            try:
                reply = await ask(self._model, self._request(seed, messages, turn))
            except ReplyError as error:
                found.append(error)
                continue
            found.append(_Said(reply.parsed["request"].strip(), reply.key))
            messages = [
                *messages,
                {"role": "assistant", "content": json.dumps(reply.parsed, ensure_ascii=False)},
                {"role": "user", "content": prompt("paraphrase_again").template},
            ]
        return found

    def _request(self, seed: Trajectory, messages: Sequence[dict[str, Any]], turn: int) -> Request:
        variables: dict[str, Any] = {}
        if self._model.reads_variables:
            plan = seed.task.plan | {"turn": seed.task.plan["turn"] + turn + 1}
            clock = seed.task.clock.isoformat()
            variables = {"plan": plan, "seed": seed.task.attempt * (_MOST + 1) + turn, "clock": clock}
        return Request(
            purpose="ste.paraphrase",
            messages=tuple(messages),
            reply_schema=_REPLY,
            variables=variables,
            sampling=self._sampling,
            sample=seed.task.attempt * _MOST + turn,
            item=f"ste/paraphrase/{seed.task.toolkit}/{seed.task.attempt}",
            urgency=len(messages),
        )

    def _values(self, seed: Trajectory) -> Iterator[str]:
        """The words of a request that arguments of the calls were made from."""
        for found in grounded(seed, seed.task.instruction, self._synonyms):
            if isinstance(found, Grounding) and found.source is not None:
                yield found.text

    def _made(self, seed: Trajectory, said: _Said | ReplyError, known: Known) -> Explored:
        if isinstance(said, ReplyError):
            return Explored(attempt=0, gate="generation", code=said.code, message=said.message)
        row = _reworded(seed, said)
        against = self._against(seed, said.request, known)
        if against is None:
            known.add(said.request)
            return Explored(attempt=0, trajectory=row)
        code, message = against
        return Explored(attempt=0, trajectory=row, gate="paraphrase", code=code, message=message)

    def _against(self, seed: Trajectory, said: str, known: Known) -> tuple[str, str] | None:
        """Code and message of what is wrong with a wording."""
        before, after = (
            grounded(seed, seed.task.instruction, self._synonyms),
            grounded(seed, said, self._synonyms),
        )
        for old, new in zip(before, after, strict=True):
            if isinstance(old, Grounding) and old.source is not None and not isinstance(new, Grounding):
                return "value_lost", f"{old.path}: {old.text!r} is not said any more"
        seen, worded = Mentions(seed.task.instruction, seed.task.clock), Mentions(said, seed.task.clock)
        added = next((words for _, words in unseen(worded, [seen])), None)
        added = added or next(
            (name for name in unseen_names(worded, [seen]) if _is_new(name, worded, seen)), None
        )
        if added:
            return "fact_added", f"{added!r} was not in the request"
        if near := known.near(said):
            return "near_duplicate", f"nearly the same as: {near}"
        return None


def _reworded(seed: Trajectory, said: _Said) -> Trajectory:
    task = seed.task.model_copy(update={"instruction": said.request, "parent": seed.task.root})
    first, _, *rest = seed.messages
    keys = (*seed.provenance.calls, said.key) if said.key else seed.provenance.calls
    return seed.model_copy(
        update={
            "task": task,
            "messages": (first, UserMessage(content=said.request), *rest),
            "provenance": seed.provenance.model_copy(update={"calls": keys}),
        }
    )


def _is_new(name: str, worded: Mentions, seen: Mentions) -> bool:
    """Whether a name is one without the word that opens a sentence: of "Remove Ann Lee" the last two count."""
    if re.search(rf"(?:^|[.!?:][\"”]?\s+){re.escape(name)}", worded.text):
        _, _, name = name.partition(" ")
    return bool(name) and not contains(seen.folded, fold(name))
