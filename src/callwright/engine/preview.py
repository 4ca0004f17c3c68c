"""A few rows of a recipe before it is built: the very ones that the build begins with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from callwright.engine.build import run_folder
from callwright.engine.chains import Chains
from callwright.engine.loop.plan import seeds_of
from callwright.engine.results import Result
from callwright.engine.rewriting import source_rows, with_origins
from callwright.engine.rulings import Rulings
from callwright.engine.shards import Attempts
from callwright.engine.workshop import Workshop
from callwright.generators.base import Explorer, Slot
from callwright.llm.base import Model
from callwright.llm.journal import Journal
from callwright.llm.journaled import Journaled
from callwright.toolbox.base import Toolbox


async def preview(workshop: Workshop, data: Path, rows: int) -> list[Result]:
    """The first attempts of each kind in turn, or of the first chain. What a model answers is kept for the
    build.

    Raises:
        ModelError: The endpoint failed for good.
        BudgetError: A budget of the recipe is used up.
    """
    workshop = with_origins(seeds_of(workshop), data)
    folder = run_folder(workshop, data)
    with Journal(folder / "journal.jsonl") as journal:
        purse = workshop.purse(journal)

        def remembering(model: Model) -> Journaled:
            # Whoever looks first may mend the server next, and look again.
            paid = None if model.reads_variables else purse
            return Journaled(model, journal, purse=paid, keep_refusals=False)

        model = remembering(workshop.teacher(folder))
        own = workshop.judge(folder)
        judge = remembering(own) if own else model
        toolbox = workshop.toolbox(model)
        try:
            if "toolalpaca" in workshop.recipe.methods.names:
                return await _attempts(workshop, model, toolbox, rows)
            source = source_rows(workshop, data, folder)
            explorers = workshop.explorers(model, judge, toolbox, source)
            return await _chained(workshop, explorers, rows)
        finally:
            await toolbox.close()
            await model.close()
            if judge is not model:
                await judge.close()


async def _attempts(workshop: Workshop, model: Model, toolbox: Toolbox, rows: int) -> list[Result]:
    recipe = workshop.recipe
    kinds = list(recipe.quotas())
    operators = workshop.operators(model, toolbox)
    attempts = Attempts(operators, _rulings(workshop), recipe.seed, workshop.conversations)
    slots = (
        Slot(method="toolalpaca", kind=kinds[row % len(kinds)], attempt=row // len(kinds), seed=recipe.seed)
        for row in range(rows)
    )
    return [await attempts.attempt(slot) for slot in slots]


async def _chained(workshop: Workshop, explorers: Mapping[str, Explorer], rows: int) -> list[Result]:
    """The first attempts of the first chain."""
    ste = workshop.recipe.methods.ste
    chains = Chains(explorers, _rulings(workshop), Counter())
    episodes = math.ceil(rows / (ste.trials if ste else 1))
    found: list[Result] = []
    for chain in chains.all()[:1]:
        explored = await explorers[chain.method].explore(chain.chain, episodes)
        found, _ = await chains.settle(chain.method, explored)
    return found[:rows]


def _rulings(workshop: Workshop) -> Rulings:
    return Rulings(workshop.judges(), workshop.recipe.accept.rung, workshop.max_steps)
