"""REWRITE: blocks of verified rows become dialogues in which the assistant asks for what was taken out.

Zhang et al. 2025 (AskToAct): masking (`masking.py`), dialogues (`dialogue.py`), slips and their corrections
(`errors.py`); whole requests stay as controls.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from callwright.errors import GenerationError, ReplyError
from callwright.generators.asktoact.detecting import slips
from callwright.generators.asktoact.dialogue import Dialogue
from callwright.generators.asktoact.errors import Slips
from callwright.generators.asktoact.intents import Intent, Inventory, inventory, problem
from callwright.generators.asktoact.masking import check, choose, rating_request, rewriting_request
from callwright.generators.asktoact.prompts import digests
from callwright.generators.asktoact.reviewing import Reviewer
from callwright.generators.asktoact.wordings import other_words
from callwright.generators.base import Explored, Rows
from callwright.generators.conversing import together
from callwright.llm.base import Completion, Model, Request, Sampling
from callwright.llm.replies import ask
from callwright.schemas.base import digest
from callwright.schemas.phrases import PhraseSheet
from callwright.schemas.recipe import ERRORS, AskToAct, UserStyle
from callwright.schemas.task import OFFLINE, Note, Provenance, Trajectory
from callwright.schemas.tool import Toolkit
from callwright.schemas.verdict import Verdict
from callwright.values.derivations import Synonyms

METHOD = "asktoact"
CONTROL, CLEAN, CONFIRMED = "control", "clean", "confirmed"
"""The sorts of rows besides the four errors."""

_MORE_CONTROLS = 0.1
"""Share of the rows that could be masked and stay whole, so that controls are not all of one sort."""

_TRIES = 3
"""How often values are chosen and a request without them is asked for."""


@dataclass(frozen=True)
class _Given:
    """A source row with what is to become of it."""

    row: Trajectory
    number: int
    found: Inventory
    part: str
    style: UserStyle
    wrong: Mapping[str, str]
    """Intent id -> another value in words, for who says or reads something wrong."""


class Clarifications:
    """Goes through a version's rows, a block at a time."""

    def __init__(
        self,
        model: Model,
        judge: Model,
        rows: Rows,
        toolkits: Sequence[Toolkit],
        settings: AskToAct,
        seed: int,
        *,
        synonyms: Synonyms,
        sampling: Sampling,
    ) -> None:
        """
        Args:
            model: Rates, rewords, asks, answers and slips.
            judge: Reads what was asked; rules do not.
            rows: Verified conversations.
            toolkits: Their toolkits, for the phrase sheets.
            settings: The method's part of the recipe.
            seed: The recipe's seed.
            synonyms: Words that phrase sheets declare for values.
            sampling: How the model is sampled.
        """
        self._model = model
        self._rows = rows
        self._sheets: Mapping[str, PhraseSheet | None] = {kit.name: kit.phrases for kit in toolkits}
        self._settings = settings
        self._seed = seed
        self._synonyms = synonyms
        self._sampling = sampling
        self._slips = Slips(synonyms)
        self._reviewer = None if judge.reads_variables else Reviewer(judge)

    def chains(self) -> tuple[str, ...]:
        return tuple(f"{number:05d}" for number in range(len(self._rows)))

    async def explore(self, chain: str, episodes: int | None = None) -> list[Explored]:
        block = int(chain)
        rows = self._rows.block(block)[:episodes]
        return await together(self._made(given) for given in self._planned(rows, block))

    async def multiply(self, chain: str, accepted: Sequence[Trajectory]) -> list[Explored]:
        """Nothing: each row is rewritten once."""
        return []

    def _planned(self, rows: Sequence[Trajectory], block: int) -> list[_Given]:
        """What each row of a block shall become: always the sort of which there is the least so far."""
        shares = {part: count / 1000 for part, count in self._settings.parts("clarification", 1000).items()}
        shares[CONTROL] = _MORE_CONTROLS if self._settings.control_share else 0.0
        so_far: Counter[str] = Counter()
        styles = self._settings.styles
        planned = []
        for place, row in enumerate(rows):
            number = place * len(self._rows) + block
            if problem(row):
                planned.append(_Given(row, number, Inventory(), "", styles[0], {}))
                continue
            found = inventory(row, self._synonyms, optional=not self._model.reads_variables)
            style = styles[(block + so_far.total()) % len(styles)]
            if not found.maskable:
                planned.append(_Given(row, number, found, CONTROL, style, {}))
                continue
            wrong = self._wrong(row, found)
            fit = [part for part in shares if shares[part] and self._fits(part, found, wrong)]
            part = max(fit, key=lambda one: shares[one] * (so_far.total() + 1) - so_far[one])
            so_far[part] += 1
            planned.append(_Given(row, number, found, part, style, wrong))
        return planned

    def _fits(self, part: str, found: Inventory, wrong: Mapping[str, str]) -> bool:
        """Whether a row has what a slip needs: something said already, or another value to read."""
        if part == "redundant":
            return len(found.maskable) > 1 or bool(found.kept)
        return part != "misread" or bool(wrong)

    def _wrong(self, row: Trajectory, found: Inventory) -> dict[str, str]:
        rng, sheet = self._rng(row, "slips"), self._sheets.get(row.task.toolkit)
        drawn = {one.id: other_words(one, row, sheet, rng) for one in found.maskable}
        return {id_: words for id_, words in drawn.items() if words}

    async def _made(self, given: _Given) -> Explored:
        code = problem(given.row)
        if code:
            told = "only conversations with one request and calls can be masked"
            return Explored(attempt=given.number, gate="masking", code=code, message=told)
        if given.part == CONTROL:
            return Explored(attempt=given.number, trajectory=self._control(given), part=CONTROL)
        try:
            return await self._dialogue(given)
        except (GenerationError, ReplyError) as error:
            message = str(error).removeprefix(f"{error.code}: ")
            return Explored(
                attempt=given.number, gate="masking", code=error.code, message=message, part=given.part
            )

    def _control(self, given: _Given) -> Trajectory:
        """A whole request as it is: to be served without a question."""
        row = given.row
        task = row.task.model_copy(
            update={"method": METHOD, "attempt": given.number, "kind": row.kind, "parent": row.task.root}
        )
        provenance = row.provenance.model_copy(update={"source": row.id})
        note = Note(step=1, label="request", body={"refused": dict(given.found.refused)})
        return row.model_copy(update={"task": task, "provenance": provenance, "notes": (note,)})

    async def _dialogue(self, given: _Given) -> Explored:
        row, part, style = given.row, given.part, given.style
        teacher = _Asking(self._model, self._sampling, given.number)
        sheet = self._sheets.get(row.task.toolkit)
        request, masked = await self._masked(teacher, given)
        wrong = {one.id: given.wrong[one.id] for one in masked if one.id in given.wrong}
        if style == "corrects_himself" and (part == "misread" or not wrong):
            # Whoever has just been put right would read him wrongly twice; or nothing wrong comes to his mind.
            style = "terse"
        dialogue = Dialogue(row, request, masked, style, wrong, self._synonyms, self._rng(row, "style"))
        await dialogue.play(teacher, self._settings.questions_at_once)
        made = self._row(given, dialogue, request, masked, style, part)
        if part in (*ERRORS, CONFIRMED):
            try:
                kept = [one for one in (*given.found.kept, *given.found.maskable) if one not in masked]
                made = await self._slips.into(teacher, part, made, kept, wrong, self._rng(row, "place"))
            except GenerationError as error:
                if error.code != "no_place":
                    raise
                part = CLEAN
        made = self._finished(given, made, part, teacher)
        self._check_by_rule(made, part, sheet)
        verdicts = await self._reviewed(made, given.number)
        return Explored(
            attempt=given.number,
            trajectory=made,
            part=part,
            verdicts=verdicts,
            gate="review" if any(one.outcome != "pass" for one in verdicts) else "",
            code=next((one.code for one in verdicts if one.outcome != "pass"), ""),
            message=next((one.message for one in verdicts if one.outcome != "pass"), ""),
        )

    async def _masked(self, teacher: _Asking, given: _Given) -> tuple[str, list[Intent]]:
        """The request without some of its values, and which."""
        row, found = given.row, given.found
        ratings = (await teacher.ask(rating_request(row, found.maskable))).parsed
        must = given.wrong.keys() if given.part == "misread" else set()
        against: GenerationError | None = None
        for number in range(_TRIES):
            # Not every choice leaves a request that can be said.
            rng = self._rng(row, f"choice {number}")
            masked = choose(found.maskable, ratings, self._settings.max_masked, rng, must)
            if not masked:
                raise GenerationError("nothing_matters", "no value is one that careful people would ask for")
            try:
                reply = await teacher.ask(rewriting_request(row, masked))
                request = str(reply.parsed["request"]).strip()
                check(row, found, masked, request, self._synonyms)
            except GenerationError as error:
                against = error
            else:
                return request, masked
        assert against is not None
        raise against

    def _row(
        self,
        given: _Given,
        dialogue: Dialogue,
        request: str,
        masked: Sequence[Intent],
        style: UserStyle,
        part: str,
    ) -> Trajectory:
        row = given.row
        task = row.task.model_copy(
            update={
                "method": METHOD,
                "attempt": given.number,
                "instruction": request,
                "hidden": {"intents": [one.model_dump(mode="json") for one in masked], "style": style},
                "plan": {},  # it words the whole request
                "parent": row.task.root,
            }
        )
        first, *notes = dialogue.notes
        refused = first.model_copy(update={"body": first.body | {"refused": dict(given.found.refused)}})
        return row.model_copy(
            update={"task": task, "messages": tuple(dialogue.messages), "notes": (refused, *notes)}
        )

    def _finished(self, given: _Given, made: Trajectory, part: str, teacher: _Asking) -> Trajectory:
        source = given.row.provenance
        provenance = Provenance(
            teacher=_both(source.teacher, self._model.id),
            prompts=source.prompts | digests(),
            calls=(*source.calls, *teacher.keys),
            source=given.row.id,
        )
        task = made.task.model_copy(update={"kind": made.kind, "hidden": made.task.hidden | {"part": part}})
        return made.model_copy(update={"task": task, "provenance": provenance})

    def _check_by_rule(self, made: Trajectory, part: str, sheet: PhraseSheet | None) -> None:
        """What rules worded, rules can read: a slip is found where one was made, and nowhere else."""
        if not self._model.reads_variables:
            return
        found = [slip.kind for slip in slips(made, sheet, self._synonyms)]
        if found != ([part] if part in ERRORS else []):
            raise GenerationError("slip_unclear", f"{part}: reading the dialogue finds {found or 'nothing'}")

    async def _reviewed(self, made: Trajectory, number: int) -> tuple[Verdict, ...]:
        if self._reviewer is None:
            return ()
        return (await self._reviewer.rule(made, number),)

    def _rng(self, row: Trajectory, purpose: str) -> random.Random:
        return random.Random(digest([self._seed, METHOD, row.id, purpose]))


class _Asking:
    """Asks a model for one attempt."""

    def __init__(self, model: Model, sampling: Sampling, number: int) -> None:
        self.keys: list[str] = []
        self._model = model
        self._sampling = sampling
        self._number = number
        self._asked = 0

    async def ask(self, request: Request) -> Completion:
        same = {"sampling": self._sampling, "item": f"{METHOD}/{self._number}"}
        # The same question a second time is another sample.
        same["sample"] = self._asked
        self._asked += 1
        variables = request.variables if self._model.reads_variables else {}
        completion = await ask(self._model, request.model_copy(update={**same, "variables": variables}))
        if completion.key:
            self.keys.append(completion.key)
        return completion


def _both(source: str, own: str) -> str:
    """Who made a row: the teacher of its source and the one that rewrote it, a language model first."""
    if source.split(":")[0] == own.split(":")[0] == OFFLINE or source == own:
        return own
    first, second = (own, OFFLINE) if source.startswith(OFFLINE) else (source, own)
    return f"{first} + {OFFLINE if second.startswith(OFFLINE) else second}"
