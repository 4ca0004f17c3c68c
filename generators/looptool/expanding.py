"""REWRITE: each failure of a student becomes several new rows of its kind (error-driven data expansion).

Zhang et al. 2025 (LoopTool), section 3: k variants of every failure, each with a focus of its own. Here they are made
of all kinds of failures: where the student should have asked, or should have said that nothing fits, too. Requests are
planned and executed before they are worded, as every request is; whether a variant is right is for the ladder to say.

Codes: `no_scenario` (the row's tools do not allow it), `near_duplicate` (nothing new), those of planning and of
conversations, and those of the methods that rewrite accepted variants.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from callwright.errors import GenerationError, ReplyError
from callwright.generators.base import Explored, Explorer, Rollout, Rows
from callwright.generators.conversing import together
from callwright.generators.looptool.focusing import Failed
from callwright.generators.looptool.novelty import Novelty
from callwright.generators.looptool.variants import METHOD, Variants, note_of
from callwright.llm.base import Model, Sampling
from callwright.schemas.base import digest
from callwright.schemas.loop import FOCI, Expanding
from callwright.schemas.probe import Failure
from callwright.schemas.task import Kind, Trajectory
from callwright.schemas.tool import Toolkit

BLOCK = 64
"""Failures in a block, which is one chain."""

Rewriter = Literal["mask", "parallel"]
_REWRITTEN: Mapping[Rewriter, Failure] = {"mask": "missed_question", "parallel": "missing_call"}
"""What is made of the accepted variants of which failure: requests that leave something out, where the student did not
ask; several wishes in one request, where it served too few."""

_PLAIN: tuple[Kind, ...] = ("single", "multi_step", "parallel")
"""Kinds of rows from which something can be taken out, or that can be joined."""


class Held:
    """Conversations in memory, in blocks: the `Rows` of a method that rewrites them."""

    def __init__(self, rows: Sequence[Trajectory]) -> None:
        self._rows = list(rows)

    def __len__(self) -> int:
        return -(-len(self._rows) // BLOCK)

    def block(self, number: int) -> list[Trajectory]:
        return self._rows[number * BLOCK : (number + 1) * BLOCK]


class Expansion:
    """Goes through a round's failures, a block at a time."""

    method = METHOD

    def __init__(
        self,
        model: Model,
        toolkits: Sequence[Toolkit],
        settings: Expanding,
        failures: Sequence[Failed],
        seed: int,
        *,
        rollout: Rollout,
        rewriters: Mapping[Rewriter, Callable[[Rows], Explorer]],
        known: Novelty,
        sampling: Sampling,
        at_once: int | None = None,
    ) -> None:
        """
        Args:
            model: Words requests; a language model is shown the failure.
            toolkits: The tools.
            settings: The recipe's part.
            failures: What the student fails at in this round.
            seed: The recipe's seed.
            rollout: Plays the conversations.
            rewriters: What masks requests, and what joins them, over rows in memory.
            known: Tells what is nothing new.
            sampling: How the model is sampled.
            at_once: Tries of a block that are under way at the most; all of them unless given.
        """
        self._at_once = at_once
        self._settings = settings
        self._failures = list(failures)
        self._seed = seed
        self._variants = Variants(model, toolkits, rollout, sampling)
        self._rewriters = rewriters
        self._known = known

    def chains(self) -> tuple[str, ...]:
        return tuple(f"{number:05d}" for number in range(-(-len(self._failures) // BLOCK)))

    async def explore(self, chain: str, episodes: int | None = None) -> list[Explored]:
        """Every try of every failure of a block, or of its first `episodes` failures."""
        start = int(chain) * BLOCK
        tries = [
            (failed, number, focus)
            for failed in self._failures[start : start + BLOCK][:episodes]
            for number, focus in enumerate(self.foci(failed))
        ]
        made = await together(
            (
                self._tried(failed, focus, number, self._number(chain, place))
                for place, (failed, number, focus) in enumerate(tries)
            ),
            self._at_once,
        )
        return self._new([failed for failed, _, _ in tries], made)

    async def multiply(self, chain: str, accepted: Sequence[Trajectory]) -> list[Explored]:
        """Accepted variants with something left out, and several joined to one."""
        place = BLOCK * self._settings.variants
        found = []
        for name, failure in _REWRITTEN.items():
            sources = {row.id: row for row in accepted if row.kind in _PLAIN and _failure_of(row) == failure}
            if name not in self._rewriters or not sources:
                continue
            # Notes are kept by the places of messages, which are going to move.
            plain = [row.model_copy(update={"notes": ()}) for row in sources.values()]
            for one in await _all_of(self._rewriters[name](Held(plain))):
                if one.trajectory is None or one.trajectory.id not in sources:  # it may come back as it was
                    found.append(self._ours(one, sources, name, failure, self._number(chain, place)))
                    place += 1
        return found

    def foci(self, failed: Failed) -> list[str]:
        """The focus of each try of a failure."""
        rng = random.Random(digest([self._identity(failed), "foci"]))
        return [rng.choice(FOCI) for _ in range(self._settings.variants)]

    def _identity(self, failed: Failed) -> str:
        return digest([self._seed, METHOD, failed.row.id, failed.step, failed.failure, failed.round])

    async def _tried(self, failed: Failed, focus: str, number: int, attempt: int) -> Explored:
        try:
            row = await self._variants.of(failed, focus, digest([self._identity(failed), number]), attempt)
        except (GenerationError, ReplyError) as error:
            told = f"{focus}: {str(error).removeprefix(f'{error.code}: ')}"
            return _refused(attempt, "generation", error.code, told, failed.failure)
        return Explored(attempt=attempt, trajectory=row, part=failed.failure)

    def _new(self, failures: Sequence[Failed], made: Sequence[Explored]) -> list[Explored]:
        """The tries without those that repeat something; of two that are alike the lower number stays."""
        kin: dict[str, list[tuple[str, Trajectory]]] = {}
        for seed in {failed.row.id: failed.row for failed in failures}.values():
            kin.setdefault(seed.task.root, []).append(("its seed", seed))
        found = []
        for failed, one in zip(failures, made, strict=True):
            family, row = kin[failed.row.task.root], one.trajectory
            if row is not None:
                copied = self._known.against_protected(row) or self._known.among(row, family)
                if copied:
                    one = _refused(one.attempt, "novelty", "near_duplicate", copied, one.part)
                else:
                    family.append((f"variant {one.attempt}", row))
            found.append(one)
        return found

    def _ours(
        self,
        one: Explored,
        sources: Mapping[str, Trajectory],
        way: Rewriter,
        failure: Failure,
        attempt: int,
    ) -> Explored:
        """What another method made, as a row of this one."""
        row = one.trajectory
        if row is None:
            return one.model_copy(update={"attempt": attempt, "part": failure})
        copied = self._known.against_protected(row)
        if copied:
            return _refused(attempt, "novelty", "near_duplicate", copied, failure)
        source = sources[row.provenance.source or ""]
        note = note_of(source)
        notes = (note.model_copy(update={"body": note.body | {"way": way}}),) if note else ()
        task = row.task.model_copy(update={"method": METHOD, "attempt": attempt})
        ours = row.model_copy(update={"task": task, "notes": (*row.notes, *notes)})
        return one.model_copy(update={"attempt": attempt, "part": failure, "trajectory": ours})

    def _number(self, chain: str, place: int) -> int:
        """Blocks take turns, try by try."""
        return place * len(self.chains()) + int(chain)


async def _all_of(explorer: Explorer) -> list[Explored]:
    return [one for chain in explorer.chains() for one in await explorer.explore(chain)]


def _failure_of(row: Trajectory) -> Failure | None:
    note = note_of(row)
    return note.body["failure"] if note else None


def _refused(attempt: int, gate: str, code: str, message: str, part: str) -> Explored:
    return Explored(attempt=attempt, gate=gate, code=code, message=message, part=part)
