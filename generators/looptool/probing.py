"""PROBE: what a student does at a decision, how sure it is, and how often it is right.

Zhang et al. 2025 (LoopTool), section 3, greedy capability probing: one greedy answer and its perplexity. Beyond it, the
label's own perplexity, and sampled answers for a band (see `bands`), because one answer says "can" of what is done
right 3 times in 10.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from callwright.errors import ReplyError
from callwright.generators.looptool.answers import is_right, prediction_of
from callwright.generators.looptool.bands import band_of
from callwright.generators.looptool.decisions import Decision
from callwright.llm.base import Model, Request, Sampling, Scorer
from callwright.schemas.loop import Probing
from callwright.schemas.message import to_wire
from callwright.schemas.probe import Band, Prediction, Probe
from callwright.values.calls import tool_match

_LARGEST = 700.0
"""Of what exp takes; servers write a token that cannot be as -9999."""


class Prober:
    """Asks a student what it would do.

    A decision costs at most `1 + settings.samples` answers, and one scoring of the label where the student can score.
    An answer's number in the ledger is 0 for the greedy one, then 1, 2, ... for the sampled ones of the same decision,
    so what is found out depends on neither order nor concurrency.
    """

    def __init__(self, student: Model, settings: Probing, sampling: Sampling) -> None:
        """Of `sampling`, the most tokens of an answer count; a thinking student's thoughts are among them."""
        self._student = student
        self._settings = settings
        self._greedy = sampling.model_copy(update={"temperature": 0.0, "logprobs": True})
        self._sampled = sampling.model_copy(update={"temperature": settings.temperature, "logprobs": False})

    async def probe(self, decision: Decision) -> Probe:
        """What the student does at one decision. An answer that nobody can act on is a wrong one, of its own class.

        Raises:
            ModelError: The endpoint failed for good; that is no answer.
        """
        greedy = await self._answer(decision.request(self._greedy))
        # Where the conversation does not fit the student's context, no sample of it does.
        sampled, band = await self._sample(decision) if greedy.outcome != "refused" else ([], None)
        return Probe(
            task=decision.row.task.id,
            trajectory=decision.row.id,
            step=decision.step,
            student=self._student.id,
            greedy=greedy,
            correct=is_right(decision, greedy),
            label_perplexity=await self._label_perplexity(decision, greedy),
            perplexity=perplexity(greedy.logprobs),
            attempts=len(sampled),
            successes=sum(is_right(decision, one) for one in sampled),
            band=band,
            calls=tuple(len(one.tool_calls) for one in sampled),
        )

    async def _sample(self, decision: Decision) -> tuple[list[Prediction], Band | None]:
        """Sampled answers, one after the other, until the band is settled."""
        sampled: list[Prediction] = []
        successes, band = 0, None
        while band is None and len(sampled) < self._settings.samples:
            sampled.append(await self._answer(decision.request(self._sampled, len(sampled) + 1)))
            successes += is_right(decision, sampled[-1])
            band = band_of(self._settings, successes, len(sampled))
        return sampled, band

    async def _answer(self, request: Request) -> Prediction:
        try:
            return prediction_of(await self._student.complete(request))
        except ReplyError as error:
            return prediction_of(error)

    async def _label_perplexity(self, decision: Decision, greedy: Prediction) -> float | None:
        """How surprising the label is to the student.

        By its scores where it has them. Else the greedy answer's log-probabilities serve where that answer is the
        label, token for token as far as can be seen; otherwise nobody knows, and nothing is guessed.
        """
        scored = None
        wanted = self._settings.label_perplexity and greedy.outcome != "refused"
        if wanted and isinstance(self._student, Scorer):
            try:
                scored = await self._student.score(decision.request(self._greedy), to_wire(decision.label))
            except ReplyError:
                # The prompt with the label is longer than the prompt, and need not fit.
                return None
        if scored is None and _is_the_label(decision, greedy):
            scored = greedy.logprobs
        return perplexity(scored)


def perplexity(logprobs: Sequence[float] | None) -> float | None:
    """exp of the mean negative log-probability (natural logarithm) of tokens; None without any.

    Finite even where a token is impossible.
    """
    if not logprobs:
        return None
    return math.exp(min(-math.fsum(logprobs) / len(logprobs), _LARGEST))


def _is_the_label(decision: Decision, greedy: Prediction) -> bool:
    """Whether an answer is the label itself: the same text without a thought before it, the same calls in order."""
    label = decision.label
    return (
        greedy.outcome in ("calls", "words")
        and greedy.text.strip() == label.content.strip()
        and len(greedy.tool_calls) == len(label.tool_calls)
        and all(
            tool_match(decision.tools, [wanted], [made])
            for wanted, made in zip(label.tool_calls, greedy.tool_calls, strict=True)
        )
    )
