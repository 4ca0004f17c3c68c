"""The gate of one run, with what earlier versions decided."""

from __future__ import annotations

from pathlib import Path

from callwright.engine.gates.candidate import Candidates
from callwright.engine.gates.gate import Gate
from callwright.engine.gates.near import Near
from callwright.engine.workshop import Workshop
from callwright.schemas.version import Split
from callwright.splits import Assignment, ToolKey, held_out
from callwright.store import FILE_NAME, Store


def open_gate(workshop: Workshop, data: Path, wait_s: float) -> Gate:
    """The gate of a recipe's run.

    Args:
        workshop: The recipe with its tools read and its origins found.
        data: The folder of the store, which may not be there yet.
        wait_s: Seconds to wait for somebody else's commit to end.
    """
    recipe = workshop.recipe
    datasets = sorted({recipe.dataset, *(one.dataset for one in workshop.origins.values())})
    known: dict[str, Split] = {}
    held: set[ToolKey] = set()
    shown: set[ToolKey] = set()
    if (data / FILE_NAME).exists():
        with Store.open(data, write=False, wait_s=wait_s) as store:
            known = store.splits_of_roots(datasets)
            for version in store.versions():
                if version.dataset in datasets:
                    held.update(version.statistics.held_out)
            if recipe.splits.unseen_tools:
                shown = store.shown_tools(datasets)
    tools = [(kit.name, tool.name) for kit in workshop.toolkits for tool in kit.tools]
    return Gate(
        Candidates(workshop.toolkits),
        Near(recipe.duplicates),
        Assignment(recipe.splits, held_out(tools, recipe.splits.unseen_tools, held=held, shown=shown), known),
        recipe.duplicates.most_per_tool,
    )
