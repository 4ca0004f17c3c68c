"""SOURCE and ROLLOUT in one: every tool is explored by trial and error, and what is good is kept and multiplied.

Wang et al. 2024 (STE): section 3.1 is the exploration (`trials.py`), section 3.2 what is made of it: a filter with
three aspects (`filtering.py`) and paraphrases (`paraphrasing.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from callwright.generators.base import Explored
from callwright.generators.conversing import together
from callwright.generators.ste.examples import Known, last_call, unsaid_values
from callwright.generators.ste.filtering import Filter
from callwright.generators.ste.paraphrasing import Paraphraser
from callwright.generators.ste.subject import Subject
from callwright.generators.ste.trials import Trial, Trials
from callwright.llm.base import Model, Sampling
from callwright.schemas.recipe import Ste
from callwright.schemas.task import Trajectory
from callwright.schemas.tool import Toolkit
from callwright.schemas.verdict import Verdict
from callwright.toolbox.base import Toolbox
from callwright.values.derivations import Synonyms


class Exploration:
    """The chains of all tools."""

    def __init__(
        self,
        model: Model,
        judge: Model,
        toolbox: Toolbox,
        toolkits: Sequence[Toolkit],
        settings: Ste,
        seed: int,
        *,
        synonyms: Synonyms,
        max_tokens: int = 1024,
        judged: Sampling | None = None,
    ) -> None:
        """
        Args:
            model: Explores and paraphrases.
            judge: Rules on the trials that were solved.
            toolbox: What runs the calls.
            toolkits: The tools; each gets a chain of its own.
            settings: The method's part of the recipe.
            seed: The recipe's seed.
            synonyms: Words that phrase sheets declare for values.
            max_tokens: Tokens of one answer of the model's, at the most.
            judged: How the judge is sampled; as the model is unless given.
        """
        self._model = model
        self._toolbox = toolbox
        self._settings = settings
        self._synonyms = synonyms
        self._sampling = Sampling(temperature=settings.temperature, max_tokens=max_tokens)
        subjects = [Subject(kit, tool, toolkits, seed) for kit in toolkits for tool in kit.tools]
        if model.reads_variables:
            subjects = [subject for subject in subjects if subject.scenarios]
        self._subjects = {subject.name: subject for subject in subjects}
        self._places = {name: place for place, name in enumerate(self._subjects)}
        self._filter = Filter(judge, settings.votes, judged or self._sampling)
        self._paraphraser = Paraphraser(model, self._sampling, synonyms)

    def chains(self) -> tuple[str, ...]:
        return tuple(self._subjects)

    async def explore(self, chain: str, episodes: int | None = None) -> list[Explored]:
        subject = self._subjects[chain]
        chain_of_trials = Trials(self._model, self._toolbox, subject, self._settings, self._sampling)
        trials = await chain_of_trials.run(episodes or self._settings.episodes)
        await together(self._rule(trial) for trial in trials if not trial.code)
        known = Known()
        for trial in trials:
            near = None if trial.code else known.near(trial.request)
            if near:
                trial.refuse("duplicates", "near_duplicate", f"an earlier request is nearly the same: {near}")
            elif not trial.code:
                known.add(trial.request)
        rows = await together(self._rows(subject, trial) for trial in trials)
        return [row for both in rows for row in both]

    async def multiply(self, chain: str, accepted: Sequence[Trajectory]) -> list[Explored]:
        """Paraphrases of the accepted trials, until a tool has about as many examples as the recipe aims at.

        A trial that was accepted whole is a seed; so is one of which only the last call was.
        """
        target = self._settings.paraphrases
        seeds = list({row.task.root: row for row in reversed(accepted)}.values())[::-1]
        if not target or not seeds:
            return []
        made = await self._paraphraser.of(seeds, target)
        first = 2 * self._settings.episodes * self._settings.trials
        subject = self._subjects[chain]
        return [self._numbered(subject, first + place, one) for place, one in enumerate(made)]

    async def _rule(self, trial: Trial) -> None:
        assert trial.trajectory is not None
        verdict = await self._filter.rule(trial.trajectory, trial)
        trial.verdicts.append(verdict)
        if _against(verdict):
            trial.refuse("filter", verdict.code, verdict.message)

    async def _rows(self, subject: Subject, trial: Trial) -> list[Explored]:
        """A trial whole, and its last call as an example of its own where it made several."""
        whole = Explored(
            attempt=0,
            trajectory=trial.trajectory,
            gate=trial.gate,
            code=trial.code,
            message=trial.message,
            verdicts=tuple(trial.verdicts),
        )
        whole = self._numbered(subject, 2 * trial.number, whole)
        last = last_call(whole.trajectory) if whole.trajectory and not trial.code else None
        if last is None or self._settings.examples == "full":
            return [whole]
        example = await self._example(trial, last)
        if self._settings.examples == "last":
            told = "the recipe keeps the last call of each trial alone"
            whole = whole.model_copy(update={"gate": "selection", "code": "whole_trial", "message": told})
        return [whole, self._numbered(subject, 2 * trial.number + 1, example)]

    async def _example(self, trial: Trial, last: Trajectory) -> Explored:
        """A last call, ruled on by itself: it may serve a part of the request, or rest on what came before."""
        if unsaid := next(unsaid_values(last, self._synonyms), None):
            told = f"the call takes {unsaid} from an earlier result"
            return Explored(
                attempt=0, trajectory=last, gate="filter", code="needs_earlier_call", message=told
            )
        verdict = await self._filter.rule(last, trial)
        refused = _against(verdict)
        return Explored(
            attempt=0,
            trajectory=last,
            gate="filter" if refused else "",
            code=verdict.code if refused else "",
            message=verdict.message if refused else "",
            verdicts=(verdict,),
        )

    def _numbered(self, subject: Subject, place: int, one: Explored) -> Explored:
        """The attempt under its number: chains take turns, place by place."""
        number = place * len(self._subjects) + self._places[subject.name]
        row = one.trajectory
        if row is not None:
            row = row.model_copy(update={"task": row.task.model_copy(update={"attempt": number})})
        return one.model_copy(update={"attempt": number, "trajectory": row})


def _against(verdict: Verdict) -> bool:
    """Whether the filter has something against a row; that rules cannot confirm it is no reason."""
    return verdict.outcome != "pass" and verdict.code != "no_judge_model"
