"""Plumbing check of STE's four switches: what a scripted explorer comes to with and without each text in its prompts.

The explorer is a function of the prompt's text alone (`tests/explorer.py`), so the figures say that a switch removes
the text that it is named after, and nothing about any model.

Run: python benchmarks/ste_ablation.py
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from explorer import explored, explorer, measured  # noqa: E402 - the scripted explorer lives with the tests

SWITCHES = ("short_term_memory", "long_term_memory", "reflection", "execution_feedback")
COLUMNS = {
    "positive": "positive examples",
    "distinct": "distinct subjects",
    "coverage": "argument coverage",
    "repeated": "exact repeats",
    "near": "near repeats dropped",
}


async def main() -> None:
    print("STE's switches: plumbing check, no reproduction\n")
    print(
        f"{'':26}" + "".join(f"{name:>22}" for name in COLUMNS.values()) + f"{'trials':>8}{'questions':>11}"
    )
    for switch in ("", *SWITCHES):
        model = explorer()
        settings = {switch: False} if switch else {}
        trials = await explored(model, examples="full", **settings)
        figures = measured(trials)
        shown = "".join(f"{figures[name]:>22.3f}" for name in COLUMNS)
        print(f"{'no ' + switch if switch else 'full':26}{shown}{len(trials):>8}{len(model.requests):>11}")


if __name__ == "__main__":
    asyncio.run(main())
