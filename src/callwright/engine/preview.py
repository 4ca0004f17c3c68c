"""A few rows of a recipe before it is built: the very ones that the build begins with."""

from __future__ import annotations

from pathlib import Path

from callwright.engine.build import run_folder
from callwright.engine.shards import Attempts, Result
from callwright.engine.workshop import Workshop
from callwright.generators.base import Slot
from callwright.llm.journal import Journal
from callwright.llm.journaled import Journaled


async def preview(workshop: Workshop, data: Path, rows: int) -> list[Result]:
    """The first attempts of each kind in turn. What a model answers is kept for the build.

    Raises:
        ModelError: The endpoint failed for good.
        BudgetError: A budget of the recipe is used up.
    """
    recipe = workshop.recipe
    kinds = list(recipe.quotas())
    method = recipe.methods.names[0]
    folder = run_folder(workshop, data)
    with Journal(folder / "journal.jsonl") as journal:
        # Whoever looks first may mend the server next, and look again.
        model = Journaled(
            workshop.teacher(folder), journal, purse=workshop.purse(journal), keep_refusals=False
        )
        toolbox = workshop.toolbox(model)
        try:
            attempts = Attempts(
                workshop.operators(model, toolbox),
                workshop.judges(),
                recipe.accept.rung,
                recipe.seed,
                workshop.in_flight,
                workshop.max_steps,
            )
            return [
                await attempts.attempt(
                    Slot(
                        method=method,
                        kind=kinds[row % len(kinds)],
                        attempt=row // len(kinds),
                        seed=recipe.seed,
                    )
                )
                for row in range(rows)
            ]
        finally:
            await toolbox.close()
            await model.close()
